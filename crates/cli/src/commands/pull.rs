//! `greenroom pull`.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use program::{document, pull::ORIGIN_FILE};
use serde_json::{Value, json};

use super::files;
use crate::{arguments::In, client::routes, context::Context, exit::Exit, output::text::plural};

/// Write an environment's program into a folder, one object a file
///
/// Afterwards `plan DIR --to` the same environment finds nothing to do. Documents in the folder that the
/// environment does not have are deleted, so it had better be under version control; a folder that was not
/// pulled before must be empty of documents, or --force is needed. Tests and other files stay.
#[derive(Debug, clap::Args)]
pub(crate) struct Pull {
    #[command(flatten)]
    place: In,
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace the documents of a folder that was not pulled before
    #[arg(long)]
    force: bool,
}

impl Pull {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let answer = client.get(&format!("{}/files", routes::environment(&self.place.environment)))?;
        let pulled = read(&answer)?;
        fs::create_dir_all(&self.folder).with_context(|| format!("making {}", self.folder.display()))?;
        let there = files::read(&self.folder)?;
        let was_pulled = there.iter().any(|(name, _)| name == ORIGIN_FILE);
        if !self.force && !was_pulled && there.iter().any(|(name, _)| document::is_document(name)) {
            bail!(
                "{} holds documents that were not pulled; pull into an empty folder, or replace them with --force",
                self.folder.display()
            );
        }
        let (mut written, mut deleted) = (Vec::new(), Vec::new());
        for (name, text) in &pulled {
            if there.iter().any(|(other, before)| other == name && before == text) {
                continue;
            }
            write(&self.folder.join(name), text)?;
            written.push(name.clone());
        }
        for (name, _) in there {
            if !pulled.iter().any(|(other, _)| *other == name) {
                let path = self.folder.join(&name);
                fs::remove_file(&path).with_context(|| format!("deleting {}", path.display()))?;
                deleted.push(name);
            }
        }
        let value = json!({"files": pulled.len(), "written": written, "deleted": deleted});
        context.show(&value, |out| {
            for name in &written {
                writeln!(out, "  ~ {name}")?;
            }
            for name in &deleted {
                writeln!(out, "  - {name}")?;
            }
            let files = plural(pulled.len(), "file", "files");
            Ok(writeln!(
                out,
                "{files} in {}, {} written, {} deleted",
                self.folder.display(),
                written.len(),
                deleted.len()
            )?)
        })?;
        Ok(Exit::Done)
    }
}

fn read(answer: &Value) -> Result<files::Files> {
    let files = answer.get("files").and_then(Value::as_array).context("the answer has no files")?;
    let text = |file: &Value, name: &str| {
        file.get(name).and_then(Value::as_str).map(str::to_owned).context("a file without name or text")
    };
    files
        .iter()
        .map(|file| {
            let name = text(file, "name")?;
            // Whatever a server says, nothing is written outside the folder.
            if !Path::new(&name).components().all(|part| matches!(part, Component::Normal(_))) {
                bail!("the server names a file outside the folder: {name}");
            }
            Ok((name, text(file, "text")?))
        })
        .collect()
}

fn write(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(doing)?;
    }
    fs::write(path, text).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let answer = |name: &str| json!({"files": [{"name": name, "text": "x"}]});
        assert!(read(&answer("reactors/a.yaml")).is_ok());
        for name in ["../a.yaml", "/etc/a.yaml", "a/../../b.yaml"] {
            assert!(read(&answer(name)).is_err(), "{name}");
        }
    }
}
