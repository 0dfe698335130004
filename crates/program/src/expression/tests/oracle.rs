//! The `cel` interpreter as oracle: over random well-typed expressions and random facts, wherever both give
//! a value, it is the same value.
//!
//! Kept apart, because ours says more or less than the interpreter by design: an int literal beside a double
//! (accepted by ours), numbers beyond the finite (an error in ours), `has()` over a missing parent (false in
//! ours, an error there), big whole numbers beside doubles (exact in ours), functions of our own (`days`, `in_audience`, …).

use std::{collections::HashMap, sync::LazyLock};

use cel::{Context, Env, Program, objects::Map};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

type Text = BoxedStrategy<String>;

/// Expressions of one type each, over the scope of the shop, not deeper than so many levels.
#[derive(Clone)]
struct Grammar {
    bool: Text,
    int: Text,
    double: Text,
    text: Text,
    moment: Text,
    span: Text,
    ints: Text,
    texts: Text,
}

fn leaf(words: &'static [&'static str]) -> Text {
    select(words).prop_map(str::to_owned).boxed()
}

fn leaves() -> Grammar {
    Grammar {
        bool: leaf(&[
            "true",
            "false",
            "event.properties.first",
            "has(event.properties.coupon)",
            "has(event.properties.discount)",
            "has(profile.traits.vip)",
        ]),
        int: leaf(&[
            "0",
            "1",
            "7",
            "-3",
            "9223372036854775807",
            "event.properties.count",
            "profile.metrics.orders",
            "profile.balances.points",
            "constants.threshold",
            "size(event.properties.items)",
            "size(event.properties.name)",
        ]),
        double: leaf(&[
            "0.0",
            "1.5",
            "-2.25",
            "9007199254740992.0",
            "event.properties.total",
            "profile.metrics.spend",
            "(has(event.properties.discount) ? event.properties.discount : 0.5)",
        ]),
        text: leaf(&[
            "''",
            "'é😀'",
            "'a'",
            "event.name",
            "event.properties.name",
            "event.properties.`order-id`",
            "(has(event.properties.coupon) ? event.properties.coupon : 'none')",
        ]),
        moment: leaf(&["event.timestamp", "event.properties.due", "timestamp('1999-12-31T23:59:59Z')"]),
        span: leaf(&["duration('1h30m')", "duration('-2.5s')", "duration('720h')"]),
        ints: leaf(&[
            "event.properties.numbers",
            "event.properties.numbers.filter(n, false)",
            "[1, 2, 3]",
            "event.properties.items.map(i, i.quantity)",
        ]),
        texts: leaf(&[
            "['a', 'b']",
            "event.properties.items.map(i, i.sku)",
            "['a', 'b', 'c', 'd', 'é😀', 'none']",
        ]),
    }
}

fn joined(a: &Text, operators: &'static [&'static str], b: &Text) -> Text {
    (a.clone(), select(operators), b.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")).boxed()
}

fn choice(condition: &Text, of: &Text) -> Text {
    (condition.clone(), of.clone(), of.clone()).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")).boxed()
}

fn called(of: &Text, shapes: &'static [&'static str]) -> Text {
    (of.clone(), select(shapes)).prop_map(|(of, shape)| shape.replace('_', &of)).boxed()
}

const ORDER: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const LOOPS: &[&str] = &["exists", "all", "exists_one"];

/// One level more.
fn grown(g: &Grammar) -> Grammar {
    // The interpreter rounds big whole numbers when it compares them with doubles; ours does not.
    let small = leaf(&["0", "-2", "40", "size(event.properties.items)", "constants.threshold"]);
    let looped = (g.ints.clone(), select(LOOPS), g.int.clone(), select(ORDER), g.bool.clone()).prop_map(
        |(list, kind, bound, order, also)| {
            format!("{list}.{kind}(n, n {order} {bound} || 10 / n == 2 || {also})")
        },
    );
    let over_items = (select(LOOPS), g.double.clone(), g.texts.clone()).prop_map(|(kind, d, texts)| {
        format!("event.properties.items.{kind}(i, i.price > {d} && i.sku in {texts} || has(i.coupon))")
    });
    let filtered = (g.ints.clone(), g.int.clone(), select(ORDER))
        .prop_map(|(list, bound, order)| format!("{list}.filter(n, n {order} {bound})"));
    let mapped =
        (g.ints.clone(), g.int.clone()).prop_map(|(list, by)| format!("{list}.map(n, n != 2, n + {by})"));
    Grammar {
        bool: prop_oneof![
            3 => g.bool.clone(),
            3 => joined(&g.bool, &["&&", "||", "==", "!="], &g.bool),
            1 => called(&g.bool, &["!_"]),
            2 => joined(&g.int, ORDER, &g.int),
            2 => joined(&g.double, ORDER, &g.double),
            1 => joined(&small, ORDER, &g.double),
            1 => joined(&g.double, ORDER, &small),
            1 => joined(&g.text, ORDER, &g.text),
            1 => joined(&g.moment, ORDER, &g.moment),
            1 => joined(&g.span, ORDER, &g.span),
            1 => joined(&g.int, &["in"], &g.ints),
            1 => joined(&g.text, &["in"], &g.texts),
            1 => joined(&g.ints, &["==", "!="], &g.ints),
            1 => choice(&g.bool, &g.bool),
            1 => (g.text.clone(), select(&["contains", "startsWith", "endsWith"][..]), g.text.clone())
                .prop_map(|(a, f, b)| format!("{a}.{f}({b})")),
            1 => called(&g.text, &["_.matches('^[a-z]+$')", "_.matches('é|Blue')"]),
            1 => looped,
            1 => over_items,
        ]
        .boxed(),
        int: prop_oneof![
            2 => g.int.clone(),
            3 => joined(&g.int, &["+", "-", "*", "/", "%"], &g.int),
            1 => called(&g.int, &["-(_)"]),
            1 => called(&g.double, &["int(_)"]),
            1 => called(&g.text, &["size(_)", "_.size()"]),
            1 => called(&g.ints, &["size(_)"]),
            1 => choice(&g.bool, &g.int),
            1 => called(&g.moment, &[
                "_.getFullYear()", "_.getMonth()", "_.getDate()", "_.getDayOfMonth()", "_.getDayOfWeek()",
                "_.getDayOfYear()", "_.getHours()", "_.getMinutes()", "_.getSeconds()", "_.getMilliseconds()",
            ]),
            1 => called(&g.span, &["_.getHours()", "_.getMinutes()", "_.getSeconds()"]),
        ]
        .boxed(),
        double: prop_oneof![
            2 => g.double.clone(),
            3 => joined(&g.double, &["+", "-", "*", "/"], &g.double),
            1 => called(&g.double, &["-(_)"]),
            1 => called(&g.int, &["double(_)"]),
            1 => choice(&g.bool, &g.double),
        ]
        .boxed(),
        text: prop_oneof![
            2 => g.text.clone(),
            2 => joined(&g.text, &["+"], &g.text),
            1 => called(&g.int, &["string(_)"]),
            1 => choice(&g.bool, &g.text),
        ]
        .boxed(),
        moment: prop_oneof![
            2 => g.moment.clone(),
            2 => joined(&g.moment, &["+", "-"], &g.span),
            1 => joined(&g.span, &["+"], &g.moment),
        ]
        .boxed(),
        span: prop_oneof![
            2 => g.span.clone(),
            1 => joined(&g.moment, &["-"], &g.moment),
            1 => joined(&g.span, &["+", "-"], &g.span),
        ]
        .boxed(),
        ints: prop_oneof![2 => g.ints.clone(), 1 => filtered, 1 => mapped, 1 => joined(&g.ints, &["+"], &g.ints)].boxed(),
        texts: g.texts.clone(),
    }
}

fn expressions() -> Text {
    let mut grammar = leaves();
    for _ in 0..4 {
        grammar = grown(&grammar);
    }
    prop_oneof![4 => grammar.bool, 2 => grammar.int, 2 => grammar.double, 1 => grammar.text, 1 => grammar.moment,
        1 => grammar.span, 1 => grammar.ints]
    .boxed()
}

fn facts() -> impl Strategy<Value = Given> {
    let whole = prop_oneof![-3_i64..6, Just(i64::MAX), Just(i64::MIN), any::<i64>()];
    let fraction = prop_oneof![(-400_i32..400).prop_map(|n| f64::from(n) / 8.0), -1e300..1e300];
    let word = select(&["", "a", "b", "Blue", "é😀", "none"][..]);
    let item = (word.clone(), 0_i32..100, -2_i64..4, proptest::option::of(word.clone())).prop_map(
        |(sku, price, quantity, coupon)| {
            let mut item = serde_json::json!({"sku": sku, "price": f64::from(price) / 4.0, "quantity": quantity, "tags": []});
            if let Some(coupon) = coupon {
                item["coupon"] = coupon.into();
            }
            item
        },
    );
    (
        (whole.clone(), fraction.clone(), word.clone(), any::<bool>(), 0_i64..4_000_000_000),
        (vec(item, 0..4), vec(-2_i64..5, 0..5)),
        (proptest::option::of(word), proptest::option::of(fraction.clone()), whole, fraction),
    )
        .prop_map(
            |((count, total, name, first, due), (items, numbers), (coupon, discount, orders, spend))| {
                let due = jiff::Timestamp::from_second(due).expect("a moment").to_string();
                let mut properties = serde_json::json!({
                    "count": count, "total": total, "name": name, "first": first, "due": due, "items": items,
                    "numbers": numbers, "order-id": "o-1",
                });
                if let Some(coupon) = coupon {
                    properties["coupon"] = coupon.into();
                }
                if let Some(discount) = discount {
                    properties["discount"] = discount.into();
                }
                let others = [
                    ("profile.metrics.orders", Value::Int(orders)),
                    ("profile.metrics.spend", Value::Double(spend)),
                    ("constants.threshold", Value::Int(30)),
                ];
                let others = others.into_iter().map(|(path, value)| (path.to_owned(), value)).collect();
                Given { properties, others, audiences: BTreeSet::new() }
            },
        )
}

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A value of the interpreter's own making.
fn made(source: &str) -> cel::Value {
    let program = Program::compile(source).expect("it is right");
    program.execute(&Context::with_env(Arc::clone(&ENVIRONMENT))).expect("it has a value")
}

fn theirs(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::Int(number) => cel::Value::Int(*number),
        Value::Double(number) => cel::Value::Float(*number),
        Value::String(text) => cel::Value::String(Arc::new(text.to_string())),
        Value::Timestamp(at) => made(&format!("timestamp('{at}')")),
        Value::Duration(span) => {
            // By way of moments: the interpreter reads the text of a span as a double.
            let at = jiff::Timestamp::from_duration(*span).expect("a span of this calendar");
            made(&format!("timestamp('{at}') - timestamp('1970-01-01T00:00:00Z')"))
        }
        Value::List(items) => cel::Value::List(Arc::new(items.iter().map(theirs).collect())),
        Value::Object(fields) => map(fields.iter().map(|(key, value)| (key.to_string(), theirs(value)))),
    }
}

fn map(entries: impl IntoIterator<Item = (String, cel::Value)>) -> cel::Value {
    let entries: HashMap<String, cel::Value> = entries.into_iter().collect();
    cel::Value::Map(Map::from(entries))
}

fn interpreted(source: &str, given: &Given) -> Result<cel::Value, String> {
    let properties = Value::from_json(&given.properties, &properties()).expect("an object");
    let group = |prefix: &str| {
        let found = given
            .others
            .iter()
            .filter_map(|(path, value)| Some((path.strip_prefix(prefix)?.to_owned(), theirs(value))));
        map(found.collect::<Vec<_>>())
    };
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    context.add_variable_from_value(
        "event",
        map([
            ("name".to_owned(), theirs(&given.event_name().expect("a name"))),
            ("timestamp".to_owned(), theirs(&given.event_timestamp().expect("a moment"))),
            ("properties".to_owned(), theirs(&properties)),
        ]),
    );
    context.add_variable_from_value(
        "profile",
        map([
            ("traits".to_owned(), group("profile.traits.")),
            ("metrics".to_owned(), group("profile.metrics.")),
            ("balances".to_owned(), map([("points".to_owned(), cel::Value::Int(given.balance("points")))])),
        ]),
    );
    context.add_variable_from_value("constants", group("constants."));
    // The interpreter needs the plain form of a name in backticks.
    let program = Program::compile(&source.replace(".`order-id`", "['order-id']"))
        .map_err(|error| error.to_string())?;
    program.execute(&context).map_err(|error| error.to_string())
}

#[derive(Default)]
struct Tally {
    refused: u32,
    neither: u32,
    only_theirs: u32,
    only_ours: u32,
    both: u32,
}

/// Whether the two agree; with what was compared.
fn compare(source: &str, given: &Given, tally: &mut Tally) -> Result<(), String> {
    let expression = match checked(source) {
        Ok(expression) => expression,
        // Refused are parts that are constant and never give a value, and loops in loops in loops; all else
        // that is written here is fine.
        Err(faults)
            if faults.iter().all(|fault| {
                fault.code == "cost" || fault.message.starts_with("This never gives a value")
            }) =>
        {
            tally.refused += 1;
            return Ok(());
        }
        Err(faults) => return Err(format!("{source}\nis refused: {faults:#?}")),
    };
    match (expression.evaluate(given), interpreted(source, given)) {
        (Ok(ours), Ok(their)) => {
            tally.both += 1;
            if theirs(&ours) == their {
                return Ok(());
            }
            Err(format!("{source}\nover {}\nours {ours:?}\ntheirs {their:?}", given.properties))
        }
        // Ours gives an error where a double is not finite, or a moment is beyond the calendar.
        (Err(_), Ok(_)) => {
            tally.only_theirs += 1;
            Ok(())
        }
        (Ok(ours), Err(error)) => {
            tally.only_ours += 1;
            Err(format!("{source}\nover {}\nours {ours:?}\ntheirs fails: {error}", given.properties))
        }
        (Err(_), Err(_)) => {
            tally.neither += 1;
            Ok(())
        }
    }
}

#[test]
fn ours_agrees_with_the_interpreter() {
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner =
        TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng);
    let tally = std::cell::RefCell::new(Tally::default());
    let outcome = runner.run(&(expressions(), facts()), |(source, given)| {
        compare(&source, &given, &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    let told = format!(
        "compared {}, neither gives a value {}, only the interpreter {}, only ours {}, refused {}",
        tally.both, tally.neither, tally.only_theirs, tally.only_ours, tally.refused
    );
    assert!(tally.both * 2 > cases, "too few cases compare anything: {told}");
}

#[test]
fn known_cases_agree_with_the_interpreter() {
    for source in [
        "event.properties.total >= 30.0 && profile.metrics.orders % 5 == 0",
        "1 < 1.5 && 2.0 == 2",
        "-7 / 2 == -3 && -7 % 3 == -1",
        "'Z' < 'a' && 'é' > 'z'",
        "duration('1h30m') == duration('90m')",
        "event.properties.items.exists(i, i.price > 20.0)",
        "event.properties.items.map(i, has(i.coupon) ? i.coupon : '')",
        "event.timestamp.getDayOfWeek() == 6",
        "int('-12') == -12 && double('1.5') == 1.5 && string(12) == '12'",
        "(1 / (profile.metrics.orders - 5) == 1) || true",
        "string(true) == 'true' && string(1.5) == '1.5'",
        "size('é😀') == 2",
        "int(event.timestamp)",
        "2.0 in event.properties.numbers",
    ] {
        compare(source, &order(), &mut Tally::default()).unwrap_or_else(|error| panic!("{error}"));
    }
}
