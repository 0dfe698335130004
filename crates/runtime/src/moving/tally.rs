//! What went over: counted and hashed on both sides, kind by kind.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use store::{
    Carried, CarriedRecord, KeyRow, OutboxRow, PromotionRow, Record, Rehearsal, Stream,
    encoding::{StreamKey, micros},
};

use crate::control::hex;

/// Counts and hashes of the rows that were added, in their order.
///
/// The **ledger hash** is the SHA-256 over the journal's headers, sorted: the control stream in order, then the
/// other records in the order of the feed. Of each: the stream's name (a byte for its kind, 0 control, 1 profile,
/// 2 quarantine; then its 16 bytes, none for control), its position and its time of deciding in microseconds
/// since 1970 (both 8 bytes, big end first), the length of the header (the same), the header. Bodies are not in
/// it, so an erasure of the past does not change it.
#[derive(Clone, Default)]
pub(super) struct Tally {
    kinds: BTreeMap<&'static str, (u64, Sha256)>,
    ledger: Sha256,
}

/// Fields of a row, each told apart from its neighbours by its length.
struct Fields<'a>(&'a mut Sha256);

impl Fields<'_> {
    fn bytes(self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn time(self, at: Timestamp) -> Self {
        self.bytes(&micros(at).to_be_bytes())
    }

    fn opt(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.number(1).bytes(bytes),
            None => self.number(0),
        }
    }

    fn opt_time(self, at: Option<Timestamp>) -> Self {
        let bytes = at.map(|at| micros(at).to_be_bytes());
        self.opt(bytes.as_ref().map(<[u8; 8]>::as_slice))
    }
}

impl Tally {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &Carried) {
        match row {
            Carried::Control(record) => self.record("control_records", record, None),
            Carried::Object(row) => {
                self.kind("objects").bytes(&row.hash).text(&row.canonical);
            }
            Carried::Revision(row) => {
                let fields = self.kind("revisions").bytes(&row.id).bytes(&row.manifest);
                fields.text(&row.canonical).time(row.made_at);
            }
            Carried::Promotion(row) => self.promotion(row),
            Carried::Schedule(address, at) => {
                self.kind("schedules").text(address).time(*at);
            }
            Carried::Key(row) => self.key(row),
            Carried::Secret(row) => {
                let fields = self.kind("secrets").text(&row.key).bytes(&row.sealed);
                fields.time(row.set_at).text(&row.actor);
            }
            Carried::Checkpoint(name, place) => {
                self.kind("checkpoints").text(name).text(place);
            }
            Carried::Rehearsal(rehearsal) => self.rehearsal(rehearsal),
            Carried::Record(CarriedRecord { record, outbox, identity }) => {
                let kind = match record.stream {
                    Stream::Profile(_) => "records",
                    Stream::Quarantine(_) | Stream::Control => "quarantine_records",
                };
                self.record(kind, record, identity.as_ref().map(<[u8; 16]>::as_slice));
                for row in outbox {
                    self.outbox(row);
                }
            }
            Carried::Erasure { stream, at, pending } => {
                let fields = self.kind("erasures").bytes(StreamKey::new(*stream).bytes());
                fields.time(*at).number(u64::from(*pending));
            }
        }
    }

    /// Begins another row of a kind.
    fn kind(&mut self, kind: &'static str) -> Fields<'_> {
        let (count, hash) = self.kinds.entry(kind).or_default();
        *count += 1;
        Fields(hash)
    }

    fn record(&mut self, kind: &'static str, record: &Record, identity: Option<&[u8]>) {
        let stream = StreamKey::new(record.stream);
        self.kind(kind)
            .bytes(stream.bytes())
            .number(record.n)
            .time(record.decided_at)
            .bytes(&record.header)
            .opt(record.body.as_deref())
            .opt(identity);
        self.ledger.update(stream.bytes());
        self.ledger.update(record.n.to_be_bytes());
        self.ledger.update(micros(record.decided_at).to_be_bytes());
        self.ledger.update((record.header.len() as u64).to_be_bytes());
        self.ledger.update(&record.header);
    }

    fn promotion(&mut self, row: &PromotionRow) {
        self.kind("promotions")
            .number(row.epoch)
            .text(&row.source)
            .bytes(&row.source_manifest)
            .opt(row.source_revision.as_ref().map(<[u8; 32]>::as_slice))
            .text(&row.digest)
            .text(&row.plan)
            .text(&row.actor)
            .time(row.at);
    }

    fn key(&mut self, row: &KeyRow) {
        let fields = self.kind("keys").text(&row.id).bytes(&row.hash).text(&row.prefix).text(&row.name);
        let fields = fields.number(row.scopes.len() as u64);
        let fields = row.scopes.iter().fold(fields, |fields, scope| fields.text(scope));
        fields.time(row.made_at).opt_time(row.expires_at).opt_time(row.revoked_at).text(&row.hint);
    }

    fn rehearsal(&mut self, rehearsal: &Rehearsal) {
        let Rehearsal { row, report, members } = rehearsal;
        let fields = self.kind("rehearsals").text(&row.id).time(row.at).text(&row.actor_id).text(&row.actor);
        let fields = fields.text(&row.digest).opt(row.current.as_ref().map(<[u8; 32]>::as_slice));
        let fields = fields.bytes(&row.candidate).opt_time(row.since).opt_time(row.until);
        let fields = fields.number(u64::from(row.trusted)).text(report).number(members.len() as u64);
        members.iter().fold(fields, |fields, member| fields.bytes(&member.profile.0).text(&member.about));
    }

    fn outbox(&mut self, row: &OutboxRow) {
        self.kind("outbox_rows")
            .bytes(&row.profile.0)
            .number(row.n)
            .number(row.index.into())
            .text(&row.channel)
            .time(row.at)
            .number(row.incarnation)
            .text(&row.status)
            .text(&row.payload);
    }

    /// How many rows of a kind there are.
    pub(super) fn count(&self, kind: &str) -> u64 {
        self.kinds.get(kind).map_or(0, |(count, _)| *count)
    }

    /// How many rows there are of each kind; of the usual kinds also when there are none.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<&'static str, u64> = KINDS.iter().map(|kind| (*kind, 0)).collect();
        counts.extend(self.kinds.iter().map(|(kind, (count, _))| (*kind, *count)));
        counts
    }

    /// The ledger hash.
    pub(super) fn ledger(&self) -> String {
        format!("sha256:{}", hex(&self.ledger.clone().finalize()))
    }

    /// What differs, in words; nothing when both are equal.
    pub(super) fn differences(&self, target: &Self) -> Vec<String> {
        let mut told = Vec::new();
        for kind in KINDS {
            let words = kind.replace('_', " ");
            let (left, arrived) = (self.count(kind), target.count(kind));
            let hash = |tally: &Self| tally.kinds.get(kind).map(|(_, hash)| hash.clone().finalize());
            if left != arrived {
                told.push(format!("{words}: {left} in the source, {arrived} in the target"));
            } else if hash(self) != hash(target) {
                told.push(format!("{words}: as many on both sides, but not the same"));
            }
        }
        if self.ledger() != target.ledger() {
            told.push(format!(
                "ledger hash: {} in the source, {} in the target",
                self.ledger(),
                target.ledger()
            ));
        }
        told
    }
}

const KINDS: [&str; 13] = [
    "control_records",
    "objects",
    "revisions",
    "promotions",
    "schedules",
    "keys",
    "secrets",
    "checkpoints",
    "rehearsals",
    "records",
    "quarantine_records",
    "outbox_rows",
    "erasures",
];

#[cfg(test)]
mod tests {
    use ledger::ProfileId;

    use super::*;

    fn record(n: u64, header: &[u8], body: Option<&[u8]>) -> Carried {
        let stream = Stream::Profile(ProfileId([7; 16]));
        let decided_at = Timestamp::UNIX_EPOCH;
        let (header, body) = (header.to_vec(), body.map(<[u8]>::to_vec));
        let record = Record { stream, n, decided_at, header, body };
        Carried::Record(CarriedRecord { record, outbox: Vec::new(), identity: None })
    }

    fn tally(rows: &[Carried]) -> Tally {
        let mut tally = Tally::default();
        for row in rows {
            tally.add(row);
        }
        tally
    }

    #[test]
    fn what_differs_is_named() {
        let left = tally(&[record(1, b"a", Some(b"x")), record(2, b"b", Some(b"y"))]);
        assert!(left.differences(&left.clone()).is_empty());
        let short = left.differences(&tally(&[record(1, b"a", Some(b"x"))]));
        assert_eq!(short.len(), 2, "{short:?}");
        assert!(short[0].contains("records: 2 in the source, 1 in the target"), "{short:?}");
        assert!(short[1].contains("ledger hash"), "{short:?}");
        let erased = tally(&[record(1, b"a", Some(b"x")), record(2, b"b", None)]);
        let told = left.differences(&erased);
        assert_eq!(told, ["records: as many on both sides, but not the same"]);
        assert_eq!(left.ledger(), erased.ledger(), "bodies are not in it");
    }

    #[test]
    fn neighbours_are_told_apart() {
        let secret = |key: &str, sealed: &[u8]| {
            let (key, sealed, actor) = (key.to_owned(), sealed.to_vec(), String::new());
            Carried::Secret(store::SecretRow { key, sealed, set_at: Timestamp::UNIX_EPOCH, actor })
        };
        let (a, b) = (tally(&[secret("ab", b"c")]), tally(&[secret("a", b"bc")]));
        assert_eq!(a.differences(&b).len(), 1);
    }

    /// As it is documented, so that others can make it too.
    #[test]
    fn the_ledger_hash_is_the_documented_one() {
        let mut by_hand = Sha256::new();
        by_hand.update([1]);
        by_hand.update([7; 16]);
        by_hand.update(1_u64.to_be_bytes());
        by_hand.update(0_i64.to_be_bytes());
        by_hand.update(3_u64.to_be_bytes());
        by_hand.update(b"abc");
        let expected = format!("sha256:{}", hex(&by_hand.finalize()));
        assert_eq!(tally(&[record(1, b"abc", Some(b"x"))]).ledger(), expected);
    }
}
