//! Adjustments, deductions and reversals: the same form, the same answer, one effect a key.

use ::ledger::{CurrencyKey, GroupId, ProfileId};
use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use engine::{Command, input::Order};
use runtime::command::Ordered;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GroupForm, expect};
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Members},
        input::{Input, said},
        paths::OfProfile,
    },
};

/// Points to add or to take by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Points {
    /// The currency's key.
    #[schema(example = "points")]
    currency: String,
    /// How many of its smallest unit; positive.
    #[schema(example = 50)]
    amount: i64,
    /// Why. Kept with the postings.
    #[schema(example = "the parcel came late")]
    reason: String,
}

/// A group of postings to reverse.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reversal {
    /// The group's id.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3/0")]
    group: String,
    /// Why.
    #[schema(example = "the order was a test")]
    reason: String,
}

/// What an order came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderDone {
    /// Whose.
    profile: String,
    /// The record's position in the member's stream.
    #[schema(example = 6)]
    n: u64,
    /// What was posted.
    groups: Vec<GroupForm>,
    /// Of a reversal: how much of the group has not been reversed, because the member has spent it. Reversing it again
    /// takes that once there is something to take.
    #[schema(example = 0)]
    not_reversed: Option<i64>,
}

/// An answer: the order's, marked when it is that of an earlier request of the same key.
pub(crate) type Answer = ([(HeaderName, HeaderValue); 1], Json<OrderDone>);

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Adds points by hand
///
/// The same `Idempotency-Key` has one effect, for ever; a repeat gets the first answer, marked
/// `Idempotent-Replayed: true`.
#[utoipa::path(
    post, path = "/environments/{environment}/profiles/{profile}/adjustments", operation_id = "adjust", tag = "profiles",
    params(OfProfile, ("Idempotency-Key" = String, Header, description = "A new one for each new order.")),
    request_body = Points,
    responses((status = 200, body = OrderDone))
)]
pub(crate) async fn adjust(
    access: Access<Members>,
    Path(of): Path<OfProfile>,
    headers: HeaderMap,
    Input(points): Input<Points>,
) -> Result<Answer, Problem> {
    let order = Order::Credit { currency: currency(&access, &points.currency)?, amount: points.amount };
    carry_out(&access, of.id()?, &headers, order, &points.reason).await
}

/// Takes points by hand
///
/// Refused when the wallet holds less, unless the currency may go below zero.
#[utoipa::path(
    post, path = "/environments/{environment}/profiles/{profile}/deductions", operation_id = "deduct", tag = "profiles",
    params(OfProfile, ("Idempotency-Key" = String, Header, description = "A new one for each new order.")),
    request_body = Points,
    responses((status = 200, body = OrderDone))
)]
pub(crate) async fn deduct(
    access: Access<Members>,
    Path(of): Path<OfProfile>,
    headers: HeaderMap,
    Input(points): Input<Points>,
) -> Result<Answer, Problem> {
    let order = Order::Debit { currency: currency(&access, &points.currency)?, amount: points.amount };
    carry_out(&access, of.id()?, &headers, order, &points.reason).await
}

/// Reverses a group of postings
///
/// By new postings that cite it; what it did is never deleted.
#[utoipa::path(
    post, path = "/environments/{environment}/profiles/{profile}/reversals", operation_id = "reverse", tag = "profiles",
    params(OfProfile, ("Idempotency-Key" = String, Header, description = "A new one for each new order.")),
    request_body = Reversal,
    responses((status = 200, body = OrderDone))
)]
pub(crate) async fn reverse(
    access: Access<Members>,
    Path(of): Path<OfProfile>,
    headers: HeaderMap,
    Input(reversal): Input<Reversal>,
) -> Result<Answer, Problem> {
    let (profile, group) = (of.id()?, group(&reversal.group)?);
    let environment = &access.environment;
    expect(environment, profile).await?;
    let order = environment.reversal(profile, group).await?;
    let original = match &order {
        Order::Reverse { original, .. } => Some(original.clone()),
        _ => None,
    };
    let (replayed, Json(mut done)) = carry_out(&access, profile, &headers, order, &reversal.reason).await?;
    let wallets = expect(environment, environment.living(profile).await?).await?.wallets;
    done.not_reversed = original.map(|original| wallets.not_reversed(&original, group));
    Ok((replayed, Json(done)))
}

async fn carry_out(
    access: &Access<Members>,
    profile: ProfileId,
    headers: &HeaderMap,
    order: Order,
    reason: &str,
) -> Result<Answer, Problem> {
    let key = idempotency_key(headers)?;
    let reason = said("/reason", reason)?;
    expect(&access.environment, profile).await?;
    let command = Command { actor: access.actor().to_string(), reason, order };
    let Ordered { profile, n, groups, replayed } =
        access.environment.order(profile, command, Some(key)).await?;
    let done = OrderDone {
        profile: profile.to_string(),
        n,
        groups: groups.iter().enumerate().map(|(i, group)| GroupForm::of(profile, n, i, group)).collect(),
        not_reversed: None,
    };
    let replayed = HeaderValue::from_static(if replayed { "true" } else { "false" });
    Ok(([(REPLAYED, replayed)], Json(done)))
}

/// The key that makes repeats harmless.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let refused = |what: &str| {
        Problem::new(
            Code::BadParameter,
            "This needs an `Idempotency-Key` header, so that a repeat does no harm.",
        )
        .at("Idempotency-Key", what)
    };
    let value = headers.get("idempotency-key").ok_or_else(|| refused("is missing"))?;
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(key.to_owned()),
        _ => Err(refused("must have 1 to 255 visible ASCII characters")),
    }
}

fn currency(access: &Access<Members>, key: &str) -> Result<CurrencyKey, Problem> {
    let rules = access.environment.rules();
    if rules.program.currencies.keys().any(|declared| declared.as_str() == key) {
        return Ok(CurrencyKey::from(key));
    }
    let names: Vec<String> = rules.program.currencies.keys().map(ToString::to_string).collect();
    Err(Problem::new(
        Code::NotFound,
        format!(
            "There is no currency `{key}` in the environment `{}`; there are: {}.",
            access.environment.name(),
            names.join(", ")
        ),
    ))
}

/// `profile/n/index`
fn group(text: &str) -> Result<GroupId, Problem> {
    let read = || {
        let mut parts = text.split('/');
        let group = GroupId {
            profile: parts.next()?.parse().ok()?,
            n: parts.next()?.parse().ok()?,
            index: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(group)
    };
    read().ok_or_else(|| {
        Problem::new(Code::BadParameter, "A parameter is not understood.")
            .at("/group", format!("`{text}` is not the id of a group of postings (profile/n/index)"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_their_place() {
        let id = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3/0";
        assert_eq!(group(id).map(|group| group.to_string()).ok().as_deref(), Some(id));
        for wrong in ["", "x", "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3", &format!("{id}/0"), "a/1/2"] {
            assert!(group(wrong).is_err(), "{wrong}");
        }
    }
}
