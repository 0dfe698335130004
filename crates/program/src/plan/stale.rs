//! A plan against the same plan computed anew: whether what it assumed still holds.

use std::fmt;

use super::Plan;
use crate::ManifestHash;

/// The target is not what the plan was made for. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// What is different; at least one.
    pub because: Vec<StaleBecause>,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaleBecause {
    /// The plan is for another environment.
    Target {
        /// The plan's.
        planned: String,
        /// The one it was held against.
        found: String,
    },
    /// The target's configuration changed.
    Manifest {
        /// Then.
        planned: ManifestHash,
        /// Now.
        found: ManifestHash,
    },
    /// Something else that plans rest on changed there: a constant, a secret, a switch; or a change of the
    /// configuration was taken back; or something was applied that was there already, which is compared with from then on.
    Epoch {
        /// Then.
        planned: u64,
        /// Now.
        found: u64,
    },
    /// Something else was promoted from this source meanwhile.
    Base,
    /// The same comparison comes out differently, though nothing above moved (another version of Greenroom
    /// made the plan, or checks it).
    Outcome,
}

impl std::error::Error for Stale {}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plan is stale, and nothing was changed: ")?;
        for (i, because) in self.because.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            match because {
                StaleBecause::Target { planned, found } => {
                    write!(f, "it was made for the environment `{planned}`, not for `{found}`")?;
                }
                StaleBecause::Manifest { .. } => {
                    f.write_str("the target's configuration was changed since")?;
                }
                StaleBecause::Epoch { planned, found } => write!(
                    f,
                    "the target moved from epoch {planned} to {found} (a constant, a secret or a switch was set, a change was taken back, or something was applied that was there already)"
                )?,
                StaleBecause::Base => f.write_str("something else was promoted from this source since")?,
                StaleBecause::Outcome => f.write_str(
                    "the same comparison comes out differently now (was it made by another version?)",
                )?,
            }
        }
        f.write_str(". Make a new plan, and review it")
    }
}

impl Plan {
    /// Holds this plan (as read from a file, or as approved) against the same plan computed now. Equal digests
    /// mean that it may be applied, if `now` is not blocked.
    pub fn stale(&self, now: &Self) -> Result<(), Stale> {
        if self.digest == now.digest {
            return Ok(());
        }
        let mut because = Vec::new();
        if self.target.id != now.target.id {
            because.push(StaleBecause::Target {
                planned: self.target.name.clone(),
                found: now.target.name.clone(),
            });
        }
        if self.target.manifest != now.target.manifest {
            because
                .push(StaleBecause::Manifest { planned: self.target.manifest, found: now.target.manifest });
        } else if self.target.epoch != now.target.epoch {
            because.push(StaleBecause::Epoch { planned: self.target.epoch, found: now.target.epoch });
        }
        if self.base.manifest != now.base.manifest {
            because.push(StaleBecause::Base);
        }
        if because.is_empty() {
            because.push(StaleBecause::Outcome);
        }
        Err(Stale { because })
    }
}
