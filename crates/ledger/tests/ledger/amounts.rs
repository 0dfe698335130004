//! From money to points.

use ledger::{Error, Rounding, points_for};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

const ALL: [Rounding; 4] = [Rounding::Floor, Rounding::Ceil, Rounding::HalfUp, Rounding::HalfEven];

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

#[test]
fn amounts_are_exact() {
    // Amount, rate, then floor, ceil, half up, half even.
    let table = [
        ("59.99", "1", [59, 60, 60, 60]),
        ("59.99", "0.5", [29, 30, 30, 30]),
        ("0", "7", [0; 4]),
        ("-0", "7", [0; 4]),
        ("3", "2", [6; 4]),
        ("3.000", "2.00", [6; 4]),
        ("1.10", "10", [11; 4]),
        ("0.1", "3", [0, 1, 0, 0]),
        ("0.5", "1", [0, 1, 1, 0]),
        ("1.5", "1", [1, 2, 2, 2]),
        ("2.5", "1", [2, 3, 3, 2]),
        ("2.5000000000000000000000000001", "1", [2, 3, 3, 3]),
        ("2.4999999999999999999999999999", "1", [2, 3, 2, 2]),
        ("-0.5", "1", [-1, 0, -1, 0]),
        ("-1.5", "1", [-2, -1, -2, -2]),
        ("-2.5", "1", [-3, -2, -3, -2]),
        ("2.5", "-1", [-3, -2, -3, -2]),
        ("-2.5", "-1", [2, 3, 3, 2]),
        // The product has 56 digits after the point; one unit of the last tips it over a half.
        ("0.5000000000000000000000000001", "1.0000000000000000000000000000", [0, 1, 1, 1]),
        ("1.0000000000000000000000000001", "0.4999999999999999999999999999", [0, 1, 0, 0]),
        ("9223372036854775807", "1", [i64::MAX; 4]),
        ("-9223372036854775808", "1", [i64::MIN; 4]),
        ("9223372036854775807000000000", "0.000000001", [i64::MAX; 4]),
    ];
    for (amount, rate, expected) in table {
        let results = ALL.map(|rounding| points_for(decimal(amount), decimal(rate), rounding));
        assert_eq!(results, expected.map(Ok), "{amount} × {rate}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let table = [
        ("9223372036854775808", "1"),
        ("-9223372036854775809", "1"),
        ("79228162514264337593543950335", "79228162514264337593543950335"),
        ("-79228162514264337593543950335", "1"),
    ];
    for (amount, rate) in table {
        for rounding in ALL {
            let refused = points_for(decimal(amount), decimal(rate), rounding);
            assert!(matches!(refused, Err(Error::Amount(_))), "{amount} × {rate}: {refused:?}");
        }
    }
    let half = decimal("9223372036854775807.5");
    assert_eq!(points_for(half, Decimal::ONE, Rounding::Floor), Ok(i64::MAX));
    assert!(points_for(half, Decimal::ONE, Rounding::Ceil).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Where the product fits a `Decimal` exactly, that type's own rounding agrees.
    #[test]
    fn agrees_with_decimal(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_i64..1_000_000, s in 0_u32..9, t in 0_u32..6) {
        let (amount, rate) = (Decimal::new(a, s), Decimal::new(b, t));
        let product = amount * rate;
        let strategies = [
            RoundingStrategy::ToNegativeInfinity,
            RoundingStrategy::ToPositiveInfinity,
            RoundingStrategy::MidpointAwayFromZero,
            RoundingStrategy::MidpointNearestEven,
        ];
        for (rounding, strategy) in ALL.into_iter().zip(strategies) {
            let expected = i64::try_from(product.round_dp_with_strategy(0, strategy)).expect("below 10^15");
            prop_assert_eq!(points_for(amount, rate, rounding), Ok(expected), "{} × {}, {:?}", amount, rate, rounding);
        }
    }
}
