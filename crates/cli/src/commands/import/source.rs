//! What is imported: a file, or standard input; either may be compressed with gzip.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;

/// How a file that gzip has written begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Something that can be read from its beginning as often as needed: once to know it by, and once to send it.
pub(super) struct Source {
    name: String,
    file: File,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Source {
    /// A file; `-` is standard input.
    pub(super) fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::spooled(&mut io::stdin().lock(), &std::env::temp_dir());
        }
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        // A pipe or the like cannot be read twice.
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            let name = path.display().to_string();
            return Ok(Self { name, ..Self::spooled(&mut &file, &std::env::temp_dir())? });
        }
        Ok(Self { name: path.display().to_string(), file })
    }

    /// What comes in once, kept in a file that nobody else can open and that goes with this process.
    fn spooled(from: &mut dyn Read, folder: &Path) -> Result<Self> {
        let path: PathBuf = folder.join(format!(".greenroom-import-{}", std::process::id()));
        let doing = || format!("keeping standard input in {}", folder.display());
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.with_context(doing)?;
        fs::remove_file(&path).with_context(doing)?;
        io::copy(from, &mut file).with_context(doing)?;
        Ok(Self { name: "standard input".to_owned(), file })
    }

    /// Its text from the beginning, unpacked if it is packed.
    pub(super) fn read(&self) -> Result<Box<dyn BufRead>> {
        let doing = || format!("reading {self}");
        let mut file = self.file.try_clone().with_context(doing)?;
        file.rewind().with_context(doing)?;
        let mut bytes = BufReader::with_capacity(1 << 20, file);
        let packed = bytes.fill_buf().with_context(doing)?.starts_with(&GZIP);
        Ok(if packed {
            Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(bytes)))
        } else {
            Box::new(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(text: &str) -> Result<Vec<u8>> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text.as_bytes())?;
        Ok(packer.finish()?)
    }

    fn text(source: &Source) -> Result<String> {
        let mut text = String::new();
        source.read()?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_is_packed_reads_as_what_is_not() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("plain"), "a\nb\n")?;
        // By what is in it, not by its name; and gzip files that were put together are one text.
        fs::write(path("packed"), [packed("a\n")?, packed("b\n")?].concat())?;
        fs::write(path("empty"), "")?;
        for (name, expected) in [("plain", "a\nb\n"), ("packed", "a\nb\n"), ("empty", "")] {
            let source = Source::of(&path(name))?;
            assert_eq!(text(&source)?, expected, "{name}");
            assert_eq!(text(&source)?, expected, "{name}, again");
        }
        let mut broken = packed("a\nb\n")?;
        broken.truncate(broken.len() - 6);
        fs::write(path("broken"), broken)?;
        assert!(text(&Source::of(&path("broken"))?).is_err());
        assert!(Source::of(&path("absent")).is_err_and(|error| error.to_string().contains("absent")));
        Ok(())
    }

    #[test]
    fn what_comes_in_once_is_read_twice_and_leaves_nothing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let source = Source::spooled(&mut packed("a\nb\n")?.as_slice(), folder.path())?;
        assert_eq!((text(&source)?, text(&source)?), ("a\nb\n".to_owned(), "a\nb\n".to_owned()));
        assert_eq!(source.to_string(), "standard input");
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
