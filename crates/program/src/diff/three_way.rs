//! One object in the source, the target, and what was last promoted between them.

/// The three forms of one object. All are canonical text, so equal text is equal meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides<'a> {
    /// What was last promoted. The outer `None`: nothing was ever promoted between these two, so that
    /// nobody can say who changed what.
    pub base: Option<Option<&'a str>>,
    /// What the source says now.
    pub source: Option<&'a str>,
    /// What the target says now.
    pub target: Option<&'a str>,
}

/// Who changed it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Source and target say the same.
    Same,
    /// Only the source changed it: it made, edited or deleted it.
    Source,
    /// Only the target changed it: drift.
    Target,
    /// Both changed it, differently.
    Both,
}

impl Sides<'_> {
    /// Who changed it. With no base, an object on one side only counts as changed by the source (made or
    /// deleted there), and one that differs counts as changed by both.
    pub fn state(&self) -> State {
        if self.source == self.target {
            return State::Same;
        }
        match self.base {
            None if self.source.is_some() && self.target.is_some() => State::Both,
            None => State::Source,
            Some(base) if base == self.source => State::Target,
            Some(base) if base == self.target => State::Source,
            Some(_) => State::Both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination() {
        use State::{Both, Same, Source, Target};
        let (a, b, c) = (Some("1"), Some("2"), Some("3"));
        for (base, source, target, expected) in [
            (Some(a), a, a, Same),
            (Some(a), b, b, Same),
            (Some(a), None, None, Same),
            (Some(None), a, a, Same),
            (Some(a), b, a, Source),
            (Some(a), None, a, Source),
            (Some(None), a, None, Source),
            (Some(a), a, b, Target),
            (Some(a), a, None, Target),
            (Some(None), None, a, Target),
            (Some(a), b, c, Both),
            (Some(a), None, b, Both),
            (Some(a), b, None, Both),
            (Some(None), a, b, Both),
            (None, a, b, Both),
            (None, a, None, Source),
            (None, None, a, Source),
            (None, a, a, Same),
        ] {
            assert_eq!(Sides { base, source, target }.state(), expected, "{base:?} {source:?} {target:?}");
        }
    }
}
