//! Names that come again and again (of traits, metrics, reactors, currencies), each kept once: thousands of states name the
//! same few, and a copy in each would cost more memory than what is said under it.

use std::{cell::RefCell, sync::Arc};

/// Places for names, by their hash. More names than this are not worse than copies.
const PLACES: usize = 1024;
/// Longer ones are hardly names.
const BYTES_MAX: usize = 64;

thread_local! {
    static KEPT: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// A name, shared with others that say the same if this thread has met it lately.
pub(crate) fn shared(name: &str) -> Arc<str> {
    marked("", name)
}

/// The same of what nobody has declared: it has a leading `~`.
pub(crate) fn undeclared(name: &str) -> Arc<str> {
    marked("~", name)
}

fn marked(mark: &str, name: &str) -> Arc<str> {
    let make = || if mark.is_empty() { name.into() } else { [mark, name].concat().into() };
    if mark.len() + name.len() > BYTES_MAX {
        return make();
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.is_empty() {
            kept.resize(PLACES, None);
        }
        match kept.get_mut(place(mark, name)) {
            Some(Some(known)) if known.strip_prefix(mark) == Some(name) => Arc::clone(known),
            place => {
                let made: Arc<str> = make();
                if let Some(place) = place {
                    *place = Some(Arc::clone(&made));
                }
                made
            }
        }
    })
}

/// FNV-1a, folded.
fn place(mark: &str, name: &str) -> usize {
    let more = |hash: u64, text: &str| {
        text.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    let hash = more(more(0xcbf2_9ce4_8422_2325, mark), name);
    usize::try_from((hash ^ (hash >> 32)) % PLACES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_was_said_and_kept_once() {
        let names: Vec<String> = (0..5_000).map(|n| format!("metric_{n}")).collect();
        for name in names.iter().chain(&names) {
            assert_eq!(&*shared(name), name.as_str());
        }
        assert!(Arc::ptr_eq(&shared("points"), &shared("points")));
        for name in ["points", "~points", ""] {
            assert_eq!(*undeclared(name), format!("~{name}"));
        }
        assert!(Arc::ptr_eq(&shared("~points"), &undeclared("points")));
        let long = "x".repeat(BYTES_MAX + 1);
        assert!(!Arc::ptr_eq(&shared(&long), &shared(&long)));
    }

    #[test]
    fn names_are_spread_over_the_places() {
        let places: std::collections::BTreeSet<usize> =
            (0..400).map(|n| place("", &format!("trait_{n}"))).collect();
        assert!(places.len() > 280, "{} places for 400 names", places.len());
    }
}
