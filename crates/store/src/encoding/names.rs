//! What an environment may be called: its name stands in paths, schemas and roles.

use crate::{Error, Result};

/// Refuses a name that could stand for something else where it is used.
pub fn check_name(name: &str) -> Result<()> {
    let letters =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if letters && begins && name.len() <= 63 {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "`{name}` cannot be an environment's name: use 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["live", "uat-2", "a", "0_x"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "..", "a/b", "Live", "-a", "a.b", "ä", &"a".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
