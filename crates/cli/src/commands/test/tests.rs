//! The runner on small programs.

use program::{Program, document};

use super::{Tried, read, rules, run};

const PROGRAM: &str = r#"
kind: settings
key: program
spec: {time_zone: Europe/Berlin}
---
kind: event_type
key: order
spec:
  name: Order
  unique_by: properties.id
  schema:
    type: object
    required: [total]
    properties: {id: {type: string}, total: {type: number}}
---
kind: constant
key: factor
spec: {type: int, default: 1}
---
kind: trait
key: plan
spec: {type: string}
---
kind: currency
key: points
spec: {name: Points, pending_days: 14, expiry: {after_days: 365}}
---
kind: currency
key: gems
spec: {name: Gems}
---
kind: currency
key: coins
spec: {name: Coins, decimals: 2}
---
kind: metric
key: spend
spec: {event: order, aggregate: sum, of: properties.total}
---
kind: audience
key: big
spec: {condition: profile.metrics.spend > 100.0}
---
kind: reactor
key: earn
spec:
  trigger: {event: order}
  actions:
    - award: {currency: points, of: properties.total, rate: 1}
    - award: {currency: gems, amount: constants.factor}
---
kind: reactor
key: congratulate
spec:
  trigger: {audience_entered: big}
  limits: [{count: 1, window: lifetime}]
  actions:
    - send_message: {template: hello, channel: email, data: {spend: profile.metrics.spend}}
    - set_trait: {trait: plan, value: "'gold'"}
"#;

fn program() -> Program {
    let loaded = document::load(&[("p.yaml".into(), PROGRAM.into())]).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    Program::compile(&loaded.bundle).expect("it compiles")
}

fn faults(text: &str) -> Vec<String> {
    read::cases("c.yaml", text, &program()).map(|_| ()).expect_err("faults")
}

fn tried(text: &str) -> Vec<Tried> {
    let cases =
        read::cases("c.yaml", text, &program()).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    let ground = rules::Ground::new(program());
    cases.iter().map(|case| run::run(&ground, case)).collect()
}

fn passes(text: &str) {
    for one in tried(text) {
        assert!(one.passed, "{one:#?}");
    }
}

#[test]
fn points_mature_and_expire_as_the_clock_moves() {
    passes(
        r"
name: a lot's life
steps:
  - {event: Order, userId: ann, timestamp: 2026-01-10 12:00, properties: {total: 29.95}}
  - expect:
      balances: {ann: {points: {available: 0, pending: 29}, gems: 1}}
  - clock: advance 14d
  - expect:
      balances: {ann: {points: {available: 29, pending: 0}}}
      postings: {ann: [{reason: award, amount: 29}, {currency: gems}, {reason: mature, amount: 0}]}
  - clock: {until: 2027-01-09}
  - expect: {balances: {ann: {points: 29}}}
  - clock: advance 3 days
expect:
  balances: {ann: {points: 0}}
  audiences: {ann: []}
  metrics: {ann: {spend: 29.95}}
  quarantined: []
",
    );
}

#[test]
fn audiences_traits_and_the_outbox() {
    passes(
        r"
name: entering sends one message
constants: {factor: 3}
steps:
  - {event: Order, userId: ann, properties: {id: a, total: 60}}
  - {event: Order, userId: ann, properties: {id: b, total: 60.50}}
  - {event: Order, userId: ann, properties: {id: b, total: 60.50}}
  - {event: Order, userId: ann, properties: {id: c}}
  - {event: Order, userId: ann, properties: {id: d, total: 5}, messageId: step-1}
expect:
  audiences: {ann: [big]}
  traits: {ann: {plan: gold}}
  outbox: {ann: [{channel: email, reactor: congratulate, payload: {template: hello}}]}
  balances: {ann: {gems: 6}}
  duplicates: [step-3, step-1]
  quarantined: [{messageId: step-4, code: schema}]
",
    );
}

#[test]
fn people_merge_and_orders_are_carried_out() {
    passes(
        r"
name: one person
steps:
  - {event: Order, anonymousId: anon, properties: {id: a, total: 10}}
  - {type: identify, anonymousId: anon, userId: ann, traits: {plan: x}}
  - {event: Order, userId: bob, properties: {id: b, total: 10}}
  - {type: alias, previousId: bob, userId: ann}
  - credit: {userId: ann, currency: gems, amount: 10, reason: sorry}
  - debit: {userId: ann, currency: gems, amount: 2}
  - debit: {userId: ann, currency: gems, amount: 1000}
  - reverse: {userId: ann, event: step-1, reactor: earn}
  - expect:
      balances: {ann: {gems: 9}, bob: {gems: 9}, anon: {gems: 9}}
      refused: 1
  - switch: {off: earn}
  - {event: Order, userId: ann, properties: {id: c, total: 10}}
  - switch: {on: earn}
  - expect: {balances: {ann: {gems: 9}}}
  - erase: {userId: ann}
expect:
  balances: {ann: {gems: 0}}
  refused: 1
",
    );
}

/// Cases are written in smallest units; what people read is told beside them.
#[test]
fn a_failure_says_amounts_as_they_are_written_and_as_they_are_read() {
    let tried = tried(
        r"
name: wrong on purpose
steps:
  - {event: Order, userId: ann, properties: {total: 5}}
  - credit: {userId: ann, currency: coins, amount: 840, reason: sorry}
  - debit: {userId: ann, currency: coins, amount: 900, reason: sorry}
expect:
  balances: {ann: {coins: {available: 800, pending: 0}}}
  postings: {ann: [{currency: coins, amount: -5}]}
  refused: 0
",
    );
    let [balance, postings, refused] = tried[0].failures.as_slice() else { panic!("{tried:#?}") };
    assert_eq!(balance.expected, "800 (8.00) available, 0 (0.00) pending");
    assert_eq!(balance.got, "840 (8.40) available, 0 (0.00) pending");
    assert_eq!(postings.expected, "* -5 (-0.05) coins");
    assert_eq!(postings.got, "award 5 points by earn; award 1 gems by earn; adjust 840 (8.40) coins");
    assert!(refused.got.contains("the wallet holds 8.40 coins, 9.00 were asked for"), "{}", refused.got);
}

#[test]
fn a_failure_says_what_was_expected_what_came_and_why() {
    let tried = tried(
        r"
name: wrong on purpose
steps:
  - {event: Order, userId: ann, properties: {total: 5}}
expect:
  balances: {ann: {gems: 2}}
  outbox: {ann: [{channel: sms}]}
",
    );
    let [one] = tried.as_slice() else { panic!("one case") };
    assert!(!one.passed);
    let [balance, outbox] = one.failures.as_slice() else { panic!("{one:#?}") };
    assert_eq!((balance.at.as_str(), balance.what.as_str()), ("c.yaml:6:14", "balances/ann/gems"));
    assert_eq!((balance.expected.as_str(), balance.got.as_str()), ("2", "1"));
    let trace = balance.trace.join("\n");
    assert!(trace.contains("Order (step-1)") && trace.contains("+ earn"), "{trace}");
    assert_eq!((outbox.expected.as_str(), outbox.got.as_str()), ("sms by *", "nothing"));
}

#[test]
fn every_fault_of_a_case_is_told_with_its_place() {
    let told = faults(
        r"name: faulty
constants: {facto: 2}
steps:
  - {evnt: Order, userId: ann}
  - {event: Order, userid: ann, userId: ann}
  - clock: forward 3d
  - credit: {userId: ann, currency: pionts, amount: 1}
expect:
  balance: {ann: {points: 1}}
  audiences: {ann: [bigg]}
  metrics: {ann: {spent: 1}}
",
    );
    for expected in [
        "c.yaml:2:13: unknown constant `facto`; did you mean `factor`?",
        "c.yaml:4:6: unknown field `evnt`; did you mean `event`?",
        "c.yaml:5:20: unknown field `userid`; did you mean `userId`?",
        "c.yaml:6:12: write `clock: advance 30d`",
        "c.yaml:7:37: unknown currency `pionts`; did you mean `points`?",
        "c.yaml:9:3: unknown field `balance`; did you mean `balances`?",
        "c.yaml:10:21: unknown audience `bigg`; did you mean `big`?",
        "c.yaml:11:19: unknown metric `spent`; did you mean `spend`?",
    ] {
        assert!(told.iter().any(|one| one.starts_with(expected)), "{expected}\n{told:#?}");
    }
    assert!(faults("name: x\nsteps: []\n")[0].contains("expects nothing"));
}

#[test]
fn the_record_shops_cases_pass() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/record-shop");
    let files = crate::commands::files::read(&folder).expect("the example is there");
    let bundle = document::load(&files).expect("it checks").bundle;
    let program = Program::compile(&bundle).expect("it compiles");
    let texts = crate::commands::files::read_where(&folder, super::is_test).expect("its cases are there");
    let mut count = 0;
    for (name, text) in texts {
        let cases =
            read::cases(&name, &text, &program).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        let ground = rules::Ground::new(Program::compile(&bundle).expect("it compiles"));
        for case in &cases {
            let tried = run::run(&ground, case);
            assert!(tried.passed, "{tried:#?}");
            count += 1;
        }
    }
    assert!(count >= 5, "{count} cases");
}
