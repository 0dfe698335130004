//! Members: what is known of them, what they have, and orders about them.

pub(crate) mod audiences;
pub(crate) mod erase;
pub(crate) mod ledger;
pub(crate) mod ledger_export;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod orders;
pub(crate) mod show;
pub(crate) mod timeline;
pub(crate) mod wallet;

use std::collections::BTreeMap;

use ::ledger::{Posting, PostingGroup, ProfileId};
use engine::{Identity, Profile, profile::Standing};
use runtime::Environment;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Code, Problem};

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProfileForm {
    /// Its id.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")]
    id: String,
    /// `anonymous`, `known`, `merged` or `erased`.
    #[schema(example = "known")]
    standing: &'static str,
    /// Where a merged one lives on.
    merged_into: Option<String>,
    /// The ids that clients know it by.
    identities: Vec<IdentityForm>,
    /// Traits that the program declares, by key.
    #[schema(value_type = Object)]
    traits: BTreeMap<String, Value>,
    /// Traits that it does not declare, by their name as sent.
    #[schema(value_type = Object)]
    other_traits: BTreeMap<String, Value>,
    /// By currency.
    balances: BTreeMap<String, Balance>,
    /// Keys of the audiences it is in.
    #[schema(example = json!(["big_spenders"]))]
    audiences: Vec<String>,
    /// When its first record was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// The latest time at which something happened to it.
    #[schema(value_type = String, format = DateTime)]
    latest_at: jiff::Timestamp,
    /// When something is due for it next.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<jiff::Timestamp>,
    /// How many records it has.
    #[schema(example = 5)]
    records: u64,
}

/// An id that a client gave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IdentityForm {
    /// `user_id` or `anonymous_id`.
    #[schema(example = "user_id")]
    r#type: &'static str,
    /// The id.
    #[schema(example = "u-1001")]
    value: String,
}

/// What a member has of a currency, in its smallest unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// Can be spent; below zero where the currency allows it.
    #[schema(example = 120)]
    available: i64,
    /// Awarded, not yet to be spent.
    #[schema(example = 30)]
    pending: i64,
}

impl ProfileForm {
    pub(crate) fn of(profile: &Profile) -> Self {
        let (standing, merged_into) = match profile.standing {
            Standing::Anonymous => ("anonymous", None),
            Standing::Known => ("known", None),
            Standing::MergedInto(into) => ("merged", Some(into.to_string())),
            Standing::Erased => ("erased", None),
        };
        let (mut traits, mut other_traits) = (BTreeMap::new(), BTreeMap::new());
        for (key, text) in profile.traits.iter() {
            let value = serde_json::from_str(text).unwrap_or(Value::Null);
            match key.strip_prefix('~') {
                Some(name) => other_traits.insert(name.to_owned(), value),
                None => traits.insert(key.to_string(), value),
            };
        }
        Self {
            id: profile.id.to_string(),
            standing,
            merged_into,
            identities: profile.identities.iter().map(IdentityForm::of).collect(),
            traits,
            other_traits,
            balances: profile
                .wallets
                .0
                .iter()
                .map(|(currency, wallet)| {
                    let balance = Balance { available: wallet.available(), pending: wallet.pending() };
                    (currency.to_string(), balance)
                })
                .collect(),
            audiences: profile.audiences.keys().map(ToString::to_string).collect(),
            created_at: profile.created_at,
            latest_at: profile.latest,
            due_at: profile.due_at,
            records: profile.n,
        }
    }
}

impl IdentityForm {
    fn of(identity: &Identity) -> Self {
        match identity {
            Identity::User(id) => Self { r#type: "user_id", value: id.clone() },
            Identity::Anonymous(id) => Self { r#type: "anonymous_id", value: id.clone() },
        }
    }
}

/// Postings that belong together and sum to zero.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupForm {
    /// Its id: profile, record, place. What a reversal names.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/3/0")]
    id: String,
    /// The currency.
    #[schema(example = "points")]
    currency: String,
    /// `award`, `deduct`, `mature`, `expire`, `adjust`, `reverse`, `merge_in`, `merge_out`, `erase`.
    #[schema(example = "award")]
    reason: String,
    /// The time it counts as of.
    #[schema(value_type = String, format = DateTime)]
    at: jiff::Timestamp,
    /// The reactor that asked for it.
    #[schema(example = "points_for_orders")]
    reactor: Option<String>,
    /// The group it corrects.
    cites: Option<String>,
    /// The lines.
    postings: Vec<PostingForm>,
}

/// A line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostingForm {
    /// `available`, `pending`, `held`; or the environment's `issued`, `redeemed`, `expired`, `adjusted`,
    /// `clearing`.
    #[schema(example = "available")]
    account: String,
    /// By how much it changes.
    #[schema(example = 12)]
    amount: i64,
    /// The lot.
    lot: Option<String>,
    /// The member's balance of that account afterwards.
    #[schema(example = 120)]
    balance: Option<i64>,
}

impl GroupForm {
    pub(crate) fn of(profile: ProfileId, n: u64, index: usize, group: &PostingGroup) -> Self {
        Self {
            id: format!("{profile}/{n}/{index}"),
            currency: group.currency.to_string(),
            reason: word(&group.reason),
            at: group.at,
            reactor: group.reactor.as_deref().map(Into::into),
            cites: group.cites.map(|id| id.to_string()),
            postings: group.postings.iter().map(PostingForm::of).collect(),
        }
    }
}

impl PostingForm {
    fn of(posting: &Posting) -> Self {
        Self {
            account: word(&posting.account),
            amount: posting.amount,
            lot: posting.lot.map(|lot| lot.to_string()),
            balance: posting.balance,
        }
    }
}

/// The word of a plain enum, as its own serialization has it.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A profile, or the refusal that says there is none.
pub(crate) async fn expect(environment: &Environment, id: ProfileId) -> Result<Profile, Problem> {
    environment.profile(id).await?.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("There is no profile {id} in the environment `{}`.", environment.name()),
        )
    })
}
