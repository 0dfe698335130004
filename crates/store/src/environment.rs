//! One environment's store: commits and reads.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use ledger::{Account, CurrencyKey, ProfileId};

use crate::{
    BackupTold, Buckets, Carried, Claim, ControlRow, ControlWrites, CounterKey, Cursor, Demand, Direction,
    DirectoryEntry, DirectoryKey, Due, Granted, Identity, Life, Membership, NewRecord, Nodes, ObjectRow,
    OutboxRow, OutsideChange, Page, ProfileRow, ProfileWrite, PromotionRow, QuarantineRow, Record, Rehearsal,
    RehearsalRow, Result, RevisionRow, SecretRow, Share, Stream, SumChange,
};

/// A position in the control stream. Every record names the one it was decided under.
pub type Epoch = u64;

/// How a commit ended. Errors mean: unknown or not committed; read the directory and do it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Durable.
    Committed,
    /// The epoch is another one now; nothing was written. Decide again under it.
    EpochMoved(Epoch),
    /// A profile, identity or message was touched by somebody else since it was read, and that could not be settled
    /// inside the transaction; nothing was written.
    Conflict,
}

/// What a batch does inside its transaction. The store calls `step` with what it granted (nothing at
/// first) until it answers `Write`. It must be pure: it may be dropped at any point, and begun anew.
pub trait Deciding: Send {
    /// Goes on with these grants, in the order of the demands.
    fn step(&mut self, granted: &[Granted]) -> Step;

    /// Profiles that `writes` writes are not what it was decided from: this is how they stand `now`, and so they stay,
    /// for the store holds their locks. Puts into `writes` what is decided from that instead, of these and of whatever
    /// hangs together with them; everything else stays as it is. The same profiles must be written, the same directory
    /// keys claimed and forgotten, the same quarantined events changed: only those are locked, and a store may wait for
    /// no others now. False when that cannot be done: the batch is a conflict then. Called once at most.
    fn overtaken(&mut self, writes: &mut Writes, now: &[ProfileRow]) -> bool {
        let _ = (writes, now);
        false
    }
}

/// What a batch wants next.
#[derive(Debug)]
pub enum Step {
    /// Ask the shared counters, in this order (the store locks them sorted).
    Demand(Vec<Demand>),
    /// Write all this, or nothing.
    Write(Box<Writes>),
}

/// All that one commit writes: all or nothing, in the lock order control, directory, profiles, counters.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// Truth: records for the journal.
    pub records: Vec<NewRecord>,
    /// View: directory rows.
    pub claims: Vec<Claim>,
    /// View: profile rows with what hangs on them.
    pub profiles: Vec<ProfileWrite>,
    /// View: sums.
    pub sums: Vec<SumChange>,
    /// View: what stands in quarantine; `None` takes the row away.
    pub quarantine: Vec<([u8; 16], Option<QuarantineRow>)>,
    /// Outside: born only here.
    pub outbox: Vec<OutboxRow>,
    /// Erasures: delete the bodies of these streams (a profile's, and quarantined events of the same person)
    /// for good, this commit's own among them; with a profile's search terms, memberships, outbox payloads and
    /// what rehearsals' reports say of it, and a quarantined event's row; and note them in the list of erasures.
    pub erase: Vec<Stream>,
    /// View: identities that lead nowhere from now on (an erased person's).
    pub forget: Vec<DirectoryKey>,
}

impl Writes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.claims.is_empty()
            && self.profiles.is_empty()
            && self.sums.is_empty()
            && self.quarantine.is_empty()
            && self.outbox.is_empty()
            && self.erase.is_empty()
            && self.forget.is_empty()
    }
}

/// The views that can be exported.
pub const VIEWS: [&str; 8] =
    ["profiles", "memberships", "search", "due", "sums", "counters", "directory", "quarantine"];

/// One environment's store. Cheap to clone; several handles, also in several processes where the backend
/// allows it, see each other's commits.
#[async_trait]
pub trait Environment: Send + Sync {
    /// Who this is. Fixed at birth, but for the incarnation.
    fn identity(&self) -> &Identity;

    /// Where the processes that serve this environment meet; `None` where only one can.
    fn nodes(&self) -> Option<&dyn Nodes>;

    /// In which part of the store a profile's rows lie, where the store is distributed and a commit that stays in one part
    /// costs less than one that does not; `None` where it makes no difference. What hurries nobody is put together by it.
    fn part(&self, profile: ProfileId) -> Option<u16> {
        let _ = profile;
        None
    }

    /// Whether a commit could be made now: an error says why not. Writes nothing.
    async fn writable(&self) -> Result<()>;

    // ---- writing -------------------------------------------------------------------------------------

    /// Commits one batch. Takes the environment's lock shared, reads the epoch, compares it with `epoch`,
    /// runs `deciding`, checks every expectation, writes, syncs. `Committed` means on disk. Profiles that somebody
    /// else has changed since are given to `deciding` under their locks, to be decided again in the same transaction.
    async fn commit(&self, epoch: Epoch, deciding: Box<dyn Deciding>) -> Result<Commit>;

    /// Commits a change to the control stream. Takes the lock exclusively: no batch is in flight when it
    /// is written, and none decides under the old epoch after it answers.
    async fn control(&self, epoch: Epoch, writes: ControlWrites) -> Result<Commit>;

    /// Changes outside state.
    async fn outside(&self, change: OutsideChange) -> Result<()>;

    // ---- the journal ---------------------------------------------------------------------------------

    /// The control stream's last position.
    async fn epoch(&self) -> Result<Epoch>;
    /// The whole control stream from `after` (exclusive) on, in order.
    async fn control_records(&self, after: u64) -> Result<Vec<Record>>;
    /// One record.
    async fn record(&self, stream: Stream, n: u64) -> Result<Option<Record>>;
    /// A stream's records, newest or oldest first.
    async fn stream(
        &self,
        stream: Stream,
        direction: Direction,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>>;
    /// All profile records of some buckets, such that each stream's are in order; there is no order
    /// between streams. For verification, rebuilding and rehearsal: large pages, low priority.
    async fn scan(&self, buckets: Buckets, after: Option<Cursor>, limit: usize) -> Result<Page<Record>>;
    /// All members' streams, whole, one after the other, as their rows know them; a row that is gone takes its member along, which
    /// [`check`](Self::check) finds. A page ends where it has `limit` records or more; a stream that is longer than that
    /// goes on in the next. For verification and rehearsal: large pages, low priority.
    async fn lives(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Life>>;
    /// The newest records of profile and quarantine streams, for lists and the live log. The order
    /// between streams is the store's own, good enough for people. Forward never ends: `next` is always
    /// given, and a live log goes on from there; with a `limit` of 0 it stands after the newest record.
    async fn feed(&self, direction: Direction, after: Option<Cursor>, limit: usize) -> Result<Page<Record>>;
    /// How many profile records there are.
    async fn record_count(&self) -> Result<u64>;

    // ---- the views -----------------------------------------------------------------------------------

    /// Looks keys up in the directory, in order.
    async fn lookup(&self, keys: &[DirectoryKey]) -> Result<Vec<Option<DirectoryEntry>>>;
    /// Loads profile rows, in order.
    async fn profiles(&self, ids: &[ProfileId]) -> Result<Vec<Option<ProfileRow>>>;
    /// Lists profiles by id.
    async fn profile_list(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ProfileRow>>;
    /// Profiles found by a searchable trait's normalised value.
    async fn search(
        &self,
        trait_key: &str,
        value: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ProfileId>>;
    /// Profiles last decided under another manifest than this one. Those without any ([`NO_MANIFEST`]) are never behind.
    async fn behind(&self, manifest: [u8; 32], limit: usize) -> Result<Vec<ProfileId>>;
    /// How many those are, and how many profiles there are in all.
    async fn behind_count(&self, manifest: [u8; 32]) -> Result<(u64, u64)>;
    /// An audience's members.
    async fn members(&self, audience: &str, after: Option<Cursor>, limit: usize) -> Result<Page<Membership>>;
    /// How many members each audience has.
    async fn member_counts(&self) -> Result<Vec<(Arc<str>, u64)>>;
    /// The sums.
    async fn sums(&self) -> Result<Vec<(CurrencyKey, Account, i64)>>;
    /// How much of a counter is used.
    async fn counter(&self, key: &CounterKey) -> Result<i64>;
    /// Work due at or before `until`, earliest first.
    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>>;
    /// When the next work is due.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
    /// What stands in quarantine, newest first.
    async fn quarantine(&self, after: Option<Cursor>, limit: usize) -> Result<Page<QuarantineRow>>;
    /// How many events stand in quarantine.
    async fn quarantine_count(&self) -> Result<u64>;
    /// Quarantined events that carry this identity (see [`QuarantineRow::identity`]), whether they still stand
    /// in quarantine or not.
    async fn quarantine_of(&self, identity: [u8; 16]) -> Result<Vec<[u8; 16]>>;
    /// Drops every view and lets `refill` fill them again from the journal, in one go; readers see the old
    /// ones until it is done. `refill` is called with a writer that takes view rows in any order.
    async fn rebuild(&self, refill: Box<dyn Refill>) -> Result<()>;
    /// A view's rows as sorted lines, for comparison: one of [`VIEWS`].
    async fn export_view(&self, view: &str) -> Result<Vec<String>> {
        self.export_share(view, Share::ALL).await
    }
    /// One share of those lines, sorted.
    async fn export_share(&self, view: &str, share: Share) -> Result<Vec<String>>;

    // ---- configuration -------------------------------------------------------------------------------

    /// A stored object (canonical spec bytes) by hash.
    async fn objects(&self, hashes: &[[u8; 32]]) -> Result<Vec<Option<ObjectRow>>>;
    /// A revision.
    async fn revision(&self, id: [u8; 32]) -> Result<Option<RevisionRow>>;
    /// Revisions, newest first.
    async fn revisions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RevisionRow>>;
    /// The control records as people see them (kind, actor, time), newest first: the environment's audit.
    async fn audit(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ControlRow>>;
    /// Promotions recorded here, newest first.
    async fn promotions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<PromotionRow>>;

    // ---- outside state -------------------------------------------------------------------------------

    /// The outbox, newest first.
    async fn outbox(&self, after: Option<Cursor>, limit: usize) -> Result<Page<OutboxRow>>;
    /// All keys.
    async fn keys(&self) -> Result<Vec<crate::KeyRow>>;
    /// All secrets, sealed.
    async fn secrets(&self) -> Result<Vec<SecretRow>>;
    /// All import checkpoints: name and position.
    async fn checkpoints(&self) -> Result<Vec<(String, String)>>;
    /// Reports of rehearsals that are kept, newest first.
    async fn rehearsals(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RehearsalRow>>;
    /// One of them, whole.
    async fn rehearsal(&self, id: &str) -> Result<Option<Rehearsal>>;

    /// Profiles on the list of erasures that a restore has brought back: their bodies, search terms,
    /// memberships, outbox payloads and what reports say of them are gone again, their state is not. Erase each (`Writes::erase`)
    /// before anything is served; that takes it off this list.
    async fn erasures_pending(&self) -> Result<Vec<ProfileId>>;

    // ---- keeping -------------------------------------------------------------------------------------

    /// Everything that cannot be made again from the journal, in pages, in the order of [`Carried`]. For moving
    /// an environment that nobody writes: it is not one moment.
    async fn carry(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Carried>>;
    /// Writes a consistent copy while serving, into a folder that must be absent or empty.
    async fn backup(&self, to: &Path) -> Result<()> {
        self.backup_told(to, Arc::new(|_, _| {})).await
    }
    /// The same; `told` hears now and then how far it is. When it fails, and when nobody waits for it any more (this is
    /// dropped), the folder is as before, at once or soon.
    async fn backup_told(&self, to: &Path, told: BackupTold) -> Result<()>;
    /// Checks what the backend can check by itself: page structure, every row's checksum, the counts that it keeps. It may
    /// leave out what [`lives`](Self::lives) verifies when it gives it: the records of profiles.
    async fn check(&self) -> Result<Vec<String>>;
    /// Bytes on disk, all in.
    async fn bytes(&self) -> Result<u64>;
    /// Closes this handle; later calls answer [`crate::Error::Closed`]. The last one to close stops writing
    /// and lets go of the files.
    async fn close(&self) -> Result<()>;
}

/// Fills the views again. Runs inside the store's own transaction or staging area.
pub trait Refill: Send {
    /// The next record of the journal: profile and quarantine streams, each stream's in order.
    fn record(&mut self, record: Record) -> Result<()>;
    /// After the last record: the rows of every view, in one go or in parts (called until `None`).
    fn rows(&mut self) -> Result<Option<Writes>>;
    /// Counters: key, used, last position. Called once, after the rows.
    fn counters(&mut self) -> Vec<(CounterKey, i64, u64)>;
}
