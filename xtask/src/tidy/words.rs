//! No text speaks of paths of the machine it was written on: they mean nothing to anybody else.

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "words";

/// Written in two halves, so that this file does not break its own rule.
const PATHS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/")];

pub(super) fn check(texts: &[Text]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in texts {
        for (i, line) in text.text.lines().enumerate() {
            if let Some(path) = machine_path(line) {
                let message = format!("speaks of `{path}`, a path of one machine");
                findings.push(Finding::fault(RULE, format!("{}:{}", text.path, i + 1), message));
            }
        }
    }
    findings
}

fn machine_path(line: &str) -> Option<String> {
    PATHS.iter().map(|(a, b)| format!("{a}{b}")).find(|path| {
        line.match_indices(path.as_str()).any(|(at, _)| {
            // `docs/root/…`, `https://example.org/work/` and `{environment}/work/` are paths of something else.
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || "./_-}".contains(before))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{super::text, *};

    #[test]
    fn absolute_paths_only() {
        let [work, root] = [PATHS[0], PATHS[1]].map(|(a, b)| format!("{a}{b}"));
        for (line, expected) in [
            (format!("see {work}x"), true),
            (format!("\"{root}.cargo\""), true),
            (format!("docs{work}x"), false),
            (format!("https://example.org{root}x"), false),
            (format!("/environments/{{environment}}{work}{{id}}"), false),
            ("a day's work/life".to_owned(), false),
        ] {
            assert_eq!(machine_path(&line).is_some(), expected, "{line}");
        }
        assert_eq!(check(&[text("a.md", &format!("fine\nsee {work}"))])[0].place, "a.md:2");
    }
}
