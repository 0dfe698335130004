//! What is refused, where, and with which words.

use super::*;

/// One fault as text: code, the part of the source that it points at, message, help.
fn told(source: &str, faults: &[ExpressionFault]) -> String {
    faults
        .iter()
        .map(|fault| {
            let part = &source[fault.offset..fault.offset + fault.length];
            let help = fault.help.as_deref().unwrap_or("-");
            format!("{} at `{part}`: {} | {help}", fault.code, fault.message)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn refused(source: &str) -> String {
    match checked(source) {
        Ok(expression) => format!("accepted, gives {}", expression.of_type),
        Err(faults) => told(source, &faults),
    }
}

/// All of them with what is said, for a snapshot.
fn table(sources: &[&str]) -> String {
    sources
        .iter()
        .map(|source| format!("{source}\n{}\n", indented(&refused(source))))
        .collect::<Vec<_>>()
        .join("\n")
}

fn snapshot(name: &str, told: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, told);
    });
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_faults_come_together_with_their_places() {
    let source =
        "event.properties.totl > 10 && profile.traits.vipp == true && event.properties.coupon == 'X'";
    let faults = checked(source).expect_err("it has faults");
    let seen: Vec<_> =
        faults.iter().map(|fault| (fault.code, &source[fault.offset..fault.offset + fault.length])).collect();
    assert_eq!(
        seen,
        [
            ("unknown_name", "event.properties.totl"),
            ("unknown_name", "profile.traits.vipp"),
            ("unguarded", "event.properties.coupon"),
        ]
    );
}

#[test]
fn unknown_names() {
    snapshot(
        "unknown_names",
        &table(&[
            "event.properties.totl",
            "event.properties.customer.emial == ''",
            "total > 10",
            "event.total > 10",
            "properties.total > 10",
            "profile.vip",
            "profile.traits.orders > 1",
            "profile.metrics.ordres > 1",
            "profile.metrics.zebra > 1",
            "profile.balances.pionts > 1",
            "constants.treshold > 1",
            "in_audience('big_spender')",
            "in_audience(event.properties.name)",
            "lower(event.properties.name)",
            "event.properties.name.toLowerCase()",
            "event.properties.name.startswith('x')",
            "now() > event.timestamp",
            "now > event.timestamp",
            "event",
            "profile.metrics",
            "spring",
            "event.properties.items.exists(item, itm.price > 1)",
            "event.properties.items.exists(item, item.prise > 1)",
            "event.properties.items.prise > 1",
        ]),
    );
}

#[test]
fn types() {
    snapshot(
        "types",
        &table(&[
            "event.properties.total > '30'",
            "event.properties.count == event.properties.name",
            "event.timestamp > '2024-01-01T00:00:00Z'",
            "event.timestamp - event.properties.due > 3",
            "event.properties.count + event.properties.total",
            "event.properties.total % 5",
            "event.timestamp + 3",
            "event.properties.name + 3",
            "2 * days(7)",
            "event.properties.name && true",
            "event.properties.count || true",
            "-event.properties.name",
            "!event.properties.count",
            "event.properties.first ? 1 : 'a'",
            "event.properties.first ? event.properties.count : event.properties.total",
            "[1, 'a']",
            "event.properties.total == null",
            "event.properties.coupon != null",
            "null == event.properties.coupon",
            "event.properties.name in 'abc'",
            "event.properties.total in ['a']",
            "has(event.properties.extra) && event.properties.extra + 1 > 2",
            "has(event.properties.extra) && event.properties.extra.exists(x, x == 1)",
            "event.properties.items < event.properties.items",
            "event.properties.name.matches(event.properties.name)",
            "event.properties.name.matches('[')",
            "duration('30d')",
            "timestamp('yesterday')",
            "days(1.5)",
            "size(3)",
            "1 / 0 == 1",
            "9223372036854775807 + 1",
            "{'a': 1}",
            "1u",
            "event.timestamp.getHours('Europe/Berlin')",
            "event.properties.numbers[event.properties.count]",
            "event.properties.numbers.contains(3)",
            "has(event.properties.customer) && event.properties.customer.exists(c, true)",
        ]),
    );
}

#[test]
fn guards() {
    snapshot(
        "guards",
        &table(&[
            "event.properties.coupon == 'X'",
            "event.properties.coupon == 'X' || !has(event.properties.coupon)",
            "has(event.properties.coupon) || event.properties.coupon == 'X'",
            "!has(event.properties.coupon) && event.properties.coupon == 'X'",
            "has(event.properties.discount) && event.properties.coupon == 'X'",
            "has(event.properties.coupon) ? 'x' : event.properties.coupon",
            "event.properties.coupon",
            "event.properties.customer.email == ''",
            "has(event.properties.customer) && event.properties.customer.address.city == ''",
            "profile.traits.vip",
            "!profile.traits.vip",
            "event.timestamp - profile.metrics.last_order > days(3)",
            "event.properties.items.exists(i, i.coupon == 'X')",
            "event.properties.items.exists(i, has(i.coupon)) && event.properties.items.exists(i, i.coupon == 'X')",
            "event.properties.items[0].price > 1",
            "size(event.properties.items) > 0 && event.properties.items[1].price > 1",
            "event.properties.tags[0] == 'a'",
            "event.properties.items.filter(i, i.price > 1)[0].price > 1",
            "[1][1]",
            "(event.properties.coupon + 'x') == 'X' && event.properties.coupon == 'Y'",
        ]),
    );
}

#[test]
fn guards_are_seen_through_logic() {
    for source in [
        "has(event.properties.coupon) && has(event.properties.discount) && event.properties.coupon == 'X' && event.properties.discount > 1",
        "!(has(event.properties.coupon) && event.properties.coupon == 'X')",
        "!has(event.properties.coupon) || event.properties.coupon.size() > 3 || event.properties.coupon == 'X'",
        "(has(event.properties.coupon) || has(event.properties.discount)) && true",
        "!(!has(event.properties.coupon) || event.properties.coupon == '') && event.properties.coupon != 'X'",
        "(has(event.properties.coupon) ? event.properties.coupon == 'X' : false) && event.properties.coupon == 'X'",
        "has(event.properties.customer) && event.properties.customer.email == ''",
        "has(event.properties.customer.address) && event.properties.customer.address.city == ''",
        "has(event.properties.customer.address.city) && event.properties.customer.email == ''",
        "event.properties.items.exists(i, has(i.coupon) && i.coupon == 'X')",
        "event.properties.items.map(i, has(i.coupon), i.coupon) == ['X']",
        "has(event.properties.coupon) && event.properties.items.all(i, i.sku == event.properties.coupon)",
        "size(event.properties.items) >= 2 && event.properties.items[0].sku == event.properties.items[1].sku",
        "event.properties.numbers.size() == 3 ? event.properties.numbers[2] : 0",
    ] {
        let outcome = refused(source);
        assert!(outcome.starts_with("accepted"), "{source}\n  {outcome}");
    }
}

#[test]
fn syntax() {
    snapshot(
        "syntax",
        &table(&[
            "",
            "event.properties.total = 3",
            "true and false",
            "true or false",
            "not true",
            "true & false",
            "1 <> 2",
            "1 === 2",
            "(1 + 2",
            "(1 + 2]",
            "1 + 2)",
            "'abc",
            "\u{201c}abc\u{201d} == ''",
            "1 +",
            "1 2",
            "1 + * 2",
            "True",
            "event.?properties",
            "event.properties.items[?0]",
            "[?1]",
            "optional.of(1)",
            "optional.none().orValue(1)",
            "has(event)",
            "event.properties.items.exists(1, true)",
            "event.properties.items.exists(true)",
            "event.properties.items.exists(event, true)",
            "99999999999999999999",
            "1e999",
            "if",
            "'\\q'",
            "b'abc'",
            "true;",
            "'\u{1f600}' + $",
            "a.b(",
            "foo(,)",
            "size(1, 2)",
        ]),
    );
}

#[test]
fn the_expected_type_is_held_to() {
    let outcome =
        |source: &str, expected: &ValueType| match check(source, &Shop { event: true }, Some(expected)) {
            Ok(expression) => format!("accepted, gives {}", expression.of_type),
            Err(faults) => told(source, &faults),
        };
    let cases = [
        ("event.properties.total", ValueType::Bool),
        ("event.properties.count", ValueType::Bool),
        ("event.properties.total", ValueType::Int),
        ("event.properties.count", ValueType::Decimal),
        ("3", ValueType::Decimal),
        ("[]", ValueType::List(Box::new(ValueType::String))),
        ("event.properties.count", ValueType::Any),
        ("has(event.properties.extra) && true ? event.timestamp : event.timestamp", ValueType::String),
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|(source, expected)| {
            format!("{source} as {expected}\n{}\n", indented(&outcome(source, expected)))
        })
        .collect();
    snapshot("expected", &told.join("\n"));
}

#[test]
fn without_an_event_there_is_none_to_read() {
    let source = "event.properties.total > 1";
    let faults = check(source, &Shop { event: false }, None).expect_err("there is no event");
    assert_eq!(
        told(source, &faults),
        "unknown_name at `event.properties.total`: There is no event here. | Use what is known of the profile: \
         `profile.traits`, `profile.metrics`, `profile.balances`, `in_audience(…)`."
    );
}
