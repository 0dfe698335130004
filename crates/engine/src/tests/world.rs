//! A small environment in memory: profiles, a directory, counters, a journal. What the runtime does, in the
//! order in which it does it.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use ledger::ProfileId;
use program::{Bundle, Program, document};
use serde_json::{Value as Json, json};

use crate::{
    Admission, Decision, Demanded, Fault, Identity, Input, Known, Message, Profile, Rules, Times, Trace,
    admit,
    decide::{Stop, reckon},
    evolve, evolve_written,
    input::{Command, Order},
    record::{self, Encoded, Writing},
    replay, resolve,
    resolve::Owner,
    rules::Index,
};

pub(super) fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T12:00:00Z") };
    text.parse().expect("a time")
}

pub(super) fn compile(yaml: &str) -> Arc<Program> {
    let loaded = document::load(&[("program.yaml".to_owned(), yaml.to_owned())]).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    });
    let bundle: Bundle = loaded.bundle;
    Arc::new(Program::compile(&bundle).expect("a checked bundle compiles"))
}

pub(super) fn rules(yaml: &str, epoch: u64, since: &str) -> Rules {
    let program = compile(yaml);
    let constants: std::collections::BTreeMap<_, _> = program
        .constants
        .iter()
        .filter_map(|(key, constant)| {
            let json = constant.default.as_ref()?;
            Some((key.clone(), program::expression::Value::from_json(json, &constant.of_type)?))
        })
        .collect();
    let index = Arc::new(Index::new(&program));
    Rules {
        basis: crate::rules::basis(&program, &index, &constants),
        epoch,
        since: at(since),
        react_on_upgrade: false,
        constants,
        switched_off: std::collections::BTreeSet::new(),
        live: false,
        index,
        program,
    }
}

pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) profiles: BTreeMap<ProfileId, Profile>,
    pub(super) journal: BTreeMap<ProfileId, Vec<Encoded>>,
    pub(super) counters: BTreeMap<String, (i64, u64)>,
    pub(super) identities: BTreeMap<Identity, ProfileId>,
    pub(super) last_trace: Trace,
    /// Every epoch there was.
    pub(super) epochs: BTreeMap<u64, Rules>,
    messages: u64,
}

impl World {
    pub(super) fn new(yaml: &str) -> Self {
        let rules = rules(yaml, 1, "1990-01-01");
        Self {
            epochs: BTreeMap::from([(1, rules.clone())]),
            rules,
            profiles: BTreeMap::new(),
            journal: BTreeMap::new(),
            counters: BTreeMap::new(),
            identities: BTreeMap::new(),
            last_trace: Trace::default(),
            messages: 0,
        }
    }

    /// Promotes another program.
    pub(super) fn promote(&mut self, yaml: &str, since: &str) {
        self.change(rules(yaml, self.rules.epoch + 1, since));
    }

    pub(super) fn change(&mut self, rules: Rules) {
        self.epochs.insert(rules.epoch, rules.clone());
        self.rules = rules;
    }

    pub(super) fn profile(&self, id: ProfileId) -> &Profile {
        &self.profiles[&id]
    }

    #[expect(clippy::needless_pass_by_value, reason = "stories write `json!` in the call")]
    pub(super) fn message(&mut self, when: &str, json: Json) -> Message {
        self.messages += 1;
        let mut object = json!({
            "messageId": format!("m{}", self.messages), "type": "track", "occurredAt": at(when).to_string(),
            "receivedAt": at(when).to_string(), "source": "server",
        });
        for (name, value) in json.as_object().expect("an object") {
            object[name] = value.clone();
        }
        serde_json::from_value(object).expect("a message")
    }

    /// Sends a message the whole way; the profile it was decided for.
    pub(super) fn send(&mut self, when: &str, json: Json) -> ProfileId {
        let message = self.message(when, json);
        self.deliver(message).expect("it is decided")
    }

    pub(super) fn order(&mut self, who: &str, when: &str, total: &str) -> ProfileId {
        let total: Json = serde_json::from_str(total).expect("a number");
        self.send(when, json!({"event": "Order Completed", "userId": who, "properties": {"total": total}}))
    }

    pub(super) fn deliver(&mut self, message: Message) -> Result<ProfileId, Fault> {
        if let Admission::Quarantine { code, problems } = admit(&self.rules, &message) {
            return Err(Fault::new(code, "admission", format!("{problems:?}")));
        }
        let occurred_at = message.occurred_at;
        let owner = |identity: Identity| {
            let mut profile = *self.identities.get(&identity)?;
            while let crate::profile::Standing::MergedInto(into) = self.profiles[&profile].standing {
                profile = into;
            }
            let known = self.profiles[&profile].standing == crate::profile::Standing::Known;
            Some(Owner { profile, known })
        };
        let user = |id: &Option<String>| owner(Identity::User(id.clone()?));
        let anonymous = |id: &Option<String>| owner(Identity::Anonymous(id.clone()?));
        let known = Known {
            user: user(&message.user_id),
            anonymous: anonymous(&message.anonymous_id),
            previous: user(&message.previous_id).or_else(|| anonymous(&message.previous_id)),
        };
        let resolution = resolve(&message, known);
        let target = resolution.target;
        for from in resolution.merges {
            self.ready(from, occurred_at)?;
            let state = Box::new(self.profiles[&from].clone());
            self.ready(target, occurred_at)?;
            self.decide(from, &Input::MergeOut { into: target }, occurred_at)?;
            self.decide(target, &Input::MergeIn { from, state }, occurred_at)?;
        }
        self.ready(target, occurred_at)?;
        self.decide(target, &Input::Message(Arc::new(message), resolution.claims.clone()), occurred_at)?;
        for identity in resolution.claims {
            self.identities.insert(identity, target);
        }
        Ok(target)
    }

    /// Upgrades, and fires what is due.
    pub(super) fn ready(&mut self, id: ProfileId, until: Timestamp) -> Result<(), Fault> {
        let Some(profile) = self.profiles.get(&id) else { return Ok(()) };
        if self.rules.needs_upgrade(profile) {
            let history: Arc<[Message]> = self.history(id).into();
            let input = Input::Upgrade { react: self.rules.react_on_upgrade, history };
            self.decide(id, &input, self.rules.since)?;
        }
        while let Some(due) = self.profiles[&id].due_before(until) {
            self.decide(id, &Input::Timer, due)?;
        }
        Ok(())
    }

    pub(super) fn advance(&mut self, until: &str) {
        for id in self.profiles.keys().copied().collect::<Vec<_>>() {
            self.ready(id, at(until)).expect("timers are decided");
        }
    }

    pub(super) fn command(&mut self, id: ProfileId, when: &str, order: Order) -> Result<Decision, Fault> {
        self.ready(id, at(when))?;
        let command = Command { actor: "key/ops".into(), reason: "as agreed".into(), order };
        self.decide(id, &Input::Command(command), at(when))
    }

    fn history(&self, id: ProfileId) -> Vec<Message> {
        let recorded = self.journal[&id]
            .iter()
            .map(|it| record::decode(&it.header, Some(&it.body)).expect("what was written reads back"));
        recorded.flat_map(|recorded| replay::history_of(&recorded)).collect()
    }

    /// Decides, records, reads back, evolves; and checks that all of it agrees.
    pub(super) fn decide(
        &mut self,
        id: ProfileId,
        input: &Input,
        occurred_at: Timestamp,
    ) -> Result<Decision, Fault> {
        let before = self.profiles.get(&id).cloned().unwrap_or_else(|| Profile::new(id));
        let decided_at = before.decided_at.max(occurred_at);
        let times = Times::new(occurred_at, decided_at);
        let mut grants: Vec<Demanded> = Vec::new();
        let mut counters = self.counters.clone();
        let (decision, trace, mut expected) = loop {
            match reckon(&self.rules, before.clone(), input, times, &grants, true) {
                Ok(decided) => break decided,
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Demand(demand)) => {
                    let (used, n) = counters.entry(demand.counter.clone()).or_default();
                    let left = (demand.ceiling - *used).max(0);
                    let granted = match demand.amount {
                        amount if amount <= left => amount,
                        _ if demand.part => left,
                        _ => 0,
                    };
                    *used += granted;
                    *n += 1;
                    grants.push(Demanded {
                        counter: demand.counter,
                        ceiling: demand.ceiling,
                        asked: demand.amount,
                        part: demand.part,
                        granted,
                        n: *n,
                    });
                }
            }
        };
        self.counters = counters;
        let writing = Writing {
            profile: id,
            n: before.n + 1,
            times,
            epoch: self.rules.epoch,
            key: Some([7; 16]),
            unique: None,
            input,
            payload: None,
            decision: &decision,
            previous: before.tail,
            salt: [9; 16],
        };
        let encoded = record::encode(&writing);
        let recorded = record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back");
        assert_eq!(recorded.decision, decision, "the decision reads back equal");
        let opened = record::open(&encoded.header, Some(&encoded.body)).expect("it opens");
        assert_eq!(replay::misfit(&before, &opened), None);

        let mut after = before.clone();
        evolve(&mut after, &recorded);
        expected.tail = recorded.hash;
        assert_eq!(after, expected, "evolving comes to what deciding worked on");
        assert_eq!(after.encode(), expected.encode());
        assert_eq!(Profile::decode(&after.encode()).as_ref(), Ok(&after));
        let mut live = before.clone();
        evolve_written(&mut live, &writing, &encoded);
        assert_eq!(live, after, "what was just encoded needs no decoding");
        let (again, ..) = reckon(&self.rules, before.clone(), input, times, &grants, false)
            .map_err(|stop| format!("{stop:?}"))
            .expect("it is decided again");
        assert_eq!(again, decision, "a trace changes nothing");

        assert!(after.due_at.is_none_or(|due| due > times.occurred_at || !matches!(input, Input::Timer)));
        self.profiles.insert(id, after);
        self.journal.entry(id).or_default().push(encoded);
        self.last_trace = trace;
        Ok(decision)
    }

    /// Decides the whole journal again under the recorded epochs, and compares.
    pub(super) fn verify(&self) {
        for (id, records) in &self.journal {
            let mut state = Profile::new(*id);
            let mut history = Vec::new();
            for encoded in records {
                let recorded = record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back");
                let rules = &self.epochs[&recorded.epoch];
                let opened = record::open(&encoded.header, Some(&encoded.body)).expect("it opens");
                let (decided, after) =
                    replay::retrace(rules, state.clone(), &opened, &Arc::from(history.clone()))
                        .expect("it is decided again");
                assert_eq!(replay::difference(&recorded.decision, &decided), None);
                assert!(opened.holds(&decided, &mut Vec::new()));
                let mut less = decided.clone();
                if less.effects.pop().is_some() || less.groups.pop().is_some() {
                    assert!(!opened.holds(&less, &mut Vec::new()));
                }
                history.extend(replay::history_of(&recorded));
                evolve(&mut state, &recorded);
                assert_eq!(after, state, "deciding and evolving come to the same");
            }
            assert_eq!(state.encode(), self.profile(*id).encode());
        }
    }

    pub(super) fn balance(&self, id: ProfileId, currency: &str) -> i64 {
        self.profile(id).wallets.wallet(&currency.into()).available()
    }

    pub(super) fn metric(&self, id: ProfileId, key: &str, when: &str) -> Option<program::expression::Value> {
        let values = crate::view::metric_values(&self.rules, self.profile(id), at(when));
        values.into_iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
    }

    /// What stopped each reactor last time, in words; "fired" if nothing did.
    pub(super) fn considered(&self) -> Vec<(String, String)> {
        self.last_trace
            .considered
            .iter()
            .map(|it| (it.reactor.to_string(), it.stopped.clone().unwrap_or_else(|| "fired".into())))
            .collect()
    }
}
