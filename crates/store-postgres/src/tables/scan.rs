//! The scan: the whole journal by buckets, each stream in its order.

use store::{
    Record,
    encoding::{StreamKey, int, limit as bound, stream_name},
};

use super::journal::{stream_bucket, verified};
use crate::{
    fault::{Result, damaged},
    session::Session,
};

/// Where a scan stands: after this record.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) bucket: i16,
    pub(crate) stream: Vec<u8>,
    pub(crate) n: i64,
}

impl Place {
    /// Before all of a bucket.
    pub(crate) fn before(bucket: i16) -> Self {
        Self { bucket, stream: Vec::new(), n: 0 }
    }

    pub(crate) fn of(record: &Record) -> Self {
        let stream = StreamKey::new(record.stream).bytes().to_vec();
        Self { bucket: stream_bucket(record.stream), stream, n: int(record.n) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.bucket.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.n.to_be_bytes());
        bytes.extend_from_slice(&self.stream);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (bucket, rest) = bytes.split_first_chunk::<2>()?;
        let (n, stream) = rest.split_first_chunk::<8>()?;
        let (bucket, n) = (i16::from_be_bytes(*bucket), i64::from_be_bytes(*n));
        Some(Self { bucket, n, stream: stream.to_vec() })
    }
}

const SCAN: &str = "SELECT stream, n, at, crc, body_crc, header, body FROM journal
    WHERE (bucket, stream, n) > ($1, $2, $3) AND bucket < $4 AND stream < $5
    ORDER BY bucket, stream, n LIMIT $6";

/// What a scan gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Streams of profiles.
    Profiles,
    /// Those of quarantined events too.
    All,
}

/// The records after a place in buckets below `until`, in the order of their keys.
pub(crate) async fn scan(
    session: &Session,
    after: &Place,
    until: i16,
    kinds: Kinds,
    limit: usize,
) -> Result<Vec<Record>> {
    // Kinds are told apart by the first byte of a stream's name.
    let below: &[u8] = if kinds == Kinds::Profiles { &[2] } else { &[3] };
    let rows =
        session.query(SCAN, &[&after.bucket, &after.stream, &after.n, &until, &below, &bound(limit)]).await?;
    let records = rows.iter().map(verified).collect::<Result<Vec<_>>>()?;
    let mut last = (after.stream.clone(), after.n);
    for record in &records {
        let key = StreamKey::new(record.stream).bytes().to_vec();
        let expected = if key == last.0 { last.1 + 1 } else { 1 };
        if int(record.n) != expected {
            let what = format!("record {expected} of {}", stream_name(record.stream));
            return Err(damaged(what, "it is gone"));
        }
        last = (key, int(record.n));
    }
    Ok(records)
}
