//! What is refused, and with which words.

use super::*;

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
