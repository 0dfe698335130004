//! Every code a problem can have: its word, status and title. Each has a page in `docs/errors`.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal $status:ident $title:literal,)*) => {
        /// What sort of problem it is. The word is stable; texts may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The sort of problem in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or not of the asked shape.
    BadJson "bad_json" BAD_REQUEST "The body is not what was expected",
    /// A header, path or query parameter is wrong.
    BadParameter "bad_parameter" BAD_REQUEST "A parameter is wrong",
    /// An event is larger than 32 KB.
    EventTooLarge "event_too_large" BAD_REQUEST "An event is too large",
    /// A batch is larger than 500 KB or 2,500 events.
    BatchTooLarge "batch_too_large" BAD_REQUEST "The batch is too large",
    /// Several write keys that differ.
    KeysDisagree "keys_disagree" BAD_REQUEST "The request carries keys that differ",
    /// No credential, or one that is unknown, expired or revoked.
    Unauthorized "unauthorized" UNAUTHORIZED "A valid key is needed",
    /// A key of another environment than the one asked for.
    WrongEnvironment "wrong_environment" FORBIDDEN "The key belongs to another environment",
    /// A key of an environment that this listener does not serve.
    WrongListener "wrong_listener" FORBIDDEN "The key's environment is not served here",
    /// The key may not do this.
    Forbidden "forbidden" FORBIDDEN "The key may not do this",
    /// There is no such thing.
    NotFound "not_found" NOT_FOUND "There is no such thing",
    /// The path is known, the method is not.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The method is not allowed here",
    /// The request took too long to arrive.
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long to arrive",
    /// What was asked contradicts the present state.
    Conflict "conflict" CONFLICT "It contradicts the present state",
    /// Somebody cancelled it while it was waited for.
    Cancelled "cancelled" CONFLICT "It was cancelled",
    /// It is there already.
    Exists "exists" CONFLICT "It is there already",
    /// The `Idempotency-Key` was used with another body.
    KeyReused "key_reused" UNPROCESSABLE_ENTITY "The Idempotency-Key was used for another request",
    /// An `If-Match` is needed.
    PreconditionRequired "precondition_required" PRECONDITION_REQUIRED "Say which state you mean",
    /// It has changed since.
    Stale "stale" PRECONDITION_FAILED "It has changed since",
    /// A body larger than this endpoint takes.
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large",
    /// A program with faults.
    InvalidProgram "invalid_program" UNPROCESSABLE_ENTITY "The program has faults",
    /// Something must be mended before the plan can be applied.
    PlanBlocked "plan_blocked" UNPROCESSABLE_ENTITY "The plan is blocked",
    /// Live's configuration changes only by promotion.
    Locked "locked" FORBIDDEN "The configuration is locked",
    /// Only in test environments.
    TestOnly "test_only" FORBIDDEN "Only test environments can do this",
    /// The order cannot be carried out on this member as things stand.
    Refused "refused" UNPROCESSABLE_ENTITY "It cannot be carried out",
    /// Erased, or merged into another.
    Gone "gone" GONE "It is no more",
    /// The queue is full.
    Overloaded "overloaded" TOO_MANY_REQUESTS "Too much at once",
    /// The environment is starting, recovering or shutting down.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The environment is not available now",
    /// The disk is full.
    NoSpace "no_space" SERVICE_UNAVAILABLE "There is no space left",
    /// The data does not fit its checksums.
    Damaged "damaged" INTERNAL_SERVER_ERROR "The data is damaged",
    /// A fault of ours.
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong here",
}

impl Code {
    /// The page that explains it.
    pub fn page(self) -> String {
        format!("https://greenroom.dev/docs/errors/{}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let codes: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.md", code.word())).collect();
        let pages: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("docs/errors is there")
            .map(|entry| entry.expect("a page").file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(codes, pages);
        for code in Code::ALL {
            let page =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/errors/{}.md", code.word()));
            let text = std::fs::read_to_string(page).expect("a page");
            let heading = format!("# `{}` ({})", code.word(), code.status().as_u16());
            assert!(text.starts_with(&heading), "{} does not begin with {heading}", code.word());
        }
    }
}
