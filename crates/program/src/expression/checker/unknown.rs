//! Names that nothing declares: what may have been meant.

use cel::parser::Expression as Tree;

use super::{
    Checker,
    paths::{Found, written},
    suggest::{closest, did_you_mean},
};
use crate::{Kind, expression::ValueType};

impl Checker<'_> {
    /// Tells of a property that the schema does not name.
    pub(super) fn unknown_property(
        &mut self,
        tree: &Tree,
        parent: &str,
        path: &[&str],
        depth: usize,
        of: Option<&ValueType>,
    ) {
        let key = path[depth - 1];
        if let Some(of) = of
            && !matches!(of, ValueType::Object(_))
        {
            let help = match of {
                ValueType::List(_) => {
                    format!("Look through its items: `{parent}.exists(item, item.{key} …)`.")
                }
                _ => String::new(),
            };
            self.mistyped(tree, format!("`{parent}` is {of}; it has no field `{key}`."), help);
            return;
        }
        let siblings: Vec<String> = match of {
            Some(ValueType::Object(fields)) => fields.keys().map(ToString::to_string).collect(),
            _ => self.scope.properties(),
        };
        let full = |name: String| format!("{parent}{}", written(&name));
        let help = match closest(key, siblings.iter().cloned()) {
            Some(name) => format!("Did you mean `{}`?", full(name)),
            None => listed(siblings.iter().map(String::as_str)),
        };
        let message = format!("`{}` is not declared.", full(key.to_owned()));
        self.fault(tree, "unknown_name", message, help);
    }

    /// Tells of a key that nothing declares.
    pub(super) fn undeclared(
        &mut self,
        tree: &Tree,
        what: &str,
        root: &str,
        key: &str,
        kind: Kind,
    ) -> Option<Found> {
        let names = self.scope.names(kind);
        let help = match closest(key, names.iter().cloned()) {
            Some(name) => format!("Did you mean `{root}.{name}`?"),
            None => match self.elsewhere(key) {
                Some(path) => format!("Did you mean `{path}`?"),
                None if names.is_empty() => format!("No {what} is declared yet: add `{kind}/{key}`."),
                None => listed(names.iter().map(String::as_str)),
            },
        };
        self.fault(tree, "unknown_name", format!("There is no {what} `{key}`."), help);
        None
    }

    /// A path under which a bare name exists.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let scope = self.scope;
        if scope.has_event() && scope.properties().iter().any(|name| name == key) {
            Some(format!("event.properties{}", written(key)))
        } else if scope.metric(key).is_some() {
            Some(format!("profile.metrics.{key}"))
        } else if scope.profile_trait(key).is_some() {
            Some(format!("profile.traits.{key}"))
        } else if scope.currency(key) {
            Some(format!("profile.balances.{key}"))
        } else if scope.constant(key).is_some() {
            Some(format!("constants.{key}"))
        } else if scope.audience(key) {
            Some(format!("in_audience('{key}')"))
        } else {
            None
        }
    }

    /// Tells of a path that begins with nothing known.
    pub(super) fn unknown_root(&mut self, tree: &Tree, names: &[&str]) {
        let name = names.join(".");
        let last = names.last().copied().unwrap_or_default();
        let whole = match names {
            ["event"] => Some("Name a part of it: `event.name`, `event.timestamp`, `event.properties.…`."),
            ["event", "properties"] => Some("Name one: `event.properties.total`."),
            ["profile"] => {
                Some("Name a part of it: `profile.traits.…`, `profile.metrics.…`, `profile.balances.…`.")
            }
            ["profile", "traits" | "metrics" | "balances"] | ["constants"] => {
                Some("Name one of them after a dot.")
            }
            _ => None,
        };
        if let Some(help) = whole {
            self.mistyped(tree, format!("`{name}` is not a value by itself."), help);
            return;
        }
        let help = match names {
            ["now" | "today", ..] => Some("There is no clock: use `event.timestamp`.".to_owned()),
            ["optional", ..] => {
                Some("Optional values are not part of this language: test with has() first.".to_owned())
            }
            ["math", ..] => Some("There are `math.greatest(a, b)` and `math.least(a, b)`.".to_owned()),
            ["properties", ..] => Some(format!("Did you mean `event.{name}`?")),
            ["traits" | "metrics" | "balances", ..] => Some(format!("Did you mean `profile.{name}`?")),
            ["event", _, ..] => {
                self.elsewhere(last).map(|path| format!("Did you mean `{path}`?")).or_else(|| {
                    did_you_mean(
                        names[1],
                        ["name", "timestamp", "properties"].map(|part| format!("event.{part}")),
                    )
                })
            }
            ["profile", part, ..] => {
                self.elsewhere(last).map(|path| format!("Did you mean `{path}`?")).or_else(|| {
                    closest(part, ["traits", "metrics", "balances"].map(String::from))
                        .map(|root| format!("Did you mean `profile.{root}`?"))
                })
            }
            [root, ..] => self
                .elsewhere(root)
                .or_else(|| closest(root, ["event", "profile", "constants"].map(String::from)))
                .or_else(|| {
                    closest(root, self.locals.iter().map(|local| local.name.clone()).collect::<Vec<_>>())
                })
                .or_else(|| {
                    closest(root, self.scope.properties())
                        .map(|name| format!("event.properties{}", written(&name)))
                })
                .map(|path| format!("Did you mean `{path}`?")),
            [] => None,
        };
        let help = help.unwrap_or_else(|| {
            "Names begin with `event`, `profile` or `constants`; texts stand between quotes: 'text'."
                .to_owned()
        });
        self.fault(tree, "unknown_name", format!("`{name}` is not known."), help);
    }
}

/// `There are a, b and 3 more.`
pub(super) fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 8;
    let count = names.len();
    let shown: Vec<_> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    match count {
        0 => String::new(),
        _ if count > SHOWN => format!("There are {} and {} more.", shown.join(", "), count - SHOWN),
        _ => format!("There are: {}.", shown.join(", ")),
    }
}
