//! Where rows lie when the tables are distributed: by the hash of their distribution column, over a number of shards
//! that the operator has chosen and tells us.
//!
//! What belongs to a member is distributed by `bucket`. Sums, and what else is counted in place, by `shard`: a number of
//! the same type, so that a sum whose shard is a member's bucket lies where that member does. A batch whose members all
//! lie in one part counts there, and its commit need not be agreed on between several servers.

use store::{BUCKETS, Writes};

use crate::tables::bucket;

/// Which part each bucket lies in; nothing is known where tables are not distributed.
#[derive(Default)]
pub(crate) struct Spread {
    /// By bucket.
    parts: Vec<u16>,
}

impl Spread {
    /// Over so many shards of equal ranges of hashes, as `create_distributed_table` makes them.
    pub(crate) fn over(shards: Option<u16>) -> Self {
        let Some(shards) = shards.map(|shards| u64::from(shards.max(1))) else { return Self::default() };
        let range = (1_u64 << 32) / shards;
        let part = |bucket: u16| {
            // From the least hash on, which is negative.
            let place = u64::from(hash(bucket) ^ (1 << 31));
            u16::try_from((place / range).min(shards - 1)).unwrap_or(u16::MAX)
        };
        Self { parts: (0..BUCKETS).map(part).collect() }
    }

    /// Where a bucket's rows lie; `None` where tables are not distributed.
    pub(crate) fn part(&self, bucket: i16) -> Option<u16> {
        self.parts.get(usize::try_from(bucket).ok()?).copied()
    }

    /// The shard of sums that lies where all members of a batch do: the first bucket of their part. `None` when they lie
    /// apart, or tables are not distributed.
    pub(crate) fn shard(&self, writes: &Writes) -> Option<i16> {
        let mut parts = writes.profiles.iter().map(|write| self.part(bucket(write.row.id)));
        let part = parts.next()??;
        if parts.any(|other| other != Some(part)) {
            return None;
        }
        let first = self.parts.iter().position(|other| *other == part)?;
        i16::try_from(first).ok()
    }
}

/// How PostgreSQL hashes a `smallint` that is not negative (`hashint2`).
fn hash(value: u16) -> u32 {
    let start = 0x9e37_79b9_u32.wrapping_add(4).wrapping_add(3_923_095);
    let (mut a, mut b, mut c) = (start.wrapping_add(value.into()), start, start);
    let mix = |to: &mut u32, from: u32, bits: u32| {
        *to = (*to ^ from).wrapping_sub(from.rotate_left(bits));
    };
    mix(&mut c, b, 14);
    mix(&mut a, c, 11);
    mix(&mut b, a, 25);
    mix(&mut c, b, 16);
    mix(&mut a, c, 4);
    mix(&mut b, a, 14);
    mix(&mut c, b, 24);
    c
}

#[cfg(test)]
mod tests {
    use store::conformance::batch::{life, profile};

    use super::*;

    #[test]
    fn parts_are_all_used_and_about_as_large() {
        for shards in [1, 2, 7, 32, 64] {
            let spread = Spread::over(Some(shards));
            let mut sizes = vec![0_u32; shards.into()];
            for bucket in 0..1024 {
                let part = spread.part(bucket).expect("every bucket lies somewhere");
                sizes[usize::from(part)] += 1;
            }
            let even = 1024 / u32::from(shards);
            assert!(sizes.iter().all(|size| (even / 3..=even * 3).contains(size)), "{shards}: {sizes:?}");
        }
        assert_eq!(Spread::over(None).part(5), None);
    }

    #[test]
    fn what_lies_together_is_counted_there() {
        let spread = Spread::over(Some(32));
        let part_of = |no: u32| spread.part(bucket(profile(no)));
        let near: Vec<u32> = (1..1_000).filter(|no| part_of(*no) == part_of(1)).take(3).collect();
        let far = (1..1_000).find(|no| part_of(*no) != part_of(1)).expect("there are 32 parts");
        let batch = |members: &[u32]| {
            let profiles = members.iter().flat_map(|no| life(profile(*no), 0, 1).profiles).collect();
            Writes { profiles, ..Writes::default() }
        };
        let shard = spread.shard(&batch(&near)).expect("they lie together");
        assert_eq!(spread.part(shard), part_of(1));
        assert_eq!(spread.shard(&batch(&near[1..])), Some(shard), "whoever of them it is");
        assert_eq!(spread.shard(&batch(&[near[0], far])), None);
        assert_eq!(spread.shard(&batch(&[])), None);
        assert_eq!(Spread::over(None).shard(&batch(&near)), None);
    }
}
