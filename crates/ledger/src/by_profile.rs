//! Maps by group id, on disk: grouped by profile, since nearly all ids in a wallet are of one stream and 16
//! bytes of each would say so. A plain map where people read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{GroupId, ProfileId};

/// One profile's entries: position, index, value.
type Entries<T> = Vec<(u64, u16, T)>;

pub(crate) fn serialize<T, S>(map: &BTreeMap<GroupId, T>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    if serializer.is_human_readable() {
        return map.serialize(serializer);
    }
    let mut profiles: Vec<(ProfileId, Entries<&T>)> = Vec::new();
    for (id, value) in map {
        let entry = (id.n, id.index, value);
        match profiles.last_mut() {
            Some((profile, entries)) if *profile == id.profile => entries.push(entry),
            _ => profiles.push((id.profile, vec![entry])),
        }
    }
    profiles.serialize(serializer)
}

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<BTreeMap<GroupId, T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        return BTreeMap::deserialize(deserializer);
    }
    let profiles = Vec::<(ProfileId, Entries<T>)>::deserialize(deserializer)?;
    let entries = profiles.into_iter().flat_map(|(profile, entries)| {
        entries.into_iter().map(move |(n, index, value)| (GroupId { profile, n, index }, value))
    });
    Ok(entries.collect())
}
