//! Who may do what: every handler names what it needs in its arguments, so that none can forget to ask.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use runtime::{Environment, Principal, control::Actor};

use crate::{
    Here, credential,
    problem::{Code, Problem},
};

/// What a secret key must be allowed to do.
pub(crate) trait Scope: Send {
    /// As it stands in a key.
    const WORD: &'static str;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        $($(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl Scope for $name {
            const WORD: &'static str = $word;
        })*

        #[cfg(test)]
        const WORDS: &[&str] = &[$($word,)*];
    };
}

scopes! {
    /// Looking.
    Read "read",
    /// Changing what members have: adjustments, erasure.
    Members "members",
    /// Constants, secrets, switches.
    Configure "configure",
    /// Moving the head.
    Promote "promote",
    /// Keys, clock, import, backup, verification.
    Operate "operate",
}

/// A request about the environment in the path, by somebody who may.
#[derive(Clone)]
pub(crate) struct Access<S> {
    /// The environment in the path.
    pub(crate) environment: Arc<Environment>,
    /// Who asks.
    pub(crate) principal: Principal,
    scope: PhantomData<S>,
}

impl<S> Access<S> {
    /// Who asks, as the actor of a change.
    pub(crate) fn actor(&self) -> Actor {
        self.principal.actor()
    }

    /// Another environment, as the source of a comparison. A key reaches no other than its own.
    pub(crate) fn other(&self, here: &Here, name: &str) -> Result<Arc<Environment>, Problem> {
        reach(here, &self.principal, name)
    }
}

impl<S: Scope> FromRequestParts<Here> for Access<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, here: &Here) -> Result<Self, Problem> {
        let principal = credential::required(here, &parts.headers)?;
        let params = RawPathParams::from_request_parts(parts, here)
            .await
            .map_err(|_| Problem::new(Code::BadParameter, "The path does not read as UTF-8."))?;
        let name = params.iter().find(|(key, _)| *key == "environment").map_or("", |(_, name)| name);
        let environment = reach(here, &principal, name)?;
        if let Principal::Key { row, .. } = &principal {
            credential::scope(row, S::WORD)?;
        }
        Ok(Self { environment, principal, scope: PhantomData })
    }
}

/// The environment of this name, if the principal may go there and it is served here. A key that names
/// another environment than its own learns nothing of it, not even whether there is one.
fn reach(here: &Here, principal: &Principal, name: &str) -> Result<Arc<Environment>, Problem> {
    if let Principal::Key { environment, .. } = principal {
        if environment.name() == name {
            return Ok(Arc::clone(environment));
        }
        return Err(Problem::new(
            Code::WrongEnvironment,
            format!(
                "This key belongs to the {} environment `{}`; the request is about `{name}`.",
                environment.kind(),
                environment.name(),
            ),
        ));
    }
    let Some(environment) = here.greenroom.environment(name) else {
        if let Some(one) = here.greenroom.unopened().into_iter().find(|one| one.name == name) {
            let what = format!("Environment `{name}` does not open: {}.", one.why);
            return Err(Problem::new(Code::Unavailable, what));
        }
        let names: Vec<String> = here
            .greenroom
            .environments()
            .iter()
            .map(|environment| format!("`{}`", environment.name()))
            .collect();
        return Err(Problem::new(
            Code::NotFound,
            format!("There is no environment `{name}`; there are: {}.", names.join(", ")),
        ));
    };
    let served = &here.listener.environments;
    if !served.serve(environment.name(), environment.is_live()) {
        return Err(Problem::new(
            Code::WrongListener,
            format!("`{name}` is a {} environment; this address serves {served}.", environment.kind()),
        ));
    }
    Ok(environment)
}

/// Anybody who may use the admin API at all.
pub(crate) struct Anyone(pub(crate) Principal);

impl FromRequestParts<Here> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, here: &Here) -> Result<Self, Problem> {
        credential::required(here, &parts.headers).map(Self)
    }
}

/// An administrator.
pub(crate) struct Administrator(pub(crate) Actor);

impl FromRequestParts<Here> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, here: &Here) -> Result<Self, Problem> {
        match credential::required(here, &parts.headers)? {
            Principal::Administrator { actor } => Ok(Self(actor)),
            Principal::Key { environment, .. } => Err(Problem::new(
                Code::Forbidden,
                format!(
                    "This concerns the whole install and needs an administrator's token (`at_`); this key belongs to `{}`.",
                    environment.name(),
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scopes_are_those_that_keys_can_have() {
        for word in WORDS {
            assert!(runtime::keys::SCOPES.contains(word), "{word}");
        }
    }
}
