//! The description of the admin API: what every operation has in common is added here, once.

use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Components, Content, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Greenroom admin API",
        description = "Everything that can be done with environments. Authenticate with an administrator's token (`at_…`, every environment) or a secret key (`sk_…`, its own environment within its scopes). Refusals are problems (RFC 9457); each code has a page. Lists have `data`, `has_more` and `next_cursor`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemForm, FaultForm)),
    tags(
        (name = "administrators", description = "Who may do everything in every environment."),
        (name = "environments", description = "Self-contained places: own configuration, members, events, keys, clock."),
        (name = "configuration", description = "Objects, revisions, and how the head moves."),
        (name = "rehearsals", description = "Changes tried on recorded history, and their reports."),
        (name = "bindings", description = "What an environment owns of its objects: values of constants and secrets, switches."),
        (name = "profiles", description = "Members, and orders about them."),
        (name = "audiences", description = "Audiences and their members."),
        (name = "events", description = "What came in, what became of it, and why."),
        (name = "quarantine", description = "Events that were put aside."),
        (name = "outbox", description = "What would be sent."),
        (name = "imports", description = "History from files."),
        (name = "keys", description = "Credentials of machines."),
        (name = "clock", description = "The environment's time."),
        (name = "work", description = "Long work that is under way: how far it is, and an end to it."),
        (name = "keeping", description = "Proving, rebuilding, backing up."),
    ),
)]
struct Frame;

/// A refusal (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "describes what `problem::write` writes")]
struct ProblemForm {
    /// The page that explains the code.
    #[schema(example = "https://greenroom.dev/docs/errors/stale")]
    r#type: String,
    /// The sort of problem in words.
    #[schema(example = "It has changed since")]
    title: String,
    /// The HTTP status.
    #[schema(example = 412)]
    status: u16,
    /// The sort of problem as a stable word.
    #[schema(example = "stale")]
    code: String,
    /// What happened, where, and what to do.
    detail: String,
    /// Each fault by itself; left out when there is none.
    errors: Option<Vec<FaultForm>>,
    /// Names the request in the server's log.
    #[schema(example = "01987a5c3f7c7d0eae1b2c3d4e5f6071")]
    request_id: String,
}

/// A fault and its place.
#[derive(ToSchema)]
#[schema(as = ProblemFault)]
#[allow(dead_code, reason = "describes what `problem::write` writes")]
struct FaultForm {
    /// JSON pointer into the body, or the name of a parameter or header.
    pointer: String,
    /// What is wrong.
    detail: String,
}

const BEARER: &str = "bearer";

/// The document before there are paths in it.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    document.info.version = "1".into();
    document.components.get_or_insert_with(Components::new).add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An administrator's token (`at_…`) or a secret key (`sk_…`)."))
                .build(),
        ),
    );
    document.security = Some(vec![SecurityRequirement::new::<_, _, &str>(BEARER, [])]);
    document
}

/// Adds to each operation how it refuses.
pub(super) fn finish(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let refusal: RefOr<Response> = RefOr::T(
        ResponseBuilder::new()
            .description("Refused; `code` says why.")
            .content("application/problem+json", Content::new(Some(Ref::from_schema_name("Problem"))))
            .build(),
    );
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 4] =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".into(), refusal.clone());
        }
    }
    document
}
