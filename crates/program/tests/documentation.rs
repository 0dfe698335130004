//! The examples of the documentation are a program, and its tables name every field.

use program::{Kind, Program, document};

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// A kind's section.
fn section(kind: Kind) -> &'static str {
    let heading = format!("\n## {kind}\n");
    let (_, rest) = PAGE.split_once(heading.as_str()).expect("every kind has a section");
    rest.split("\n## ").next().unwrap_or(rest)
}

#[test]
fn the_examples_compile_together() {
    let examples: Vec<&str> =
        PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), Kind::ALL.len());
    let loaded = document::load(&[("docs.yaml".into(), examples.join("---\n"))]).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    Program::compile(&loaded.bundle).expect("compiles");
}

#[test]
fn the_tables_name_every_field() {
    for kind in Kind::ALL {
        let mut documented: Vec<&str> = section(kind)
            .lines()
            .take_while(|line| !line.starts_with("Each action"))
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        documented.sort_unstable();
        let mut fields = document::fields_of(kind).to_vec();
        fields.sort_unstable();
        assert_eq!(documented, fields, "{kind}");
    }
}
