//! The variable parts of paths, for the description of the API.

use serde::Deserialize;
use utoipa::IntoParams;

/// `{environment}`
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "describes the path; `Access` reads it")]
pub(crate) struct InEnvironment {
    /// The environment's name.
    #[param(example = "staging")]
    environment: String,
}

/// `{environment}` and `{profile}`
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfProfile {
    /// The environment's name.
    #[param(example = "staging")]
    #[allow(dead_code, reason = "describes the path; `Access` reads it")]
    environment: String,
    /// The profile's id.
    #[param(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")]
    profile: String,
}

impl OfProfile {
    /// The profile's id.
    pub(crate) fn id(&self) -> Result<ledger::ProfileId, crate::Problem> {
        super::input::read("profile", &self.profile)
    }
}

/// `{environment}` and one more part.
macro_rules! of {
    ($(#[$doc:meta])* $name:ident, $field:ident, $example:literal, $(#[$field_doc:meta])*) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $name {
            /// The environment's name.
            #[param(example = "staging")]
            #[allow(dead_code, reason = "describes the path; `Access` reads it")]
            environment: String,
            $(#[$field_doc])*
            #[param(example = $example)]
            pub(crate) $field: String,
        }
    };
}

of!(/// `{environment}` and `{audience}`
    OfAudience, audience, "big_spenders", /// The audience's key.
);
of!(/// `{environment}` and `{revision}`
    OfRevision, revision, "9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de", /// The revision's id.
);
of!(/// `{environment}` and `{key}`
    OfKey, key, "double_points_factor", /// The key, as the program declares it.
);
of!(/// `{environment}` and `{id}`
    OfId, id, "key_8f14e45fceea167a", /// The id.
);
of!(/// `{environment}` and `{message_id}`
    OfMessage, message_id, "order-1001", /// The id that the client gave the event.
);
of!(/// `{environment}` and `{name}`
    OfName, name, "cdnow", /// A name for the import: what is resumed.
);
