//! What a rehearsal holds events against: the candidate, whatever took them.

use program::plan::Choices;
use runtime::{
    Environment,
    configuration::PlanSource,
    history::{RehearsalRequest, report::Report},
    work::Progress,
};
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, bundle, ground, order, send, with};

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
