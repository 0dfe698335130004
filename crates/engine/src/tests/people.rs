//! People: identities, traits, merging, erasing.

use serde_json::json;

use super::{
    stories::SHOP,
    world::{World, at},
};
use crate::{Identity, Profile, evolve, input::Order, profile::Standing, record, replay};

const PEOPLE: &str = r#"
kind: trait
key: email
spec: {type: string, searchable: true}
---
kind: trait
key: age
spec: {type: int, from: years}
---
kind: audience
key: adults
spec: {condition: "has(profile.traits.age) && profile.traits.age >= 18"}
---
kind: reactor
key: welcome_adult
spec:
  trigger: {audience_entered: adults}
  limits: [{count: 1}]
  actions: [{award: {currency: points, amount: 18}}]
"#;

fn world() -> World {
    World::new(&format!("{SHOP}---\n{PEOPLE}"))
}

#[test]
fn identify_sets_traits_declared_or_not() {
    let mut world = world();
    let traits = json!({"email": " Ann@Example.com", "years": 30, "city": "Bern", "nothing": null});
    let id = world.send("1997-01-02", json!({"type": "identify", "userId": "ann", "traits": traits}));
    let profile = world.profile(id);
    let traits: Vec<(&str, &str)> =
        profile.traits.iter().map(|(key, text)| (&**key, text.as_str())).collect();
    assert_eq!(traits, [("age", "30"), ("email", "\" Ann@Example.com\""), ("~city", "\"Bern\"")]);
    assert_eq!(profile.standing, Standing::Known);
    assert_eq!(world.balance(id, "points"), 18);
    let view = replay::project(None, profile);
    assert_eq!(view.found_by, [("email".into(), "ann@example.com".into())]);
    assert_eq!(view.entered, [("adults".into(), at("1997-01-02"))]);

    let before = profile.clone();
    let traits = json!({"email": "ann@example.org", "city": null, "years": 17});
    world.send("1997-01-03", json!({"type": "identify", "userId": "ann", "traits": traits}));
    let view = replay::project(Some(&before), world.profile(id));
    assert_eq!(view.found_by, [("email".into(), "ann@example.org".into())]);
    assert_eq!(view.no_longer_found_by, [("email".into(), "ann@example.com".into())]);
    assert_eq!((view.entered.len(), view.left), (0, vec!["adults".into()]));
    assert!(!world.profile(id).traits.contains_key("~city"));

    // Late: only what is absent is filled in.
    let traits = json!({"email": "old@example.com", "city": "Basel"});
    world.send("1997-01-01", json!({"type": "identify", "userId": "ann", "traits": traits}));
    assert_eq!(world.profile(id).traits["email"], "\"ann@example.org\"");
    assert_eq!(world.profile(id).traits["~city"], "\"Basel\"");
    world.verify();
}

#[test]
fn an_anonymous_visitor_becomes_known_without_losing_anything() {
    let mut world = world();
    let order = |total: i64| json!({"event": "Order Completed", "properties": {"total": total}});
    let mut anonymous = order(10);
    anonymous["anonymousId"] = "cookie".into();
    let visitor = world.send("1997-01-01", anonymous);
    assert_eq!(world.profile(visitor).standing, Standing::Anonymous);
    let known = world.order("ann", "1997-01-02", "495");
    assert_ne!(visitor, known);
    let traits = json!({"years": 40});
    let identify = json!({"type": "identify", "userId": "ann", "anonymousId": "cookie", "traits": traits});
    let id = world.send("1997-01-03", identify);
    assert_eq!(id, known);
    let profile = world.profile(id);
    assert_eq!(*profile.identities, [Identity::User("ann".into()), Identity::Anonymous("cookie".into())]);
    assert_eq!(world.balance(id, "points"), 10 + 495 + 18);
    assert_eq!(world.metric(id, "orders", "1997-01-03"), Some(program::expression::Value::Int(2)));
    assert!(profile.audiences.contains_key("big_spenders"), "505 dollars together");
    let gone = world.profile(visitor);
    assert_eq!(gone.standing, Standing::MergedInto(known));
    assert_eq!((gone.due_at, gone.traits.len(), gone.metrics.len()), (None, 0, 0));
    assert_eq!(gone.wallets.wallet(&"points".into()).available(), 0);
    // What comes under the old cookie is theirs.
    let mut later = order(1);
    later["anonymousId"] = "cookie".into();
    assert_eq!(world.send("1997-01-04", later), known);
    world.verify();
}

#[test]
fn merging_adds_firings_so_that_limits_hold() {
    let mut world = world();
    let adult =
        |anonymous: &str| json!({"type": "identify", "anonymousId": anonymous, "traits": {"years": 20}});
    let first = world.send("1997-01-01", adult("one"));
    let second = world.send("1997-01-01", adult("two"));
    assert_eq!((world.balance(first, "points"), world.balance(second, "points")), (18, 18));
    let id = world.send("1997-01-02", json!({"type": "alias", "userId": "ann", "previousId": "one"}));
    assert_eq!(id, first);
    world.send("1997-01-02", json!({"type": "alias", "userId": "ann", "previousId": "two"}));
    assert_eq!(world.balance(id, "points"), 36);
    assert_eq!(world.profile(id).fired["welcome_adult"].lifetime, 2);
    world.verify();
}

#[test]
fn erasing_leaves_headers_that_fold_to_the_same_state() {
    let mut world = world();
    let id = world.order("ann", "1997-01-01", "20");
    world
        .send("1997-01-02", json!({"type": "identify", "userId": "ann", "traits": {"email": "a@b.example"}}));
    world.command(id, "1997-01-03", Order::Erase).expect("it is decided");
    let erased = world.profile(id).clone();
    assert_eq!(erased.standing, Standing::Erased);
    assert!(erased.identities.is_empty() && erased.traits.is_empty() && erased.fired.is_empty());
    let mut state = Profile::new(id);
    for encoded in &world.journal[&id] {
        let recorded = record::decode(&encoded.header, None).expect("headers stay readable");
        assert!(recorded.input.is_none() && recorded.decision.effects.is_empty());
        let opened = record::open(&encoded.header, None).expect("it opens");
        assert_eq!(replay::misfit(&state, &opened), None);
        assert!(replay::misfit(&Profile::new(ledger::ProfileId([7; 16])), &opened).is_some());
        evolve(&mut state, &recorded);
    }
    assert_eq!(state.encode(), erased.encode());

    let message = world.message(
        "1997-01-04",
        json!({"event": "Order Completed", "userId": "ann", "properties": {"total": 1}}),
    );
    assert_eq!(world.deliver(message).expect_err("nothing reaches it any more").code, "inactive");
    let credit = Order::Credit { currency: "points".into(), amount: 1 };
    assert_eq!(world.command(id, "1997-01-05", credit).expect_err("it is gone").code, "inactive");
}

#[test]
fn undeclared_traits_are_kept_within_bounds() {
    let mut world = world();
    let mut traits: serde_json::Map<String, serde_json::Value> =
        (0..150).map(|n| (format!("t{n:03}"), json!(n))).collect();
    traits.insert("essay".into(), "x".repeat(2000).into());
    traits.insert("email".into(), "x".repeat(2000).into());
    let id = world.send("1997-01-01", json!({"type": "identify", "userId": "ann", "traits": traits}));
    let profile = world.profile(id);
    assert_eq!(profile.traits.len(), 101);
    assert!(profile.traits.contains_key("email") && !profile.traits.contains_key("~essay"));
    // What is there may change and go.
    let traits = json!({"t000": "new", "t001": null, "t149": 1});
    world.send("1997-01-02", json!({"type": "identify", "userId": "ann", "traits": traits}));
    let profile = world.profile(id);
    assert_eq!(profile.traits["~t000"], "\"new\"");
    assert!(!profile.traits.contains_key("~t001") && profile.traits.contains_key("~t149"));
}

#[test]
fn a_profile_is_upgraded_before_it_is_merged() {
    let mut world = world();
    let first = world.send("1997-01-01", json!({"type": "page", "anonymousId": "one"}));
    let second = world.order("ann", "1997-01-01", "5");
    world.promote(SHOP, "1997-01-02");
    world.ready(second, at("1997-01-03")).expect("it is decided");
    let state = Box::new(world.profile(first).clone());
    let input = crate::Input::MergeIn { from: first, state };
    assert_eq!(world.decide(second, &input, at("1997-01-03")).expect_err("not yet").code, "behind");
}
