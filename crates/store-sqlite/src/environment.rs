//! A handle to one environment: writes go to its writer, reads to its readers.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use jiff::Timestamp;
use ledger::{Account, CurrencyKey, ProfileId};
use rusqlite::Connection;
use store::{
    BackupTold, BackupWatch, Buckets, Carried, Commit, ControlRow, ControlWrites, CounterKey, Cursor,
    Deciding, Direction, DirectoryEntry, DirectoryKey, Due, Environment, Epoch, Error, Identity, KeyRow,
    Life, Membership, Nodes, ObjectRow, OutboxRow, OutsideChange, Page, ProfileRow, PromotionRow,
    QuarantineRow, Record, Refill, Rehearsal, RehearsalRow, Result, RevisionRow, SecretRow, Share, Stream,
};
use tokio::sync::oneshot;

use crate::{
    backup, carry, check,
    codec::directory_key,
    cursor::List,
    export, fault, folder,
    opened::Opened,
    readers::{Lane, Readers},
    tables::{
        configuration, counters, directory, due, erasures, journal, lives, memberships, outbox, outside,
        page,
        position::Position,
        profiles, quarantine, rehearsals, search,
        streams::{self, Tail},
        sums,
    },
    writer::{Batch, Job, Work},
};

/// One handle.
pub(crate) struct SqliteEnvironment {
    opened: Arc<Opened>,
    readers: Arc<Mutex<Readers>>,
    closed: AtomicBool,
}

impl SqliteEnvironment {
    /// Another handle; `None` when the last one has been closed meanwhile.
    pub(crate) fn another(opened: &Arc<Opened>) -> Option<Self> {
        let readers = opened.join()?;
        Some(Self { opened: Arc::clone(opened), readers, closed: AtomicBool::new(false) })
    }

    fn name(&self) -> &str {
        &self.opened.identity.name
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed(format!("environment `{}`", self.name())));
        }
        Ok(())
    }

    /// Asks the writer.
    async fn write<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        self.check_open()?;
        let (reply, answer) = oneshot::channel();
        let gone = || {
            Error::Recovering("the writer ended before it answered; open the environment again".to_owned())
        };
        self.opened.jobs.send(job(reply)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Has the writer do something in a transaction of its own.
    pub(crate) async fn work(&self, doing: &'static str, work: Work) -> Result<()> {
        self.write(|reply| Job::Work(doing, work, reply)).await
    }

    /// Asks a reader.
    async fn read<T: Send + 'static>(
        &self,
        lane: Lane,
        doing: &str,
        read: impl FnOnce(&Connection) -> fault::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.check_open()?;
        let answer = self.readers.lock().unwrap_or_else(PoisonError::into_inner).ask(lane, read);
        let told = answer.await.map_err(|_| Error::Closed(format!("environment `{}`", self.name())))?;
        told.map_err(|fault| fault.told(self.name(), doing))
    }

    fn list(&self, name: &str, filters: &[&[u8]]) -> List {
        List::new(&self.opened.identity.id, name, filters)
    }
}

impl Drop for SqliteEnvironment {
    fn drop(&mut self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.opened.leave();
        }
    }
}

fn of_people(stream: Stream) -> bool {
    stream != Stream::Control
}

#[async_trait]
impl Environment for SqliteEnvironment {
    fn identity(&self) -> &Identity {
        &self.opened.identity
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        None
    }

    async fn writable(&self) -> Result<()> {
        self.write(Job::Ready).await
    }

    // ---- writing -------------------------------------------------------------------------------------

    async fn commit(&self, epoch: Epoch, deciding: Box<dyn Deciding>) -> Result<Commit> {
        self.write(|reply| Job::Commit(Batch { epoch, deciding, reply })).await
    }

    async fn control(&self, epoch: Epoch, writes: ControlWrites) -> Result<Commit> {
        self.write(|reply| Job::Control(epoch, Box::new(writes), reply)).await
    }

    async fn outside(&self, change: OutsideChange) -> Result<()> {
        self.write(|reply| Job::Outside(change, reply)).await
    }

    // ---- the journal ---------------------------------------------------------------------------------

    async fn epoch(&self) -> Result<Epoch> {
        self.read(Lane::Short, "reading the epoch", |c| Ok(Position::read(c)?.epoch)).await
    }

    async fn control_records(&self, after: u64) -> Result<Vec<Record>> {
        self.read(Lane::Short, "reading the control stream", move |c| {
            let end = Position::read(c)?.epoch;
            (after + 1..=end).map(|n| streams::control(c, n)).collect()
        })
        .await
    }

    async fn record(&self, stream: Stream, n: u64) -> Result<Option<Record>> {
        self.read(Lane::Short, "reading a record", move |c| streams::record(c, stream, n)).await
    }

    async fn stream(
        &self,
        stream: Stream,
        direction: Direction,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let way = [u8::from(direction == Direction::Forward)];
        let list = self.list("stream", &[&streams::filter(stream), &way]);
        let after = list.numbers::<2>(after.as_ref())?;
        self.read(Lane::Short, "reading a stream", move |c| {
            let place = match after {
                Some([n, seq]) => Some(Tail { n: crate::codec::uint(n)?, seq }),
                None => None,
            };
            let (rows, next) = streams::page(c, stream, direction, place, limit.max(1))?;
            let next = next.map(|place| list.at_numbers([crate::codec::int(place.n), place.seq]));
            Ok(Page { rows, next })
        })
        .await
    }

    async fn scan(&self, buckets: Buckets, after: Option<Cursor>, limit: usize) -> Result<Page<Record>> {
        let list = self.list("scan", &[&buckets.from.to_be_bytes(), &buckets.until.to_be_bytes()]);
        let [after] = list.numbers::<1>(after.as_ref())?.unwrap_or([0]);
        let limit = limit.max(1);
        self.read(Lane::Long, "scanning the journal", move |c| {
            let wanted = move |stream| matches!(stream, Stream::Profile(id) if buckets.holds(id));
            let (rows, last) = journal::following(c, after, limit, wanted)?;
            let next =
                (rows.len() == limit && last < Position::read(c)?.seq).then(|| list.at_numbers([last]));
            Ok(Page { rows: rows.into_iter().map(|row| row.record).collect(), next })
        })
        .await
    }

    async fn lives(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Life>> {
        let list = self.list("lives", &[]);
        let after = list.numbers::<3>(after.as_ref())?;
        let after = after.map(|[no, n, mark]| lives::Place { no, n: n.cast_unsigned(), mark });
        let opened = Arc::clone(&self.opened);
        self.read(Lane::Long, "reading members' streams", move |c| {
            let (rows, next) = lives::following(c, after, limit.max(1), &opened.long)?;
            let next = next.map(|place| list.at_numbers([place.no, place.n.cast_signed(), place.mark]));
            Ok(Page { rows, next })
        })
        .await
    }

    async fn feed(&self, direction: Direction, after: Option<Cursor>, limit: usize) -> Result<Page<Record>> {
        let forward = direction == Direction::Forward;
        let list = self.list("feed", &[&[u8::from(forward)]]);
        let after = list.numbers::<1>(after.as_ref())?.map(|[seq]| seq);
        self.read(Lane::Short, "reading the feed", move |c| {
            let end = Position::read(c)?.seq;
            if forward && limit == 0 {
                return Ok(Page { rows: Vec::new(), next: Some(list.at_numbers([end])) });
            }
            if forward {
                let (rows, last) = journal::following(c, after.unwrap_or(0), limit, of_people)?;
                let rows = rows.into_iter().map(|row| row.record).collect();
                return Ok(Page { rows, next: Some(list.at_numbers([last])) });
            }
            let rows = journal::preceding(c, after.unwrap_or(end + 1), limit.saturating_add(1), of_people)?;
            let rows = page(rows, limit, |last| list.at_numbers([last.seq]));
            Ok(Page { rows: rows.rows.into_iter().map(|row| row.record).collect(), next: rows.next })
        })
        .await
    }

    async fn record_count(&self) -> Result<u64> {
        self.read(Lane::Short, "counting records", |c| Ok(Position::read(c)?.records)).await
    }

    // ---- the views -----------------------------------------------------------------------------------

    async fn lookup(&self, keys: &[DirectoryKey]) -> Result<Vec<Option<DirectoryEntry>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.to_vec();
        let recent = self.opened.recent.clone();
        self.read(Lane::Short, "reading the directory", move |c| {
            // All of them in memory first: what leaves it after this is in the directory that is read then.
            let known: Vec<_> = {
                let recent = recent.read();
                keys.iter().map(|key| recent.find(&directory_key(*key))).collect()
            };
            let found = keys.iter().zip(known).map(|(key, known)| match known {
                Some(entry) => Ok(Some(entry)),
                None => directory::find(c, *key),
            });
            found.collect()
        })
        .await
    }

    async fn profiles(&self, ids: &[ProfileId]) -> Result<Vec<Option<ProfileRow>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.to_vec();
        self.read(Lane::Short, "reading profiles", move |c| {
            ids.iter().map(|id| Ok(profiles::find(c, *id)?.map(|found| found.row))).collect()
        })
        .await
    }

    async fn profile_list(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ProfileRow>> {
        let list = self.list("profiles", &[]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?;
        self.read(Lane::Short, "listing profiles", move |c| {
            profiles::list(c, list, after.as_deref(), limit.max(1))
        })
        .await
    }

    async fn search(
        &self,
        trait_key: &str,
        value: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ProfileId>> {
        let (key, value) = (trait_key.to_owned(), value.to_owned());
        let list = self.list("search", &[key.as_bytes(), value.as_bytes()]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?;
        self.read(Lane::Short, "searching profiles", move |c| {
            search::find(c, list, &key, &value, after.as_deref(), limit.max(1))
        })
        .await
    }

    async fn behind(&self, manifest: [u8; 32], limit: usize) -> Result<Vec<ProfileId>> {
        self.read(Lane::Short, "finding profiles to visit", move |c| profiles::behind(c, &manifest, limit))
            .await
    }

    async fn behind_count(&self, manifest: [u8; 32]) -> Result<(u64, u64)> {
        self.read(Lane::Short, "counting profiles", move |c| profiles::behind_count(c, &manifest)).await
    }

    async fn members(&self, audience: &str, after: Option<Cursor>, limit: usize) -> Result<Page<Membership>> {
        let key = audience.to_owned();
        let list = self.list("members", &[key.as_bytes()]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?;
        self.read(Lane::Short, "listing members", move |c| {
            memberships::members(c, list, &key, after.as_deref(), limit.max(1))
        })
        .await
    }

    async fn member_counts(&self) -> Result<Vec<(Arc<str>, u64)>> {
        self.read(Lane::Short, "counting members", memberships::counts).await
    }

    async fn sums(&self) -> Result<Vec<(CurrencyKey, Account, i64)>> {
        self.read(Lane::Short, "reading sums", sums::list).await
    }

    async fn counter(&self, key: &CounterKey) -> Result<i64> {
        let key = key.clone();
        self.read(Lane::Short, "reading a counter", move |c| Ok(counters::read(c, &key)?.used)).await
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>> {
        self.read(Lane::Short, "reading due work", move |c| due::list(c, until, limit)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.read(Lane::Short, "reading due work", due::next).await
    }

    async fn quarantine(&self, after: Option<Cursor>, limit: usize) -> Result<Page<QuarantineRow>> {
        let list = self.list("quarantine", &[]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?;
        self.read(Lane::Short, "listing quarantine", move |c| {
            quarantine::list(c, list, after.as_deref(), limit.max(1))
        })
        .await
    }

    async fn quarantine_count(&self) -> Result<u64> {
        self.read(Lane::Short, "counting quarantine", quarantine::count).await
    }

    async fn quarantine_of(&self, identity: [u8; 16]) -> Result<Vec<[u8; 16]>> {
        self.read(Lane::Short, "searching quarantine", move |c| streams::quarantined_of(c, identity)).await
    }

    async fn rebuild(&self, refill: Box<dyn Refill>) -> Result<()> {
        self.write(|reply| Job::Rebuild(refill, reply)).await
    }

    async fn export_share(&self, view: &str, share: Share) -> Result<Vec<String>> {
        let view = view.to_owned();
        self.read(Lane::Long, "exporting a view", move |c| export::lines(c, &view, share)).await
    }

    // ---- configuration -------------------------------------------------------------------------------

    async fn objects(&self, hashes: &[[u8; 32]]) -> Result<Vec<Option<ObjectRow>>> {
        let hashes = hashes.to_vec();
        self.read(Lane::Short, "reading objects", move |c| {
            hashes.iter().map(|hash| configuration::object(c, hash)).collect()
        })
        .await
    }

    async fn revision(&self, id: [u8; 32]) -> Result<Option<RevisionRow>> {
        self.read(Lane::Short, "reading a revision", move |c| configuration::revision(c, &id)).await
    }

    async fn revisions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RevisionRow>> {
        let list = self.list("revisions", &[]);
        let after = list.numbers(after.as_ref())?;
        self.read(Lane::Short, "listing revisions", move |c| {
            configuration::revisions(c, list, after, limit.max(1))
        })
        .await
    }

    async fn audit(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ControlRow>> {
        let list = self.list("audit", &[]);
        let after = list.numbers::<1>(after.as_ref())?.map(|[n]| n);
        let limit = limit.max(1);
        self.read(Lane::Short, "reading the audit", move |c| {
            let end = Position::read(c)?.epoch;
            let from = after.map_or(Ok(end), |n| crate::codec::uint(n - 1))?.min(end);
            let mut rows = Vec::new();
            for n in (1..=from).rev().take(limit.saturating_add(1)) {
                let record = streams::control(c, n)?;
                rows.push(ControlRow { n, at: record.decided_at, header: record.header });
            }
            Ok(page(rows, limit, |last| list.at_numbers([crate::codec::int(last.n)])))
        })
        .await
    }

    async fn promotions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<PromotionRow>> {
        let list = self.list("promotions", &[]);
        let after = list.numbers(after.as_ref())?;
        self.read(Lane::Short, "listing promotions", move |c| {
            configuration::promotions(c, list, after, limit.max(1))
        })
        .await
    }

    // ---- outside state -------------------------------------------------------------------------------

    async fn outbox(&self, after: Option<Cursor>, limit: usize) -> Result<Page<OutboxRow>> {
        let list = self.list("outbox", &[]);
        let after = list.numbers(after.as_ref())?;
        self.read(Lane::Short, "listing the outbox", move |c| outbox::list(c, list, after, limit.max(1)))
            .await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>> {
        self.read(Lane::Short, "reading keys", outside::keys).await
    }

    async fn secrets(&self) -> Result<Vec<SecretRow>> {
        self.read(Lane::Short, "reading secrets", outside::secrets).await
    }

    async fn checkpoints(&self) -> Result<Vec<(String, String)>> {
        self.read(Lane::Short, "reading checkpoints", outside::checkpoints).await
    }

    async fn rehearsals(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RehearsalRow>> {
        let list = self.list("rehearsals", &[]);
        let after = list.numbers::<1>(after.as_ref())?;
        self.read(Lane::Short, "listing rehearsals", move |c| rehearsals::list(c, list, after, limit.max(1)))
            .await
    }

    async fn rehearsal(&self, id: &str) -> Result<Option<Rehearsal>> {
        let id = id.to_owned();
        self.read(Lane::Short, "reading a rehearsal", move |c| rehearsals::find(c, &id)).await
    }

    async fn erasures_pending(&self) -> Result<Vec<ProfileId>> {
        self.read(Lane::Short, "reading erasures", erasures::pending).await
    }

    // ---- keeping -------------------------------------------------------------------------------------

    async fn carry(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Carried>> {
        let list = self.list("carry", &[]);
        let after = list.numbers::<2>(after.as_ref())?;
        self.read(Lane::Long, "reading rows to be carried", move |c| {
            carry::page(c, list, after, limit.max(1))
        })
        .await
    }

    async fn backup_told(&self, to: &Path, told: BackupTold) -> Result<()> {
        let (to, identity) = (to.to_owned(), self.opened.identity.clone());
        // Dropped with this future, if nobody waits for it any more.
        let waiting = Arc::new(());
        let mut watch = BackupWatch::new(told, Arc::downgrade(&waiting));
        self.read(Lane::Long, "backing up", move |c| backup::write(c, &identity, &to, &mut watch)).await
    }

    async fn check(&self) -> Result<Vec<String>> {
        let name = self.name().to_owned();
        // Dropped with this future, if nobody waits for it any more.
        let waiting = Arc::new(());
        let waited_for = Arc::downgrade(&waiting);
        let wanted = move || waited_for.strong_count() > 0;
        self.read(Lane::Long, "checking", move |c| Ok(check::run(c, &name, &wanted))).await
    }

    async fn bytes(&self) -> Result<u64> {
        self.check_open()?;
        let files = folder::with_companions(&self.opened.path);
        // The log and its index come and go.
        Ok(files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|found| found.len()).sum())
    }

    async fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let opened = Arc::clone(&self.opened);
        let (reply, answer) = oneshot::channel();
        // Ending takes as long as it takes to empty the log.
        thread::Builder::new()
            .name("close".to_owned())
            .spawn(move || {
                opened.leave();
                drop(opened);
                let _ = reply.send(());
            })
            .map_err(|e| Error::Backend { doing: "starting a thread".to_owned(), source: Box::new(e) })?;
        answer.await.map_err(|_| Error::Panicked("closing".to_owned()))
    }
}
