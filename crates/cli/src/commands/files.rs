//! A program's folder: its files as they are read here and sent to a server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use program::{
    document::{self, Loaded},
    pull::ORIGIN_FILE,
};
use serde_json::{Value, json};

use crate::context::Context;

/// A folder of files as `(name with /, text)`, sorted.
pub(crate) type Files = Vec<(String, String)>;

/// Reads the documents of a folder, and the file that says where it was pulled from. Links to folders are
/// not followed.
pub(crate) fn read(folder: &Path) -> Result<Files> {
    read_where(folder, |name| document::is_document(name) || name == ORIGIN_FILE)
}

/// Reads the files of a folder that are wanted by name.
pub(crate) fn read_where(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Files> {
    if !folder.is_dir() {
        bail!("{} is not a folder; name the folder that holds the program's files", folder.display());
    }
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        let doing = || format!("reading the folder {}", path.display());
        for entry in fs::read_dir(&path).with_context(doing)? {
            let entry = entry.with_context(doing)?;
            let Ok(file_name) = entry.file_name().into_string() else {
                bail!("{} has a name that is not UTF-8; rename it", entry.path().display());
            };
            let name = format!("{prefix}{file_name}");
            if entry.file_type().with_context(doing)?.is_dir() {
                if !file_name.starts_with('.') {
                    folders.push((entry.path(), format!("{name}/")));
                }
            } else if wanted(&name) {
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("reading {}", entry.path().display()))?;
                files.push((name, text));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A name for people: the folder's own.
pub(crate) fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| PathBuf::from(folder));
    whole.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Reads and checks a program. Its faults are shown; then the answer is `None`.
pub(crate) fn checked(folder: &Path, context: &mut Context) -> Result<Option<(Files, Loaded)>> {
    let files = read(folder)?;
    if !files.iter().any(|(name, _)| document::is_document(name)) {
        bail!(
            "{} holds no documents (.yaml, .yml or .json); a program is a folder of objects, each with `kind`, `key` and `spec`",
            folder.display()
        );
    }
    // By their names in the folder: what stands above it may be hidden or called `tests`, and does not matter.
    match document::load(&files) {
        Ok(loaded) => Ok(Some((files, loaded))),
        Err(mut faults) => {
            // Shown with the folder, so that an editor finds them.
            for position in faults.iter_mut().filter_map(|fault| fault.position.as_mut()) {
                position.file = folder.join(&position.file).display().to_string();
            }
            let value = json!({ "faults": faults });
            context.show(&value, |out| {
                for fault in &faults {
                    writeln!(out, "{fault}")?;
                }
                Ok(())
            })?;
            context.note(&crate::output::text::plural(faults.len(), "fault", "faults"))?;
            Ok(None)
        }
    }
}

/// The files as the admin API takes them.
pub(crate) fn to_json(name: &str, files: &Files) -> Value {
    let files: Vec<Value> = files.iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
    json!({"name": name, "files": files})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_without_what_does_not_belong() -> Result<()> {
        let root = tempfile::tempdir()?;
        for name in ["b.yaml", "a/x.yml", "tests/case.yaml", ".git/c.yaml", "notes.md", ORIGIN_FILE] {
            let path = root.path().join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, name)?;
        }
        let names: Vec<String> = read(root.path())?.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a/x.yml", "b.yaml", ORIGIN_FILE]);
        assert!(
            read(&root.path().join("b.yaml")).is_err_and(|error| error.to_string().contains("not a folder"))
        );
        Ok(())
    }
}
