//! What an environment owns of an object: constants' and secrets' values, switches.

use jiff::Timestamp;
use program::{Key, expression::Value};
use serde::Serialize;
use store::{ControlWrites, OutsideChange, SecretRow};

use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ControlDraft},
    master_key,
};

/// A constant as it stands in an environment.
#[derive(Clone, Debug, Serialize)]
pub struct ConstantBinding {
    /// Which.
    pub key: Key,
    /// The value bound here.
    pub value: Option<serde_json::Value>,
    /// What holds while nothing is bound.
    pub default: Option<serde_json::Value>,
    /// Whether the program declares it.
    pub declared: bool,
}

impl Environment {
    /// Binds a constant; `None` unbinds it. It must fit the declaration, if there is one already. `seen` refuses
    /// it when the configuration is no longer the one that was read.
    pub async fn set_constant(
        &self,
        actor: Actor,
        key: Key,
        value: Option<serde_json::Value>,
        seen: Option<u64>,
    ) -> Result<u64> {
        let state = self.as_seen(seen).await?;
        let expected = seen.map(|_| state.epoch);
        let rules = self.rules();
        let declared = rules.program.constants.get(&key);
        let change = if let Some(value) = value {
            if let Some(declared) = declared
                && Value::from_json(&value, &declared.of_type).is_none()
            {
                return Err(Error::Refused(format!(
                    "constant `{key}` is declared to be {}, which {value} is not",
                    declared.of_type
                )));
            }
            Change::ConstantSet { sealed: self.epochs.seal_constant(&key, &value)?, key }
        } else {
            if declared.is_some_and(|constant| constant.default.is_none()) {
                return Err(Error::Refused(format!(
                    "constant `{key}` is declared without a default: set another value instead"
                )));
            }
            Change::ConstantUnset { key }
        };
        let draft = ControlDraft { actor, message: None, change };
        self.change(draft, ControlWrites::default(), expected).await
    }

    /// Every constant that is declared or bound here.
    pub fn constants(&self) -> Result<Vec<ConstantBinding>> {
        let (state, rules) = (self.state(), self.rules());
        let mut keys: std::collections::BTreeSet<&Key> = state.constants.keys().collect();
        keys.extend(rules.program.constants.keys());
        keys.into_iter()
            .map(|key| {
                let declared = rules.program.constants.get(key);
                let sealed = state.constants.get(key);
                Ok(ConstantBinding {
                    key: key.clone(),
                    value: sealed.map(|sealed| self.epochs.open_constant(key, sealed)).transpose()?,
                    default: declared.and_then(|constant| constant.default.clone()),
                    declared: declared.is_some(),
                })
            })
            .collect()
    }

    /// Sets a secret; `None` forgets it. The value is sealed, and nothing but egress ever opens it.
    pub async fn set_secret(&self, actor: Actor, key: Key, value: Option<&str>) -> Result<u64> {
        let outside = if let Some(value) = value {
            OutsideChange::PutSecret(SecretRow {
                sealed: self.seal.seal(&master_key::bound(key.as_str()), value.as_bytes())?,
                key: key.to_string(),
                set_at: self.now(),
                actor: actor.to_string(),
            })
        } else {
            let declared =
                self.bundle().await?.specs.keys().any(|a| a.kind == program::Kind::Secret && a.key == key);
            if declared {
                return Err(Error::Refused(format!(
                    "secret `{key}` is declared by the program: set another value instead"
                )));
            }
            OutsideChange::DropSecret(key.to_string())
        };
        let change = Change::SecretChanged { key, bound: value.is_some() };
        let extra = ControlWrites { outside: vec![outside], ..ControlWrites::default() };
        self.change(ControlDraft { actor, message: None, change }, extra, None).await
    }

    /// The secrets that have a value: key and when it was set. Never the value.
    pub async fn secrets(&self) -> Result<Vec<(String, Timestamp)>> {
        let rows = self.store.secrets().await?.into_iter().filter(master_key::is_of_the_program);
        Ok(rows.map(|row| (row.key, row.set_at)).collect())
    }

    /// Switches a reactor on or off in this environment. Not configuration: it does not travel. `seen` as with
    /// constants.
    pub async fn switch_reactor(
        &self,
        actor: Actor,
        reactor: Key,
        on: bool,
        seen: Option<u64>,
    ) -> Result<u64> {
        let state = self.as_seen(seen).await?;
        let expected = seen.map(|_| state.epoch);
        if !self.rules().program.reactors.iter().any(|(key, _)| *key == reactor) {
            return Err(Error::Missing {
                what: "reactor",
                name: reactor.to_string(),
                environment: self.name().to_owned(),
            });
        }
        let change = Change::Switched { reactor, on };
        self.change(ControlDraft { actor, message: None, change }, ControlWrites::default(), expected).await
    }
}
