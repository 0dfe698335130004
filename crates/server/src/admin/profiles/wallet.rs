use std::sync::Arc;

use axum::{Json, extract::Path};
use serde::Serialize;
use utoipa::ToSchema;

use super::expect;
use crate::{
    Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::OfProfile,
    },
};

/// A member's points of one currency, in whole numbers of its smallest unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WalletForm {
    /// The currency.
    #[schema(example = "points")]
    currency: String,
    /// How many digits of the amounts people read after the point: with 2, 840 is 8.40.
    #[schema(example = 0)]
    decimals: u8,
    /// Can be spent; below zero where the currency allows it.
    #[schema(example = 120)]
    available: i64,
    /// Awarded, not yet to be spent.
    #[schema(example = 30)]
    pending: i64,
    /// How far below zero; the next award pays it off.
    #[schema(example = 0)]
    debt: i64,
    /// What it is made of, in the order in which it would be spent.
    lots: Vec<LotForm>,
}

/// Points awarded together, with what is left of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LotForm {
    /// The group of postings that awarded them.
    id: String,
    /// What is left.
    #[schema(example = 120)]
    left: i64,
    /// When they were awarded.
    #[schema(value_type = String, format = DateTime)]
    awarded_at: jiff::Timestamp,
    /// Not to be spent before this.
    #[schema(value_type = Option<String>, format = DateTime)]
    matures_at: Option<jiff::Timestamp>,
    /// Gone from here on.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<jiff::Timestamp>,
}

/// Shows what a member has, lot by lot
#[utoipa::path(
    get, path = "/environments/{environment}/profiles/{profile}/wallet", operation_id = "showWallet", tag = "profiles",
    params(OfProfile, Paging),
    responses((status = 200, body = Listed<WalletForm>))
)]
pub(crate) async fn wallet(
    access: Access<Read>,
    Path(of): Path<OfProfile>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Listed<WalletForm>>, Problem> {
    let profile = expect(&access.environment, of.id()?).await?;
    let rules = access.environment.rules();
    let decimals = |key: &str| rules.program.currencies.get(key).map_or(0, |currency| currency.decimals);
    let wallets = Arc::unwrap_or_clone(profile.wallets).0.into_iter().collect();
    paging
        .part(wallets, |(currency, wallet)| {
            let mut lots: Vec<LotForm> = wallet
                .lots
                .iter()
                .map(|(id, lot)| LotForm {
                    id: id.to_string(),
                    left: lot.left,
                    awarded_at: lot.awarded_at,
                    matures_at: lot.matures_at,
                    expires_at: lot.expires_at,
                })
                .collect();
            // Oldest expiry first; what never expires comes last.
            lots.sort_by_key(|lot| (lot.expires_at.is_none(), lot.expires_at, lot.awarded_at));
            WalletForm {
                decimals: decimals(&currency.0),
                currency: currency.to_string(),
                available: wallet.available(),
                pending: wallet.pending(),
                debt: wallet.debt,
                lots,
            }
        })
        .map(Json)
}
