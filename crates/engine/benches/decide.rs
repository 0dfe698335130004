//! How long a typical purchase takes: decide, record, evolve, for a member of the record shop. Run with
//! `cargo bench -p engine`. Quote the ratios; absolute figures depend on the machine.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and stops when it is broken")]
#![allow(clippy::disallowed_methods, reason = "it measures time; the engine itself has no clock")]

mod ground;

use std::{hint::black_box, sync::Arc, time::Instant};

use engine::{
    Input, Message, Profile, Proposal, Times, admit, decide, decide_traced, evolve, evolve_written,
    record::{self, Writing},
};

const ROUNDS: u32 = 40_000;

fn payload(n: u32) -> String {
    format!(
        r#"{{"messageId":"order-{n:08}","type":"track","userId":"member-4711","event":"Order Completed","properties":{{"order_id":"o-{n:08}","total":{}.{:02},"quantity":2,"currency":"USD"}},"context":{{"library":{{"name":"analytics-node","version":"3.1.0"}}}},"occurredAt":"1997-{:02}-{:02}T10:20:30Z","receivedAt":"1997-01-01T10:20:30Z","source":"server"}}"#,
        n % 90 + 5,
        n % 100,
        n / 2400 % 12 + 1,
        n / 100 % 28 + 1
    )
}

fn measure<T>(what: &str, mut each: impl FnMut(u32) -> T) {
    let start = Instant::now();
    for n in 0..ROUNDS {
        black_box(each(n));
    }
    println!("{what:<42} {:>8.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
}

fn decided(proposal: Result<Proposal, engine::Fault>) -> engine::Decision {
    match proposal.expect("it is decided") {
        Proposal::Decided(decision, _) => *decision,
        Proposal::Demands(..) => unreachable!("the record shop has no budgets"),
    }
}

fn main() {
    let rules = ground::rules("examples/record-shop");
    let texts: Vec<String> = (0..ROUNDS).map(payload).collect();
    let messages: Vec<Arc<Message>> =
        texts.iter().map(|text| Arc::new(serde_json::from_str(text).expect("a message"))).collect();
    let inputs: Vec<Input> =
        messages.iter().map(|message| Input::Message(Arc::clone(message), Vec::new())).collect();
    let times: Vec<Times> =
        messages.iter().map(|message| Times::new(message.occurred_at, message.received_at)).collect();

    // A member with a few orders behind them.
    let mut member = Profile::new(engine::decide::profile_id_for("order-00000000"));
    for at in 0..6 {
        let decision = decided(decide(&rules, &member, &inputs[at], times[at]));
        member = after(&member, &inputs[at], times[at], &decision).0;
    }
    let bytes = member.encode();
    let decision = decided(decide(&rules, &member, &inputs[9], times[9]));
    let (_, encoded) = after(&member, &inputs[9], times[9], &decision);
    println!("state {} bytes, header {}, body {}", bytes.len(), encoded.header.len(), encoded.body.len());

    let at = |n: u32| usize::try_from(n).expect("small");
    measure("parse the message", |n| serde_json::from_str::<Message>(&texts[at(n)]));
    measure("admit", |n| admit(&rules, &messages[at(n)]));
    measure("decide", |n| decide(&rules, &member, &inputs[at(n)], times[at(n)]));
    measure("decide, with a trace", |n| decide_traced(&rules, &member, &inputs[at(n)], times[at(n)]));
    measure("encode the record", |n| {
        record::encode(&writing(&member, &inputs[at(n)], times[at(n)], &decision))
    });
    measure("decode the record", |_| record::decode(&encoded.header, Some(&encoded.body)));
    measure("decode the state", |_| Profile::decode(&bytes));
    measure("encode the state", |_| member.encode());
    let recorded = record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back");
    measure("copy the state and evolve", |_| {
        let mut copy = member.clone();
        evolve(&mut copy, &recorded);
        copy
    });
    measure("decide, encode, evolve, encode the state", |n| {
        let decision = decided(decide(&rules, &member, &inputs[at(n)], times[at(n)]));
        after(&member, &inputs[at(n)], times[at(n)], &decision).0.encode()
    });
}

fn writing<'a>(
    before: &Profile,
    input: &'a Input,
    times: Times,
    decision: &'a engine::Decision,
) -> Writing<'a> {
    Writing {
        profile: before.id,
        n: before.n + 1,
        times,
        epoch: 1,
        key: Some([7; 16]),
        unique: Some([8; 16]),
        input,
        payload: None,
        decision,
        previous: before.tail,
        salt: [9; 16],
    }
}

fn after(
    before: &Profile,
    input: &Input,
    times: Times,
    decision: &engine::Decision,
) -> (Profile, record::Encoded) {
    let writing = writing(before, input, times, decision);
    let encoded = record::encode(&writing);
    let mut copy = before.clone();
    evolve_written(&mut copy, &writing, &encoded);
    (copy, encoded)
}
