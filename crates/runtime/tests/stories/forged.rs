//! A decision that is recorded, sealed and chained as it should be, and that the engine would not have made.

use engine::{Effect, Fault, Input, Profile, Proposal, Rules, Times};
use program::plan::Choices;
use runtime::{configuration::PlanSource, environment::Options, history::RehearsalRequest, work::Progress};

use crate::ground::{SHOP, ada, apply, at, bundle, ground_with, order, points, send, user};

/// Decides `m2` as no engine does, in what the body keeps, and `m4` in what the header keeps.
fn forges(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    let mut proposal = engine::decide(rules, profile, input, times)?;
    if let (Input::Message(message, _), Proposal::Decided(decision, _)) = (input, &mut proposal) {
        match message.message_id.as_str() {
            "m2" => decision.effects.push(Effect::Trait("~forged".into(), Some("true".into()))),
            "m4" => decision.groups.clear(),
            _ => {}
        }
    }
    Ok(proposal)
}

#[tokio::test]
async fn a_forged_decision_is_found_and_nothing_else() {
    let ground = ground_with(Options { decide: forges, ..Options::default() }).await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    for (id, name) in
        [("m1", "ann"), ("m2", "ann"), ("m3", "ann"), ("m4", "bob"), ("m5", "bob"), ("m6", "cay")]
    {
        send(&live, vec![order(id, name, "10", when)]).await;
    }
    assert_eq!((points(&live, "ann").await, points(&live, "bob").await), (30, 10));
    let verified = live.verify(&Progress::default()).await.expect("it verifies");
    let mut found: Vec<(&str, &str)> =
        verified.findings.iter().map(|finding| (finding.code, finding.at.as_str())).collect();
    found.sort_unstable();
    let (ann, bob) = (user(&live, "ann").await, user(&live, "bob").await);
    let mut expected = [format!("{ann}/2"), format!("{bob}/1")];
    expected.sort_unstable();
    // What comes after a forged record stands on what it says, and so do the views.
    assert_eq!(found, expected.each_ref().map(|at| ("decision", at.as_str())), "{:#?}", verified.findings);
    assert_eq!((verified.records, verified.redecided, verified.profiles), (6, 4, 3));
    assert!(verified.findings.iter().any(|finding| finding.what.contains("forged")));

    let source = PlanSource::Directory { bundle: bundle(SHOP), name: "test".into(), pulled: None };
    let request = RehearsalRequest { source, choices: Choices::default(), since: None, until: None };
    let report = live.rehearse(request, &ada(), &Progress::default()).await.expect("it rehearses").report;
    assert!(!report.trusted);
    let mut doubted: Vec<_> = report.untrusted_because.iter().map(|doubt| doubt.of).collect();
    doubted.sort_unstable();
    let mut forged = [ann, bob];
    forged.sort_unstable();
    assert_eq!(doubted, forged);
}
