//! What is added up in place, by many at once: each connection adds to its own shard, so that two batches
//! seldom wait for each other, and reading adds the shards up.
//!
//! A row is not read before it is changed, so its checksum cannot be made here. It carries the amount a second
//! time instead, mixed with a salt of its key: SQL keeps both up, and a flipped bit in either shows.

use store::encoding::Sum;

use crate::fault::{Result, damaged};

/// How many shards there are. Few rows to add up, and enough for the connections of several nodes.
pub(crate) const SHARDS: i16 = 16;

/// As many as there can be in all: where tables are distributed, a batch may count in the shard of any bucket.
pub(crate) const SHARDS_MAX: u64 = store::BUCKETS as u64;

/// A row's salt: of its table, key and shard.
pub(crate) fn salt(table: &str, key: &[u8], shard: i16) -> i64 {
    let sum = Sum::of(table).bytes(key).int(shard.into()).end();
    // Over all 64 bits, so that a bit anywhere counts.
    sum.wrapping_mul(-0x61c8_8646_80b5_83eb)
}

/// A change of a row as it is written: the amount and its mirror.
pub(crate) fn mirrored(amount: i64, salt: i64) -> i64 {
    amount ^ salt
}

/// The amount of a row that was read, verified.
pub(crate) fn verified(amount: i64, mirror: i64, salt: i64, what: impl FnOnce() -> String) -> Result<i64> {
    if amount ^ mirror == salt { Ok(amount) } else { Err(damaged(what(), "it does not fit its mirror")) }
}

/// Complains when fewer rows took their change than were sent: a row did not fit its mirror.
pub(crate) fn all_took(count: u64, sent: usize, what: &str) -> Result<()> {
    if usize::try_from(count) == Ok(sent) {
        Ok(())
    } else {
        Err(damaged(what, "a row of it does not fit its mirror"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_shows() {
        let salt = salt("sum", b"points", 3);
        for amount in [0, 1, -1, i64::MAX, i64::MIN] {
            let mirror = mirrored(amount, salt);
            assert_eq!(verified(amount, mirror, salt, String::new).expect("it fits"), amount);
            for bit in 0..64 {
                assert!(verified(amount ^ (1 << bit), mirror, salt, String::new).is_err());
                assert!(verified(amount, mirror ^ (1 << bit), salt, String::new).is_err());
            }
        }
        assert_ne!(salt, super::salt("sum", b"points", 4), "a row of another shard is another row");
    }
}
