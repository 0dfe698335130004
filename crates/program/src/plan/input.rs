//! What a plan is computed from. Everything that is not in the bundles is told by the caller.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, Bundle, Fault, Key, ManifestHash, RevisionId};

/// Everything that [`super::Plan::compute`] looks at.
pub struct PlanInput<'a> {
    /// Where the configuration comes from.
    pub origin: Origin,
    /// The source's head, if it has revisions.
    pub source_revision: Option<RevisionId>,
    /// What the source says.
    pub source: &'a Bundle,
    /// The target's id, which stands in the digest.
    pub target_id: String,
    /// The target's name, for people.
    pub target_name: String,
    /// The target's epoch.
    pub epoch: u64,
    /// The target's head.
    pub head: Option<RevisionId>,
    /// What the target says.
    pub target: &'a Bundle,
    /// What the target recorded as last promoted from this source; `None` when nothing ever was.
    pub base: Option<&'a Bundle>,
    /// What the person asked for.
    pub choices: Choices,
    /// What is true in the target beside its configuration.
    pub facts: &'a Facts,
    /// Compiles a bundle and gives its faults. Called a few times, on candidates.
    pub check: &'a dyn Fn(&Bundle) -> Vec<Fault>,
}

/// What kind of place a configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// An environment, of this install or another.
    Environment,
    /// A directory of files.
    Directory,
}

/// Where a configuration comes from. Kind and id name it for the record of what was last promoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// What kind of place.
    pub kind: OriginKind,
    /// Which one; never changes.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// The source as a plan records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it is.
    pub origin: Origin,
    /// Its head then, if it has revisions.
    pub revision: Option<RevisionId>,
    /// Its manifest.
    pub manifest: ManifestHash,
}

/// The target as a plan records it, and assumes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Which environment; never changes.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// The position of its control stream.
    pub epoch: u64,
    /// Its head; `None` before the first revision.
    pub head: Option<RevisionId>,
    /// Its manifest.
    pub manifest: ManifestHash,
}

/// The base of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// What was last promoted; `None` when nothing ever was.
    pub manifest: Option<ManifestHash>,
    /// What is recorded as last promoted once this plan is applied.
    pub after: ManifestHash,
}

/// Which objects to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Selection {
    /// All of them.
    Everything,
    /// These, and what they need. None is an error, never "everything".
    Only(BTreeSet<Address>),
}

impl TryFrom<Value> for Selection {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(word) if word == "everything" => Ok(Self::Everything),
            list @ Value::Array(_) => {
                serde_json::from_value(list).map(Self::Only).map_err(|error| format!("select: {error}"))
            }
            other => Err(format!("select: `{other}` is neither \"everything\" nor a list of addresses")),
        }
    }
}

impl From<Selection> for Value {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Everything => "everything".into(),
            Selection::Only(addresses) => addresses.iter().map(ToString::to_string).collect(),
        }
    }
}

/// One of the two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Where the configuration comes from.
    Source,
    /// Where it goes to.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "source" => Ok(Self::Source),
            "target" => Ok(Self::Target),
            _ => Err(format!("`{word}` is not a side: write `source` or `target`")),
        }
    }
}

/// What the person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// Which objects.
    pub select: Selection,
    /// Whose form of an object holds, whole, whoever changed it.
    pub take: BTreeMap<Address, Side>,
    /// Whether objects may be deleted.
    pub allow_delete: bool,
    /// Whether reactors on entering and leaving run for members whom the changes themselves move. Off by
    /// default: a corrected condition is no reason to congratulate anybody.
    pub run_audience_reactors: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            select: Selection::Everything,
            take: BTreeMap::new(),
            allow_delete: false,
            run_audience_reactors: false,
        }
    }
}

/// What is true in the target beside its configuration. None of it enters the digest (the caller checks it
/// again inside the applying transaction): counts move all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The constants bound there. Values are compared with declared types and never shown.
    pub constants: BTreeMap<Key, Value>,
    /// The secrets bound there.
    pub secrets: BTreeSet<Key>,
    /// How many members an audience has.
    pub members: BTreeMap<Key, u64>,
    /// Who holds a currency that would be deleted.
    pub held: BTreeMap<Key, Held>,
    /// How many would enter and leave an audience, where it was counted.
    pub crossings: BTreeMap<Key, Crossing>,
    /// Who last changed what, in the source.
    pub source_authors: Authors,
    /// Who last changed what, in the target.
    pub target_authors: Authors,
}

/// Who holds a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Wallets that hold or owe anything.
    pub wallets: u64,
    /// The sum of the balances, in smallest units.
    pub points: i128,
}

/// How many would cross an audience's border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// Profiles that would enter.
    pub enter: u64,
    /// Profiles that would leave.
    pub leave: u64,
}

/// Who last changed what: per object, JSON pointer (`""` for the whole object) to a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authors(pub BTreeMap<Address, BTreeMap<String, String>>);

impl Authors {
    /// Who last changed the field: the longest recorded pointer at or above it.
    pub fn of(&self, address: &Address, pointer: &str) -> Option<&str> {
        let object = self.0.get(address)?;
        let mut at = pointer;
        loop {
            if let Some(name) = object.get(at) {
                return Some(name);
            }
            at = &at[..at.rfind('/')?];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_author_is_named() {
        let at: Address = "reactor/r".parse().expect("address");
        let names = [("", "ada"), ("/spec/actions", "bob")].map(|(p, n)| (p.to_owned(), n.to_owned()));
        let authors = Authors(BTreeMap::from([(at.clone(), BTreeMap::from(names))]));
        assert_eq!(authors.of(&at, "/spec/actions/0/award"), Some("bob"));
        assert_eq!(authors.of(&at, "/spec/condition"), Some("ada"));
        assert_eq!(authors.of(&"reactor/other".parse().expect("address"), "/spec"), None);
    }

    #[test]
    fn a_selection_is_a_word_or_a_list() {
        let read = |text: &str| serde_json::from_str::<Selection>(text);
        assert_eq!(read("\"everything\"").ok(), Some(Selection::Everything));
        assert!(matches!(read("[\"reactor/r\"]"), Ok(Selection::Only(one)) if one.len() == 1));
        assert!(read("\"all\"").is_err());
        assert!(read("[\"r\"]").is_err());
    }
}
