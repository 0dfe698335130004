//! Keeping an environment: proving it, making its views again, backing it up.

pub(crate) mod backup;
pub(crate) mod rebuild;
pub(crate) mod restore;
pub(crate) mod verify;

use std::path::PathBuf;

use crate::{Code, Here, Problem};

/// Where backups are put. Requests name files in it, never paths.
fn folder(here: &Here) -> Result<PathBuf, Problem> {
    here.backups.clone().ok_or_else(|| {
        Problem::new(
            Code::Refused,
            "No folder for backups is configured; set `backups` in the configuration file.",
        )
    })
}

/// A file name that stays in its folder.
fn is_plain(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert!(is_plain("live-20240501T100000Z.greenroom"));
        for wrong in ["", "../x", "/etc/passwd", "a/b", ".hidden", "a\\b", "a b", "a\0"] {
            assert!(!is_plain(wrong), "{wrong:?}");
        }
    }
}
