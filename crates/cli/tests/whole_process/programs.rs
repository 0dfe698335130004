//! The programs that the tests and the bench run under are whole.

use std::{fs, path::PathBuf};

use anyhow::{Result, anyhow};
use program::{Program, document};

fn compiled(folder: &str) -> Result<Program> {
    let folder: PathBuf = xtask::workspace::root().join(folder);
    let mut files = Vec::new();
    for item in fs::read_dir(&folder)? {
        let path = item?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, fs::read_to_string(&path)?));
    }
    files.sort();
    let read = |faults: Vec<program::Fault>| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("{}", lines.join("\n"))
    };
    Program::compile(&document::load(&files).map_err(read)?.bundle).map_err(read)
}

#[test]
fn the_programs_compile() -> Result<()> {
    assert_eq!(compiled("tests/programs/one_point_per_dollar")?.reactors.len(), 1);
    assert_eq!(compiled("tests/programs/two_points_from_thirty")?.reactors.len(), 2);
    assert_eq!(compiled("benches/program")?.reactors.len(), 12);
    Ok(())
}
