//! What somebody who looks at a store finds, for an operator: every backend tells it in the same form.

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Well,
    /// It works, and could be better.
    Mind,
    /// Something does not work, or what is acknowledged may be lost.
    Ill,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which thing.
    pub what: &'static str,
    /// How it is.
    pub health: Health,
    /// What was seen, for people.
    pub found: String,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub fn well(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, health: Health::Well, found: found.into(), help: None }
    }

    /// Something to do, that can wait.
    pub fn mind(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what, health: Health::Mind, found: found.into(), help: Some(help.into()) }
    }

    /// Something to do.
    pub fn ill(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what, health: Health::Ill, found: found.into(), help: Some(help.into()) }
    }
}
