//! Nothing hangs, nothing overflows the stack, nothing fills the memory.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::*;

/// The codes of the faults, found soon and on the small stack of a worker thread.
fn codes(source: String) -> Vec<&'static str> {
    let work = move || {
        let begun = Instant::now();
        let codes: Vec<_> = match checked(&source) {
            Ok(expression) => {
                let _ = expression.evaluate(&order());
                Vec::new()
            }
            Err(faults) => faults.iter().map(|fault| fault.code).collect(),
        };
        assert!(begun.elapsed() < Duration::from_secs(20), "it takes too long");
        codes
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread").join().expect("no panic")
}

#[test]
fn sources_that_are_too_big_or_too_deep_are_refused() {
    let nested = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    for (source, expected) in [
        (format!("'{}' == ''", "x".repeat(100_000)), "cost"),
        (vec!["1"; 50_000].join("+"), "cost"),
        (vec!["1"; 5_000].join("+"), "cost"),
        (vec!["event.properties.count"; 150].join("+"), "cost"),
        (nested("(", ")", 10_000), "cost"),
        (nested("(", ")", 33), "cost"),
        (nested("[", "]", 33), "cost"),
        ("(".repeat(10_000), "cost"),
        ("[".repeat(5_000), "cost"),
        (format!("{}true", "!".repeat(5_000)), "cost"),
        (format!("event{}", ".a".repeat(5_000)), "cost"),
        (format!("{}1", "true?1:".repeat(2_000)), "cost"),
        ("\"".repeat(10_001), "expression_syntax"),
    ] {
        let head: String = source.chars().take(40).collect();
        assert_eq!(codes(source), [expected], "{head}");
    }
}

#[test]
fn what_is_just_within_the_limits_is_checked() {
    let nested = |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let skus = (0..1_000).map(|n| format!("'sku-{n}'")).collect::<Vec<_>>().join(", ");
    for source in [
        nested("(", ")", 32),
        format!("event.properties.name in [{skus}]"),
        vec!["event.properties.first"; 160].join(" && "),
        vec!["event.properties.count"; 120].join(" + "),
        format!("{}event.properties.count", "event.properties.first ? 1 : ".repeat(60)),
        format!("{}event.properties.first", "!".repeat(400)),
        "[".repeat(32) + &"]".repeat(32),
    ] {
        let head: String = source.chars().take(60).collect();
        assert_eq!(codes(source), <[&str; 0]>::default(), "{head}");
    }
}

#[test]
fn loops_in_loops_are_bounded() {
    let items = "event.properties.items";
    let nested = |depth: usize| {
        let open = (0..depth).map(|n| format!("{items}.exists(i{n}, ")).collect::<Vec<_>>().concat();
        format!("{open}i0.price > 1{}", ")".repeat(depth))
    };
    assert_eq!(codes(nested(1)), <[&str; 0]>::default());
    assert_eq!(codes(nested(2)), <[&str; 0]>::default());
    assert_eq!(codes(nested(3)), <[&str; 0]>::default());
    assert_eq!(codes(nested(4)), ["cost"]);
    // Three deep, and each step long: reckoned before it runs.
    let step = ["i0.price > i1.price"; 12].join(" || ");
    assert_eq!(
        codes(format!("{items}.exists(i0, {items}.exists(i1, {items}.exists(i2, {step})))")),
        ["cost"]
    );
    assert_eq!(codes("event.properties.name.matches('(a{1000}){1000}')".into()), ["cost"]);
}

fn numbers(count: usize) -> Given {
    let mut given = order();
    given.properties["numbers"] = (0..count).collect::<Vec<_>>().into();
    given
}

/// The reason why there is no value, found soon.
fn stopped(source: &str, given: &Given) -> String {
    let expression = checked(source).unwrap_or_else(|faults| panic!("{source}: {faults:#?}"));
    let begun = Instant::now();
    let reason = expression.evaluate(given).expect_err(source).0;
    assert!(begun.elapsed() < Duration::from_secs(20), "it takes too long");
    assert_eq!(expression.evaluate(given).expect_err(source).0, reason, "the same reason each time");
    reason
}

#[test]
fn what_would_run_for_ever_runs_out_of_fuel() {
    let given = numbers(15_000);
    let list = "event.properties.numbers";
    for source in [
        format!("{list}.exists(a, {list}.exists(b, a + b == -1))"),
        // An error does not matter to `||`, but running out does.
        format!("{list}.exists(a, {list}.exists(b, a + b == -1)) || true"),
        format!("{list}.map(a, {list}) == [[1]]"),
        format!("{list}.filter(a, a in {list}.filter(b, b > 20000)) == [1]"),
        format!(
            "[{list}].map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).map(a, [a, a]) == []"
        ),
    ] {
        assert_eq!(stopped(&source, &given), "it takes more than 2000000 steps", "{source}");
    }
}

/// Facts that count how often the event's properties are brought from JSON, which takes as long as they are.
struct Counting {
    given: Given,
    reads: Cell<usize>,
}

impl Facts for Counting {
    fn property(&self, path: &[Arc<str>], of_type: &ValueType) -> Option<Value> {
        self.reads.set(self.reads.get() + 1);
        self.given.property(path, of_type)
    }

    fn items(&self, path: &[Arc<str>], of_type: &ValueType, wanted: &[Arc<str>]) -> Option<Value> {
        self.reads.set(self.reads.get() + 1);
        self.given.items(path, of_type, wanted)
    }

    fn event_name(&self) -> Option<Value> {
        self.given.event_name()
    }

    fn event_timestamp(&self) -> Option<Value> {
        self.given.event_timestamp()
    }

    fn profile_trait(&self, key: &str, of_type: &ValueType) -> Option<Value> {
        self.given.profile_trait(key, of_type)
    }

    fn metric(&self, key: &str) -> Option<Value> {
        self.given.metric(key)
    }

    fn balance(&self, key: &str) -> i64 {
        self.given.balance(key)
    }

    fn constant(&self, key: &str) -> Option<Value> {
        self.given.constant(key)
    }

    fn in_audience(&self, key: &str) -> bool {
        self.given.in_audience(key)
    }
}

#[test]
fn a_loop_reads_the_event_once_and_not_once_an_item() {
    let list = "event.properties.numbers";
    for source in [
        format!("{list}.all(a, size({list}) > a)"),
        format!("{list}.exists(a, {list}.exists(b, a + b == -1))"),
        format!("{list}.all(a, has({list}))"),
        format!("size({list}.filter(a, size({list}) > 1 && a == {list}[1])) == 1"),
    ] {
        let facts = Counting { given: numbers(1_000), reads: Cell::new(0) };
        let expression = checked(&source).unwrap_or_else(|faults| panic!("{source}: {faults:#?}"));
        let counted = expression.evaluate(&facts);
        assert!(facts.reads.get() <= 2, "{source}: read {} times", facts.reads.get());
        assert_eq!(counted, expression.evaluate(&facts.given), "{source}");
    }
}

#[test]
fn a_text_that_is_lent_gives_the_same_for_the_same_fuel() {
    let mut given = order();
    given.properties["name"] = "Kind of Blue, 1959, in the first pressing".into();
    given.others.insert("profile.traits.city".to_owned(), Value::String("Bern".into()));
    for source in [
        "event.properties.name == 'Kind of Blue'",
        "event.properties.name != 'Kind of Blue'",
        "event.properties.name < 'Kind of Blue, 1959, and more than sixteen' || true",
        "event.properties.name >= 'A'",
        "event.properties.name in ['A', 'B', 'Kind of Blue, 1959, in the first pressing']",
        "event.properties.name in ['A']",
        "event.properties.name.contains('1959')",
        "event.properties.name.startsWith('Kind of Blue, 1959')",
        "event.properties.name.endsWith('nothing of the kind')",
        "has(profile.traits.city) && profile.traits.city == 'Bern'",
        "has(profile.traits.city) && profile.traits.city in ['Basel', 'Bern'] && profile.traits.city.size() == 4",
        "has(event.properties.coupon) && event.properties.coupon == 'HALF'",
        "event.properties.items.exists(i, event.properties.name == i.sku)",
    ] {
        let expression = checked(source).unwrap_or_else(|faults| panic!("{source}: {faults:#?}"));
        for name in [true, false] {
            if !name {
                given.properties["name"] = 7.into();
            }
            let kept = Counting { given: given.clone(), reads: Cell::new(0) };
            let lent = super::super::evaluate::fuel_of(&expression.root, &given);
            assert_eq!(lent, super::super::evaluate::fuel_of(&expression.root, &kept), "{source}");
            given.properties["name"] = "Kind of Blue, 1959, in the first pressing".into();
        }
    }
}

#[test]
fn texts_do_not_grow_without_end() {
    let mut given = order();
    given.properties["name"] = "x".repeat(10_000).into();
    assert_eq!(
        stopped("event.properties.name + event.properties.name == ''", &given),
        "a text would be longer than 16384 bytes"
    );
}

#[test]
fn facts_of_another_type_are_missing_and_no_panic() {
    let mut given = order();
    given.properties["total"] = "a lot".into();
    given.properties["items"] = serde_json::json!({"price": 1});
    given.properties["count"] = serde_json::Value::Null;
    for (source, name) in [
        ("event.properties.total > 1", "event.properties.total"),
        ("event.properties.items.exists(i, i.price > 1)", "event.properties.items"),
        ("event.properties.count > 1", "event.properties.count"),
    ] {
        assert_eq!(stopped(source, &given), format!("`{name}` is missing"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is typed: an answer, and faults that point into the source.
    #[test]
    fn any_text_gets_an_answer(source in any_source()) {
        if let Err(faults) = checked(&source) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(source.get(fault.offset..fault.offset + fault.length).is_some(), "{fault:?} in {source:?}");
                prop_assert!(!fault.message.is_empty());
            }
        }
    }
}

/// Scraps of expressions, and other texts.
fn any_source() -> impl Strategy<Value = String> {
    let scraps: &[&str] = &[
        "event",
        ".",
        "properties",
        "total",
        "coupon",
        "items",
        "has(",
        ")",
        "(",
        "[",
        "]",
        "{",
        "}",
        "'a'",
        "\"",
        "'",
        "&&",
        "||",
        "!",
        "-",
        "==",
        "<",
        "=",
        "?",
        ":",
        ",",
        "1",
        "2.5",
        "0x1f",
        "1u",
        "1e5",
        "exists(",
        "i",
        "in",
        "`",
        "é",
        "\u{1f600}",
        "\n",
        "//",
        "r'",
        "b'",
        "\\",
        "profile.traits.vip",
        "matches(",
        "'['",
        "not",
        "and",
        "null",
        "true",
        ".?",
        "[?",
        "map(i, i)",
        "\0",
        "@",
        "$",
    ];
    prop_oneof![
        3 => proptest::collection::vec(proptest::sample::select(scraps), 0..14).prop_map(|scraps| scraps.concat()),
        1 => proptest::collection::vec(proptest::sample::select(scraps), 0..14).prop_map(|scraps| scraps.join(" ")),
        1 => any::<String>(),
    ]
}
