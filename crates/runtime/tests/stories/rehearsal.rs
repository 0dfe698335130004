//! What a rehearsal holds events against: the candidate, whatever took them.

use engine::{Message, MessageKind};
use jiff::Timestamp;
use program::plan::Choices;
use runtime::{
    Environment,
    configuration::PlanSource,
    history::{RehearsalRequest, report::Report},
    work::Progress,
};
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, bundle, ground, order, points, send, track, with};

/// The shop's program, with an order that must name its channel.
fn stricter() -> String {
    SHOP.replace("required: [total]", "required: [total, channel]").replace(
        "      total: {type: number}\n",
        "      total: {type: number}\n      channel: {type: string}\n",
    )
}

async fn rehearse(environment: &Environment, yaml: &str) -> Report {
    let source = PlanSource::Directory { bundle: bundle(yaml), name: "test".into(), pulled: None };
    let whole = RehearsalRequest { source, choices: Choices::default(), since: None, until: None };
    let rehearsed = environment.rehearse(whole, &ada(), &Progress::default()).await;
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
