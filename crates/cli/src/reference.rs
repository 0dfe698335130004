//! `docs/cli.md`: every command's `--help`, written by a test, so that it is never out of date.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

const HEAD: &str = "\
# The command line

Every command with its help, as `greenroom COMMAND --help` prints it. This page is written by a test of the
`cli` crate; after a change, write it again with `UPDATE_DOCS=1 cargo nextest run -p cli reference`.

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut command = Arguments::command().term_width(100);
    command.build();
    section(&mut page, &mut command, 2);
    page
}

fn section(page: &mut String, command: &mut Command, level: usize) {
    let name = command.get_bin_name().unwrap_or("greenroom").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = writeln!(page, "{} `{name}`\n\n```text\n{}\n```\n", "#".repeat(level), lines.join("\n").trim());
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        section(page, inner, (level + 1).min(4));
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/cli.md is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/cli.md is out of date: write it again with `UPDATE_DOCS=1 cargo nextest run -p cli reference`"
    );
}
