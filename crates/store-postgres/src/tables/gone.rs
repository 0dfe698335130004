//! Rows that a batch takes away, by bucket, profile and one key more.
//!
//! All of them in one statement, joined with the list of their keys: that is the better plan by far where the table is in
//! one place. Where it is distributed, such a statement would go to every shard. A batch whose members lie together takes
//! them away bucket by bucket then, so that each statement says where it belongs.

use ledger::ProfileId;
use tokio_postgres::types::ToSql;

use super::bucket;
use crate::session::Call;

/// Keys of rows, in their order.
pub(crate) enum Gone<'a, K> {
    /// Of any buckets.
    Together(Vec<i16>, Keys<'a, K>),
    /// Of each bucket.
    ByBucket(Vec<(i16, Keys<'a, K>)>),
}

/// Profiles and what else names their rows.
type Keys<'a, K> = (Vec<&'a [u8]>, Vec<K>);

impl<K> Default for Gone<'_, K> {
    fn default() -> Self {
        Self::Together(Vec::new(), Keys::default())
    }
}

impl<'a, K: ToSql + Sync> Gone<'a, K> {
    /// Of rows sorted by profile, which is by bucket too.
    pub(crate) fn of(rows: impl Iterator<Item = (&'a ProfileId, K)>, by_bucket: bool) -> Self {
        let mut gone = if by_bucket { Self::ByBucket(Vec::new()) } else { Self::default() };
        for (profile, key) in rows {
            let its = bucket(*profile);
            let keys = match &mut gone {
                Self::Together(buckets, keys) => {
                    buckets.push(its);
                    keys
                }
                Self::ByBucket(buckets) => {
                    if buckets.last().is_none_or(|(last, _)| *last != its) {
                        buckets.push((its, Keys::default()));
                    }
                    let Some((_, keys)) = buckets.last_mut() else { continue };
                    keys
                }
            };
            keys.0.push(&profile.0);
            keys.1.push(key);
        }
        gone
    }

    /// How many calls that takes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Together(buckets, _) => usize::from(!buckets.is_empty()),
            Self::ByBucket(buckets) => buckets.len(),
        }
    }

    /// `together` takes buckets, profiles and keys; `of_bucket` one bucket, profiles and keys.
    pub(crate) fn calls<'b>(
        &'b self,
        together: &'static str,
        of_bucket: &'static str,
        calls: &mut Vec<Call<'b>>,
    ) {
        match self {
            Self::Together(buckets, _) if buckets.is_empty() => {}
            Self::Together(buckets, (profiles, keys)) => {
                calls.push(Call::With(together, vec![buckets, profiles, keys]));
            }
            Self::ByBucket(buckets) => calls.extend(
                buckets
                    .iter()
                    .map(|(bucket, (profiles, keys))| Call::With(of_bucket, vec![bucket, profiles, keys])),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_a_call_of_its_own_where_it_must() {
        let ids: Vec<ProfileId> = [0_u8, 0, 1, 9].map(|first| ProfileId([first; 16])).into();
        let rows = || ids.iter().zip(["a", "b", "c", "d"]);
        for (by_bucket, expected) in [(false, 1), (true, 3)] {
            let gone = Gone::of(rows(), by_bucket);
            let mut calls = Vec::new();
            gone.calls("together", "of_bucket", &mut calls);
            assert_eq!((calls.len(), gone.len()), (expected, expected));
            assert_eq!(Gone::<&str>::of(std::iter::empty(), by_bucket).len(), 0);
        }
    }
}
