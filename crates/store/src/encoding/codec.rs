//! How ids, times and places are written in columns.

use jiff::Timestamp;
use ledger::{Account, ProfileId};

use super::damaged;
use crate::{DirectoryEntry, DirectoryKey, Result, Stream};

/// Microseconds since 1970; finer parts are cut off.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of so many microseconds since 1970.
pub fn time(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| damaged("a time", format!("{micros} microseconds are out of range")))
}

/// The same of a time that may be absent.
pub fn opt_time(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(time).transpose()
}

/// Positions and counts fit: they count things that happened.
pub fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A position or count, back from its column.
pub fn uint(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| damaged("a position", format!("{value} is below zero")))
}

/// A limit, as databases take it.
pub fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Bytes of a known length.
pub fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| damaged("a key", format!("{} bytes where {N} belong", bytes.len())))
}

/// A profile's id from its bytes.
pub fn profile_id(bytes: &[u8]) -> Result<ProfileId> {
    array(bytes).map(ProfileId)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect()
}

const CONTROL: u8 = 0;
const PROFILE: u8 = 1;
const QUARANTINE: u8 = 2;
const OWNER: u8 = 3;

/// A stream's name in a column: a byte for its kind, then its id.
#[derive(Clone, Copy, Debug)]
pub struct StreamKey([u8; 17], usize);

impl StreamKey {
    /// Of a stream.
    pub fn new(stream: Stream) -> Self {
        let (kind, id) = match stream {
            Stream::Control => return Self([CONTROL; 17], 1),
            Stream::Profile(id) => (PROFILE, id.0),
            Stream::Quarantine(message) => (QUARANTINE, message),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(&id);
        Self(bytes, 17)
    }

    /// As it stands in the column.
    pub fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// The stream of a name.
pub fn stream(bytes: &[u8]) -> Result<Stream> {
    match bytes.split_first() {
        Some((&CONTROL, [])) => Ok(Stream::Control),
        Some((&PROFILE, id)) => Ok(Stream::Profile(profile_id(id)?)),
        Some((&QUARANTINE, id)) => Ok(Stream::Quarantine(array(id)?)),
        _ => Err(damaged("a stream's name", hex(bytes))),
    }
}

/// For people.
pub fn stream_name(stream: Stream) -> String {
    match stream {
        Stream::Control => "control stream".to_owned(),
        Stream::Profile(id) => format!("profile {id}"),
        Stream::Quarantine(message) => format!("quarantined event {}", hex(&message)),
    }
}

/// A directory key in a column: a byte for its kind, then the hash.
pub fn directory_key(key: DirectoryKey) -> [u8; 17] {
    let (kind, hash) = match key {
        DirectoryKey::Message(hash) => (0, hash),
        DirectoryKey::Identity(hash) => (1, hash),
        DirectoryKey::Unique(hash) => (2, hash),
        DirectoryKey::Command(hash) => (3, hash),
    };
    let mut bytes = [kind; 17];
    bytes[1..].copy_from_slice(&hash);
    bytes
}

/// An entry of the directory, packed: what, id, position, then a checksum over the key and all that.
pub fn pack_entry(key: &[u8; 17], entry: DirectoryEntry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(29);
    match entry {
        DirectoryEntry::Profile(id) => {
            bytes.push(OWNER);
            bytes.extend_from_slice(&id.0);
        }
        DirectoryEntry::Record(stream, n) => {
            bytes.extend_from_slice(StreamKey::new(stream).bytes());
            let n = n.to_le_bytes();
            let used = n.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            bytes.extend_from_slice(&n[..used]);
        }
    }
    let sum = entry_sum(key, &bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// An entry from its packed form, verified.
pub fn unpack_entry(key: &[u8; 17], bytes: &[u8]) -> Result<DirectoryEntry> {
    let what = || format!("directory entry {}", hex(key));
    let Some((packed, sum)) = bytes.split_last_chunk::<4>() else {
        return Err(damaged(what(), "it is too short"));
    };
    if entry_sum(key, packed) != *sum {
        return Err(damaged(what(), "its checksum does not fit"));
    }
    let (kind, rest) = packed.split_first().ok_or_else(|| damaged(what(), "it is empty"))?;
    if *kind == OWNER {
        return Ok(DirectoryEntry::Profile(profile_id(rest)?));
    }
    let id_length = if *kind == CONTROL { 0 } else { 16 };
    if rest.len() < id_length || rest.len() > id_length + 8 {
        return Err(damaged(what(), "its length does not fit"));
    }
    let mut n = [0; 8];
    n[..rest.len() - id_length].copy_from_slice(&rest[id_length..]);
    Ok(DirectoryEntry::Record(stream(&packed[..=id_length])?, u64::from_le_bytes(n)))
}

fn entry_sum(key: &[u8; 17], packed: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(packed);
    hasher.finalize().to_le_bytes()
}

const ACCOUNTS: [(Account, i64); 8] = [
    (Account::Available, 0),
    (Account::Pending, 1),
    (Account::Held, 2),
    (Account::Issued, 3),
    (Account::Redeemed, 4),
    (Account::Expired, 5),
    (Account::Adjusted, 6),
    (Account::Clearing, 7),
];

/// An account's number in a column.
pub fn account_no(account: Account) -> i64 {
    match account {
        Account::Available => 0,
        Account::Pending => 1,
        Account::Held => 2,
        Account::Issued => 3,
        Account::Redeemed => 4,
        Account::Expired => 5,
        Account::Adjusted => 6,
        Account::Clearing => 7,
    }
}

/// The account of a number.
pub fn account(no: i64) -> Result<Account> {
    ACCOUNTS
        .iter()
        .find(|(_, of)| *of == no)
        .map(|(account, _)| *account)
        .ok_or_else(|| damaged("an account", format!("there is no account {no}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_entries_come_back() {
        let key = directory_key(DirectoryKey::Unique([7; 16]));
        let id = ProfileId([9; 16]);
        for entry in [
            DirectoryEntry::Profile(id),
            DirectoryEntry::Record(Stream::Control, 0),
            DirectoryEntry::Record(Stream::Profile(id), 1),
            DirectoryEntry::Record(Stream::Profile(id), 256),
            DirectoryEntry::Record(Stream::Quarantine([1; 16]), u64::MAX),
        ] {
            let packed = pack_entry(&key, entry);
            assert_eq!(unpack_entry(&key, &packed).expect("it was packed just now"), entry);
            for bit in 0..packed.len() * 8 {
                let mut flipped = packed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(unpack_entry(&key, &flipped).is_err(), "bit {bit} of {entry:?}");
            }
        }
    }

    #[test]
    fn accounts_have_one_number_each() {
        for (of, no) in ACCOUNTS {
            assert_eq!(account_no(of), no);
            assert_eq!(account(no).expect("it is in the table"), of);
        }
    }
}
