//! Whatever is read, the answer is a program or faults with places in the text; never a panic.

use program::document;
use proptest::prelude::*;

const PROGRAM: &str = include_str!("../../../docs/configuration.md");

fn read(text: &str) -> Result<(), TestCaseError> {
    let lines = u32::try_from(text.split('\n').count()).expect("short");
    match document::load(&[("a.yaml".into(), text.into())]) {
        Ok(_) => Ok(()),
        Err(faults) => {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                let position = fault.position.expect("from a file");
                prop_assert!(position.line >= 1 && position.column >= 1 && position.line <= lines + 1);
            }
            Ok(())
        }
    }
}

/// The examples of the documentation, as one text.
fn examples() -> String {
    PROGRAM
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect::<Vec<_>>()
        .join("---\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in "(kind|key|spec|reactor|[a-z]|[:\\-\\[\\]{}'\"|>&*!#%@~,.?=]|[ \n\t]|\\PC){0,120}") {
        read(&text)?;
    }

    #[test]
    fn a_damaged_program_is_read(cuts in prop::collection::vec((0.0..1.0f64, 0..6usize, "\\PC?|[:\\-'\"{}\\[\\]|>\n ]"), 1..6)) {
        let mut characters: Vec<char> = examples().chars().collect();
        for (at, length, put) in cuts {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let at = (at * characters.len() as f64) as usize;
            let end = (at + length).min(characters.len());
            characters.splice(at..end, put.chars());
        }
        read(&characters.into_iter().collect::<String>())?;
    }
}
