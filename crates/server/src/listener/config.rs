//! What a listener is told.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// One address that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Where. Loopback unless told otherwise.
    pub address: SocketAddr,
    /// What can be asked there.
    pub serves: Serves,
    /// Of which environments.
    pub environments: Environments,
    /// How clients reach it, e.g. `https://events.example.com`; told to browsers. By default what the
    /// request names in its `Host` header, over `http`.
    pub public_url: Option<String>,
    /// Its bounds.
    pub limits: Limits,
}

/// What can be asked at a listener. `/livez` and `/readyz` can be asked at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serves {
    /// `/v1/…`: events.
    pub collector: bool,
    /// `/admin/v1/…` and `/metrics`.
    pub admin: bool,
}

/// Which environments a listener serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environments {
    /// Every one.
    All,
    /// Those that are live.
    Live,
    /// Those that are for tests.
    Test,
    /// Those of these names.
    Named(Vec<String>),
}

/// A listener's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait in the backlog of the system.
    pub connections_max: usize,
    /// For a request's header to arrive, counted from the end of the request before: an idle connection
    /// is closed after this.
    pub header_timeout: Duration,
    /// For a request's body to arrive.
    pub body_timeout: Duration,
    /// For requests in flight to be answered when shutting down.
    pub drain_timeout: Duration,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            serves: Serves { collector: true, admin: true },
            environments: Environments::All,
            public_url: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            header_timeout: Duration::from_mins(1),
            body_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
        }
    }
}

impl Environments {
    /// Whether an environment is served.
    pub fn serve(&self, name: &str, live: bool) -> bool {
        match self {
            Self::All => true,
            Self::Live => live,
            Self::Test => !live,
            Self::Named(names) => names.iter().any(|served| served == name),
        }
    }
}

impl fmt::Display for Environments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all environments"),
            Self::Live => f.write_str("live environments"),
            Self::Test => f.write_str("test environments"),
            Self::Named(names) => write!(f, "the environments {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_environments_are_served() {
        let named = Environments::Named(vec!["uat".into(), "staging".into()]);
        for (environments, name, live, expected) in [
            (&Environments::All, "live", true, true),
            (&Environments::Live, "live", true, true),
            (&Environments::Live, "staging", false, false),
            (&Environments::Test, "staging", false, true),
            (&Environments::Test, "live", true, false),
            (&named, "uat", false, true),
            (&named, "live", true, false),
        ] {
            assert_eq!(environments.serve(name, live), expected, "{environments} {name}");
        }
    }

    #[test]
    fn nothing_but_loopback_by_default() {
        assert!(ListenerConfig::default().address.ip().is_loopback());
    }
}
