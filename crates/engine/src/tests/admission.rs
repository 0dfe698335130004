//! Admission: what fits, what is put aside, and what it says.

use serde_json::{Value as Json, json};

use super::world::{World, rules};
use crate::{Admission, Source, admit, admit::unique_value};

const PROGRAM: &str = r"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  unique_by: properties.order_id
  unknown_fields: UNKNOWN
  schema:
    type: object
    required: [total]
    properties:
      order_id: {type: string}
      total: {type: number, minimum: 0}
      shipping: {type: object, properties: {fee: {type: string, format: decimal}}}
---
kind: event_type
key: viewed
spec: {name: Product Viewed, accept_from: browser, schema: {type: object, properties: {id: {type: integer}}}}
---
kind: trait
key: age
spec: {type: int, from: years}
";

fn program() -> String {
    PROGRAM.replace("UNKNOWN", "quarantine")
}

fn check(json: Json, expected: Option<(&str, &[&str])>) {
    let mut world = World::new(&program());
    let message = world.message("1997-01-01", json);
    let found = match admit(&world.rules, &message) {
        Admission::Accept(warnings) => {
            assert!(warnings.is_empty());
            None
        }
        Admission::Quarantine { code, problems } => {
            assert!(problems.iter().all(|problem| !problem.detail.is_empty()));
            Some((code, problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()))
        }
    };
    let expected =
        expected.map(|(code, pointers)| (code, pointers.iter().map(|p| (*p).to_owned()).collect()));
    assert_eq!(found, expected, "{message:?}");
}

fn order(properties: &str) -> Json {
    let properties: Json = serde_json::from_str(properties).expect("JSON");
    json!({"event": "Order Completed", "userId": "u", "properties": properties})
}

#[test]
fn tracks() {
    check(order(r#"{"total": 12.50, "order_id": "a", "shipping": {"fee": "4.99"}}"#), None);
    check(order("{}"), Some(("schema", &["/properties"])));
    check(
        order(r#"{"total": -1, "order_id": 7}"#),
        Some(("schema", &["/properties/order_id", "/properties/total"])),
    );
    check(
        order(r#"{"total": 1, "shipping": {"fee": "4,99"}}"#),
        Some(("schema", &["/properties/shipping/fee"])),
    );
    check(
        order(r#"{"total": 1, "totl": 2, "shipping": {"fea": "1"}}"#),
        Some(("unknown_field", &["/properties/shipping/fea", "/properties/totl"])),
    );
    // 28 digits are kept exactly, 29 are not; a double's range is the limit where nothing exact is declared.
    check(order(r#"{"total": 1234567890123456789012345.678}"#), None);
    check(order(r#"{"total": 12345678901234567890123456.789}"#), Some(("number", &["/properties/total"])));
    check(order(r#"{"total": 1e30}"#), Some(("number", &["/properties/total"])));
    let viewed = |id: &str| json!({"event": "Product Viewed", "anonymousId": "a", "source": "browser", "properties": {"a/b": serde_json::from_str::<Json>(id).expect("JSON")}});
    check(viewed("1e-30"), None);
    check(viewed("[0, {\"x\": 1e999}]"), Some(("number", &["/properties/a~1b/1/x"])));
    check(json!({"event": "Nobody Knows", "userId": "u"}), Some(("unknown_event", &["/event"])));
    check(json!({"userId": "u"}), Some(("unknown_event", &["/event"])));
    check(json!({"type": "page", "event": "Home", "userId": "u"}), None);
    check(json!({"type": "group", "userId": "u", "traits": {"x": 1}}), None);
}

#[test]
fn nobody_forges_an_order_from_a_browser() {
    let mut forged = order(r#"{"total": "free"}"#);
    forged["source"] = "browser".into();
    check(forged, Some(("forbidden_source", &["/event", "/properties/total"])));
    let mut imported = order(r#"{"total": 1}"#);
    imported["source"] = "import".into();
    check(imported, None);
}

#[test]
fn traits_are_of_their_declared_type() {
    let identify = |traits: Json| json!({"type": "identify", "userId": "u", "traits": traits});
    check(identify(json!({"years": 30, "city": "Bern"})), None);
    check(identify(json!({"years": null})), None);
    check(identify(json!({"years": "30"})), Some(("schema", &["/traits/years"])));
    check(identify(json!({"years": 30.5})), Some(("schema", &["/traits/years"])));
}

#[test]
fn settings_say_what_becomes_of_the_unknown() {
    let mut world = World::new(&program());
    let unknown = world.message("1997-01-01", json!({"event": "Nobody Knows", "userId": "u"}));
    let traits = world.message("1997-01-01", json!({"type": "identify", "userId": "u", "traits": {"x": 1}}));
    let with = |settings: &str, live: bool| {
        let text = format!("{}---\nkind: settings\nkey: program\nspec: {settings}\n", program());
        crate::Rules { live, ..rules(&text, 1, "1997-01-01") }
    };
    let warnings = |admission: Admission| match admission {
        Admission::Accept(warnings) => Some(warnings.len()),
        Admission::Quarantine { .. } => None,
    };
    for (settings, live, event, of_traits) in [
        ("{time_zone: UTC}", false, None, Some(0)),
        ("{time_zone: UTC}", true, Some(0), Some(0)),
        ("{unknown_events: warn, unknown_traits: warn}", false, Some(1), Some(1)),
        ("{unknown_events: quarantine, unknown_traits: quarantine}", true, None, None),
    ] {
        let rules = with(settings, live);
        assert_eq!(warnings(admit(&rules, &unknown)), event, "{settings}");
        assert_eq!(warnings(admit(&rules, &traits)), of_traits, "{settings}");
    }
    let lenient = World::new(&PROGRAM.replace("UNKNOWN", "warn"));
    let message = world.message("1997-01-01", order(r#"{"total": 1, "extra": 2}"#));
    assert_eq!(warnings(admit(&lenient.rules, &message)), Some(1));
}

#[test]
fn unique_values() {
    let mut world = World::new(&program());
    let mut unique = |json: Json| {
        let message = world.message("1997-01-01", json);
        unique_value(&world.rules, &message).map(|(key, value)| format!("{key} {value}"))
    };
    assert_eq!(unique(order(r#"{"order_id": "A-1"}"#)).as_deref(), Some("order_completed A-1"));
    assert_eq!(unique(order(r#"{"order_id": 17}"#)).as_deref(), Some("order_completed 17"));
    assert_eq!(unique(order(r#"{"order_id": null}"#)), None);
    assert_eq!(unique(order("{}")), None);
    assert_eq!(unique(json!({"event": "Product Viewed", "userId": "u"})), None);
    let message = world.message("1997-01-01", json!({"type": "identify", "userId": "u"}));
    assert_eq!(message.source, Source::Server);
    assert_eq!(unique_value(&world.rules, &message), None);
}
