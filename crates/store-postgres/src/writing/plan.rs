//! What a batch writes, checked against the contract as far as that needs no look at the store, and turned
//! into columns.

use std::collections::{BTreeMap, HashMap};

use ledger::ProfileId;
use store::{ProfileRow, Stream, Writes, encoding::stream_name};

use crate::{
    fault::{Result, refused},
    session::{Answer, Call, Session},
    tables::{
        directory::{Amended, Claims},
        feed, journal, manifests, memberships, outbox,
        profiles::{self, Stood},
        quarantine::Change,
        quarantine_streams::{self, Key, Put, Tail},
        search,
    },
};

/// What the first flight found.
pub(crate) struct Looked {
    pub(crate) held: Held,
    /// What the profiles were decided under before.
    before: Vec<Option<[u8; 32]>>,
    /// Quarantine streams.
    tails: BTreeMap<[u8; 16], Tail>,
}

/// Whether everything is as the batch expects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    All,
    /// All but some profiles, which are locked.
    Overtaken,
    Not,
}

/// What a batch has written and locked before it is decided again.
pub(crate) struct First {
    claims: Claims,
    stood: HashMap<ProfileId, Stood>,
}

/// A batch, ready to be sent.
pub(crate) struct Plan<'a> {
    writes: &'a Writes,
    pub(crate) claims: Claims,
    profiles: profiles::Columns<'a>,
    /// Profiles and keys that were written before the batch was decided again.
    again: (profiles::Columns<'a>, Amended),
    records: journal::Columns<'a>,
    memberships: memberships::Columns<'a>,
    search: search::Columns<'a>,
    quarantine: Vec<Change<'a>>,
    outbox: outbox::Columns<'a>,
    /// Quarantine streams that the batch touches: their first new record and their last.
    touched: BTreeMap<[u8; 16], Option<(u64, u64)>>,
    keys: Vec<Key>,
    tails: Vec<Put>,
    /// How many records belong to profiles.
    pub(crate) profile_records: i64,
}

impl<'a> Plan<'a> {
    /// `by_bucket`: rows are taken away bucket by bucket.
    pub(crate) fn of(writes: &'a Writes, no: i64, by_bucket: bool) -> Result<Self> {
        let mut ends = HashMap::with_capacity(writes.profiles.len());
        for write in &writes.profiles {
            if ends.insert(write.row.id, write.expected()).is_some() {
                return Err(refused(format!("profile {} stands twice in one batch", write.row.id)));
            }
        }
        if writes.records.len() >= feed::PLACES_MAX {
            return Err(refused(format!("a batch of {} records", writes.records.len())));
        }
        let (touched, profile_records) = streams(writes, &mut ends)?;
        for write in &writes.profiles {
            let (id, n, end) = (write.row.id, write.row.n, ends.get(&write.row.id).copied().unwrap_or(0));
            if n != end {
                return Err(refused(format!("the row of profile {id} says {n}, its stream ends at {end}")));
            }
        }
        if writes
            .quarantine
            .iter()
            .any(|(message, row)| row.as_ref().is_some_and(|row| row.message != *message))
        {
            return Err(refused("a quarantine row under another message"));
        }
        if writes.erase.contains(&Stream::Control) {
            return Err(refused("the control stream cannot be erased"));
        }
        let mut made: HashMap<(ProfileId, u64), i64> = HashMap::new();
        if !writes.outbox.is_empty() {
            for (at, record) in writes.records.iter().enumerate() {
                if let Stream::Profile(id) = record.stream {
                    made.insert((id, record.n), feed::place(no, at));
                }
            }
        }
        Ok(Self {
            writes,
            claims: Claims::of(&writes.claims, &writes.forget),
            profiles: profiles::Columns::of(&writes.profiles),
            again: Default::default(),
            records: journal::Columns::of(&writes.records, no),
            memberships: memberships::Columns::of(&writes.profiles, by_bucket),
            search: search::Columns::of(&writes.profiles, by_bucket),
            quarantine: writes
                .quarantine
                .iter()
                .map(|(message, row)| Change::of(message, row.as_ref()))
                .collect(),
            outbox: outbox::Columns::of(&writes.outbox, &made)?,
            keys: touched.keys().map(Key::of).collect(),
            touched,
            tails: Vec::new(),
            profile_records,
        })
    }

    pub(crate) fn moves_members(&self) -> bool {
        self.writes.profiles.iter().any(|write| !write.entered.is_empty() || !write.left.is_empty())
    }

    /// The first flight: the directory is taken, profiles are written, quarantine streams are looked at.
    pub(crate) fn expectations<'b>(&'b self, calls: &mut Vec<Call<'b>>) {
        self.claims.calls(calls);
        if self.profiles.len() > 0 {
            calls.push(self.profiles.standing());
            calls.push(self.profiles.write());
        }
        calls.extend(self.keys.iter().map(Key::lock));
    }

    /// What that answered.
    pub(crate) fn looked(&self, answers: Vec<Answer>) -> Result<Looked> {
        let mut answers = answers.into_iter();
        let mut looked = Looked { held: Held::Not, before: Vec::new(), tails: BTreeMap::new() };
        if !self.claims.held(&mut answers) {
            return Ok(looked);
        }
        let mut held = Held::All;
        if self.profiles.len() > 0 {
            let Some(before) = self.profiles.stand(&answers.next().unwrap_or_default())? else {
                return Ok(looked);
            };
            looked.before = before;
            let written = answers.next().unwrap_or_default().count;
            if usize::try_from(written) != Ok(self.profiles.len()) {
                held = Held::Overtaken;
            }
        }
        for row in answers.flat_map(|answer| answer.rows) {
            let (message, tail) = quarantine_streams::verified(&row)?;
            looked.tails.insert(message, tail);
        }
        looked.held = held;
        Ok(looked)
    }

    /// All is as expected; counts profiles by manifest. False when a quarantine stream is not.
    pub(crate) fn go_on(&mut self, looked: &Looked, counts: &mut manifests::Counts) -> Result<bool> {
        self.profiles.count(&looked.before, counts);
        self.quarantine_streams(looked)
    }

    /// How the profiles stand that others have changed.
    pub(crate) async fn overtaken(&self, session: &Session) -> Result<Vec<ProfileRow>> {
        self.profiles.overtaken(session).await
    }

    /// What is kept of it when it is decided again.
    pub(crate) fn into_first(self, looked: &Looked, overtaken: &[ProfileRow]) -> First {
        First { stood: self.profiles.stood(&looked.before, overtaken), claims: self.claims }
    }

    /// The same as [`Self::go_on`], of a batch that has been decided again and reaches no further than before.
    pub(crate) fn go_on_after(
        &mut self,
        first: &First,
        looked: &Looked,
        counts: &mut manifests::Counts,
    ) -> Result<bool> {
        let Some(profiles) = profiles::Columns::again(&self.writes.profiles, &first.stood, counts) else {
            return Ok(false);
        };
        self.again = (profiles, self.claims.amended(&first.claims));
        Ok(!self.claims.torn && self.quarantine_streams(looked)?)
    }

    /// Where quarantine streams end after it; false when one is not as expected.
    fn quarantine_streams(&mut self, looked: &Looked) -> Result<bool> {
        for (message, records) in &self.touched {
            let known = looked.tails.get(message).copied();
            let mut tail = known.unwrap_or_default();
            if let Some((first, last)) = records {
                if *first <= tail.n {
                    return Ok(false);
                }
                if *first != tail.n + 1 {
                    let name = stream_name(Stream::Quarantine(*message));
                    return Err(refused(format!("record {first} of {name}, which ends at {}", tail.n)));
                }
                tail.n = *last;
            } else if known.is_none() {
                continue;
            }
            // Whose event it is stays known when it is released: an erasure has to find it.
            let mut named = self.writes.quarantine.iter().rev().filter(|(of, _)| of == message);
            if let Some(identity) = named.find_map(|(_, row)| row.as_ref()?.identity) {
                tail.identity = Some(identity);
            }
            self.tails.push(Put::of(message, tail));
        }
        Ok(true)
    }

    /// The second flight: every other row, and what was written too early.
    pub(crate) fn rows<'b>(&'b self, calls: &mut Vec<Call<'b>>) {
        let (profiles, keys) = &self.again;
        if profiles.len() > 0 {
            calls.push(profiles.write());
        }
        keys.calls(calls);
        self.memberships.calls(calls);
        self.search.calls(calls);
        if !self.writes.records.is_empty() {
            calls.push(self.records.append());
        }
        if !self.outbox.bucket.is_empty() {
            calls.push(self.outbox.add());
        }
        calls.extend(self.tails.iter().map(Put::write));
        calls.extend(self.quarantine.iter().map(Change::write));
    }

    /// What that answered: whether what was written again was as it had been left, and which memberships really
    /// changed. Leaves what others have sent after it.
    pub(crate) fn written(
        &self,
        answers: &mut std::vec::IntoIter<Answer>,
        members: &mut memberships::Counts,
    ) -> Result<bool> {
        let (profiles, keys) = &self.again;
        if profiles.len() > 0 {
            let answer = answers.next().unwrap_or_default();
            if usize::try_from(answer.count) != Ok(profiles.len()) {
                return Ok(false);
            }
        }
        if !keys.held(answers) {
            return Ok(false);
        }
        self.memberships.count(answers, members)?;
        let mut others = Vec::new();
        self.search.calls(&mut others);
        let others = others.len()
            + usize::from(!self.writes.records.is_empty())
            + usize::from(!self.outbox.bucket.is_empty())
            + self.tails.len()
            + self.quarantine.len();
        answers.take(others).for_each(drop);
        Ok(true)
    }
}

type Touched = BTreeMap<[u8; 16], Option<(u64, u64)>>;

/// Walks the records: each follows the one before it in its stream, and each profile's row is there.
fn streams(writes: &Writes, ends: &mut HashMap<ProfileId, u64>) -> Result<(Touched, i64)> {
    let mut touched: Touched = writes.quarantine.iter().map(|(message, _)| (*message, None)).collect();
    let mut profile_records = 0;
    for record in &writes.records {
        let gap = |end: u64| {
            let stream = stream_name(record.stream);
            Err(refused(format!("record {} of {stream}, which ends at {end}", record.n)))
        };
        match record.stream {
            Stream::Control => return Err(refused("a batch cannot write the control stream")),
            Stream::Profile(id) => {
                let Some(end) = ends.get_mut(&id) else {
                    return Err(refused(format!("a record of profile {id} without its row")));
                };
                if record.n != *end + 1 {
                    return gap(*end);
                }
                *end += 1;
                profile_records += 1;
            }
            Stream::Quarantine(message) => match touched.entry(message).or_default() {
                place @ None => *place = Some((record.n, record.n)),
                Some((_, last)) if record.n == *last + 1 => *last += 1,
                Some((_, last)) => return gap(*last),
            },
        }
    }
    Ok((touched, profile_records))
}
