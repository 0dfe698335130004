//! Reactors: what stops them, what they do, in which order.

use serde_json::json;

use super::{
    stories::SHOP,
    world::{World, at},
};
use crate::{Effect, Outcome, Stopped, input::Order};

fn with(more: &str) -> World {
    World::new(&format!("{SHOP}---\n{more}"))
}

fn outcomes(world: &World, id: ledger::ProfileId) -> Vec<(u16, String, Option<Stopped>)> {
    let last = world.journal[&id].last().expect("a record");
    let recorded = crate::record::decode(&last.header, Some(&last.body)).expect("it reads back");
    let outcome = |Outcome { step, reactor, stopped }| (step, reactor.to_string(), stopped);
    recorded.decision.outcomes.into_iter().map(outcome).collect()
}

/// What became of one reactor in the last record.
fn outcome(world: &World, id: ledger::ProfileId, reactor: &str) -> Vec<Option<Stopped>> {
    outcomes(world, id).into_iter().filter(|it| it.1 == reactor).map(|it| it.2).collect()
}

#[test]
fn limits_count_in_windows_of_the_events_own_time() {
    let mut world = with(
        r"
kind: reactor
key: daily
spec:
  trigger: {event: order_completed}
  limits: [{count: 2, window: day}, {count: 3, window: month}]
  actions: [{award: {currency: points, amount: 1000}}]
",
    );
    let mut stopped = |when: &str| {
        let id = world.order("ann", when, "0.5");
        outcome(&world, id, "daily")[0].clone()
    };
    assert_eq!(stopped("1997-01-10T08:00:00Z"), None);
    assert_eq!(stopped("1997-01-10T09:00:00Z"), None);
    assert_eq!(stopped("1997-01-10T10:00:00Z"), Some(Stopped::Limit(0, 2)));
    assert_eq!(stopped("1997-01-12T10:00:00Z"), None);
    assert_eq!(stopped("1997-01-13T10:00:00Z"), Some(Stopped::Limit(1, 3)));
    assert_eq!(stopped("1997-02-01T10:00:00Z"), None);
    // Late: its own day and month count. January is used up, the December before is not.
    assert_eq!(stopped("1997-01-20T10:00:00Z"), Some(Stopped::Limit(1, 3)));
    assert_eq!(stopped("1996-12-31T10:00:00Z"), None);
    world.verify();
}

#[test]
fn a_window_too_old_to_be_counted_is_used_up() {
    let mut world = with(
        r"
kind: reactor
key: daily
spec:
  trigger: {event: order_completed}
  limits: [{count: 1, window: day}]
  actions: [{award: {currency: points, amount: 1}}]
",
    );
    let mut id = world.order("ann", "1997-03-01", "0.5");
    for day in 2..=31 {
        id = world.order("ann", &format!("1997-03-{day:02}"), "0.5");
    }
    world.order("ann", "1997-04-01", "0.5");
    // 32 days are kept now; a day before them that was never seen was not full, but nobody knows any more.
    assert_eq!(outcome(&world, id, "daily"), [None]);
    world.order("ann", "1997-02-01", "0.5");
    assert_eq!(outcome(&world, id, "daily"), [Some(Stopped::Limit(0, 1))]);
}

#[test]
fn schedules_switches_and_priorities() {
    let mut world = with(
        r"
kind: reactor
key: spring
spec:
  priority: 10
  trigger: {event: order_completed}
  schedule: {from: 1997-03-01T00:00:00Z, until: 1997-06-01T00:00:00Z}
  actions: [{award: {currency: points, amount: 7}}]
",
    );
    let mut spring = |when: &str| {
        let id = world.order("ann", when, "1");
        (outcomes(&world, id)[0].1.clone(), outcome(&world, id, "spring")[0].clone())
    };
    let spring_is_first = "spring".to_owned();
    assert_eq!(spring("1997-02-28T23:59:59Z"), (spring_is_first.clone(), Some(Stopped::Schedule)));
    assert_eq!(spring("1997-03-01T00:00:00Z"), (spring_is_first.clone(), None));
    assert_eq!(spring("1997-05-31T23:59:59Z"), (spring_is_first.clone(), None));
    assert_eq!(spring("1997-06-01T00:00:00Z"), (spring_is_first, Some(Stopped::Schedule)));
    let mut off = world.rules.clone();
    off.epoch += 1;
    off.switched_off.insert(program::Key::new("points_for_orders").expect("a key"));
    world.change(off);
    let id = world.order("ann", "1997-06-02", "1");
    assert_eq!(outcome(&world, id, "points_for_orders"), [Some(Stopped::SwitchedOff)]);
    world.verify();
}

#[test]
fn entering_and_leaving_set_off_reactors_in_steps_of_their_own() {
    let mut world = with(
        r#"
kind: audience
key: rich
spec: {condition: "in_audience('big_spenders') && profile.balances.points >= 600"}
---
kind: reactor
key: welcome
spec:
  trigger: {audience_entered: big_spenders}
  actions:
    - award: {currency: points, amount: 100}
    - send_message: {template: welcome, channel: email, data: {points: profile.balances.points}}
---
kind: reactor
key: gift
spec:
  trigger: {audience_entered: rich}
  actions: [{deduct: {currency: points, amount: 300}}]
---
kind: reactor
key: sorry
spec:
  trigger: {audience_left: rich}
  actions: [{call_webhook: {url: "https://hooks.example.com/left", data: {who: "'them'"}}}]
"#,
    );
    let id = world.order("ann", "1997-01-01", "500.01");
    let steps: Vec<(u16, String, Option<Stopped>)> =
        outcomes(&world, id).into_iter().filter(|it| it.2.is_none()).collect();
    let expected = [(0, "points_for_orders"), (1, "welcome"), (2, "gift"), (3, "sorry")];
    assert_eq!(steps, expected.map(|(step, key)| (step, key.to_owned(), None)));
    assert_eq!(world.balance(id, "points"), 300);
    let last = world.journal[&id].last().expect("a record");
    let recorded = crate::record::decode(&last.header, Some(&last.body)).expect("it reads back");
    let outbox: Vec<(String, String, String)> = recorded
        .decision
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Outbox(channel, reactor, payload) => {
                Some((channel.to_string(), reactor.to_string(), payload.clone()))
            }
            _ => None,
        })
        .collect();
    // Within one firing, values are those before it: 500 points, not 600.
    let expected = [
        ("email", "welcome", r#"{"data":{"points":500},"template":"welcome"}"#),
        (
            "webhook",
            "sorry",
            r#"{"data":{"who":"them"},"secret":null,"url":"https://hooks.example.com/left"}"#,
        ),
    ];
    assert_eq!(outbox, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    world.verify();
}

const BUDGET: &str = r"
kind: reactor
key: campaign
spec:
  trigger: {event: order_completed}
  budget: {currency: points, amount: 250, when_short: WHEN}
  actions:
    - award: {currency: points, amount: 60}
    - award: {currency: points, amount: 40}
";

#[test]
fn a_budget_is_shared_and_gives_part_or_nothing() {
    for (when_short, third, total) in [("part", None, 50), ("nothing", Some(Stopped::Budget), 0)] {
        let mut world = with(&BUDGET.replace("WHEN", when_short));
        for who in ["ann", "bob"] {
            let id = world.order(who, "1997-01-01", "0.5");
            assert_eq!(outcome(&world, id, "campaign"), [None]);
            assert_eq!(world.balance(id, "points"), 100);
        }
        let id = world.order("cay", "1997-01-01", "0.5");
        assert_eq!(outcome(&world, id, "campaign"), [third], "{when_short}");
        assert_eq!(world.balance(id, "points"), total);
        let id = world.order("dan", "1997-01-01", "0.5");
        // What is left of the budget after `nothing` (50) does not cover it either.
        assert_eq!(outcome(&world, id, "campaign"), [Some(Stopped::Budget)]);
        world.verify();
    }
}

#[test]
fn settling_comes_to_the_same_decision_as_recorded_grants() {
    let mut world = with(&BUDGET.replace("WHEN", "part"));
    let id = world.order("ann", "1997-01-01", "0.5");
    let recorded = {
        let first = &world.journal[&id][0];
        crate::record::decode(&first.header, Some(&first.body)).expect("it reads back")
    };
    let input = recorded.input.clone().expect("a body");
    let before = crate::Profile::new(id);
    let crate::Proposal::Demands(demand, suspended) =
        crate::decide(&world.rules, &before, &input, recorded.times).expect("it is decided")
    else {
        panic!("a budget is asked first")
    };
    assert_eq!((demand.counter.as_str(), demand.amount, demand.part), ("budget/reactor/campaign", 100, true));
    let settled = crate::settle(suspended, 100, 1).expect("it is settled");
    let crate::Proposal::Decided(decision, _) = settled else { panic!("nothing more is asked") };
    assert_eq!(*decision, recorded.decision);

    let crate::Proposal::Demands(_, suspended) =
        crate::decide(&world.rules, &before, &input, recorded.times).expect("it is decided")
    else {
        panic!("a budget is asked first")
    };
    assert_eq!(crate::settle(suspended, 101, 1).expect_err("too much").code, "grants");
}

#[test]
fn a_deduction_that_finds_too_little_stops_the_whole_firing() {
    let mut world = with(
        r#"
kind: event_type
key: redeem
spec: {name: Redeem, schema: {type: object, required: [points], properties: {points: {type: integer}}}}
---
kind: event_type
key: redeemed
spec: {name: Redeemed, schema: {type: object, properties: {points: {type: integer}}}}
---
kind: reactor
key: redeem_all
spec:
  trigger: {event: redeem}
  actions:
    - deduct: {currency: points, amount: "event.properties.points"}
    - emit_event: {event: redeemed, properties: {points: event.properties.points}}
---
kind: reactor
key: redeem_part
spec:
  trigger: {event: redeemed}
  actions: [{deduct: {currency: points, amount: 15, when_short: part}}]
"#,
    );
    world.order("ann", "1997-01-01", "30");
    let redeem = |points: i64| json!({"event": "Redeem", "userId": "ann", "properties": {"points": points}});
    let id = world.send("1997-01-02", redeem(31));
    assert_eq!(outcome(&world, id, "redeem_all"), [Some(Stopped::Short)]);
    assert_eq!(world.considered()[0].1, "the wallet holds 30 points, it takes 31");
    assert_eq!(world.balance(id, "points"), 30);
    world.send("1997-01-03", redeem(20));
    assert_eq!(outcome(&world, id, "redeem_all"), [None]);
    assert_eq!(world.balance(id, "points"), 0, "20, and the 10 that were left of 15");
    world.send("1997-01-04", redeem(-5));
    assert_eq!(outcome(&world, id, "redeem_all"), [Some(Stopped::Error)]);
    world.verify();
}

const CHAIN: &str = r"
kind: event_type
key: knock
spec: {name: Knock, schema: {type: object, properties: {n: {type: integer}}}}
---
kind: metric
key: knocks
spec: {event: knock, aggregate: count}
---
kind: reactor
key: echo
spec:
  trigger: {event: knock}
  actions: [{emit_event: {event: knock}}]
";

#[test]
fn emitted_events_are_bounded_in_depth() {
    let mut world = World::new(CHAIN);
    let id = world.send("1997-01-01", json!({"event": "Knock", "userId": "ann"}));
    let echoes = outcome(&world, id, "echo");
    assert_eq!(echoes.len(), crate::EMIT_DEPTH_MAX + 1);
    assert_eq!(echoes.last(), Some(&Some(Stopped::Depth)));
    assert!(echoes[..crate::EMIT_DEPTH_MAX].iter().all(Option::is_none));
    assert_eq!(world.metric(id, "knocks", "1997-01-01"), Some(program::expression::Value::Int(9)));
    world.verify();
}

#[test]
fn reactors_that_set_each_other_off_for_ever_are_a_fault() {
    let mut world = World::new(
        r#"
kind: trait
key: up
spec: {type: bool}
---
kind: audience
key: flip
spec: {condition: "has(profile.traits.up) && profile.traits.up"}
---
kind: reactor
key: down
spec: {trigger: {audience_entered: flip}, actions: [{set_trait: {trait: up, value: false}}]}
---
kind: reactor
key: up
spec: {trigger: {audience_left: flip}, actions: [{set_trait: {trait: up, value: true}}]}
"#,
    );
    let message =
        world.message("1997-01-01", json!({"type": "identify", "userId": "a", "traits": {"up": true}}));
    assert_eq!(world.deliver(message).expect_err("it never ends").code, "steps");
    assert!(world.profiles.is_empty(), "nothing was recorded");
}

#[test]
fn a_trace_tells_what_was_seen_and_done() {
    let mut world = World::new(&SHOP.replace("expiry: never", "expiry: {after_days: 365, end_of: month}"));
    for _ in 0..5 {
        world.order("ann", "1997-01-01", "12.75");
    }
    let trace = serde_json::to_value(&world.last_trace).expect("a trace is JSON");
    assert_eq!(
        trace,
        json!({
            "considered": [
                {
                    "step": 0, "cause": "event order_completed", "reactor": "fifth_order_bonus",
                    "condition": "profile.metrics.orders == 5", "saw": {"profile.metrics.orders": 5},
                    "limits": [{"window": "lifetime", "used": 0, "count": 1}], "stopped": null,
                    "did": ["award 100 points, expire at 1998-02-01T00:00:00Z"],
                },
                {
                    "step": 0, "cause": "event order_completed", "reactor": "points_for_orders",
                    "condition": null, "saw": {}, "limits": [], "stopped": null,
                    "did": ["award 12 points, expire at 1998-02-01T00:00:00Z"],
                },
            ],
            "changes": [],
        })
    );
    world.order("ann", "1997-01-02", "1");
    assert_eq!(world.considered()[0].1, "its condition does not hold");
}

#[test]
fn orders_by_hand_change_wallets_and_memberships() {
    let mut world = with(
        r#"
kind: audience
key: thousand
spec: {condition: "profile.balances.points >= 1000"}
"#,
    );
    let id = world.order("ann", "1997-01-01", "10");
    let points = |amount| Order::Credit { currency: "points".into(), amount };
    let decision = world.command(id, "1997-01-02", points(990)).expect("it is decided");
    assert_eq!(decision.groups[0].reason, ledger::Reason::Adjust);
    assert!(world.profile(id).audiences.contains_key("thousand"));
    let take = |amount| Order::Debit { currency: "points".into(), amount };
    assert_eq!(world.command(id, "1997-01-02", take(1001)).expect_err("too much").code, "insufficient");
    world.command(id, "1997-01-02", take(1)).expect("it is decided");
    assert!(!world.profile(id).audiences.contains_key("thousand"));
    let unknown = Order::Credit { currency: "miles".into(), amount: 1 };
    assert_eq!(world.command(id, "1997-01-02", unknown).expect_err("unknown").code, "unknown_currency");
    assert_eq!(world.command(id, "1997-01-02", points(0)).expect_err("nothing").code, "amount");

    // The award of the first order is group 0 of record 1.
    let first = &world.journal[&id][0];
    let recorded = crate::record::decode(&first.header, None).expect("it reads back");
    let reverse = Order::Reverse {
        group: ledger::GroupId { profile: id, n: 1, index: 0 },
        original: Box::new(recorded.decision.groups[0].clone()),
    };
    world.command(id, "1997-01-03", reverse.clone()).expect("it is decided");
    assert_eq!(world.balance(id, "points"), 989);
    assert_eq!(world.command(id, "1997-01-03", reverse).expect_err("twice").code, "already_reversed");
    world.verify();
}

#[test]
fn constants_bound_anew_work_memberships_out_again() {
    let mut world = with(
        r#"
kind: constant
key: enough
spec: {type: int, default: 100}
---
kind: constant
key: unread
spec: {type: int, default: 1}
---
kind: audience
key: content
spec: {condition: "profile.balances.points >= constants.enough"}
---
kind: reactor
key: congratulate
spec: {trigger: {audience_entered: content}, actions: [{award: {currency: points, amount: 1}}]}
"#,
    );
    let id = world.order("ann", "1997-01-01", "50");
    let bind = |world: &mut World, key: &str, value: i64, since: &str| {
        let mut rules = world.rules.clone();
        rules.epoch += 1;
        rules.since = at(since);
        rules
            .constants
            .insert(program::Key::new(key).expect("a key"), program::expression::Value::Int(value));
        rules.basis = crate::rules::basis(&rules.program, &rules.index, &rules.constants);
        world.change(rules);
    };
    assert!(!world.profile(id).audiences.contains_key("content"));
    bind(&mut world, "enough", 50, "1997-01-02");
    assert!(world.rules.needs_upgrade(world.profile(id)) && !world.rules.needs_history(world.profile(id)));
    world.advance("1997-01-02");
    assert_eq!(world.profile(id).audiences.get("content"), Some(&at("1997-01-02")));
    assert_eq!(world.balance(id, "points"), 50, "entering so is silent");
    bind(&mut world, "unread", 2, "1997-01-03");
    assert!(!world.rules.needs_upgrade(world.profile(id)), "no audience reads it");
    bind(&mut world, "enough", 100, "1997-01-04");
    world.order("ann", "1997-01-05", "1");
    assert!(!world.profile(id).audiences.contains_key("content"), "51 is less than 100");
    world.verify();
}

/// People read `8.40`, whoever says it.
#[test]
fn what_people_read_has_the_digits_of_the_currency() {
    let mut world = World::new(
        r#"
kind: currency
key: coins
spec: {name: Coins, decimals: 2}
---
kind: event_type
key: redeem
spec: {name: Redeem, schema: {type: object}}
---
kind: reactor
key: redeem_some
spec:
  trigger: {event: redeem}
  actions: [{deduct: {currency: coins, amount: "841"}}]
---
kind: reactor
key: gift
spec:
  trigger: {event: redeem}
  budget: {currency: coins, amount: 50}
  actions: [{award: {currency: coins, amount: "60"}}]
"#,
    );
    let redeem = json!({"event": "Redeem", "userId": "ann", "properties": {}});
    let id = world.send("1997-01-01", redeem.clone());
    world
        .command(id, "1997-01-02", Order::Credit { currency: "coins".into(), amount: 840 })
        .expect("decided");
    world.send("1997-01-03", redeem);
    let stopped: Vec<String> = world.considered().into_iter().map(|it| it.1).collect();
    assert!(stopped.contains(&"the wallet holds 8.40 coins, it takes 8.41".to_owned()), "{stopped:?}");
    assert!(stopped.contains(&"its budget of 0.50 coins does not have 0.60 left".to_owned()), "{stopped:?}");
    let take = Order::Debit { currency: "coins".into(), amount: 900 };
    let refused = world.command(id, "1997-01-04", take).expect_err("too much");
    assert_eq!(
        (refused.code, &*refused.what),
        ("insufficient", "the wallet holds 8.40 coins, 9.00 were asked for")
    );
}
