//! The typed specs, one file a kind. They are plain data; decoding and checking stand beside them.

pub mod audience;
pub mod constant;
pub mod currency;
pub mod event_type;
pub mod metric;
pub mod profile_trait;
pub mod reactor;
pub mod secret;
pub mod settings;

use crate::{Address, Key, Kind};

/// A decoded and checked object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its key.
    pub key: Key,
    /// What it says.
    pub spec: Spec,
}

impl Object {
    /// Where it lives.
    pub fn address(&self) -> Address {
        Address::new(self.spec.kind(), self.key.clone())
    }
}

/// What an object says, by kind.
#[derive(Clone, Debug)]
pub enum Spec {
    /// `settings`
    Settings(settings::Settings),
    /// `constant`
    Constant(constant::Constant),
    /// `secret`
    Secret(secret::Secret),
    /// `event_type`
    EventType(Box<event_type::EventType>),
    /// `trait`
    Trait(profile_trait::Trait),
    /// `metric`
    Metric(metric::Metric),
    /// `audience`
    Audience(audience::Audience),
    /// `currency`
    Currency(currency::Currency),
    /// `reactor`
    Reactor(Box<reactor::Reactor>),
}

impl Spec {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Settings(_) => Kind::Settings,
            Self::Constant(_) => Kind::Constant,
            Self::Secret(_) => Kind::Secret,
            Self::EventType(_) => Kind::EventType,
            Self::Trait(_) => Kind::Trait,
            Self::Metric(_) => Kind::Metric,
            Self::Audience(_) => Kind::Audience,
            Self::Currency(_) => Kind::Currency,
            Self::Reactor(_) => Kind::Reactor,
        }
    }
}
