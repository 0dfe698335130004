//! How long an evaluation takes. Run with
//! `cargo test --release -p program --lib expression::tests::speed -- --ignored --nocapture`.

use std::{hint::black_box, time::Instant};

use super::*;

/// Facts that cost nothing to look up.
struct Ready(Value, Value);

impl Facts for Ready {
    fn property(&self, _: &[Arc<str>], _: &ValueType) -> Option<Value> {
        Some(self.0.clone())
    }

    fn items(&self, path: &[Arc<str>], of_type: &ValueType, _: &[Arc<str>]) -> Option<Value> {
        self.property(path, of_type)
    }
    fn event_name(&self) -> Option<Value> {
        None
    }
    fn event_timestamp(&self) -> Option<Value> {
        None
    }
    fn profile_trait(&self, _: &str, _: &ValueType) -> Option<Value> {
        None
    }
    fn metric(&self, _: &str) -> Option<Value> {
        Some(self.1.clone())
    }
    fn balance(&self, _: &str) -> i64 {
        0
    }
    fn constant(&self, _: &str) -> Option<Value> {
        None
    }
    fn in_audience(&self, _: &str) -> bool {
        false
    }
}

#[test]
#[ignore = "a measurement, for people"]
#[allow(clippy::print_stdout)]
fn a_simple_condition_takes_well_under_a_microsecond() {
    const ROUNDS: u32 = 1_000_000;
    let source = "event.properties.total >= 30.0 && profile.metrics.orders % 5 == 0";
    let begun = Instant::now();
    let expression = checked(source).expect("it is right");
    let check = begun.elapsed();
    let facts = Ready(Value::Double(59.99), Value::Int(5));
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let _ = black_box(expression.evaluate(black_box(&facts)));
    }
    let each = begun.elapsed() / ROUNDS;
    println!("check and compile once: {check:?}; evaluate: {each:?}");
    assert!(each.as_nanos() < 1_000, "{each:?}");
}
