//! Generated files: the one path that writes them and that checks them.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::MARK;

/// Generated files, by name; the entry is `mod.rs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    files: BTreeMap<String, String>,
}

/// A file that is not as it was generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Difference {
    /// Its content is another.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is not there.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It was generated once and is not any more.
    Superfluous {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Changed { .. } => "is not what the generator makes",
            Self::Missing { .. } => "is missing",
            Self::Superfluous { .. } => "is not generated any more",
        };
        write!(f, "{} {what}", self.path().display())
    }
}

impl Difference {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Changed { path } | Self::Missing { path } | Self::Superfluous { path } => path,
        }
    }
}

impl Code {
    pub(super) fn insert(&mut self, name: &str, text: String) {
        self.files.insert(name.to_owned(), text);
    }

    /// The content of each file, by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Compares with the files in a folder; other files than generated ones are nobody's business.
    ///
    /// # Errors
    ///
    /// A file that is there cannot be read.
    pub fn check(&self, folder: &Path) -> io::Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (name, text) in &self.files {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(bytes) if bytes == text.as_bytes() => {}
                Ok(_) => differences.push(Difference::Changed { path }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    differences.push(Difference::Missing { path });
                }
                Err(error) => return Err(error),
            }
        }
        let stale = self.stale(folder)?.into_iter();
        differences.extend(stale.map(|path| Difference::Superfluous { path }));
        Ok(differences)
    }

    /// Brings a folder up to date and tells what was different. A file that is as it should be is
    /// not touched; one that is written appears whole or not at all.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be read or written.
    pub fn write(&self, folder: &Path) -> io::Result<Vec<Difference>> {
        std::fs::create_dir_all(folder)?;
        let differences = self.check(folder)?;
        for difference in &differences {
            let path = difference.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match self.files.get(name) {
                Some(text) => write_whole(path, text)?,
                None => std::fs::remove_file(path)?,
            }
        }
        Ok(differences)
    }

    /// Generated files in a folder that are not among these.
    fn stale(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut stale = Vec::new();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(stale),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if is_rust && !self.files.contains_key(name) && is_generated(&path)? {
                stale.push(path);
            }
        }
        stale.sort();
        Ok(stale)
    }
}

/// Whether the first line of a file says that this generator wrote it.
fn is_generated(path: &Path) -> io::Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let mut first = Vec::new();
    let length = MARK.len() as u64;
    io::Read::take(BufReader::new(std::fs::File::open(path)?), length)
        .read_until(b'\n', &mut first)?;
    Ok(first == MARK.as_bytes())
}

/// Writes a file under a temporary name beside it, and renames it: nobody ever sees half of it.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The process id keeps two generators from writing into one temporary file.
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(content.as_ref()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The error that is told is the first one.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
