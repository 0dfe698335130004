//! A secret that each environment binds; only egress ever resolves it.

/// `secret/KEY`: the declaration. The value is owned by the environment.
#[derive(Clone, Debug, Default)]
pub struct Secret {
    /// For people.
    pub description: Option<String>,
}
