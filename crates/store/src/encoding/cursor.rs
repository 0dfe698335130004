//! Cursors: a place in one list of one environment, sealed with a checksum so that those of other lists are
//! refused. They hide nothing, they only cannot be mixed up.

use super::{Sum, hex, unhex};
use crate::{Cursor, Error, Result};

/// A list that is paged: which environment, which list, what it was filtered by.
#[derive(Clone, Copy, Debug)]
pub struct List(u32);

impl List {
    /// A list of an environment, by name and filters.
    pub fn new(environment: &[u8; 16], name: &str, filters: &[&[u8]]) -> Self {
        let sum =
            filters.iter().fold(Sum::of(name).bytes(environment), |sum, filter| sum.bytes(filter)).end();
        Self(u32::try_from(sum).unwrap_or(0))
    }

    /// The cursor of a place.
    pub fn at(self, place: &[u8]) -> Cursor {
        let mut bytes = self.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(place);
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        Cursor(hex(&bytes))
    }

    /// The place of a cursor; an error if it is not one of this list.
    pub fn place(self, cursor: &Cursor) -> Result<Vec<u8>> {
        let bytes = unhex(&cursor.0).ok_or(Error::Cursor)?;
        let (sealed, sum) = bytes.split_last_chunk::<4>().ok_or(Error::Cursor)?;
        let (list, place) = sealed.split_first_chunk::<4>().ok_or(Error::Cursor)?;
        if crc32fast::hash(sealed).to_be_bytes() != *sum || *list != self.0.to_be_bytes() {
            return Err(Error::Cursor);
        }
        Ok(place.to_vec())
    }

    /// The place of a cursor that is made of numbers.
    pub fn numbers<const N: usize>(self, cursor: Option<&Cursor>) -> Result<Option<[i64; N]>> {
        let Some(cursor) = cursor else { return Ok(None) };
        let place = self.place(cursor)?;
        if place.len() != N * 8 {
            return Err(Error::Cursor);
        }
        let mut numbers = [0; N];
        for (number, bytes) in numbers.iter_mut().zip(place.chunks_exact(8)) {
            *number = i64::from_be_bytes(bytes.try_into().map_err(|_| Error::Cursor)?);
        }
        Ok(Some(numbers))
    }

    /// The cursor of a place made of numbers.
    pub fn at_numbers<const N: usize>(self, numbers: [i64; N]) -> Cursor {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.at(&bytes)
    }
}
