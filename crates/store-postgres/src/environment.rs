//! A handle to one environment: every call takes a connection of its role.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use ledger::{Account, CurrencyKey, ProfileId};
use store::{
    BackupTold, BackupWatch, Beat, Buckets, Carried, Commit, ControlRow, ControlWrites, CounterKey, Cursor,
    Deciding, Direction, DirectoryEntry, DirectoryKey, Due, Elsewhere, Environment, Epoch, Error, Heard,
    Identity, KeyRow, Life, Membership, NodeRow, Nodes, ObjectRow, OutboxRow, OutsideChange, Page,
    ProfileRow, PromotionRow, QuarantineRow, Record, Refill, Rehearsal, RehearsalRow, Result, RevisionRow,
    SecretRow, Share, Stream,
    encoding::{List, StreamKey, int, micros, page, profile_id, stream_name},
};

use crate::{
    backup, carry, check,
    elsewhere::Following,
    export,
    fault::{self, Fault, damaged},
    full,
    opened::Opened,
    pool::{Lane, Lease},
    tables::{
        bucket, configuration, control, counters, directory, due, erasures, feed, head, journal, manifests,
        memberships, nodes, outbox, outside, profiles, quarantine, quarantine_streams, rehearsals,
        scan::{self, Kinds, Place},
        search, sums,
    },
    writing::{batch, control as control_change, rebuild},
};

/// One handle.
pub(crate) struct PostgresEnvironment {
    opened: Arc<Opened>,
    closed: AtomicBool,
}

/// Runs a read on a connection, and tells its error.
macro_rules! read {
    ($self:ident, $lane:expr, $doing:literal, $session:ident, $read:expr) => {{
        let $session = $self.lease($lane).await?;
        let told: fault::Result<_> = async { $read }.await;
        drop($session);
        $self.told(told, $doing)
    }};
}

impl PostgresEnvironment {
    /// Another handle (or the first); `None` when the last one has been closed meanwhile.
    pub(crate) fn another(opened: &Arc<Opened>, first: bool) -> Option<Self> {
        opened.join(first).then(|| Self { opened: Arc::clone(opened), closed: AtomicBool::new(false) })
    }

    fn name(&self) -> &str {
        &self.opened.identity.name
    }

    async fn lease(&self, lane: Lane) -> Result<Lease> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed(format!("environment `{}`", self.name())));
        }
        self.opened.pool.lease(lane).await
    }

    /// What is shared with the other handles.
    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }

    fn told<T>(&self, told: fault::Result<T>, doing: &str) -> Result<T> {
        told.map_err(|fault: Fault| fault.told_of(self.name(), doing))
    }

    fn list(&self, name: &str, filters: &[&[u8]]) -> List {
        List::new(&self.opened.identity.id, name, filters)
    }

    fn class(&self) -> i32 {
        feed::class(&self.opened.identity.id)
    }

    /// A lease in a transaction that reads one moment.
    async fn moment(&self, doing: &str) -> Result<Lease> {
        let mut lease = self.lease(Lane::Long).await?;
        self.told(lease.begin_reading().await, doing)?;
        Ok(lease)
    }

    /// The rows of a stream after a place in it.
    async fn walk(
        &self,
        lease: &Lease,
        stream: Stream,
        direction: Direction,
        after: Option<i64>,
        limit: usize,
    ) -> fault::Result<Vec<Record>> {
        match stream {
            Stream::Control => control::following(lease, direction, after, limit).await,
            _ => journal::following(lease, stream, direction, after, limit).await,
        }
    }
}

impl Drop for PostgresEnvironment {
    fn drop(&mut self) {
        if !self.closed.swap(true, Ordering::AcqRel) && self.opened.leave() {
            self.opened.pool.drop_all();
        }
    }
}

#[async_trait]
impl Environment for PostgresEnvironment {
    fn identity(&self) -> &Identity {
        &self.opened.identity
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        Some(self)
    }

    fn part(&self, profile: ProfileId) -> Option<u16> {
        self.opened.spread.part(bucket(profile))
    }

    async fn writable(&self) -> Result<()> {
        if let Some((full, try_again)) = self.opened.full.is() {
            if !try_again {
                return Err(full);
            }
            let mut lease = self.lease(Lane::Short).await?;
            let told = self.told(full::has_room(&mut lease).await, "trying whether there is room");
            self.opened.full.hear(&told);
            told?;
        }
        read!(self, Lane::Short, "asking whether it can be written", s, head::writable(&s).await)
    }

    // ---- writing -------------------------------------------------------------------------------------

    async fn commit(&self, epoch: Epoch, deciding: Box<dyn Deciding>) -> Result<Commit> {
        let mut lease = self.lease(Lane::Short).await?;
        let told = batch::commit(&mut lease, &self.opened, epoch, deciding).await;
        let told = self.told(told, "committing");
        self.opened.full.hear(&told);
        told
    }

    async fn control(&self, epoch: Epoch, writes: ControlWrites) -> Result<Commit> {
        let mut lease = self.lease(Lane::Short).await?;
        let told = control_change::change(&mut lease, &self.opened.identity, epoch, &writes).await;
        let told = self.told(told, "writing a control change");
        self.opened.full.hear(&told);
        told
    }

    async fn outside(&self, change: OutsideChange) -> Result<()> {
        if matches!(change, OutsideChange::PutRehearsal(_)) {
            let mut lease = self.lease(Lane::Short).await?;
            let told = control_change::outside(&mut lease, &self.opened.identity, &change).await;
            return self.told(told, "keeping a rehearsal");
        }
        read!(self, Lane::Short, "writing outside state", s, outside::change(&s, &change).await)
    }

    // ---- the journal ---------------------------------------------------------------------------------

    async fn epoch(&self) -> Result<Epoch> {
        read!(self, Lane::Short, "reading the epoch", s, Ok(head::read(&s).await?.epoch))
    }

    async fn control_records(&self, after: u64) -> Result<Vec<Record>> {
        let after = Some(int(after));
        read!(self, Lane::Short, "reading the control stream", s, {
            control::following(&s, Direction::Forward, after, usize::MAX).await
        })
    }

    async fn record(&self, stream: Stream, n: u64) -> Result<Option<Record>> {
        read!(self, Lane::Short, "reading a record", s, {
            let found = match stream {
                Stream::Control => control::find(&s, n).await?,
                _ => journal::find(&s, stream, n).await?,
            };
            // One that ought to be there and is not has been lost.
            if let (None, Stream::Profile(id)) = (&found, stream)
                && (1..=profiles::tail(&s, id).await?).contains(&n)
                && journal::find(&s, stream, n).await?.is_none()
            {
                return Err(damaged(format!("record {n} of {}", stream_name(stream)), "it is gone"));
            }
            Ok(found)
        })
    }

    async fn stream(
        &self,
        stream: Stream,
        direction: Direction,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let key = StreamKey::new(stream);
        let list = self.list("stream", &[key.bytes(), &[u8::from(direction == Direction::Forward)]]);
        let after = list.numbers::<1>(after.as_ref())?.map(|[n]| n);
        let limit = limit.max(1);
        read!(self, Lane::Short, "reading a stream", s, {
            let rows = self.walk(&s, stream, direction, after, limit.saturating_add(1)).await?;
            Ok(page(rows, limit, |last| list.at_numbers([int(last.n)])))
        })
    }

    async fn scan(&self, buckets: Buckets, after: Option<Cursor>, limit: usize) -> Result<Page<Record>> {
        let list = self.list("scan", &[&buckets.from.to_be_bytes(), &buckets.until.to_be_bytes()]);
        let column = |bucket: u16| i16::try_from(bucket).unwrap_or(i16::MAX);
        let place = match &after {
            Some(cursor) => Place::from_bytes(&list.place(cursor)?).ok_or(Error::Cursor)?,
            None => Place::before(column(buckets.from)),
        };
        let (until, limit) = (column(buckets.until), limit.max(1));
        read!(self, Lane::Long, "scanning the journal", s, {
            let rows = scan::scan(&s, &place, until, Kinds::Profiles, limit.saturating_add(1)).await?;
            Ok(page(rows, limit, |last| list.at(&Place::of(last).bytes())))
        })
    }

    async fn lives(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Life>> {
        let Page { rows: records, next } = self.scan(Buckets::ALL, after, limit).await?;
        let mut lives: Vec<Life> = Vec::new();
        for record in records {
            let Stream::Profile(profile) = record.stream else { continue };
            match lives.last_mut() {
                Some(life) if life.profile == profile => life.records.push(record),
                _ => lives.push(Life { profile, row: None, records: vec![record] }),
            }
        }
        let ids: Vec<ProfileId> = lives.iter().map(|life| life.profile).collect();
        // After the records, so that they are not older.
        for (life, row) in lives.iter_mut().zip(self.profiles(&ids).await?) {
            life.row = row;
        }
        Ok(Page { rows: lives, next })
    }

    async fn feed(&self, direction: Direction, after: Option<Cursor>, limit: usize) -> Result<Page<Record>> {
        let forward = direction == Direction::Forward;
        let list = self.list("feed", &[&[u8::from(forward)]]);
        let after = list.numbers::<1>(after.as_ref())?.map(|[place]| place);
        read!(self, Lane::Short, "reading the feed", s, {
            if forward {
                let end = feed::settled(&s, self.class()).await?;
                if limit == 0 {
                    return Ok(Page { rows: Vec::new(), next: Some(list.at_numbers([end])) });
                }
                let after = after.unwrap_or(0);
                let rows = journal::feed_forward(&s, after, end, limit).await?;
                let last = rows.last().map_or(after, |(place, _)| *place);
                let rows = rows.into_iter().map(|(_, record)| record).collect();
                return Ok(Page { rows, next: Some(list.at_numbers([last])) });
            }
            let before = after.unwrap_or(i64::MAX);
            let rows = journal::feed_backward(&s, before, limit.saturating_add(1)).await?;
            let rows = page(rows, limit, |(place, _)| list.at_numbers([*place]));
            Ok(Page { rows: rows.rows.into_iter().map(|(_, record)| record).collect(), next: rows.next })
        })
    }

    async fn record_count(&self) -> Result<u64> {
        read!(self, Lane::Short, "counting records", s, sums::records(&s).await)
    }

    // ---- the views -----------------------------------------------------------------------------------

    async fn lookup(&self, keys: &[DirectoryKey]) -> Result<Vec<Option<DirectoryEntry>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        read!(self, Lane::Short, "reading the directory", s, directory::lookup(&s, keys).await)
    }

    async fn profiles(&self, ids: &[ProfileId]) -> Result<Vec<Option<ProfileRow>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        read!(self, Lane::Short, "reading profiles", s, profiles::load(&s, ids).await)
    }

    async fn profile_list(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ProfileRow>> {
        let list = self.list("profiles", &[]);
        let after = after.map(|cursor| profile_id(&list.place(&cursor)?)).transpose()?;
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing profiles", s, {
            Ok(page(profiles::list(&s, after, limit).await?, limit, |last| list.at(&last.id.0)))
        })
    }

    async fn search(
        &self,
        trait_key: &str,
        value: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ProfileId>> {
        let list = self.list("search", &[trait_key.as_bytes(), value.as_bytes()]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?.unwrap_or_default();
        let limit = limit.max(1);
        read!(self, Lane::Short, "searching profiles", s, {
            let rows = search::find(&s, trait_key, value, &after, limit).await?;
            Ok(page(rows, limit, |last| list.at(&last.0)))
        })
    }

    async fn behind(&self, manifest: [u8; 32], limit: usize) -> Result<Vec<ProfileId>> {
        read!(
            self,
            Lane::Short,
            "finding profiles to visit",
            s,
            manifests::behind(&s, &manifest, limit).await
        )
    }

    async fn behind_count(&self, manifest: [u8; 32]) -> Result<(u64, u64)> {
        read!(self, Lane::Short, "counting profiles", s, manifests::behind_count(&s, &manifest).await)
    }

    async fn members(&self, audience: &str, after: Option<Cursor>, limit: usize) -> Result<Page<Membership>> {
        let list = self.list("members", &[audience.as_bytes()]);
        let after = after.map(|cursor| list.place(&cursor)).transpose()?.unwrap_or_default();
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing members", s, {
            let rows = memberships::members(&s, audience, &after, limit).await?;
            Ok(page(rows, limit, |last| list.at(&last.profile.0)))
        })
    }

    async fn member_counts(&self) -> Result<Vec<(Arc<str>, u64)>> {
        read!(self, Lane::Short, "counting members", s, memberships::counts(&s).await)
    }

    async fn sums(&self) -> Result<Vec<(CurrencyKey, Account, i64)>> {
        read!(self, Lane::Short, "reading sums", s, sums::list(&s).await)
    }

    async fn counter(&self, key: &CounterKey) -> Result<i64> {
        read!(self, Lane::Short, "reading a counter", s, Ok(counters::read(&s, key).await?.used))
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Due>> {
        read!(self, Lane::Short, "reading due work", s, due::list(&s, until, limit).await)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        read!(self, Lane::Short, "reading due work", s, due::next(&s).await)
    }

    async fn quarantine(&self, after: Option<Cursor>, limit: usize) -> Result<Page<QuarantineRow>> {
        let list = self.list("quarantine", &[]);
        let place = after.map(|cursor| list.place(&cursor)).transpose()?;
        let before = match place.as_deref().map(<[u8]>::split_first_chunk::<8>) {
            None => None,
            Some(Some((at, message))) => Some((i64::from_be_bytes(*at), message.to_vec())),
            Some(None) => return Err(Error::Cursor),
        };
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing quarantine", s, {
            Ok(page(quarantine::list(&s, before, limit).await?, limit, |last| {
                let mut place = micros(last.at).to_be_bytes().to_vec();
                place.extend_from_slice(&last.message);
                list.at(&place)
            }))
        })
    }

    async fn quarantine_count(&self) -> Result<u64> {
        read!(self, Lane::Short, "counting quarantine", s, quarantine::count(&s).await)
    }

    async fn quarantine_of(&self, identity: [u8; 16]) -> Result<Vec<[u8; 16]>> {
        read!(self, Lane::Short, "searching quarantine", s, {
            quarantine_streams::of_identity(&s, identity).await
        })
    }

    async fn rebuild(&self, refill: Box<dyn Refill>) -> Result<()> {
        let mut lease = self.lease(Lane::Long).await?;
        let told = rebuild::rebuild(&mut lease, &self.opened.identity, refill).await;
        self.told(told, "rebuilding the views")
    }

    async fn export_share(&self, view: &str, share: Share) -> Result<Vec<String>> {
        let doing = "exporting a view";
        let mut lease = self.moment(doing).await?;
        let lines = self.told(export::lines(&lease, view, share).await, doing)?;
        self.told(lease.commit().await, doing)?;
        Ok(lines)
    }

    // ---- configuration -------------------------------------------------------------------------------

    async fn objects(&self, hashes: &[[u8; 32]]) -> Result<Vec<Option<ObjectRow>>> {
        read!(self, Lane::Short, "reading objects", s, configuration::objects(&s, hashes).await)
    }

    async fn revision(&self, id: [u8; 32]) -> Result<Option<RevisionRow>> {
        read!(self, Lane::Short, "reading a revision", s, configuration::revision(&s, &id).await)
    }

    async fn revisions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RevisionRow>> {
        let list = self.list("revisions", &[]);
        let before = list.numbers::<1>(after.as_ref())?.map(|[no]| no);
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing revisions", s, {
            let rows = configuration::revisions(&s, before, limit).await?;
            Ok(numbered(page(rows, limit, |(no, _)| list.at_numbers([*no]))))
        })
    }

    async fn audit(&self, after: Option<Cursor>, limit: usize) -> Result<Page<ControlRow>> {
        let list = self.list("audit", &[]);
        let before = list.numbers::<1>(after.as_ref())?.map(|[n]| n);
        let limit = limit.max(1);
        read!(self, Lane::Short, "reading the audit", s, {
            let records =
                control::following(&s, Direction::Backward, before, limit.saturating_add(1)).await?;
            let row =
                |record: Record| ControlRow { n: record.n, at: record.decided_at, header: record.header };
            let rows = records.into_iter().map(row).collect();
            Ok(page(rows, limit, |last: &ControlRow| list.at_numbers([int(last.n)])))
        })
    }

    async fn promotions(&self, after: Option<Cursor>, limit: usize) -> Result<Page<PromotionRow>> {
        let list = self.list("promotions", &[]);
        let before = list.numbers::<1>(after.as_ref())?.map(|[no]| no);
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing promotions", s, {
            let rows = configuration::promotions(&s, before, limit).await?;
            Ok(numbered(page(rows, limit, |(no, _)| list.at_numbers([*no]))))
        })
    }

    // ---- outside state -------------------------------------------------------------------------------

    async fn outbox(&self, after: Option<Cursor>, limit: usize) -> Result<Page<OutboxRow>> {
        let list = self.list("outbox", &[]);
        let before = list.numbers::<2>(after.as_ref())?;
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing the outbox", s, {
            let rows = outbox::list(&s, before, limit).await?;
            let rows = page(rows, limit, |last| list.at_numbers([last.feed, i64::from(last.row.index)]));
            Ok(Page { rows: rows.rows.into_iter().map(|placed| placed.row).collect(), next: rows.next })
        })
    }

    async fn keys(&self) -> Result<Vec<KeyRow>> {
        read!(self, Lane::Short, "reading keys", s, outside::keys(&s).await)
    }

    async fn secrets(&self) -> Result<Vec<SecretRow>> {
        read!(self, Lane::Short, "reading secrets", s, outside::secrets(&s).await)
    }

    async fn checkpoints(&self) -> Result<Vec<(String, String)>> {
        read!(self, Lane::Short, "reading checkpoints", s, outside::checkpoints(&s).await)
    }

    async fn rehearsals(&self, after: Option<Cursor>, limit: usize) -> Result<Page<RehearsalRow>> {
        let list = self.list("rehearsals", &[]);
        let before = list.numbers::<1>(after.as_ref())?.map(|[no]| no);
        let limit = limit.max(1);
        read!(self, Lane::Short, "listing rehearsals", s, {
            let rows = rehearsals::list(&s, before, limit).await?;
            Ok(numbered(page(rows, limit, |(no, _)| list.at_numbers([*no]))))
        })
    }

    async fn rehearsal(&self, id: &str) -> Result<Option<Rehearsal>> {
        read!(self, Lane::Short, "reading a rehearsal", s, rehearsals::find(&s, id).await)
    }

    async fn erasures_pending(&self) -> Result<Vec<ProfileId>> {
        read!(self, Lane::Short, "reading erasures", s, erasures::pending(&s).await)
    }

    // ---- keeping -------------------------------------------------------------------------------------

    async fn carry(&self, after: Option<Cursor>, limit: usize) -> Result<Page<Carried>> {
        let list = self.list("carry", &[]);
        let after = list.numbers::<2>(after.as_ref())?;
        read!(self, Lane::Long, "reading rows to be carried", s, {
            carry::page(&s, self.class(), list, after, limit.max(1)).await
        })
    }

    async fn backup_told(&self, to: &Path, told: BackupTold) -> Result<()> {
        let doing = "backing up";
        let mut lease = self.moment(doing).await?;
        let unfinished = backup::prepare(to)?;
        let waiting = Arc::new(());
        let mut watch = BackupWatch::new(told, Arc::downgrade(&waiting));
        self.told(backup::write(&lease, &self.opened.identity, to, &mut watch).await, doing)?;
        self.told(lease.commit().await, doing)?;
        unfinished.finish().map_err(|error| fault::file("finishing", to, error))
    }

    async fn check(&self) -> Result<Vec<String>> {
        let mut lease = self.moment("checking").await?;
        let said = check::run(&lease, self.name()).await;
        self.told(lease.rollback().await, "checking")?;
        Ok(said)
    }

    async fn bytes(&self) -> Result<u64> {
        read!(self, Lane::Short, "measuring the tables", s, {
            let sql = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
                       WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'S')";
            let bytes: i64 = s.query_opt(sql, &[]).await?.map_or(Ok(0), |row| row.try_get(0))?;
            Ok(u64::try_from(bytes).unwrap_or(0))
        })
    }

    async fn close(&self) -> Result<()> {
        if !self.closed.swap(true, Ordering::AcqRel) && self.opened.leave() {
            self.opened.pool.close().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Nodes for PostgresEnvironment {
    async fn beat(&self, beat: &Beat) -> Result<Heard> {
        read!(
            self,
            Lane::Short,
            "reporting to the other nodes",
            s,
            nodes::beat(&s, &self.opened.identity, beat).await
        )
    }

    async fn there(&self) -> Result<Vec<NodeRow>> {
        read!(self, Lane::Short, "asking who serves it", s, nodes::there(&s).await)
    }

    async fn leave(&self, id: [u8; 16]) -> Result<()> {
        read!(self, Lane::Short, "leaving the other nodes", s, nodes::leave(&s, id).await)
    }

    async fn elsewhere(&self) -> Result<Box<dyn Elsewhere>> {
        Ok(Box::new(Following::begin(&self.opened).await?))
    }
}

/// A page without the numbers of its rows.
fn numbered<T>(page: Page<(i64, T)>) -> Page<T> {
    Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next }
}
