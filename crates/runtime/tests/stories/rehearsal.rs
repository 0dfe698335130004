//! What a rehearsal holds events against: the candidate, whatever took them.

use engine::{Command, Message, MessageKind, input::Order};
use jiff::Timestamp;
use program::plan::Choices;
use runtime::{
    Environment,
    configuration::PlanSource,
    history::{RehearsalRequest, report::Report},
    work::Progress,
};
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, bundle, ground, order, points, send, track, user, with};

/// The shop's program, with an order that must name its channel.
fn stricter() -> String {
    SHOP.replace("required: [total]", "required: [total, channel]").replace(
        "      total: {type: number}\n",
        "      total: {type: number}\n      channel: {type: string}\n",
    )
}

async fn rehearse(environment: &Environment, yaml: &str) -> Report {
    rehearse_since(environment, yaml, None).await
}

async fn rehearse_since(environment: &Environment, yaml: &str, since: Option<Timestamp>) -> Report {
    let source = PlanSource::Directory { bundle: bundle(yaml), name: "test".into(), pulled: None };
    let request = RehearsalRequest { source, choices: Choices::default(), since, until: None };
    let rehearsed = environment.rehearse(request, &ada(), &Progress::default()).await;
    rehearsed.expect("it rehearses").report
}

#[tokio::test]
async fn events_that_the_candidate_would_not_take_are_told() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let named = |id: &str| with(order(id, "ann", "20", when), "channel", json!("web"));
    send(&live, vec![order("m1", "ann", "10", when), named("m2"), order("m3", "bob", "40", when)]).await;
    let report = rehearse(&live, &stricter()).await;
    assert!(report.trusted, "{:?}", report.untrusted_because);
    assert_eq!(report.rejected.get("schema"), Some(&2));
    let issued = &report.currencies["points"].issued;
    assert_eq!((issued.recorded, issued.candidate), (70, 20));
}

#[tokio::test]
async fn what_an_older_program_took_is_held_against_the_candidate_too() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "ann", "10", when)]).await;
    // The same event, taken under two programs: the second asks what the candidate asks.
    apply(&live, &stricter()).await;
    let named = with(order("m2", "ann", "20", when), "channel", json!("web"));
    send(&live, vec![named]).await;
    let report = rehearse(&live, &stricter()).await;
    assert!(report.trusted, "{:?}", report.untrusted_because);
    assert_eq!((report.events, report.rejected.get("schema")), (2, Some(&1)));
    let issued = &report.currencies["points"].issued;
    assert_eq!((issued.recorded, issued.candidate), (30, 20));
}

fn alias(id: &str, user: &str, previous: &str, when: Timestamp) -> Message {
    let mut message = order(id, user, "0", when);
    message.kind = MessageKind::Alias;
    message.event = None;
    message.previous_id = Some(previous.into());
    message
}

/// The shop's program with twice the points for an order.
fn double() -> String {
    let double = SHOP.replace(
        "award: {currency: points, of: properties.total}",
        "award: {currency: points, of: properties.total, rate: 2}",
    );
    assert_ne!(double, SHOP);
    double
}

/// Which of two members has the smaller id is chance: here it goes both ways, many times, and in every batch.
#[tokio::test]
async fn who_was_merged_brings_along_what_the_candidate_gave() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let (mut apart, mut together) = (Vec::new(), Vec::new());
    for n in 0..12 {
        let person = |name: &str| format!("{name}{n}");
        apart.push(order(&person("m"), &person("old"), "10", when));
        apart.push(order(&person("n"), &person("new"), "5", when));
        // And one who comes, orders and is merged in one batch.
        together.push(order(&person("k"), &person("late"), "3", when));
        together.push(alias(&person("a"), &person("new"), &person("old"), when));
        together.push(alias(&person("b"), &person("new"), &person("late"), when));
    }
    send(&live, apart).await;
    send(&live, together).await;
    assert_eq!(points(&live, "new7").await, 18);
    let same = rehearse(&live, SHOP).await;
    assert!(same.trusted, "{:?}", same.untrusted_because);
    assert_eq!((same.rejected.len(), same.not_carried_over.len(), same.profiles_affected), (0, 0, 0));
    let report = rehearse(&live, &double()).await;
    assert_eq!((report.rejected.len(), report.not_carried_over.len()), (0, 0));
    let currency = &report.currencies["points"];
    assert_eq!((currency.issued.recorded, currency.issued.candidate), (216, 432));
    assert_eq!((currency.liability.recorded, currency.liability.candidate), (216, 432));
    assert_eq!(report.profiles_affected, 12);
}

/// Members who see nothing of what the reactor does otherwise (or never set it off) are counted on both sides alike.
#[tokio::test]
async fn a_reactor_that_gives_more_affects_those_who_get_more() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    // Less than half a point is none, doubled too.
    send(&live, vec![order("m1", "ann", "10", when), order("m2", "bob", "0.4", when)]).await;
    send(&live, vec![order("m3", "ann", "7", when), track("m4", "cay", "Other", json!({}), when)]).await;
    let report = rehearse(&live, &double()).await;
    assert!(report.trusted, "{:?}", report.untrusted_because);
    assert_eq!((report.events, report.profiles, report.profiles_affected), (4, 3, 1));
    let reactor = report.reactors.values().find(|reactor| reactor.fired.recorded > 0).expect("it fired");
    assert_eq!((reactor.fired.recorded, reactor.fired.candidate), (3, 3));
    let issued = &report.currencies["points"].issued;
    assert_eq!((issued.recorded, issued.candidate), (17, 34));
    let most = &report.most_affected[0];
    assert_eq!(most.points["points"].delta(), 17);
    let event = most.event.as_ref().expect("their largest event");
    assert_eq!((event.points.recorded, event.points.candidate), (10, 20));
}

/// Twelve pairs of members: each has earned ten points by `when`, and the first is merged into the second at `merged`.
async fn pairs(live: &Environment, when: Timestamp, merged: Timestamp) {
    let (mut orders, mut merges) = (Vec::new(), Vec::new());
    for n in 0..12 {
        let person = |name: &str| format!("{name}{n}");
        orders.push(order(&person("m"), &person("old"), "10", when));
        orders.push(order(&person("n"), &person("new"), "10", when));
        merges.push(alias(&person("a"), &person("new"), &person("old"), merged));
    }
    send(live, orders).await;
    send(live, merges).await;
}

#[tokio::test]
async fn what_ended_before_a_merge_is_not_brought_along() {
    let expiring = |yaml: &str| yaml.replace("{name: Points}", "{name: Points, expiry: {after_days: 30}}");
    let ground = ground().await;
    let live = ground.live();
    apply(&live, &expiring(SHOP)).await;
    pairs(&live, at("2025-03-01T10:00:00Z"), at("2025-05-01T10:00:00Z")).await;
    for (yaml, times) in [(expiring(SHOP), 1), (expiring(&double()), 2)] {
        let report = rehearse(&live, &yaml).await;
        let currency = &report.currencies["points"];
        assert_eq!((currency.issued.recorded, currency.issued.candidate), (240, 240 * times));
        assert_eq!((currency.expired.recorded, currency.expired.candidate), (240, 240 * times), "{times}");
        assert_eq!((currency.liability.recorded, currency.liability.candidate), (0, 0));
        assert_eq!(report.profiles_affected, 0);
    }
}

#[tokio::test]
async fn what_was_earned_before_the_window_is_merged_as_it_was() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let begin = at("2025-03-01T00:00:00Z");
    pairs(&live, at("2025-02-01T10:00:00Z"), at("2025-03-02T10:00:00Z")).await;
    let report = rehearse_since(&live, &double(), Some(begin)).await;
    assert_eq!((report.rejected.len(), report.not_carried_over.len()), (0, 0));
    let liability = &report.currencies["points"].liability;
    assert_eq!((liability.recorded, liability.candidate, report.profiles_affected), (240, 240, 0));
}

/// Forty points a visit, a hundred in all, and nothing where forty are not left.
const GIFT: &str = r"
---
kind: event_type
key: visited
spec: {name: Visited, schema: {type: object}}
---
kind: reactor
key: gift
spec:
  trigger: {event: visited}
  budget: {currency: points, amount: 100, when_short: nothing}
  actions: [{award: {currency: points, amount: 40}}]
";

#[tokio::test]
async fn a_shared_budget_is_shared_by_those_whom_nothing_else_concerns() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, &format!("{SHOP}{GIFT}")).await;
    let when = at("2025-03-01T10:00:00Z");
    let visit = |id: &str, user: &str| track(id, user, "Visited", json!({}), when);
    // Two who have ordered, and get more from the candidate; one in between who has not.
    send(&live, vec![order("m1", "ann", "10", when), order("m2", "cay", "10", when)]).await;
    for (id, name) in [("v1", "ann"), ("v2", "bob"), ("v3", "cay")] {
        send(&live, vec![visit(id, name)]).await;
    }
    let report = rehearse(&live, &format!("{}{GIFT}", double())).await;
    assert!(report.trusted, "{:?}", report.untrusted_because);
    let gift = &report.reactors["gift"];
    assert_eq!((gift.fired.recorded, gift.fired.candidate), (2, 2));
    assert!(gift.depends_on_order);
    let issued = &report.currencies["points"].issued;
    assert_eq!((issued.recorded, issued.candidate), (100, 120));
}

#[tokio::test]
async fn what_was_granted_before_the_window_or_to_who_was_erased_is_gone_from_the_budget() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, &format!("{SHOP}{GIFT}")).await;
    let visit = |id: &str, user: &str, when: &str| track(id, user, "Visited", json!({}), at(when));
    send(&live, vec![visit("v1", "ann", "2025-02-01T10:00:00Z")]).await;
    send(&live, vec![visit("v2", "bob", "2025-03-02T10:00:00Z")]).await;
    send(&live, vec![visit("v3", "cay", "2025-03-03T10:00:00Z")]).await;
    let candidate = format!("{}{GIFT}", double());
    let fired = async |since| {
        let report = rehearse_since(&live, &candidate, since).await;
        assert!(report.trusted, "{:?}", report.untrusted_because);
        (report.reactors["gift"].fired.recorded, report.reactors["gift"].fired.candidate)
    };
    assert_eq!(fired(None).await, (2, 2));
    assert_eq!(fired(Some(at("2025-03-01T00:00:00Z"))).await, (1, 1));
    let erasure = Command { actor: "ada".into(), reason: "asked".into(), order: Order::Erase };
    live.order(user(&live, "bob").await, erasure, None).await.expect("it erases");
    // Bob is left out on both sides, but what he was granted is gone.
    assert_eq!(fired(None).await, (1, 1));
}

/// Nobody knows what the candidate would have given them.
#[tokio::test]
async fn who_was_erased_is_left_out_on_both_sides() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let (before, after) = (at("2025-03-01T10:00:00Z"), at("2025-03-03T10:00:00Z"));
    for (n, name) in ["ann", "bob", "cay"].into_iter().enumerate() {
        send(&live, vec![order(&format!("m{n}"), name, "20", before)]).await;
        send(&live, vec![order(&format!("n{n}"), name, "5", after)]).await;
    }
    // One of them is two people in one.
    send(&live, vec![alias("a", "ann", "bob", after)]).await;
    let erasure = Command { actor: "ada".into(), reason: "asked".into(), order: Order::Erase };
    live.order(user(&live, "bob").await, erasure, None).await.expect("it erases");
    for since in [None, Some(at("2025-03-02T00:00:00Z"))] {
        let same = rehearse_since(&live, SHOP, since).await;
        assert!(same.trusted, "{:?}", same.untrusted_because);
        let currency = &same.currencies["points"];
        let issued = if since.is_none() { 25 } else { 5 };
        assert_eq!((currency.issued.recorded, currency.issued.candidate), (issued, issued), "{since:?}");
        assert_eq!((currency.liability.recorded, currency.liability.candidate), (25, 25), "{since:?}");
        assert_eq!((currency.adjusted.recorded, currency.adjusted.candidate), (0, 0), "{since:?}");
        assert_eq!(same.profiles_affected, 0);
        assert!(same.not_carried_over.values().sum::<u64>() > 0, "it says so");
        let more = rehearse_since(&live, &double(), since).await;
        let currency = &more.currencies["points"];
        assert_eq!((currency.issued.recorded, currency.issued.candidate), (issued, 2 * issued), "{since:?}");
    }
}

/// Where the point of an amount is, is known also of a currency that only the candidate has.
#[tokio::test]
async fn a_report_knows_the_digits_of_its_currencies() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, &SHOP.replace("spec: {name: Points}", "spec: {name: Points, decimals: 1}")).await;
    send(&live, vec![order("m1", "ann", "10", at("2025-03-01T10:00:00Z"))]).await;
    let coins = "---\nkind: currency\nkey: coins\nspec: {name: Coins, decimals: 2}\n---\nkind: reactor\nkey: coins_for_orders\nspec:\n  trigger: {event: order_completed}\n  actions: [{award: {currency: coins, of: properties.total, rate: 100}}]\n";
    let report = rehearse(&live, &format!("{SHOP}{coins}")).await;
    let digits = |currency: &str| report.currencies[currency].decimals;
    assert_eq!((digits("points"), digits("coins")), (1, 2));
    assert_eq!(report.currencies["coins"].issued.candidate, 1_000);
}
