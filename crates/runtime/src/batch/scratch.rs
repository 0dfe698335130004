//! The working set of a batch, and of one item in it.
//!
//! An item is decided on a [`Scratch`] over the batch's [`Working`] set. When it is done the scratch is
//! merged in; when it needs a grant first, or fails, the scratch is dropped and nothing of it remains.

use std::{
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use engine::{
    Decision, Effect, Fault, Identity, Input, Profile, Proposal, Rules, Times,
    record::{Encoded, Writing},
};
use jiff::Timestamp;
use ledger::{Account, CurrencyKey, ProfileId};
use sha2::{Digest, Sha256};
use store::{
    Claim, CounterKey, Demand, DirectoryEntry, DirectoryKey, Granted, NewRecord, OutboxRow, QuarantineRow,
    Stream,
};

use super::{item::Prepared, load::Loaded};
use crate::environment::DecideFn;

/// Why an item stopped before it was done.
pub(crate) enum Stop {
    /// This must be granted first.
    Needs(Demand),
    /// It cannot be decided.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A profile as a batch changes it.
#[derive(Clone)]
pub(crate) struct Changed {
    /// As it was loaded; `None` when the batch creates it.
    pub(crate) before: Option<Arc<Profile>>,
    /// As it is now.
    pub(crate) now: Arc<Profile>,
}

impl Changed {
    /// Whether its next work is due at another time.
    pub(crate) fn due_changed(&self) -> bool {
        self.before.as_ref().and_then(|before| before.due_at) != self.now.due_at
    }
}

/// What a batch has come to so far.
#[derive(Default)]
pub(crate) struct Working {
    pub(crate) profiles: BTreeMap<ProfileId, Changed>,
    pub(crate) directory: HashMap<DirectoryKey, Option<DirectoryEntry>>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) forget: Vec<DirectoryKey>,
    pub(crate) records: Vec<NewRecord>,
    pub(crate) sums: BTreeMap<(CurrencyKey, Account), i64>,
    pub(crate) outbox: Vec<OutboxRow>,
    pub(crate) quarantine: Vec<([u8; 16], Option<QuarantineRow>)>,
    pub(crate) erase: Vec<Stream>,
}

/// Salts for body hashes: not part of any decision, so they may be random.
pub(crate) struct Salts {
    seed: [u8; 32],
    next: u64,
}

impl Salts {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, next: 0 }
    }

    pub(crate) fn next(&mut self) -> [u8; 16] {
        self.next += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.next.to_be_bytes()).finalize();
        let mut salt = [0; 16];
        salt.copy_from_slice(&digest[..16]);
        salt
    }
}

/// What every decision of a batch shares.
pub(crate) struct Ground {
    pub(crate) rules: Arc<Rules>,
    pub(crate) decide: DecideFn,
    pub(crate) incarnation: u64,
    /// The environment's time when the batch began.
    pub(crate) now: Timestamp,
    pub(crate) loaded: Loaded,
}

/// One item's changes, over the batch's.
pub(crate) struct Scratch<'a> {
    pub(crate) ground: &'a Ground,
    base: &'a Working,
    pub(crate) own: Working,
    grants: &'a [Granted],
    salts: &'a mut Salts,
}

/// The directory keys that a record holds, so that the directory can be made again from the journal.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keys {
    /// Its message id or Idempotency-Key.
    pub(crate) key: Option<[u8; 16]>,
    /// The event's unique value.
    pub(crate) unique: Option<[u8; 16]>,
}

/// More timers than this before one input point at a program that makes work for itself.
const TIMERS_AT_ONCE_MAX: usize = 10_000;

impl<'a> Scratch<'a> {
    pub(crate) fn new(
        ground: &'a Ground,
        base: &'a Working,
        grants: &'a [Granted],
        salts: &'a mut Salts,
    ) -> Self {
        Self { ground, base, own: Working::default(), grants, salts }
    }

    /// The profile as it is now.
    pub(crate) fn profile(&self, id: ProfileId) -> Option<&Arc<Profile>> {
        self.own
            .profiles
            .get(&id)
            .or_else(|| self.base.profiles.get(&id))
            .map(|changed| &changed.now)
            .or_else(|| self.ground.loaded.profiles.get(&id))
    }

    /// Whether messages and orders are still decided for it.
    pub(crate) fn is_active(&self, id: ProfileId) -> bool {
        self.profile(id).is_some_and(|profile| profile.is_active())
    }

    /// The profile that this one lives on in, or itself.
    pub(crate) fn living(&self, mut id: ProfileId) -> ProfileId {
        while let Some(engine::profile::Standing::MergedInto(into)) = self.profile(id).map(|p| p.standing) {
            id = into;
        }
        id
    }

    /// What the directory leads to now.
    pub(crate) fn directory(&self, key: &DirectoryKey) -> Option<DirectoryEntry> {
        self.own
            .directory
            .get(key)
            .or_else(|| self.base.directory.get(key))
            .copied()
            .unwrap_or_else(|| self.ground.loaded.directory.get(key).copied())
    }

    /// Makes a directory key lead somewhere.
    pub(crate) fn claim(&mut self, key: DirectoryKey, entry: DirectoryEntry) {
        let expected = self.directory(&key);
        if expected != Some(entry) {
            self.own.claims.push(Claim { key, expected, entry });
            self.own.directory.insert(key, Some(entry));
        }
    }

    /// Makes a key that leads to `from` lead to `into`. It may be one that no message has named, and that therefore was
    /// not looked up: where it leads is known by whose it is.
    pub(crate) fn hand_over(&mut self, key: DirectoryKey, from: ProfileId, into: ProfileId) {
        let expected = self.directory(&key).or(Some(DirectoryEntry::Profile(from)));
        let entry = DirectoryEntry::Profile(into);
        if expected != Some(entry) {
            self.own.claims.push(Claim { key, expected, entry });
            self.own.directory.insert(key, Some(entry));
        }
    }

    /// Makes a directory key lead nowhere.
    pub(crate) fn forget(&mut self, key: DirectoryKey) {
        self.own.forget.push(key);
        self.own.directory.insert(key, None);
    }

    /// A fresh salt.
    pub(crate) fn salt(&mut self) -> [u8; 16] {
        self.salts.next()
    }

    /// Brings a profile up to date: under the newest manifest, and with the work done that was due by
    /// `until`. A profile without records is not touched.
    pub(crate) fn bring_up(&mut self, id: ProfileId, until: Timestamp) -> Result<(), Stop> {
        let Some(profile) = self.profile(id) else { return Ok(()) };
        if profile.n == 0 || !profile.is_active() {
            return Ok(());
        }
        let rules = Arc::clone(&self.ground.rules);
        if rules.needs_upgrade(profile) {
            let history = self.ground.loaded.histories.get(&id).cloned().unwrap_or_default();
            let at = rules.since.max(profile.latest);
            self.own_input(id, &Input::Upgrade { react: rules.react_on_upgrade, history }, at)?;
        }
        for _ in 0..TIMERS_AT_ONCE_MAX {
            let Some(due) = self.profile(id).and_then(|profile| profile.due_before(until)) else {
                return Ok(());
            };
            self.own_input(id, &Input::Timer, due)?;
        }
        Err(Stop::Fault(Fault::new(
            "internal",
            format!("profile {id}"),
            format!("more than {TIMERS_AT_ONCE_MAX} timers were due at once"),
        )))
    }

    /// Decides one input that came by no directory key.
    fn own_input(&mut self, id: ProfileId, input: &Input, occurred_at: Timestamp) -> Result<(), Stop> {
        self.input(id, input, occurred_at, Keys::default()).map(drop)
    }

    /// Decides a message.
    pub(crate) fn message(
        &mut self,
        id: ProfileId,
        prepared: &Prepared,
        claims: Vec<Identity>,
        keys: Keys,
    ) -> Result<(u64, Decision), Stop> {
        let at = prepared.message.occurred_at;
        let input = Input::Message(Arc::clone(&prepared.message), claims);
        self.decided(id, &input, at, keys, Some(&prepared.payload))
    }

    /// Decides any other input.
    pub(crate) fn input(
        &mut self,
        id: ProfileId,
        input: &Input,
        occurred_at: Timestamp,
        keys: Keys,
    ) -> Result<(u64, Decision), Stop> {
        self.decided(id, input, occurred_at, keys, None)
    }

    /// Decides one input, writes its record down and applies it. Gives the record's position and decision.
    fn decided(
        &mut self,
        id: ProfileId,
        input: &Input,
        occurred_at: Timestamp,
        keys: Keys,
        payload: Option<&[u8]>,
    ) -> Result<(u64, Decision), Stop> {
        let (before, profile) = match self.own.profiles.get(&id).or_else(|| self.base.profiles.get(&id)) {
            Some(changed) => (changed.before.clone(), Arc::clone(&changed.now)),
            None => match self.ground.loaded.profiles.get(&id) {
                Some(loaded) => (Some(Arc::clone(loaded)), Arc::clone(loaded)),
                None => (None, Arc::new(Profile::new(id))),
            },
        };
        let times = Times { occurred_at, decided_at: self.ground.now.max(profile.decided_at) };
        let decision = self.decide(&profile, input, times)?;
        let n = profile.n + 1;
        let writing = Writing {
            profile: id,
            n,
            times,
            epoch: self.ground.rules.epoch,
            key: keys.key,
            unique: keys.unique,
            input,
            payload,
            decision: &decision,
            previous: profile.tail,
            salt: self.salts.next(),
        };
        let encoded = engine::record::encode(&writing);
        let mut now = Profile::clone(&profile);
        engine::evolve_written(&mut now, &writing, &encoded);
        self.note(id, n, times, &decision, encoded);
        self.own.profiles.insert(id, Changed { before, now: Arc::new(now) });
        Ok((n, decision))
    }

    fn decide(&mut self, profile: &Profile, input: &Input, times: Times) -> Result<Decision, Stop> {
        let ground = self.ground;
        let guarded = |deciding: &mut dyn FnMut() -> Result<Proposal, Fault>| {
            // A panic in a decision costs that decision, never the batch. The closure owns or only reads
            // what it touches, so nothing is left half-changed.
            catch_unwind(AssertUnwindSafe(deciding)).unwrap_or_else(|panic| {
                let what = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "no message".into());
                Err(Fault::new("internal", "engine", format!("panicked: {what}")))
            })
        };
        let mut proposal = guarded(&mut || (ground.decide)(&ground.rules, profile, input, times))?;
        loop {
            match proposal {
                Proposal::Decided(decision, _) => return Ok(*decision),
                Proposal::Demands(demand, suspended) => {
                    let Some((grant, rest)) = self.grants.split_first() else {
                        return Err(Stop::Needs(Demand {
                            counter: CounterKey(demand.counter),
                            ceiling: demand.ceiling,
                            amount: demand.amount,
                            part: demand.part,
                        }));
                    };
                    self.grants = rest;
                    let mut suspended = Some(suspended);
                    proposal = guarded(&mut || match suspended.take() {
                        Some(suspended) => engine::settle(suspended, grant.amount, grant.n),
                        None => Err(Fault::new("internal", "engine", "settled twice")),
                    })?;
                }
            }
        }
    }

    fn note(&mut self, id: ProfileId, n: u64, times: Times, decision: &Decision, encoded: Encoded) {
        let outside = decision.effects.iter().filter_map(|effect| match effect {
            Effect::Outbox(channel, _reactor, payload) => Some((channel, payload)),
            _ => None,
        });
        for (index, (channel, payload)) in outside.enumerate() {
            self.own.outbox.push(OutboxRow {
                profile: id,
                n,
                index: u16::try_from(index).unwrap_or(u16::MAX),
                channel: channel.as_ref().to_owned(),
                at: times.decided_at,
                incarnation: self.ground.incarnation,
                status: "recorded".into(),
                payload: payload.clone(),
            });
        }
        for group in &decision.groups {
            for posting in &group.postings {
                *self.own.sums.entry((group.currency.clone(), posting.account)).or_default() +=
                    posting.amount;
            }
        }
        self.own.records.push(NewRecord {
            stream: Stream::Profile(id),
            n,
            decided_at: times.decided_at,
            header: encoded.header,
            body: Some(encoded.body),
        });
    }
}

impl Working {
    /// Takes a finished item's changes in.
    pub(crate) fn merge(&mut self, item: Self) {
        self.profiles.extend(item.profiles);
        self.directory.extend(item.directory);
        for claim in item.claims {
            self.claim(claim);
        }
        self.forget.extend(item.forget);
        self.records.extend(item.records);
        for (key, amount) in item.sums {
            *self.sums.entry(key).or_default() += amount;
        }
        self.outbox.extend(item.outbox);
        self.quarantine.extend(item.quarantine);
        self.erase.extend(item.erase);
    }

    /// Two claims of one key in one batch are one: from what the first expected to what the last says.
    fn claim(&mut self, claim: Claim) {
        // The first claim of a key that was free has none before it, which is nearly every claim.
        let earlier = claim
            .expected
            .and_then(|_| self.claims.iter_mut().rev().find(|earlier| earlier.key == claim.key));
        match earlier {
            Some(earlier) => earlier.entry = claim.entry,
            None => self.claims.push(claim),
        }
    }
}
