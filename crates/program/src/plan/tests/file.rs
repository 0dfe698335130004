use super::situation::{Situation, bundle, shop};
use crate::plan::{Plan, PlanError, StaleBecause};

fn situation() -> Situation {
    let doubled = r#"{"trigger":{"event":"order"},"actions":[{"award":{"currency":"points","of":"total","rate":2.50}}]}"#;
    Situation::new(Some(shop(&[])), shop(&[("reactor/points_for_orders", doubled)]), shop(&[]))
}

fn edited(from: &str, to: &str) -> Option<PlanError> {
    let text = situation().plan().to_json().expect("JSON");
    assert!(text.contains(from), "{from} is in {text}");
    Plan::from_json(&text.replacen(from, to, 1)).err()
}

#[test]
fn numbers_keep_their_text() {
    let text = situation().plan().to_json().expect("JSON");
    assert!(text.contains("\"after\": 2.50"), "{text}");
    let plan = Plan::from_json(&text).expect("reads back");
    assert_eq!(plan.source_bundle(), situation().source);
    assert_eq!(plan.to_json().expect("JSON"), text);
}

#[test]
fn every_way_to_spoil_a_file_has_its_error() {
    let text = situation().plan().to_json().expect("JSON");
    let cut = Plan::from_json(&text[..text.len() / 2]);
    assert!(matches!(cut, Err(PlanError::Truncated { line, .. }) if line > 1), "{cut:?}");
    assert!(matches!(Plan::from_json(""), Err(PlanError::Truncated { .. })));
    assert!(matches!(Plan::from_json("kind: reactor"), Err(PlanError::NotJson(_))));
    assert_eq!(Plan::from_json("[]"), Err(PlanError::NotAPlan));
    assert_eq!(
        edited("\"format_version\": 1", "\"format_version\": 2"),
        Some(PlanError::UnknownVersion("2".into()))
    );
    let unknown = edited("\"epoch\": 7", "\"epoch\": 7, \"force\": true");
    assert!(
        matches!(&unknown, Some(PlanError::UnknownField(which)) if which.contains("`force`") && which.contains("line")),
        "{unknown:?}"
    );
    let missing = edited("\"epoch\": 7,", "");
    assert!(matches!(&missing, Some(PlanError::Malformed(which)) if which.contains("epoch")), "{missing:?}");
    assert!(matches!(edited("\"epoch\": 7", "\"epoch\": 8"), Some(PlanError::DigestMismatch { .. })));
    assert!(matches!(edited("\"update\"", "\"delete\""), Some(PlanError::DigestMismatch { .. })));
    assert!(matches!(
        edited("\"allow_delete\": false", "\"allow_delete\": true"),
        Some(PlanError::DigestMismatch { .. })
    ));
    assert!(matches!(edited("\"after\": 2.50", "\"after\": 1.50"), Some(PlanError::ChecksumMismatch { .. })));
    assert!(matches!(edited("\"rate\": 2.50", "\"rate\": 9"), Some(PlanError::ChecksumMismatch { .. })));
}

#[test]
fn a_forged_bundle_is_found_even_under_a_right_checksum() {
    let mut plan = situation().plan();
    plan.bundle.clear();
    plan.checksum = crate::plan::Checksum::of(&plan).expect("JSON");
    let text = plan.to_json().expect("JSON");
    assert!(matches!(Plan::from_json(&text), Err(PlanError::BundleMismatch { .. })));
}

#[test]
fn a_stale_plan_says_what_moved() {
    let plan = situation().plan();
    assert_eq!(plan.stale(&situation().plan()), Ok(()));
    let why = |change: &dyn Fn(&mut Situation)| {
        let mut now = situation();
        change(&mut now);
        plan.stale(&now.plan()).err().map(|stale| stale.because).unwrap_or_default()
    };
    assert_eq!(why(&|now| now.epoch = 9), [StaleBecause::Epoch { planned: 7, found: 9 }]);
    let edit = shop(&[("currency/points", r#"{"name":"Stars"}"#)]);
    let found = edit.manifest_hash();
    let moved = why(&|now| {
        now.target = edit.clone();
        now.epoch = 8;
    });
    assert_eq!(moved, [StaleBecause::Manifest { planned: plan.target.manifest, found }]);
    assert_eq!(why(&|now| now.base = Some(bundle(&[]))), [StaleBecause::Base]);
    assert_eq!(why(&|now| now.source = shop(&[])), [StaleBecause::Outcome]);
    let mut now = situation();
    now.epoch = 9;
    assert_eq!(
        plan.stale(&now.plan()).map_err(|stale| stale.to_string()),
        Err("the plan is stale, and nothing was changed: the target moved from epoch 7 to 9 (a constant, a secret or a switch was set, a change was taken back, or something was applied that was there already). Make a new plan, and review it".into())
    );
}
