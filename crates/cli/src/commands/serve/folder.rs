//! What the server itself keeps in the data folder: the master key, the first administrator's token.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use runtime::Greenroom;

use crate::{client::ADMIN_TOKEN_FILE, hexadecimal};

/// The master key, in hexadecimal. It seals every environment's secrets.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";
/// The same in an environment variable, for those who keep it elsewhere.
pub(crate) const MASTER_KEY_VARIABLE: &str = "GREENROOM_MASTER_KEY";

/// Makes the folder, for its owner alone.
pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making the data folder {}", folder.display()))?;
    let doing = || format!("looking at the data folder {}", folder.display());
    let permissions = fs::metadata(folder).with_context(doing)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).with_context(|| {
            format!("closing the data folder {} to others; it holds members' data", folder.display())
        })?;
    }
    Ok(())
}

/// The master key: from the environment variable, or the folder's; made at the first start, for a store that holds no
/// environment (`in_use`: it does).
pub(crate) fn master_key(folder: &Path, in_use: bool) -> Result<[u8; 32]> {
    if let Ok(text) = std::env::var(MASTER_KEY_VARIABLE) {
        return read_key(&text).with_context(|| format!("the variable {MASTER_KEY_VARIABLE}"));
    }
    let path = folder.join(MASTER_KEY_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => read_key(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // The store makes its own files first; an environment is only made once there is a key.
            if in_use || has_environments(folder) {
                bail!(
                    "there is no {}, and there are environments that were sealed with a master key: put the file back, \
                     copy it from the data folder of another server of theirs, or set {MASTER_KEY_VARIABLE}. Without it \
                     their secrets cannot be read",
                    path.display()
                );
            }
            let key = runtime::seal::random::<32>()?;
            write_private(&path, &format!("{}\n", hexadecimal::write(&key)))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Whether environments have been made in it.
pub(crate) fn has_environments(folder: &Path) -> bool {
    fs::read_dir(folder.join("environments")).is_ok_and(|mut names| names.next().is_some())
}

/// The master key as a server finds it, from the environment variable or one of these folders; never made.
pub(crate) fn master_key_there(folders: &[&Path]) -> Result<[u8; 32]> {
    if let Ok(text) = std::env::var(MASTER_KEY_VARIABLE) {
        return read_key(&text).with_context(|| format!("the variable {MASTER_KEY_VARIABLE}"));
    }
    for path in folders.iter().map(|folder| folder.join(MASTER_KEY_FILE)) {
        match fs::read_to_string(&path) {
            Ok(text) => return read_key(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }
    let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    bail!(
        "there is no {MASTER_KEY_FILE} in {}: set {MASTER_KEY_VARIABLE} to the source's master key, or name the data folder that has it with --data",
        looked.join(" or ")
    )
}

fn read_key(text: &str) -> Result<[u8; 32]> {
    hexadecimal::read(text.trim())
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| anyhow!("a master key is 64 hexadecimal digits"))
}

/// The file of a master key that is to take the place of the folder's.
const NEW_MASTER_KEY_FILE: &str = "new-master.key";

/// A master key in a file of its own.
pub(crate) fn master_key_in(path: &Path) -> Result<[u8; 32]> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    read_key(&text).with_context(|| path.display().to_string())
}

/// The master key that is to take the place of the one `before`, and its file: made, unless an attempt that was broken
/// off has left it. One left by a change that came to its end makes room.
pub(crate) fn new_master_key(folder: &Path, before: &[u8; 32]) -> Result<([u8; 32], PathBuf)> {
    let path = folder.join(NEW_MASTER_KEY_FILE);
    if path.exists() && master_key_in(&path)? == *before {
        keep_master_key(folder, before)?;
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    if !path.try_exists().with_context(|| format!("looking for {}", path.display()))? {
        write_private(&path, &format!("{}\n", hexadecimal::write(&runtime::seal::random::<32>()?)))?;
    }
    Ok((master_key_in(&path)?, path))
}

/// Puts it in the folder's place. The one before stays in a file that is answered: backups made under it need it.
pub(crate) fn replace_master_key(folder: &Path, before: &[u8; 32]) -> Result<PathBuf> {
    let kept = keep_master_key(folder, before)?;
    let (new, path) = (folder.join(NEW_MASTER_KEY_FILE), folder.join(MASTER_KEY_FILE));
    let doing = || format!("putting {} in the place of {}", new.display(), path.display());
    fs::rename(&new, &path).with_context(doing)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(doing)?;
    Ok(kept)
}

/// Keeps a key beside the folder's, in a file of its own: none that is kept is ever written over.
fn keep_master_key(folder: &Path, key: &[u8; 32]) -> Result<PathBuf> {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut kept = folder.join(format!("master-until-{now}.key"));
    let mut no = 2;
    while kept.try_exists().with_context(|| format!("looking for {}", kept.display()))? {
        kept = folder.join(format!("master-until-{now}-{no}.key"));
        no += 1;
    }
    write_private(&kept, &format!("{}\n", hexadecimal::write(key)))?;
    Ok(kept)
}

/// Makes the first administrator when there is none; gives the file that has the token.
pub(super) async fn first_administrator(greenroom: &Greenroom, folder: &Path) -> Result<Option<PathBuf>> {
    let path = folder.join(ADMIN_TOKEN_FILE);
    // An empty file is left by a crash in the middle of this: the token it made was never written.
    let cut_short = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0);
    if !cut_short && greenroom.administrators().iter().any(|one| one.revoked_at.is_none()) {
        return Ok(None);
    }
    write_private(&path, "")?;
    let (_, token) = greenroom.make_administrator("administrator").await?;
    write_private(&path, &format!("{token}\n"))?;
    Ok(Some(path))
}

/// Writes a file that only its owner may read; whoever looks sees the whole of it or none.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .with_context(doing)?;
    file.write_all(text.as_bytes()).with_context(doing)?;
    file.sync_all().with_context(doing)?;
    fs::rename(&new, path).with_context(doing)?;
    let folder = path.parent().unwrap_or(path);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_key_is_made_once_and_kept_private() -> Result<()> {
        let room = tempfile::tempdir()?;
        let folder = room.path().join("data");
        make(&folder)?;
        assert_eq!(fs::metadata(&folder)?.permissions().mode() & 0o777, 0o700);
        master_key(&folder, true).expect_err("not for a store that has environments");
        let key = master_key(&folder, false)?;
        assert_eq!(master_key(&folder, true)?, key);
        let path = folder.join(MASTER_KEY_FILE);
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        fs::create_dir_all(folder.join("environments/live"))?;
        fs::remove_file(&path)?;
        let error = master_key(&folder, false).expect_err("never a second key");
        assert!(error.to_string().contains("put the file back"), "{error}");
        fs::write(&path, "short")?;
        assert!(
            format!("{:#}", master_key(&folder, false).expect_err("too short")).contains("64 hexadecimal")
        );
        Ok(())
    }

    #[test]
    fn no_key_that_is_kept_is_written_over() -> Result<()> {
        let room = tempfile::tempdir()?;
        let folder = room.path();
        let first = master_key(folder, false)?;
        let (second, _) = new_master_key(folder, &first)?;
        assert_eq!(new_master_key(folder, &first)?.0, second, "one that was broken off goes on");
        let kept = replace_master_key(folder, &first)?;
        let (third, _) = new_master_key(folder, &second)?;
        let kept_next = replace_master_key(folder, &second)?;
        assert_eq!((master_key_in(&kept)?, master_key_in(&kept_next)?), (first, second));
        assert_eq!(master_key(folder, true)?, third);
        // What a change left that was made with the key in the variable.
        fs::write(folder.join(NEW_MASTER_KEY_FILE), format!("{}\n", hexadecimal::write(&third)))?;
        assert_ne!(new_master_key(folder, &third)?.0, third);
        assert_eq!(fs::read_dir(folder)?.count(), 5, "master.key, new-master.key, and three that are kept");
        Ok(())
    }

    #[test]
    fn an_open_folder_is_closed() -> Result<()> {
        let room = tempfile::tempdir()?;
        fs::set_permissions(room.path(), fs::Permissions::from_mode(0o755))?;
        make(room.path())?;
        assert_eq!(fs::metadata(room.path())?.permissions().mode() & 0o777, 0o700);
        Ok(())
    }
}
