//! What an expression refers to, reads and sees.

use super::*;

#[test]
fn references_and_reads_are_listed() {
    let expression = checked(
        "event.properties.total > constants.threshold && has(profile.traits.vip) && profile.traits.vip \
         && profile.metrics.orders > 1 && profile.balances.points > 0 && in_audience('big_spenders') \
         && has(event.properties.customer.address.city) && event.name != '' && event.timestamp > event.properties.due",
    )
    .expect("it is right");
    let references: Vec<_> = expression.references.iter().map(ToString::to_string).collect();
    assert_eq!(
        references,
        ["constant/threshold", "trait/vip", "metric/orders", "audience/big_spenders", "currency/points"]
    );
    let reads: Vec<_> = expression.reads.iter().map(|path| &**path).collect();
    assert_eq!(
        reads,
        [
            "constants.threshold",
            "event.name",
            "event.properties.customer.address.city",
            "event.properties.due",
            "event.properties.total",
            "event.timestamp",
            "in_audience('big_spenders')",
            "profile.balances.points",
            "profile.metrics.orders",
            "profile.traits.vip",
        ]
    );
}

#[test]
fn what_is_absent_is_seen_as_absent() {
    let expression =
        checked("has(event.properties.coupon) || event.properties.total > 1 || in_audience('big_spenders')")
            .expect("it is right");
    let seen = expression.seen(&order());
    let seen: Vec<_> = seen
        .iter()
        .map(|(path, value)| (&**path, value.as_ref().map(|value| value.to_json().to_string())))
        .collect();
    assert_eq!(
        seen,
        [
            ("event.properties.coupon", None),
            ("event.properties.total", Some("59.99".to_owned())),
            ("in_audience('big_spenders')", Some("true".to_owned())),
        ]
    );
}
