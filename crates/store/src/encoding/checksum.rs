//! Our own checksums: databases serve a flipped bit as another value, so each row says what it was.

use crc32fast::Hasher;

/// Sums up a row, field by field; lengths and absences count, so that no two rows read the same.
#[derive(Clone, Debug)]
pub struct Sum(Hasher);

impl Sum {
    /// Begins with the row's table: a row of one table is never taken for one of another.
    pub fn of(table: &str) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(table.as_bytes());
        Self(hasher)
    }

    /// A number.
    #[must_use]
    pub fn int(mut self, value: i64) -> Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    /// Bytes, with their length.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.0.update(&(value.len() as u64).to_le_bytes());
        self.0.update(value);
        self
    }

    /// Text, with its length.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// A number that may be absent.
    #[must_use]
    pub fn opt_int(mut self, value: Option<i64>) -> Self {
        self.0.update(&[u8::from(value.is_some())]);
        match value {
            Some(value) => self.int(value),
            None => self,
        }
    }

    /// Bytes that may be absent.
    #[must_use]
    pub fn opt_bytes(mut self, value: Option<&[u8]>) -> Self {
        self.0.update(&[u8::from(value.is_some())]);
        match value {
            Some(value) => self.bytes(value),
            None => self,
        }
    }

    /// The checksum.
    #[must_use]
    pub fn end(self) -> i64 {
        i64::from(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_moved_to_its_neighbour_is_another_row() {
        let one = Sum::of("t").text("ab").text("c").end();
        let other = Sum::of("t").text("a").text("bc").end();
        assert_ne!(one, other);
        assert_ne!(Sum::of("t").opt_int(None).end(), Sum::of("t").opt_int(Some(0)).end());
        assert_ne!(Sum::of("t").opt_bytes(None).end(), Sum::of("t").opt_bytes(Some(b"")).end());
    }
}
