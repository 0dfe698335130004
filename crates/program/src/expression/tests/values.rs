//! What expressions give.

use super::*;

/// The value over the order, or the reason why there is none, as text.
fn outcome(source: &str) -> String {
    match checked(source) {
        Err(faults) => format!("{faults:#?}"),
        Ok(expression) => match expression.evaluate(&order()) {
            Ok(value) => value.to_json().to_string(),
            Err(reason) => format!("no value: {reason}"),
        },
    }
}

fn table(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(source, expected)| (source, expected, outcome(source)))
        .filter(|(_, expected, got)| got != *expected)
        .map(|(source, expected, got)| format!("{source}\n  expected {expected}\n  got      {got}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_read() {
    table(&[
        ("event.name", r#""Order Completed""#),
        ("event.timestamp", r#""1997-03-01T12:30:45.5Z""#),
        ("event.properties.total", "59.99"),
        ("event.properties.name", r#""Kind of Blue""#),
        ("event.properties.`order-id`", r#""o-17""#),
        ("event.properties['order-id']", r#""o-17""#),
        ("event['properties'].name", r#""Kind of Blue""#),
        ("profile.metrics.orders", "5"),
        ("profile.balances.points", "120"),
        ("constants.threshold", "30"),
        ("in_audience('big_spenders')", "true"),
    ]);
}

#[test]
fn numbers_compute() {
    table(&[
        ("1 + 2 * 3", "7"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("profile.metrics.orders % 5 == 0", "true"),
        ("event.properties.total * 2", "119.98"),
        ("event.properties.total >= 30", "true"),
        ("event.properties.total > constants.threshold", "true"),
        ("event.properties.total + double(constants.threshold) > 89.98", "true"),
        ("int(event.properties.total)", "59"),
        ("int(-1.9)", "-1"),
        ("double(3) / 2", "1.5"),
        ("math.greatest(1, 5, 3)", "5"),
        ("math.least(event.properties.total, 10)", "10.0"),
        ("1 == 1.0", "true"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("-profile.metrics.orders", "-5"),
        ("profile.metrics.orders / (profile.metrics.orders - 5)", "no value: 5 is divided by zero"),
        (
            "event.properties.total / (event.properties.total - event.properties.total)",
            "no value: 59.99 is divided by zero",
        ),
        (
            "profile.metrics.orders + 9223372036854775807",
            "no value: 5 + 9223372036854775807 is beyond the whole numbers",
        ),
        ("event.properties.total * 1.0e308 * 10", "no value: 59.99 * 1e308 is beyond the numbers"),
    ]);
}

#[test]
fn errors_are_absorbed_from_either_side() {
    let error = "1 / (profile.metrics.orders - 5) == 1";
    for (source, expected) in [
        (format!("{error} || true"), "true"),
        (format!("true || {error}"), "true"),
        (format!("{error} && false"), "false"),
        (format!("false && {error}"), "false"),
        (format!("{error} || false"), "no value: 1 is divided by zero"),
        (format!("{error} && true"), "no value: 1 is divided by zero"),
        (format!("[1, 2].exists(n, {error} || n == 2)"), "true"),
        (format!("[1, 2].all(n, {error} && n == 2)"), "false"),
        (format!("[1, 2].exists(n, {error})"), "no value: 1 is divided by zero"),
        (format!("[1, 2].exists_one(n, n == 1 || {error})"), "no value: 1 is divided by zero"),
    ] {
        assert_eq!(outcome(&source), expected, "{source}");
    }
}

#[test]
fn texts() {
    table(&[
        ("'a' + 'b'", r#""ab""#),
        ("event.properties.name.contains('Blue')", "true"),
        ("event.properties.name.startsWith('Kind')", "true"),
        ("event.properties.name.endsWith('Kind')", "false"),
        ("event.properties.name.lowerAscii()", r#""kind of blue""#),
        ("event.properties.name.upperAscii().size()", "12"),
        ("size('é😀')", "2"),
        ("event.properties.name.matches('^K.*e$')", "true"),
        (r"event.properties.name.matches(r'\d')", "false"),
        ("event.properties.name in ['a', 'b', 'Kind of Blue']", "true"),
        ("event.properties.name in ['a', 'b', 'c', 'd', 'e', 'f']", "false"),
        ("event.properties.name in ['a', 'b', 'c', 'd', 'Kind of Blue', 'f']", "true"),
        ("string(event.properties.count) + '!'", r#""3!""#),
        ("int(event.properties.name)", "no value: `Kind of Blue` is not a whole number"),
        ("'a' < 'b' && 'Z' < 'a'", "true"),
    ]);
}

#[test]
fn moments() {
    table(&[
        ("event.timestamp - timestamp('1997-02-28T12:30:45.5Z') == days(1)", "true"),
        ("event.timestamp + days(31) > event.properties.due", "true"),
        ("event.timestamp - days(1)", r#""1997-02-28T12:30:45.5Z""#),
        ("event.properties.due - event.timestamp", r#""2633354.5s""#),
        ("duration('1h30m') + minutes(30) == hours(2)", "true"),
        ("duration('1.5h')", r#""5400s""#),
        ("duration('-1h') < hours(0)", "true"),
        ("event.timestamp.getFullYear()", "1997"),
        ("event.timestamp.getMonth()", "2"),
        ("event.timestamp.getDate()", "1"),
        ("event.timestamp.getDayOfMonth()", "0"),
        ("event.timestamp.getDayOfWeek()", "6"),
        ("event.timestamp.getDayOfYear()", "59"),
        ("event.timestamp.getHours()", "12"),
        ("event.timestamp.getMinutes()", "30"),
        ("event.timestamp.getSeconds()", "45"),
        ("event.timestamp.getMilliseconds()", "500"),
        ("duration('90m').getHours()", "1"),
        ("int(event.timestamp)", "857219445"),
        (
            "event.timestamp + days(event.properties.count * 1000000000)",
            "no value: a moment or span is beyond the calendar",
        ),
    ]);
}

#[test]
fn presence_and_choice() {
    table(&[
        ("has(event.properties.coupon)", "false"),
        ("has(event.properties.discount) && event.properties.discount > 4", "true"),
        ("!has(event.properties.coupon) || event.properties.coupon == 'X'", "true"),
        ("has(event.properties.coupon) ? event.properties.coupon : 'none'", r#""none""#),
        ("has(event.properties.discount) ? event.properties.discount : 0", "5.0"),
        ("has(event.properties.customer.address.city)", "false"),
        (
            "has(event.properties.customer.email) && event.properties.customer.email.endsWith('example.com')",
            "true",
        ),
        ("has(profile.traits.vip) && profile.traits.vip", "true"),
        ("has(profile.traits.city)", "false"),
        (
            "has(profile.metrics.last_order) ? event.timestamp - profile.metrics.last_order > days(30) : true",
            "true",
        ),
        ("has(event.properties.extra.a) && event.properties.extra.a == 1", "true"),
        ("has(event.properties.extra.b)", "false"),
        ("has(event.properties.extra) && event.properties.extra == 'text'", "false"),
        (
            "has(event.properties.extra.a) && event.properties.extra.a < 'x'",
            "no value: there is no order between a whole number and a text",
        ),
        ("profile.metrics.orders > 3 ? 'many' : 'few'", r#""many""#),
    ]);
}

#[test]
fn lists() {
    table(&[
        ("event.properties.items.exists(i, i.price > 20)", "true"),
        ("event.properties.items.all(i, i.price > 20)", "false"),
        ("event.properties.items.exists_one(i, i.sku == 'A-1')", "true"),
        ("event.properties.items.existsOne(i, i.quantity > 0)", "false"),
        ("event.properties.items.filter(i, i.quantity > 1).map(i, i.sku)", r#"["B-2"]"#),
        ("event.properties.items.map(i, i.price < 20, i.price * 2)", "[30.0]"),
        ("event.properties.items.map(i, has(i.coupon) ? i.coupon : '')", r#"["","HALF"]"#),
        ("event.properties.items.exists(i, i.tags.exists(t, t == 'jazz'))", "true"),
        ("event.properties.items.exists(i, 'vinyl' in i.tags)", "true"),
        ("2 in event.properties.numbers", "true"),
        ("2.0 in event.properties.numbers", "true"),
        ("size(event.properties.items) > 1 && event.properties.items[1].sku == 'B-2'", "true"),
        ("0 < size(event.properties.items) && event.properties.items[0].price > 1", "true"),
        ("event.properties.items.size() == 0 || event.properties.items[0].quantity == 1", "true"),
        ("has(event.properties.items[5].coupon)", "false"),
        ("[10, 20][1]", "20"),
        ("event.properties.numbers + [4]", "[1,2,3,4]"),
        ("[] + event.properties.numbers == [1, 2, 3]", "true"),
        ("has(event.properties.tags) ? event.properties.tags : []", "[]"),
        ("[1, 2.5]", "[1.0,2.5]"),
    ]);
}

#[test]
fn the_examples_of_the_documentation_are_right() {
    let page = include_str!("../../../../../docs/expressions.md");
    let examples: Vec<_> = page
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(str::lines)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert!(examples.len() > 8, "{examples:?}");
    for example in examples {
        if let Err(faults) = checked(example) {
            panic!("{example}: {faults:#?}");
        }
    }
}
