//! All tests, in one run of cargo-nextest, and how many there were.

use anyhow::{Context, Result, ensure};

use crate::{postgres, process, workspace};

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    succeeded: bool,
}

impl Counts {
    /// Both. Neither makes up for the other's having run nothing.
    fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            succeeded: [self, other].iter().all(|part| part.succeeded && part.passed > 0),
        }
    }

    /// A run in which no test ran, or whose outcome could not be read, has failed.
    pub(super) fn verdict(self) -> Result<()> {
        ensure!(self.failed == 0, "{} tests failed", self.failed);
        ensure!(self.succeeded, "cargo-nextest failed before its tests were done, or had none to run");
        ensure!(self.passed > 0, "no test ran");
        Ok(())
    }
}

/// What is to hold on either store. These run on SQLite with all the others, and on PostgreSQL once more.
const ON_EITHER_STORE: [&str; 2] = ["runtime::stories", "server::api"];

pub(super) fn run() -> Result<Counts> {
    let server = postgres::Server::forgetful().context("starting PostgreSQL for the tests")?;
    let all = part(&["--workspace"], &server.url, "sqlite")?;
    // Of the ignored ones, those that need what `clients` has just installed. (The others are measurements.)
    let clients = ["--workspace", "--run-ignored=only", "-E", "package(cli) & test(sdks::)"];
    let mut counts = all.and(part(&clients, &server.url, "sqlite")?);
    for binary in ON_EITHER_STORE {
        println!("{binary} on PostgreSQL");
        let filter = format!("binary_id(={binary})");
        counts = counts.and(part(&["--workspace", "-E", &filter], &server.url, "postgres")?);
    }
    Ok(counts)
}

fn part(which: &[&str], server: &str, store: &str) -> Result<Counts> {
    let mut command = workspace::cargo(&["nextest", "run", "--locked", "--color=never"]);
    command.args(["--status-level=fail", "--final-status-level=fail"]).args(which);
    command.env(postgres::SERVER_VARIABLE, server).env(postgres::STORE_VARIABLE, store);
    let (succeeded, lines) = process::tee(&mut command)?;
    Ok(Counts { succeeded, ..counted(&lines) })
}

/// From the line `Summary [  12.3s] 45 tests run: 44 passed (2 slow), 1 failed, 3 skipped`.
fn counted(lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    let summary = lines.iter().rev().find(|line| line.trim_start().starts_with("Summary ["));
    let Some((_, figures)) = summary.and_then(|line| line.split_once("run: ")) else { return counts };
    for figure in figures.split(", ") {
        let mut words = figure.split_whitespace();
        let number = words.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("failed" | "timed") => counts.failed += number,
            _ => {}
        }
    }
    counts
}

/// cargo-nextest does not run code in documentation; whether there is any.
pub(super) fn has_doc_tests() -> Result<bool> {
    let texts = workspace::texts().context("looking for code in documentation")?;
    Ok(texts.iter().filter(|text| text.path.starts_with("crates/")).any(|text| opens_rust_block(&text.text)))
}

fn opens_rust_block(text: &str) -> bool {
    let mut inside = false;
    text.lines().any(|line| {
        let line = line.trim_start();
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            inside = false;
            return false;
        };
        let Some(language) = doc.trim_start().strip_prefix("```") else { return false };
        inside = !inside;
        inside
            && (language.is_empty() || language.starts_with("rust") || language.starts_with("should_panic"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> (u64, u64) {
        let counts = counted(&["noise".to_owned(), line.to_owned(), "more".to_owned()]);
        (counts.passed, counts.failed)
    }

    #[test]
    fn summaries() {
        assert_eq!(count("     Summary [   0.1s] 3 tests run: 3 passed, 0 skipped"), (3, 0));
        assert_eq!(
            count("     Summary [   9.1s] 45 tests run: 41 passed (2 slow), 3 failed, 1 timed out"),
            (41, 4)
        );
        assert_eq!(count("nothing of the kind"), (0, 0));
    }

    #[test]
    fn no_test_is_no_success() {
        let verdict = |passed, failed, succeeded| Counts { passed, failed, succeeded }.verdict().is_ok();
        assert!(verdict(1, 0, true));
        assert!(!verdict(0, 0, true));
        assert!(!verdict(1, 1, true));
        assert!(!verdict(1, 0, false));
        let part = |passed, succeeded| Counts { passed, failed: 0, succeeded };
        assert!(part(1, true).and(part(2, true)).verdict().is_ok());
        assert!(part(1, true).and(part(0, true)).verdict().is_err(), "one store is not both");
        assert!(part(0, true).and(part(1, true)).and(part(1, true)).verdict().is_err());
        assert!(part(1, true).and(part(1, false)).verdict().is_err());
    }

    #[test]
    fn code_in_documentation() {
        assert!(opens_rust_block("/// So:\n/// ```\n/// a();\n/// ```\nfn a() {}"));
        assert!(!opens_rust_block("//! ```text\n//! a → b\n//! ```\n"));
        assert!(!opens_rust_block("//! ```json\n//! {}\n//! ```\n// ```\nfn a() {}"));
    }
}
