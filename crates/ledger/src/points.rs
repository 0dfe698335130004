//! From money to points, exactly.

use rust_decimal::Decimal;

use crate::Error;

/// How a computed amount becomes whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down (towards the smaller number: −1.5 becomes −2).
    Floor,
    /// Up (towards the larger number: −1.5 becomes −1).
    Ceil,
    /// To the nearest; half away from zero.
    HalfUp,
    /// To the nearest; half to even.
    HalfEven,
}

/// `amount × rate`, exactly, then rounded to whole units once. Negative amounts give negative points; what
/// that means is for the caller to say. Errors: [`Error::Amount`] when the result is outside of `i64`.
pub fn points_for(amount: Decimal, rate: Decimal, rounding: Rounding) -> Result<i64, Error> {
    let negative = amount.is_sign_negative() != rate.is_sign_negative();
    let (whole, rest) = scale_down(
        multiply(amount.mantissa().unsigned_abs(), rate.mantissa().unsigned_abs()),
        amount.scale() + rate.scale(),
    );
    let up = match (rest, rounding) {
        (Rest::None, _) => false,
        (_, Rounding::Floor) => negative,
        (_, Rounding::Ceil) => !negative,
        (Rest::Half, Rounding::HalfEven) => whole % 2 == 1,
        (rest, _) => rest != Rest::Less,
    };
    let size = whole.checked_add(u128::from(up)).and_then(|size| i128::try_from(size).ok());
    size.and_then(|size| i64::try_from(if negative { -size } else { size }).ok())
        .ok_or_else(|| Error::Amount(format!("{amount} × {rate}")))
}

/// What a division left over, beside half of the divisor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Less,
    Half,
    More,
}

/// A product of two 96-bit mantissas: low limb first.
type Wide = [u64; 3];

/// Multiplies two numbers below 2^96 without loss.
fn multiply(a: u128, b: u128) -> Wide {
    const LOW: u128 = u64::MAX as u128;
    let (a0, a1, b0, b1) = (a & LOW, a >> 64, b & LOW, b >> 64);
    let low = a0 * b0;
    // a1 and b1 are below 2^32, so neither cross product nor their sum can overflow.
    let middle = a0 * b1 + a1 * b0 + (low >> 64);
    let high = a1 * b1 + (middle >> 64);
    [limb(low), limb(middle), limb(high)]
}

/// The lowest 64 bits.
fn limb(n: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "cutting off the higher limbs is what it is for")]
    let low = n as u64;
    low
}

/// Divides by 10^`scale`, digit by digit. A quotient beyond `u128` comes back as `u128::MAX`: far outside of
/// what the caller can use.
fn scale_down(mut n: Wide, scale: u32) -> (u128, Rest) {
    let (mut last, mut below) = (0, false);
    for _ in 0..scale {
        below |= last != 0;
        let mut carry = 0;
        for limb_of_n in n.iter_mut().rev() {
            let part = (carry << 64) | u128::from(*limb_of_n);
            *limb_of_n = limb(part / 10);
            carry = part % 10;
        }
        last = carry;
    }
    let rest = match (last, below) {
        (0, false) => Rest::None,
        (5, false) => Rest::Half,
        (0..5, _) => Rest::Less,
        _ => Rest::More,
    };
    let whole = if n[2] == 0 { (u128::from(n[1]) << 64) | u128::from(n[0]) } else { u128::MAX };
    (whole, rest)
}
