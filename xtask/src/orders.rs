//! `cargo xtask orders`: the record shop's purchase history as Segment messages.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use examples::record_shop;

/// For `--help`.
pub const HELP: &str = "\
The record shop's purchase history as Segment messages, one JSON object a line, in the order of the file.

Usage: cargo xtask orders [FILE.ndjson] [--first N]

  FILE.ndjson  where to write; standard output when left out
  --first N    only the first N orders of 69,659
";

/// `cargo xtask orders`.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut file = None;
    let mut limit = usize::MAX;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--first" => {
                let number = rest.next().context("`--first` needs a number")?;
                limit = number.parse().with_context(|| format!("`{number}` is not a number"))?;
            }
            option if option.starts_with('-') => bail!("`{option}` is not understood"),
            path => file = Some(PathBuf::from(path)),
        }
    }
    match file {
        Some(file) => {
            let doing = || format!("writing {}", file.display());
            let mut to = BufWriter::new(File::create(&file).with_context(doing)?);
            let count = record_shop::write(&mut to, limit)?;
            to.flush().with_context(doing)?;
            println!("{count} orders written to {}", file.display());
        }
        None => drop(record_shop::write(&mut BufWriter::new(std::io::stdout().lock()), limit)?),
    }
    Ok(())
}
