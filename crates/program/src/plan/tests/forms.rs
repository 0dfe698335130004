//! The readable forms, word for word. Review a changed golden file like code.

use super::situation::{SHOP, Situation, at, bundle, key, shop};
use crate::plan::Crossing;

/// Hashes by number, in the order in which they appear: `<hash 1>`.
fn numbered(text: &str) -> String {
    let mut out = String::new();
    let mut seen: Vec<String> = Vec::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        if run.len() == 64 {
            let known = seen.iter().position(|one| *one == run);
            let n = known.unwrap_or_else(|| {
                seen.push(run.clone());
                seen.len() - 1
            });
            run = format!("<hash {}>", n + 1);
        }
        out.push_str(&run);
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// A bit of everything.
fn rich() -> Situation {
    let base = shop(&[
        ("currency/old", r#"{"name":"Old"}"#),
        ("currency/stars", r#"{"name":"Stars","decimals":0}"#),
        ("currency/gems", r#"{"name":"Gems","decimals":0}"#),
        ("reactor/local", r#"{"trigger":{"event":"order"},"priority":1,"actions":[]}"#),
    ]);
    let edit = |changes: &[(&str, &str)]| {
        let mut bundle = base.clone();
        for (address, spec) in changes {
            bundle.specs.remove(&at(address));
            if !spec.is_empty() {
                bundle.specs.extend(super::situation::bundle(&[(address, spec)]).specs);
            }
        }
        bundle
    };
    let source = edit(&[
        ("currency/old", ""),
        ("currency/stars", r#"{"name":"Stars of *ours*","decimals":0}"#),
        ("currency/gems", r#"{"name":"Jewels","decimals":0}"#),
        ("audience/big", r#"{"condition":"profile.metrics.spend > 750.0"}"#),
        ("secret/hook", r#"{"description":"signs\u202e calls"}"#),
        (
            "reactor/fifth_order",
            r#"{"trigger":{"event":"order"},"condition":"profile.metrics.orders == 5","actions":[{"award":{"currency":"points","amount":"50"}},{"call_webhook":{"url":"https://shop.example/hook","secret":"hook"}}]}"#,
        ),
        ("metric/orders", r#"{"event":"order","aggregate":"count"}"#),
    ]);
    let target = edit(&[
        ("currency/stars", r#"{"name":"Sterne","decimals":0}"#),
        ("currency/gems", r#"{"name":"Gems","decimals":2}"#),
        ("reactor/local", r#"{"trigger":{"event":"order"},"priority":9,"actions":[]}"#),
        ("reactor/made_here", r#"{"trigger":{"event":"order"},"actions":[]}"#),
    ]);
    let mut situation = Situation::new(Some(base), source, target);
    situation.facts.members.insert(key("big"), 734);
    situation.facts.crossings.insert(key("big"), Crossing { enter: 0, leave: 211 });
    for address in ["currency/stars", "reactor/local"] {
        let author = [(String::new(), "Ada <ada@shop.example>".to_owned())].into();
        situation.facts.target_authors.0.insert(at(address), author);
    }
    situation
}

#[test]
fn markdown() {
    insta::assert_snapshot!(numbered(&rich().plan().to_markdown()));
}

#[test]
fn text() {
    insta::assert_snapshot!(numbered(&rich().plan().to_text()));
}

#[test]
fn selected_text() {
    let situation = Situation::new(None, shop(&[]), bundle(&[])).select(&["reactor/welcome"]);
    insta::assert_snapshot!(numbered(&situation.plan().to_text()));
}

#[test]
fn deletions() {
    let mut source = shop(&[("reactor/welcome", "")]);
    source.specs.remove(&at("audience/big"));
    let situation = Situation::new(Some(shop(&[])), source, shop(&[])).allow_delete();
    insta::assert_snapshot!(numbered(&situation.plan().to_markdown()));
}

#[test]
fn nothing() {
    insta::assert_snapshot!(numbered(&Situation::of(None, SHOP, SHOP).plan().to_text()));
    insta::assert_snapshot!(numbered(&Situation::of(None, SHOP, SHOP).plan().to_markdown()));
}

#[test]
fn json() {
    let base = [("currency/points", r#"{"name":"Points","decimals":0}"#)];
    let source = [("currency/points", r#"{"name":"Points","decimals":2}"#), ("secret/hook", "{}")];
    insta::assert_snapshot!(numbered(
        &Situation::of(Some(&base), &source, &base).plan().to_json().expect("JSON")
    ));
}

#[test]
fn nothing_hides_and_nothing_breaks_out() {
    let nasty = r#"{"name":"x\n```\n# Approved | `y` <b>\u202e"}"#;
    let mut situation = Situation::of(None, &[("currency/points", nasty)], &[]);
    situation.names = ("st|ag`ing", "live\n## Approved");
    let markdown = situation.plan().to_markdown();
    assert!(
        markdown.lines().all(|line| !line.starts_with("## Approved") && !line.starts_with("# ")),
        "{markdown}"
    );
    assert_eq!(markdown.matches("\n```\n").count(), 3, "{markdown}");
    assert!(!markdown.contains('\u{202e}') && markdown.contains("\\u{202e}"));
    assert!(!situation.plan().to_text().contains('\u{202e}'));
}

#[test]
fn a_long_plan_fits_into_a_comment() {
    let long = "x".repeat(900);
    let many: Vec<(String, String)> =
        (0..200).map(|i| (format!("currency/c{i}"), format!(r#"{{"name":"{long}"}}"#))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(at, spec)| (at.as_str(), spec.as_str())).collect();
    let markdown = Situation::of(None, &many, &[]).plan().to_markdown();
    assert!(markdown.len() < 65_536, "{}", markdown.len());
    assert!(markdown.contains("more are left out here"));
    assert!(markdown.contains("| create | `currency/c199` |"));
}
