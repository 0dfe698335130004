//! What `verify` and a rehearsal do with a record, step by step, on the load generator's program and messages. Run with
//! `cargo bench -p engine --bench replay`. Quote the ratios; absolute figures depend on the machine.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and stops when it is broken")]
#![allow(clippy::disallowed_methods, reason = "it measures time; the engine itself has no clock")]

mod ground;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    Identity, Input, Message, Profile, Proposal, Rules, Times, decide, evolve_written,
    record::{self, Encoded, Writing},
    replay,
};

const MEMBERS: u32 = 2_000;
/// One identify, then tracks.
const RECORDS_EACH: u32 = 3;
const ROUNDS: u32 = 12;

fn identify(member: u32) -> String {
    format!(
        r#"{{"messageId":"member-1-{member}","type":"identify","userId":"u_{member:09}","traits":{{"tier":"gold","country":"DE","email":"user{member}@example.com","consent":true,"firstName":"First{member}","lastName":"Last{member}","language":"de-DE","birthday":"1988-04-12","phone":"+4917{member}","createdAt":"2024-03-01T09:00:00.000Z","plan":"standard","favoriteStore":"berlin-01","tags":["newsletter","app","vip-candidate"],"referralCode":"REF{member}"}},"occurredAt":"2026-01-01T10:20:30Z","receivedAt":"2026-01-01T10:20:30.123456Z","source":"server"}}"#
    )
}

fn track(member: u32, n: u32) -> String {
    let event = ["Order Completed", "Product Viewed", "Cart Viewed", "App Opened"][(member + n) as usize % 4];
    format!(
        r#"{{"messageId":"5f0c8a50-1111-4222-8333-{member:06}{n:06}","type":"track","userId":"u_{member:09}","event":"{event}","properties":{{"order_id":"ord_{member:08}","total":{}.{:02},"currency":"EUR","coupon":"WELCOME10","channel":"web","store":"berlin-35","sample":{},"products":[{{"product_id":"p_0364","category":"shoes","price":71.52,"quantity":2}},{{"product_id":"p_0361","category":"hats","price":11.50,"quantity":1}}]}},"occurredAt":"2026-01-02T10:20:{:02}.123Z","receivedAt":"2026-01-02T10:20:30.456789Z","source":"server"}}"#,
        member % 190 + 5,
        member % 100,
        (member * 7 + n) % 100,
        n % 60,
    )
}

/// The records of some members, as a journal keeps them.
fn journal(rules: &Rules) -> Vec<(Profile, Vec<Encoded>)> {
    (0..MEMBERS)
        .map(|member| {
            let mut state = Profile::new(engine::decide::profile_id_for(&format!("member-1-{member}")));
            let mut records = Vec::new();
            for n in 0..RECORDS_EACH {
                let text = if n == 0 { identify(member) } else { track(member, n) };
                let message: Message = serde_json::from_str(&text).expect("a message");
                let times = Times::new(message.occurred_at, message.received_at);
                let claims = if n == 0 { vec![Identity::User(format!("u_{member:09}"))] } else { Vec::new() };
                let input = Input::Message(Arc::new(message), claims);
                let Ok(Proposal::Decided(decision, _)) = decide(rules, &state, &input, times) else {
                    unreachable!("the program has no budgets")
                };
                let writing = Writing {
                    profile: state.id,
                    n: state.n + 1,
                    times,
                    epoch: 1,
                    key: Some([7; 16]),
                    unique: None,
                    input: &input,
                    payload: None,
                    decision: &decision,
                    previous: state.tail,
                    salt: [9; 16],
                };
                let encoded = record::encode(&writing);
                evolve_written(&mut state, &writing, &encoded);
                records.push(encoded);
            }
            (state, records)
        })
        .collect()
}

/// Where the time went.
#[derive(Default)]
struct Spent(BTreeMap<&'static str, Duration>);

impl Spent {
    fn on<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let done = work();
        *self.0.entry(what).or_default() += begin.elapsed();
        done
    }
}

fn main() {
    let rules = ground::rules("benches/program");
    let journal = journal(&rules);
    let bytes: usize =
        journal.iter().flat_map(|(_, records)| records).map(|one| one.header.len() + one.body.len()).sum();
    let records = MEMBERS * RECORDS_EACH;
    println!("{} bytes a record, {} a state", bytes / records as usize, journal[0].0.encode().len());
    let mut best: BTreeMap<&'static str, f64> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let (mut spent, mut scratch) = (Spent::default(), Vec::new());
        let begin = Instant::now();
        for (end, records) in &journal {
            let mut state = Profile::new(end.id);
            for encoded in records {
                let opened = spent
                    .on("1 open", || record::open(&encoded.header, Some(&encoded.body)))
                    .expect("it reads back");
                let (again, after) = spent
                    .on("2 decide", || replay::retrace(&rules, state, &opened, &Arc::from([])))
                    .expect("it is decided");
                assert!(spent.on("3 compare", || opened.holds(&again, &mut scratch)));
                spent.on("4 let go of the record", || drop((opened, again)));
                state = after;
            }
            spent.on("5 encode the state", || assert_eq!(state.encode().len(), end.encode().len()));
            spent.on("6 let go of the state", || drop(state));
        }
        spent.0.insert("all", begin.elapsed());
        for (what, time) in spent.0 {
            let each = time.as_secs_f64() * 1e6 / f64::from(records);
            let best = best.entry(what).or_insert(each);
            *best = best.min(each);
        }
    }
    for (what, each) in best {
        println!("{what:<30} {each:>8.2} µs a record");
    }
}
