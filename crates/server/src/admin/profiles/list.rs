use axum::Json;
use engine::{Identity, Profile};
use runtime::Environment;
use serde::Deserialize;
use store::{Cursor, Page};
use utoipa::IntoParams;

use super::{ProfileForm, expect};
use crate::{
    Code, Problem,
    admin::{
        access::{Access, Read},
        input::Asked,
        page::{Listed, Paging},
        paths::InEnvironment,
    },
};

/// Which members: by one of the ids, by a trait and its value, or all.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The `userId` that clients send.
    #[param(example = "u-1001")]
    user_id: Option<String>,
    /// The `anonymousId` that clients send.
    anonymous_id: Option<String>,
    /// A searchable trait's key; `value` goes with it.
    #[param(example = "email")]
    r#trait: Option<String>,
    /// The trait's value; capitals do not matter.
    #[param(example = "ada@example.com")]
    value: Option<String>,
    /// How many at most; 50 by default, 200 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists or finds members
///
/// A merged profile's ids lead to the one it lives on in.
#[utoipa::path(
    get, path = "/environments/{environment}/profiles", operation_id = "listProfiles", tag = "profiles",
    params(InEnvironment, Which),
    responses((status = 200, body = Listed<ProfileForm>))
)]
pub(crate) async fn list(
    access: Access<Read>,
    Asked(which): Asked<Which>,
) -> Result<Json<Listed<ProfileForm>>, Problem> {
    let environment = &access.environment;
    let paging = Paging::new(which.limit, which.cursor);
    let (limit, after): (usize, Option<Cursor>) = (paging.limit()?, paging.after());
    let identity = match (which.user_id, which.anonymous_id, which.r#trait, which.value) {
        (None, None, None, None) => {
            let page = environment.store().profile_list(after, limit).await?;
            return Listed::try_of(page, |row| {
                let profile = Profile::decode(&row.state).map_err(runtime::Error::from)?;
                Ok(ProfileForm::of(&profile))
            })
            .map(Json);
        }
        (None, None, Some(key), Some(value)) => {
            searchable(environment, &key)?;
            let term = engine::replay::search_term(&value);
            let page = environment.store().search(&key, &term, after, limit).await?;
            let mut profiles = Vec::with_capacity(page.rows.len());
            for id in page.rows {
                profiles.push(expect(environment, id).await?);
            }
            let page = Page { rows: profiles, next: page.next };
            return Ok(Json(Listed::of(page, |profile| ProfileForm::of(&profile))));
        }
        (Some(id), None, None, None) => Identity::User(id),
        (None, Some(id), None, None) => Identity::Anonymous(id),
        _ => {
            return Err(Problem::new(
                Code::BadParameter,
                "Ask by `user_id`, by `anonymous_id`, or by `trait` and `value`; by one of them.",
            ));
        }
    };
    let mut rows = Vec::new();
    if let Some(id) = environment.find_profile(&identity).await? {
        rows.push(expect(environment, id).await?);
    }
    Ok(Json(Listed::of(Page { rows, next: None }, |profile| ProfileForm::of(&profile))))
}

/// Refuses what nobody can be found by: it would look as if there were nobody.
fn searchable(environment: &Environment, key: &str) -> Result<(), Problem> {
    let rules = environment.rules();
    let traits = &rules.program.traits;
    let what = match traits.iter().find(|(declared, _)| declared.as_str() == key) {
        Some((_, declared)) if declared.searchable => return Ok(()),
        Some(_) => {
            format!("the trait `{key}` is not searchable; `searchable: true` in the program makes it so")
        }
        None => format!("the environment `{}` declares no trait `{key}`", environment.name()),
    };
    let known: Vec<String> = traits
        .iter()
        .filter(|(_, declared)| declared.searchable)
        .map(|(declared, _)| format!("`{declared}`"))
        .collect();
    let known = if known.is_empty() { "none is".to_owned() } else { known.join(", ") };
    Err(Problem::new(Code::BadParameter, "A parameter is not understood.")
        .at("trait", format!("{what}. Searchable there: {known}")))
}
