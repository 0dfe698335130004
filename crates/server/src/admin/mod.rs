//! The admin API: everything that people and machines do with environments. One file an endpoint.

mod access;
mod administrators;
mod audiences;
mod clock;
mod configuration;
mod constants;
mod environments;
mod etag;
mod events;
pub(crate) mod imports;
mod input;
mod keeping;
mod keys;
mod openapi;
mod outbox;
mod page;
mod paths;
mod profiles;
mod quarantine;
mod rehearsals;
mod secrets;
mod switches;
mod work;

use axum::{Json, Router, routing::get};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Here;

/// The routes, and the description that is made of the same list.
fn described() -> OpenApiRouter<Here> {
    let api = OpenApiRouter::new()
        .routes(routes!(administrators::list::list, administrators::create::create))
        .routes(routes!(administrators::revoke::revoke))
        .routes(routes!(environments::list::list, environments::create::create))
        .routes(routes!(environments::show::show))
        .routes(routes!(environments::nodes::nodes))
        .routes(routes!(configuration::objects::objects))
        .routes(routes!(configuration::object::object))
        .routes(routes!(configuration::files::files))
        .routes(routes!(configuration::revisions::revisions))
        .routes(routes!(configuration::revision::revision))
        .routes(routes!(configuration::promotions::promotions))
        .routes(routes!(configuration::audit::audit))
        .routes(routes!(configuration::plan::plan))
        .routes(routes!(configuration::apply::apply))
        .routes(routes!(configuration::rollback::rollback))
        .routes(routes!(rehearsals::rehearse::rehearse))
        .routes(routes!(rehearsals::list::list))
        .routes(routes!(rehearsals::show::show))
        .routes(routes!(constants::list::list))
        .routes(routes!(constants::set::set, constants::unset::unset))
        .routes(routes!(secrets::list::list))
        .routes(routes!(secrets::set::set, secrets::unset::unset))
        .routes(routes!(switches::list::list))
        .routes(routes!(switches::set::set))
        .routes(routes!(profiles::list::list))
        .routes(routes!(profiles::show::show))
        .routes(routes!(profiles::timeline::timeline))
        .routes(routes!(profiles::wallet::wallet))
        .routes(routes!(profiles::ledger::ledger))
        .routes(routes!(profiles::ledger_export::export))
        .routes(routes!(profiles::audiences::audiences))
        .routes(routes!(profiles::metrics::metrics))
        .routes(routes!(profiles::orders::adjust))
        .routes(routes!(profiles::orders::deduct))
        .routes(routes!(profiles::orders::reverse))
        .routes(routes!(profiles::erase::erase))
        .routes(routes!(audiences::list::list))
        .routes(routes!(audiences::members::members))
        .routes(routes!(events::list::list, events::send::send))
        .routes(routes!(events::explain::explain))
        .routes(routes!(events::explain_unique::explain_unique))
        .routes(routes!(events::tail::tail))
        .routes(routes!(quarantine::list::list))
        .routes(routes!(quarantine::show::show))
        .routes(routes!(quarantine::replay::replay))
        .routes(routes!(outbox::list::list))
        .routes(routes!(imports::list::list))
        .routes(routes!(imports::part::part))
        .routes(routes!(keys::list::list, keys::create::create))
        .routes(routes!(keys::revoke::revoke))
        .routes(routes!(clock::show::show))
        .routes(routes!(clock::advance::advance))
        .routes(routes!(work::list::list))
        .routes(routes!(work::cancel::cancel))
        .routes(routes!(keeping::verify::verify))
        .routes(routes!(keeping::rebuild::rebuild))
        .routes(routes!(keeping::backup::backup))
        .routes(routes!(keeping::restore::restore));
    OpenApiRouter::with_openapi(openapi::frame()).nest("/admin/v1", api)
}

/// The admin API's routes. Its description can be read by anybody who reaches it: it is the same everywhere.
pub(crate) fn routes() -> Router<Here> {
    let (router, document) = described().split_for_parts();
    let document = openapi::finish(document);
    router.route("/admin/v1/openapi.json", get(async move || Json(document)))
}

/// The description of the admin API.
pub fn document() -> utoipa::openapi::OpenApi {
    openapi::finish(described().split_for_parts().1)
}
