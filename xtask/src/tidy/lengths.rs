//! A file is one idea, and one idea is rarely longer than this.

use super::{Finding, Weight};
use crate::workspace::Text;

const RULE: &str = "lengths";
const LONG: usize = 500;
const TOO_LONG: usize = 800;

pub(super) fn check(texts: &[Text]) -> Vec<Finding> {
    texts.iter().filter(|text| is_code(text)).filter_map(judge).collect()
}

fn is_code(text: &Text) -> bool {
    let is_test = text.path.split('/').any(|part| part == "tests" || part == "tests.rs");
    text.has_extension(&["rs", "c", "ts", "tsx", "mjs", "py"]) && !is_test
}

fn judge(text: &Text) -> Option<Finding> {
    let lines = code_lines(&text.text);
    if lines <= LONG {
        return None;
    }
    let weight = if lines <= TOO_LONG { Weight::Warning } else { Weight::Fault };
    let message = format!("{lines} lines without its tests; is it still one idea?");
    Some(Finding { weight, rule: RULE, place: text.path.clone(), message })
}

/// Lines, but for `#[cfg(test)] mod … { … }` at the margin.
fn code_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens =
            lines.peek().is_some_and(|next| next.starts_with("mod ") && next.trim_end().ends_with('{'));
        if line == "#[cfg(test)]" && opens {
            for line in lines.by_ref() {
                if line == "}" {
                    break;
                }
            }
        } else {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::{super::text, *};

    #[test]
    fn tests_are_not_counted() {
        assert_eq!(code_lines("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n"), 2);
        assert_eq!(code_lines("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 3);
    }

    #[test]
    fn long_warns_and_too_long_fails() {
        let weight = |lines: usize| judge(&text("a.rs", &"x\n".repeat(lines))).map(|finding| finding.weight);
        assert_eq!(weight(500), None);
        assert_eq!(weight(501), Some(Weight::Warning));
        assert_eq!(weight(800), Some(Weight::Warning));
        assert_eq!(weight(801), Some(Weight::Fault));
    }

    #[test]
    fn only_code_is_measured() {
        let long = "x\n".repeat(2000);
        let found = check(&[
            text("crates/a/src/b.rs", &long),
            text("crates/a/tests/c.rs", &long),
            text("crates/a/src/tests.rs", &long),
            text("docs/d.md", &long),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/a/src/b.rs");
    }
}
