//! What Markdown files link to exists.

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "links";

/// Paths in backticks that begin so are promises too.
const FOLDERS: &[&str] = &["docs/", "crates/", "examples/", "xtask/", "tests/", "benches/", "deploy/"];

pub(super) fn check(texts: &[Text], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in texts.iter().filter(|text| text.has_extension(&["md"])) {
        for (line, target) in targets(&text.text) {
            let path = match target {
                Target::Link(path) => beside(&text.path, path),
                Target::Mention(path) => path.to_owned(),
            };
            if !exists(&path) {
                let message = format!("points to `{path}`, which does not exist");
                findings.push(Finding::fault(RULE, format!("{}:{line}", text.path), message));
            }
        }
    }
    findings
}

#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    /// Of a link: relative to the file.
    Link(&'a str),
    /// In backticks: relative to the root.
    Mention(&'a str),
}

fn targets(text: &str) -> Vec<(usize, Target<'_>)> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let link = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:") {
                targets.push((i + 1, Target::Link(link)));
            }
        }
        for mention in line.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| mention.starts_with(folder));
            let is_pattern = mention.contains(['*', '{', '<', ' ', '…']) || mention.contains("NAME");
            if is_path && !is_pattern {
                targets.push((i + 1, Target::Mention(mention.split('#').next().unwrap_or(mention))));
            }
        }
    }
    targets
}

/// The path of `link` in the file `from`, with `.` and `..` resolved.
fn beside(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{super::text, *};

    #[test]
    fn links_and_mentions_are_found() {
        let found =
            targets("[a](docs/a.md#b) [c](https://c.org) `crates/x`\n```\n[no](no.md)\n```\n`docs/*.md` `x`");
        assert_eq!(found, [(1, Target::Link("docs/a.md")), (1, Target::Mention("crates/x"))]);
    }

    #[test]
    fn links_are_relative_to_their_file() {
        assert_eq!(beside("docs/errors/a.md", "../b.md"), "docs/b.md");
        assert_eq!(beside("README.md", "./docs/b.md"), "docs/b.md");
    }

    #[test]
    fn a_dead_link_is_a_fault() {
        let texts = [text("docs/a.md", "one\nsee [b](b.md) and [c](c.md)")];
        let found = check(&texts, &|path| path == "docs/b.md");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "docs/a.md:2");
        assert!(found[0].message.contains("docs/c.md"));
    }
}
