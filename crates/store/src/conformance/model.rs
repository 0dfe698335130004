//! Long random histories through both handles, beside a model that is kept in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use ledger::{Account, ProfileId};

use super::{
    Bench, Dice, Pair, at,
    batch::{Stepping, hash, outbox, profile, quarantined, record, sum, tail, write},
    keeping::{Known, exports},
};
use crate::{
    Claim, Commit, ControlWrites, CounterKey, Demand, Direction, DirectoryEntry, DirectoryKey, Environment,
    Granted, NO_MANIFEST, NewRecord, OutboxRow, ProfileRow, ProfileWrite, QuarantineRow, Record, Step,
    Stream, Writes,
};

const OPERATIONS: usize = 2_000;
const PEOPLE: u64 = 40;

/// What a store should hold.
#[derive(Clone, Default)]
struct Model {
    streams: BTreeMap<Stream, Vec<Record>>,
    rows: BTreeMap<ProfileId, ProfileRow>,
    directory: BTreeMap<DirectoryKey, DirectoryEntry>,
    members: BTreeMap<(Arc<str>, ProfileId), Timestamp>,
    terms: BTreeSet<(Arc<str>, String, ProfileId)>,
    sums: BTreeMap<(String, Account), i64>,
    counters: BTreeMap<CounterKey, (i64, u64)>,
    quarantine: BTreeMap<[u8; 16], QuarantineRow>,
    outbox: Vec<OutboxRow>,
    epoch: u64,
}

impl Model {
    fn n(&self, stream: Stream) -> u64 {
        self.streams.get(&stream).map_or(0, |records| records.len() as u64)
    }

    /// Whether every expectation of a batch holds.
    fn expects(&self, writes: &Writes) -> bool {
        writes.claims.iter().all(|claim| self.directory.get(&claim.key).copied() == claim.expected)
            && writes.profiles.iter().all(|write| self.n(Stream::Profile(write.row.id)) == write.expected())
            && writes.records.iter().all(|record| match record.stream {
                Stream::Quarantine(_) => record.n > self.n(record.stream),
                _ => true,
            })
    }

    fn append(&mut self, record: &NewRecord) {
        let NewRecord { stream, n, decided_at, header, body } = record.clone();
        self.streams.entry(stream).or_default().push(Record { stream, n, decided_at, header, body });
    }

    fn apply(&mut self, writes: &Writes, demands: &[Demand], granted: &[Granted]) {
        for (demand, granted) in demands.iter().zip(granted) {
            let counter = self.counters.entry(demand.counter.clone()).or_default();
            counter.0 += granted.amount;
            counter.1 += 1;
            assert_eq!(granted.n, counter.1);
            assert!(granted.amount == 0 || counter.0 <= demand.ceiling);
        }
        writes.records.iter().for_each(|record| self.append(record));
        for claim in &writes.claims {
            self.directory.insert(claim.key, claim.entry);
        }
        for key in &writes.forget {
            self.directory.remove(key);
        }
        for ProfileWrite { row, entered, left, found_by, no_longer_found_by, .. } in &writes.profiles {
            let id = row.id;
            self.rows.insert(id, row.clone());
            for key in left {
                self.members.remove(&(key.clone(), id));
            }
            for (key, since) in entered {
                self.members.insert((key.clone(), id), *since);
            }
            for (key, value) in no_longer_found_by {
                self.terms.remove(&(key.clone(), value.clone(), id));
            }
            for (key, value) in found_by {
                self.terms.insert((key.clone(), value.clone(), id));
            }
        }
        for change in &writes.sums {
            *self.sums.entry((change.currency.to_string(), change.account)).or_default() += change.amount;
        }
        for (message, row) in &writes.quarantine {
            match row {
                Some(row) => self.quarantine.insert(*message, row.clone()),
                None => self.quarantine.remove(message),
            };
        }
        self.outbox.extend(writes.outbox.iter().cloned());
        for stream in &writes.erase {
            self.erase(*stream);
        }
    }

    fn erase(&mut self, stream: Stream) {
        for record in self.streams.entry(stream).or_default() {
            record.body = None;
        }
        match stream {
            Stream::Profile(id) => {
                self.members.retain(|(_, of), _| *of != id);
                self.terms.retain(|(_, _, of)| *of != id);
                self.outbox.iter_mut().filter(|row| row.profile == id).for_each(|row| row.payload.clear());
            }
            Stream::Quarantine(message) => {
                self.quarantine.remove(&message);
            }
            Stream::Control => {}
        }
    }

    // ---- random batches ----------------------------------------------------------------------------------

    fn person(&self, dice: &mut Dice, writes: &mut Writes, no: u32) {
        let id = profile(no);
        let n = self.n(Stream::Profile(id));
        let new = n + 1 + dice.below(3);
        writes.records.extend((n + 1..=new).map(|n| {
            let mut record = record(Stream::Profile(id), n);
            record.body = (!dice.percent(10)).then(|| vec![7; usize::try_from(dice.below(900)).unwrap_or(0)]);
            record
        }));
        let mut write = write(id, n, new);
        let state: Vec<u8> =
            (0..dice.below(1_200)).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect();
        write.row.state = state.into();
        write.row.manifest = [u8::try_from(dice.below(3)).unwrap_or(0); 32];
        write.row.due_at = dice.percent(50).then(|| at(i64::try_from(dice.below(500)).unwrap_or(0)));
        for audience in ["club", "vip", "lapsed"] {
            let key: Arc<str> = audience.into();
            if self.members.contains_key(&(key.clone(), id)) {
                if dice.percent(30) {
                    write.left.push(key);
                }
            } else if dice.percent(30) {
                write.entered.push((key, at(i64::try_from(dice.below(500)).unwrap_or(0))));
            }
        }
        for city in ["Graz", "Linz", "Wien"] {
            let term = ("city".into(), city.to_owned());
            if self.terms.contains(&(Arc::clone(&term.0), term.1.clone(), id)) {
                if dice.percent(30) {
                    write.no_longer_found_by.push(term);
                }
            } else if dice.percent(20) {
                write.found_by.push(term);
            }
        }
        if dice.percent(30) {
            writes.outbox.push(outbox(id, new, 0, "{\"a\":1}"));
            writes.outbox.push(outbox(id, new, 1, "{\"b\":2}"));
        }
        if dice.percent(3) {
            writes.erase.push(Stream::Profile(id));
        }
        writes.profiles.push(write);
    }

    fn batch(&self, dice: &mut Dice) -> Writes {
        let mut writes = Writes::default();
        let people: BTreeSet<u64> = (0..=dice.below(4)).map(|_| dice.below(PEOPLE)).collect();
        for no in people {
            self.person(dice, &mut writes, u32::try_from(no).unwrap_or(0));
        }
        let owner = writes.profiles[0].row.id;
        let fresh = DirectoryKey::Message(dice.bytes());
        let to = DirectoryEntry::Record(Stream::Profile(owner), writes.profiles[0].row.n);
        writes.claims.push(Claim { key: fresh, expected: None, entry: to });
        let key = DirectoryKey::Identity(hash(u32::try_from(dice.below(30)).unwrap_or(0)));
        let expected = self.directory.get(&key).copied();
        if expected.is_some() && dice.percent(10) {
            writes.forget.push(key);
        } else {
            writes.claims.push(Claim { key, expected, entry: DirectoryEntry::Profile(owner) });
        }
        let amount = i64::try_from(dice.below(100)).unwrap_or(0) - 50;
        writes.sums =
            vec![sum("points", Account::Available, amount), sum("points", Account::Issued, -amount)];
        if dice.percent(20) {
            let message = hash(5_000 + u32::try_from(dice.below(20)).unwrap_or(0));
            let stream = Stream::Quarantine(message);
            writes.records.push(record(stream, self.n(stream) + 1));
            let row = quarantined(message, None, at(i64::try_from(dice.below(50)).unwrap_or(0)));
            let stands = self.quarantine.contains_key(&message);
            writes.quarantine.push((message, (!stands).then_some(row)));
            if dice.percent(10) {
                writes.erase.push(stream);
            }
        }
        writes
    }

    /// Makes one expectation wrong.
    fn spoil(&self, dice: &mut Dice, writes: &mut Writes) {
        match self.directory.iter().next() {
            Some((key, entry)) if dice.percent(50) => {
                writes.claims.push(Claim { key: *key, expected: None, entry: *entry });
            }
            _ => {
                let write = &mut writes.profiles[0];
                let id = write.row.id;
                write.from = tail(id, write.expected() + 1);
                write.row.n += 1;
                let own = writes.records.iter_mut().filter(|record| record.stream == Stream::Profile(id));
                own.for_each(|record| record.n += 1);
                writes.outbox.clear();
            }
        }
    }

    // ---- comparing ---------------------------------------------------------------------------------------

    async fn compare(&self, store: &Arc<dyn Environment>) {
        assert_eq!(store.epoch().await.expect("well"), self.epoch);
        let ids: Vec<_> = (0..PEOPLE).map(|no| profile(u32::try_from(no).unwrap_or(0))).collect();
        let rows = store.profiles(&ids).await.expect("well");
        for (id, row) in ids.iter().zip(rows) {
            assert_eq!(row.as_ref(), self.rows.get(id), "{id}");
        }
        for (stream, records) in &self.streams {
            let page =
                store.stream(*stream, Direction::Forward, None, records.len() + 1).await.expect("well");
            assert_eq!(&page.rows, records, "{stream:?}");
            assert!(page.next.is_none());
        }
        let keys: Vec<_> = self.directory.keys().copied().collect();
        let entries = store.lookup(&keys).await.expect("well");
        assert!(entries.into_iter().flatten().eq(self.directory.values().copied()));
        for audience in ["club", "vip", "lapsed"] {
            let found = store.members(audience, None, 100).await.expect("well").rows;
            let found: BTreeMap<_, _> = found.into_iter().map(|row| (row.profile, row.since)).collect();
            let expected: BTreeMap<_, _> = self
                .members
                .iter()
                .filter(|((key, _), _)| &**key == audience)
                .map(|((_, id), at)| (*id, *at))
                .collect();
            assert_eq!(found, expected, "{audience}");
        }
        let (behind, all) = store.behind_count([1; 32]).await.expect("well");
        let expected =
            self.rows.values().filter(|row| ![[1; 32], NO_MANIFEST].contains(&row.manifest)).count() as u64;
        assert_eq!((behind, all), (expected, self.rows.len() as u64));
        assert_eq!(store.behind([1; 32], 1_000).await.expect("well").len() as u64, expected);
        let due: Vec<_> =
            store.due(at(250), 1_000).await.expect("well").into_iter().map(|due| due.at).collect();
        let mut expected: Vec<_> =
            self.rows.values().filter_map(|row| row.due_at).filter(|due| *due <= at(250)).collect();
        expected.sort_unstable();
        assert_eq!(due, expected);
        for (key, (used, _)) in &self.counters {
            assert_eq!(store.counter(key).await.expect("well"), *used);
        }
        let mut outbox = store.outbox(None, self.outbox.len() + 1).await.expect("well").rows;
        outbox.sort_by_key(|row| (row.profile, row.n, row.index));
        let mut expected = self.outbox.clone();
        expected.sort_by_key(|row| (row.profile, row.n, row.index));
        assert_eq!(outbox, expected);
        let records: usize = self
            .streams
            .iter()
            .filter(|(stream, _)| matches!(stream, Stream::Profile(_)))
            .map(|(_, records)| records.len())
            .sum();
        assert_eq!(store.record_count().await.expect("well"), records as u64);
        assert_eq!(store.check().await.expect("well"), Vec::<String>::new());
    }

    /// The rows of every view, as a rebuild writes them.
    fn refill(&self) -> Known {
        let profiles = self
            .rows
            .values()
            .map(|row| ProfileWrite {
                from: None,
                row: row.clone(),
                entered: self
                    .members
                    .iter()
                    .filter(|((_, id), _)| *id == row.id)
                    .map(|((key, _), since)| (key.clone(), *since))
                    .collect(),
                left: Vec::new(),
                found_by: self
                    .terms
                    .iter()
                    .filter(|(_, _, id)| *id == row.id)
                    .map(|(key, value, _)| (key.clone(), value.clone()))
                    .collect(),
                no_longer_found_by: Vec::new(),
            })
            .collect();
        let claims = self
            .directory
            .iter()
            .map(|(key, entry)| Claim { key: *key, expected: None, entry: *entry })
            .collect();
        let sums =
            self.sums.iter().map(|((currency, account), amount)| sum(currency, *account, *amount)).collect();
        let quarantine = self.quarantine.iter().map(|(message, row)| (*message, Some(row.clone()))).collect();
        let counters = self.counters.iter().map(|(key, (used, n))| (key.clone(), *used, *n)).collect();
        let parts = vec![Writes { claims, profiles, sums, quarantine, ..Writes::default() }];
        Known { shown: Arc::default(), parts, counters, fails: false }
    }
}

/// Commits a batch that may first ask a counter; answers how it ended and what was granted.
async fn run(
    store: &Arc<dyn Environment>,
    epoch: u64,
    writes: &Writes,
    demands: &[Demand],
) -> (Commit, Vec<Granted>) {
    let got = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (told, writes, demands) = (Arc::clone(&got), writes.clone(), demands.to_vec());
    let mut asked = demands.is_empty();
    let deciding = Stepping(move |granted: &[Granted]| {
        if !asked {
            asked = true;
            return Step::Demand(demands.clone());
        }
        *told.lock().expect("nobody panics here") = granted.to_vec();
        Step::Write(Box::new(writes.clone()))
    });
    let outcome = store.commit(epoch, Box::new(deciding)).await.expect("well");
    let granted = got.lock().expect("nobody panics here").clone();
    (outcome, granted)
}

async fn move_epoch(pair: &Pair, model: &mut Model) {
    let record = record(Stream::Control, model.epoch + 1);
    let writes = ControlWrites { record: Some(record.clone()), ..ControlWrites::default() };
    assert_eq!(pair.b.control(model.epoch, writes).await.expect("well"), Commit::Committed);
    model.append(&record);
    model.epoch += 1;
}

/// 2,000 operations; the store and the model agree after each conflict, at every stop, and after a rebuild.
pub async fn random_histories_agree_with_a_model(bench: &Bench) {
    let pair = bench.pair("one").await;
    let (mut model, mut dice) = (Model::default(), Dice(20_260_801));
    let mut outcomes = BTreeMap::new();
    for operation in 1..=OPERATIONS {
        if dice.percent(3) {
            move_epoch(&pair, &mut model).await;
            continue;
        }
        let mut writes = model.batch(&mut dice);
        let spoilt = dice.percent(8);
        if spoilt {
            model.spoil(&mut dice, &mut writes);
        }
        let demands = if dice.percent(30) {
            let counter = CounterKey(format!("budget {}", dice.below(3)));
            vec![Demand {
                counter,
                ceiling: 2_000,
                amount: 1 + i64::try_from(dice.below(60)).unwrap_or(0),
                part: dice.percent(50),
            }]
        } else {
            Vec::new()
        };
        let old = model.epoch > 0 && dice.percent(4);
        let epoch = if old { model.epoch - 1 } else { model.epoch };
        let store = if dice.percent(50) { &pair.a } else { &pair.b };
        let (outcome, granted) = run(store, epoch, &writes, &demands).await;
        let expected = match (old, model.expects(&writes)) {
            (true, _) => Commit::EpochMoved(model.epoch),
            (false, true) => Commit::Committed,
            (false, false) => Commit::Conflict,
        };
        assert_eq!(outcome, expected, "operation {operation}");
        *outcomes
            .entry(format!("{outcome:?}").split('(').next().unwrap_or_default().to_owned())
            .or_insert(0) += 1;
        if outcome == Commit::Committed {
            model.apply(&writes, &demands, &granted);
        }
        if operation % 400 == 0 {
            model.compare(if operation % 800 == 0 { &pair.a } else { &pair.b }).await;
        }
    }
    assert_eq!(outcomes.len(), 3, "every outcome was seen: {outcomes:?}");
    model.compare(&pair.a).await;
    let before = exports(&pair.a).await;
    let refill = model.refill();
    let shown = Arc::clone(&refill.shown);
    pair.b.rebuild(Box::new(refill)).await.expect("well");
    assert_eq!(exports(&pair.a).await, before);
    model.compare(&pair.b).await;
    let mut streams: BTreeMap<Stream, Vec<Record>> = BTreeMap::new();
    for record in shown.lock().expect("nobody panics here").drain(..) {
        streams.entry(record.stream).or_default().push(record);
    }
    model.streams.remove(&Stream::Control);
    assert_eq!(streams, model.streams, "the rebuild was shown the whole journal, each stream in order");
}
