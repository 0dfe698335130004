//! Every fault of a program is reported, each with its place and what to do.

use program::document;

fn load(files: &[(&str, &str)]) -> String {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    match document::load(&files) {
        Ok(_) => "no faults".into(),
        Err(faults) => {
            faults.iter().map(|fault| format!("[{}] {fault}", fault.code)).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The codes found, in order.
fn codes(files: &[(&str, &str)]) -> Vec<&'static str> {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    document::load(&files).err().unwrap_or_default().iter().map(|fault| fault.code).collect()
}

#[test]
fn ten_faults_are_all_reported() {
    let events = "\
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema:
    type: object
    required: [total]
    properties:
      total: {type: number}
      order_id: {type: string}
  unique_by: order_id            # 1: not a path
  accept_from: everyone          # 2: not a word
---
kind: event_type
key: order_refunded
spec:
  schema: {type: objekt}         # 3: not a schema
";
    let program = "\
kind: metric
key: spend
spec: {event: order_complete, aggregate: sum, of: properties.total}    # 4: no such event type
---
kind: audience
key: regulars
spec:
  condition: >-    # 5 and 6: no such trait, no such audience
    profile.traits.country == 'DE' &&
    in_audience('bigspenders')
---
kind: audience
key: big_spenders
spec:
  condition: in_audience('regular_spenders')
---
kind: audience
key: regular_spenders
spec:
  condition: in_audience('big_spenders')    # 7: a circle
---
kind: currency
key: points
spec: {name: Points, decimals: 9, expiry: nevr}    # 8 and 9
---
kind: reactor
key: bonus
spec:
  triger: {event: order_completed}    # 10 and 11: unknown field, and trigger is missing
  actions:
    - award: {currency: points, amount: \"'ten'\"}    # 12: not a number
    - awrad: {currency: points}    # 13: no such action
---
kind: currency
key: points
spec: {name: More points}    # 14: twice
---
kind: secret
key: Hook    # 15: not a key
";
    insta::assert_snapshot!(load(&[("events.yaml", events), ("program.yaml", program)]));
}

#[test]
fn a_fault_has_no_consequences() {
    // `total` is a typo of the schema's author; what stands on the event type is not blamed for it.
    let text = "\
kind: event_type
key: order_completed
spec:
  schema: {properties: {total: {type: nomber}}}
---
kind: metric
key: spend
spec: {event: order_completed, aggregate: sum, of: properties.total, where: event.properties.total > 1.0}
---
kind: reactor
key: points
spec:
  trigger: {event: order_completed}
  condition: event.properties.total + 1.0 > profile.metrics.spend
  actions:
    - emit_event: {event: order_completed, properties: {total: 'event.properties.total * 2.0'}}
";
    assert_eq!(codes(&[("a.yaml", text)]), ["bad_schema"]);
}

#[test]
fn what_a_faulty_thing_cannot_excuse_is_told_with_it() {
    // The schema is sound, though a word beside it is not: what stands on the schema is checked against it.
    let beside = "\
kind: event_type
key: order_completed
spec:
  accept_from: everyone
  schema: {required: [total], properties: {total: {type: number}}}
---
kind: metric
key: spend
spec: {event: order_completed, aggregate: sum, of: properties.totl}
---
kind: reactor
key: points
spec:
  trigger: {event: order_completed}
  condition: event.properties.total > 'x' && event.properties.amount > 1.0
  actions: [{emit_event: {event: order_completed, properties: {}}}]
";
    assert_eq!(
        codes(&[("a.yaml", beside)]),
        ["unknown_word", "bad_path", "expression_type", "unknown_name", "missing_field"]
    );
    // The schema itself is faulty: nothing is known of properties, but other names are as missing as ever.
    let inside = "\
kind: event_type
key: order_completed
spec:
  schema: {properties: {total: {type: nomber}}}
---
kind: reactor
key: points
spec:
  trigger: {event: order_completed}
  condition: event.properties.total > 1 && profile.traits.country == 'DE' && in_audience('vip') && event.properties.x.y
  actions: [{emit_event: {event: order_completed}}]
";
    let told = load(&[("a.yaml", inside)]);
    assert_eq!(codes(&[("a.yaml", inside)]), ["bad_schema", "unknown_name", "unknown_name"], "{told}");
    assert!(told.contains("no trait `country`") && told.contains("`vip`"), "{told}");
    assert!(!told.contains("event.properties.country"), "of which nothing is known: {told}");
}

#[test]
fn texts_that_are_not_yaml_are_refused_and_the_rest_is_read() {
    let text = "kind: secret\nkey: a\n---\nkind: [secret\nkey: b\n---\nkind: secrte\nkey: c\n";
    assert_eq!(load(&[("a.yaml", text)]), "\
[syntax] a.yaml:5:4: this is not YAML: illegal placement of ':' indicator
  help: Mind the indentation, and quote text that contains `: ` or ` #`, or begins with a special character.
[unknown_word] a.yaml:7:7: `secrte` is not one of the words allowed here (at /kind)
  help: Did you mean `secret`? Allowed here: `settings`, `constant`, `secret`, `event_type`, `trait`, `metric`, `audience`, `currency`, `reactor`.");
}

#[test]
fn json_is_read_too() {
    let tabbed = "{\r\n\t\"kind\": \"secret\",\r\n\t\"key\": \"a\",\r\n\t\"spec\": {\"description\": \"\\u00e9 \\/ \\ud83d\\ude00\"}\r\n}\r\n";
    let list = "[{\"kind\":\"secret\",\"key\":\"b\"},{\"kind\":\"secret\",\"key\":\"c\"}]";
    let files = [("a.json".to_owned(), tabbed.to_owned()), ("b.json".to_owned(), list.to_owned())];
    let loaded = document::load(&files).expect("no faults");
    let specs: Vec<(String, &str)> =
        loaded.bundle.specs.iter().map(|(address, spec)| (address.to_string(), &**spec)).collect();
    let expected = [("secret/a", "{\"description\":\"é / 😀\"}"), ("secret/b", "{}"), ("secret/c", "{}")];
    assert_eq!(specs, expected.map(|(address, spec)| (address.to_owned(), spec)));
    let address = "secret/a".parse().expect("an address");
    let place = loaded.positions.at(&address, "/spec/description").expect("known");
    assert_eq!((place.file.as_str(), place.line, place.column), ("a.json", 4, 26));
    assert_eq!(codes(&[("a.json", "{\"kind\": \"secret\", \"key\": \"a\", \"spec\": ")]), ["syntax"]);
}

#[test]
fn yaml_that_surprises_is_refused() {
    for (text, expected) in [
        ("kind: secret\nkey: &a hook\n", vec!["alias"]),
        ("kind: secret\nkey: hook\nspec: {description: *a}\n", vec!["alias"]),
        ("kind: secret\nkey: hook\nspec: {description: !!str a}\n", vec!["tag"]),
        ("kind: secret\nkey: hook\nkey: hook\n", vec!["duplicate_field"]),
        ("kind: secret\nkey: hook\nspec: {description: a, description: b}\n", vec!["duplicate_field"]),
        ("kind: secret\nkey: hook\nspec: {? [a, b] : c}\n", vec!["wrong_type"]),
        ("kind: trait\nkey: vip\nspec: {type: bool, searchable: yes}\n", vec!["wrong_type"]),
        ("kind: trait\nkey: vip\nspec: {type: bool, searchable: 'true'}\n", vec!["wrong_type"]),
        ("kind: trait\nkey: vip\nspec: {type: bool, searchable: }\n", vec!["wrong_type"]),
        ("kind: trait\nkey: vip\nspec: {type: bool, from: 12}\n", vec!["wrong_type"]),
        ("kind: trait\nkey: vip\nspec: {type: bool, from: .nan}\n", vec!["out_of_range"]),
        ("kind: constant\nkey: x\nspec: {type: decimal, default: 1e400}\n", vec!["out_of_range"]),
        ("just text\n", vec!["wrong_type"]),
        ("kind: secret\n", vec!["missing_field"]),
        ("kind: settings\nkey: other\n", vec!["bad_key"]),
        ("kind: settings\nkey: program\nspec: {time_zone: Europe/Berlim}\n", vec!["unknown_word"]),
    ] {
        assert_eq!(codes(&[("a.yaml", text)]), expected, "{text}");
    }
}

#[test]
fn what_is_too_much_is_refused_at_once() {
    let deep = format!("kind: secret\nkey: a\nspec: {}1{}\n", "[".repeat(100), "]".repeat(100));
    assert_eq!(codes(&[("a.yaml", &deep)]), ["syntax"]);
    let deep = (0..100).fold("kind: secret\nkey: a\nspec:\n".to_owned(), |text, depth| {
        text + &" ".repeat(depth + 1) + "a:\n"
    });
    assert_eq!(codes(&[("a.yaml", &deep)]), ["syntax"]);
    let wide = format!("kind: secret\nkey: a\nspec: [{}]\n", "1,".repeat(60_000));
    assert_eq!(codes(&[("a.yaml", &wide)]), ["too_large"]);
    let large = format!("kind: secret\nkey: a\nspec: {{description: {}}}\n", "a".repeat(1 << 20));
    assert_eq!(codes(&[("a.yaml", &large)]), ["too_large"]);
}

#[test]
fn each_rule_has_its_fault() {
    const BASE: &str = "\
kind: event_type
key: order
spec:
  schema:
    required: [total]
    properties:
      total: {type: string, format: decimal}
      quantity: {type: integer}
      note: {type: string}
      lines: {type: array, items: {type: object}}
      anything: {}
---
kind: event_type
key: open
---
{kind: audience, key: club, spec: {condition: 'true'}}
---
{kind: currency, key: points, spec: {name: Points}}
---
{kind: currency, key: credit, spec: {name: Credit}}
---
{kind: trait, key: level, spec: {type: decimal}}
---
{kind: metric, key: orders, spec: {event: order, aggregate: count}}
---
{kind: metric, key: last_note, spec: {event: order, aggregate: last, of: properties.note}}
---
";
    let reactor = |rest: &str| format!("kind: reactor\nkey: r\nspec:\n  trigger: {{event: order}}\n{rest}");
    let award = |rest: &str| reactor(&format!("  actions: [{{award: {{currency: points, {rest}}}}}]\n"));
    let action = |rest: &str| reactor(&format!("  actions: [{rest}]\n"));
    let metric = |rest: &str| format!("kind: metric\nkey: m\nspec: {{event: order, {rest}}}\n");
    let sound: [&str; 0] = [];
    for (text, expected) in [
        (award("of: properties.total"), sound.as_slice()),
        (award("of: properties.quantity, rate: 1.5, rounding: half_up"), &[]),
        (award("amount: 5"), &[]),
        (award("amount: '5'"), &[]),
        (award("amount: 'profile.metrics.orders * 2'"), &[]),
        (award("amount: 0"), &["out_of_range"]),
        (award("amount: '-5'"), &["out_of_range"]),
        (award("amount: 5.5"), &["expression_type"]),
        (award("amount: [5]"), &["wrong_type"]),
        (award("of: properties.note"), &["bad_path"]),
        (award("of: properties.anything"), &["bad_path"]),
        (award("of: properties.totl"), &["bad_path"]),
        (award("of: total"), &["bad_path"]),
        (award("of: properties.total, amount: 5"), &["missing_field"]),
        (award("amount: 5, rate: 2"), &["unknown_field"]),
        (award("of: properties.total, rate: 0"), &["out_of_range"]),
        (award("of: properties.total, rate: -1"), &["out_of_range"]),
        (award("of: properties.total, when_short: part"), &["unknown_field"]),
        (reactor("  actions: []\n"), &["missing_field"]),
        (action("{award: {currency: points, amount: 1}, deduct: {}}"), &["wrong_type"]),
        (action("{deduct: {currency: points, amount: 1, when_short: part}}"), &[]),
        (action("{deduct: {currency: pionts, amount: 1}}"), &["bad_reference"]),
        (action("{set_trait: {trait: level, value: 3}}"), &[]),
        (action("{set_trait: {trait: level, value: \"'three'\"}}"), &["expression_type"]),
        (action("{set_trait: {trait: lvl, value: 3}}"), &["bad_reference"]),
        (action("{emit_event: {event: open, properties: {a: 1, b: \"'x'\"}}}"), &[]),
        (action("{emit_event: {event: order, properties: {total: event.properties.total}}}"), &[]),
        (action("{emit_event: {event: order, properties: {quantity: 1}}}"), &["missing_field"]),
        (action("{emit_event: {event: order, properties: {total: 1, quantty: 1}}}"), &["unknown_field"]),
        (action("{emit_event: {event: order, properties: {total: 1, quantity: true}}}"), &["expression_type"]),
        (action("{call_webhook: {url: 'https://example.com/x', data: {a: 1, b: 'true'}}}"), &[]),
        (action("{call_webhook: {url: 'http://example.com/x'}}"), &["bad_url"]),
        (action("{call_webhook: {url: 'https://'}}"), &["bad_url"]),
        (action("{call_webhook: {url: 'https://example.com', secret: hook}}"), &["bad_reference"]),
        (action("{send_message: {template: welcome, channel: email}}"), &[]),
        (action("{send_message: {template: welcome, channel: mail}}"), &["unknown_word"]),
        (award("amount: 1") + "  schedule: {from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00+01:00}\n", &[]),
        (award("amount: 1") + "  schedule: {from: 2026-01-01}\n", &["wrong_type"]),
        (
            award("amount: 1") + "  schedule: {from: 2026-02-01T00:00:00Z, until: 2026-01-01T00:00:00Z}\n",
            &["out_of_range"],
        ),
        (award("amount: 1") + "  limits: [{count: 0}, {count: 1, window: hour}]\n", &["out_of_range", "unknown_word"]),
        (award("amount: 1") + "  budget: {currency: points, amount: 100}\n", &[]),
        (award("amount: 1") + "  budget: {currency: credit, amount: 100}\n", &["useless_budget"]),
        (award("amount: 1") + "  priority: 1.5\n", &["wrong_type"]),
        (award("amount: 1") + "  condition: true\n", &["wrong_type"]),
        (award("amount: 1") + "  condition: event.properties.quantity > 2\n", &["unguarded"]),
        (award("amount: 1") + "  condition: has(event.properties.quantity) && event.properties.quantity > 2\n", &[]),
        (
            "kind: reactor\nkey: r\nspec:\n  trigger: {audience_entered: club}\n  condition: event.properties.total > 1.0\n  actions: [{award: {currency: points, of: properties.total}}]\n".into(),
            &["unknown_name", "bad_path"],
        ),
        ("{kind: audience, key: a, spec: {condition: event.properties.total > 1.0}}".into(), &["unknown_name"]),
        ("{kind: audience, key: a, spec: {condition: in_audience('a')}}".into(), &["audience_cycle"]),
        ("{kind: audience, key: a, spec: {condition: profile.balances.points > 3}}".into(), &[]),
        (metric("aggregate: count, where: event.properties.total > 3.0"), &[]),
        (metric("aggregate: count, where: profile.metrics.orders > 3"), &["not_allowed_here"]),
        (metric("aggregate: count, of: properties.total"), &["unknown_field"]),
        (metric("aggregate: sum"), &["missing_field"]),
        (metric("aggregate: sum, of: timestamp"), &["wrong_type"]),
        (metric("aggregate: last, of: timestamp"), &[]),
        (metric("aggregate: last, of: properties.lines"), &["bad_path"]),
        (metric("aggregate: max, of: properties.note"), &["bad_path"]),
        (metric("aggregate: count, window: {rolling_days: 30}"), &[]),
        (metric("aggregate: count, window: {rolling_days: 0}"), &["out_of_range"]),
        (metric("aggregate: count, window: rolling_days"), &["wrong_type"]),
        (metric("aggregate: average"), &["unknown_word"]),
        ("{kind: event_type, key: e, spec: {name: order}}".into(), &["duplicate_event_name"]),
        ("{kind: event_type, key: e, spec: {name: open}}".into(), &["duplicate_event_name"]),
        ("{kind: event_type, key: e, spec: {schema: {$ref: 'https://example.com/s.json'}}}".into(), &["remote_reference"]),
        ("{kind: event_type, key: e, spec: {schema: {$ref: '#/$defs/none'}}}".into(), &["bad_schema"]),
        ("{kind: event_type, key: e, spec: {schema: {properties: {a: {pattern: '(?=a)b'}}}}}".into(), &["bad_schema"]),
        ("{kind: event_type, key: e, spec: {schema: {$schema: 'http://json-schema.org/draft-07/schema#'}}}".into(), &["bad_schema"]),
        ("{kind: event_type, key: e, spec: {schema: {properties: {a: {type: boolean}}}, unique_by: properties.a}}".into(), &["bad_path"]),
        ("{kind: constant, key: c, spec: {type: int, default: 1.5}}".into(), &["wrong_type"]),
        ("{kind: constant, key: c, spec: {type: decimal, default: '1.50'}}".into(), &[]),
        ("{kind: constant, key: c, spec: {type: timestamp, default: now}}".into(), &["wrong_type"]),
        ("{kind: constant, key: c, spec: {type: money}}".into(), &["unknown_word"]),
        ("{kind: currency, key: c, spec: {name: '', expiry: {after_days: 0}}}".into(), &["out_of_range", "out_of_range"]),
    ] {
        let whole = format!("{BASE}{text}");
        assert_eq!(codes(&[("a.yaml", &whole)]), expected, "{text}\n{}", load(&[("a.yaml", &whole)]));
    }
}

#[test]
fn names_on_the_wire_are_unique() {
    let text = "{kind: event_type, key: a, spec: {name: Order}}\n---\n{kind: event_type, key: b, spec: {name: Order}}\n";
    assert_eq!(load(&[("a.yaml", text)]), "\
[duplicate_event_name] a.yaml:3:41: event_type/b: the name `Order` is already that of `event_type/a`, at a.yaml:1:1 (at /spec/name)
  help: On the wire events are told apart by name: each event type needs its own.");
}
