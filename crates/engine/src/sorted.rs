//! A small map: pairs in one vector, in the order of their keys. A profile has a handful of each kind of thing, and is
//! copied, read through and written down far more often than it grows: that is cheap when they lie side by side.

use std::borrow::Borrow;

/// Pairs in the order of their keys, each key once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(at, _)| at.borrow().cmp(key))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    /// Takes a key away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Ok(at) = self.place(key) {
            self.0.remove(at);
        }
    }

    /// The value of a key, made if there is none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.place(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, V::default()));
            at
        });
        &mut self.0[at].1
    }

    /// The pairs from one key to another, both included.
    pub fn between(&self, from: &K, to: &K) -> &[(K, V)] {
        let begin = self.0.partition_point(|(key, _)| key < from);
        let end = self.0.partition_point(|(key, _)| key <= to);
        self.0.get(begin..end).unwrap_or_default()
    }

    /// The pair with the greatest key.
    pub fn last(&self) -> Option<&(K, V)> {
        self.0.last()
    }

    /// Takes every key below this one away.
    pub fn keep_from(&mut self, key: &K) {
        let begin = self.0.partition_point(|(at, _)| at < key);
        self.0.drain(..begin);
    }
}

impl<K, V> SortedMap<K, V> {
    /// The pairs.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of two values of one key the later counts.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut map = Self(Vec::with_capacity(pairs.size_hint().0));
        for (key, value) in pairs {
            match map.0.last() {
                // Nearly always they come in order.
                Some((last, _)) if *last >= key => map.insert(key, value),
                _ => map.0.push((key, value)),
            }
        }
        map
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> std::ops::Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is there")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..3, 0_i32..20, 0_u32..100), 0..60), from in 0_i32..20, to in 0_i32..20) {
            let (mut sorted, mut tree) = (SortedMap::default(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => {
                        sorted.insert(key, value);
                        tree.insert(key, value);
                    }
                    1 => {
                        sorted.remove(&key);
                        tree.remove(&key);
                    }
                    _ => {
                        *sorted.or_default(key) += 1;
                        *tree.entry(key).or_default() += 1;
                    }
                }
                prop_assert_eq!(sorted.get(&key), tree.get(&key));
            }
            prop_assert!(sorted.iter().eq(tree.iter()));
            prop_assert_eq!(sorted.last().map(|(key, value)| (key, value)), tree.last_key_value());
            if from <= to {
                let between = sorted.between(&from, &to).iter().map(|(key, value)| (key, value));
                prop_assert!(between.eq(tree.range(from..=to)));
            }
            prop_assert_eq!(&tree.iter().rev().map(|(key, value)| (*key, *value)).collect::<SortedMap<_, _>>(), &sorted);
            sorted.keep_from(&from);
            prop_assert!(sorted.iter().eq(tree.range(from..)));
        }
    }
}
