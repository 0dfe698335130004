//! A table's file in a backup, read without a server: what has to be known of a backup before it is put anywhere.

use std::{fs, path::Path};

use store::{
    SecretRow,
    encoding::{time, verify},
};

use crate::{
    fault::{Result, damaged, file},
    tables::outside::secret_sum,
};

/// What `COPY … (FORMAT binary)` begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The secrets. Their table has had these columns in every schema: when it was set, sum, key, sealed, who.
pub(crate) fn secrets(path: &Path) -> Result<Vec<SecretRow>> {
    let bytes = fs::read(path).map_err(|e| file("reading", path, e))?;
    let bad = || damaged("the backup", "its table secret is not laid out as PostgreSQL copies one");
    let mut found = Vec::new();
    for row in rows(&bytes).ok_or_else(bad)? {
        let [set_at, sum, key, sealed, actor] = row[..] else { return Err(bad()) };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| bad());
        let number = |bytes: &[u8]| bytes.try_into().map(i64::from_be_bytes).map_err(|_| bad());
        let secret = SecretRow {
            key: text(key)?,
            sealed: sealed.to_vec(),
            set_at: time(number(set_at)?)?,
            actor: text(actor)?,
        };
        verify(secret_sum(&secret), number(sum)?, || format!("secret `{}` in the backup", secret.key))?;
        found.push(secret);
    }
    Ok(found)
}

/// The fields of every row, of a table that has no nulls. `None` when the bytes are no such table's.
fn rows(bytes: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let _flags: [u8; 4] = taken(&mut rest)?;
    let extension = usize::try_from(i32::from_be_bytes(taken(&mut rest)?)).ok()?;
    rest = rest.get(extension..)?;
    let mut rows = Vec::new();
    loop {
        let fields = i16::from_be_bytes(taken(&mut rest)?);
        if fields == -1 {
            return rest.is_empty().then_some(rows);
        }
        let mut row = Vec::new();
        for _ in 0..fields {
            let length = usize::try_from(i32::from_be_bytes(taken(&mut rest)?)).ok()?;
            let (field, after) = rest.split_at_checked(length)?;
            row.push(field);
            rest = after;
        }
        rows.push(row);
    }
}

fn taken<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_copied() {
        let head = [SIGNATURE, &[0; 4], &[0, 0, 0, 2], b"xy"].concat();
        let row: &[u8] = &[0, 2, 0, 0, 0, 1, b'a', 0, 0, 0, 0];
        let end: &[u8] = &[0xff, 0xff];
        let whole = [&head, row, row, end].concat();
        let expected: [&[u8]; 2] = [b"a", b""];
        assert_eq!(rows(&whole), Some(vec![expected.to_vec(), expected.to_vec()]));
        assert_eq!(rows(&[&head, end].concat()), Some(Vec::new()));
        for cut in 0..whole.len() {
            assert_eq!(rows(&whole[..cut]), None, "cut at {cut}");
        }
        assert_eq!(rows(&[&whole[..], b"more"].concat()), None);
    }
}
