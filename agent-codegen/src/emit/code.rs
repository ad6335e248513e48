//! Generated files: the one path that writes them and that checks them.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use super::{MARK, busy::patiently, whole::Staged};
use crate::text::Listed;

/// Generated files, by name; the entry is `mod.rs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    files: BTreeMap<String, String>,
}

/// A file that is not as it was generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Difference {
    /// Its content is another.
    Changed {
        /// The file.
        #[serde(serialize_with = "shown")]
        path: PathBuf,
    },
    /// Its lines end with CRLF in place of LF; apart from that it is current.
    LineEndings {
        /// The file.
        #[serde(serialize_with = "shown")]
        path: PathBuf,
    },
    /// It is not there.
    Missing {
        /// The file.
        #[serde(serialize_with = "shown")]
        path: PathBuf,
    },
    /// It was generated once and is not any more.
    Superfluous {
        /// The file.
        #[serde(serialize_with = "shown")]
        path: PathBuf,
    },
}

/// Writes a path as it is shown: one that is not UTF-8 is no error.
fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Changed { .. } => "is not what the generator makes",
            Self::LineEndings { .. } => {
                "differs in its line endings alone: CRLF in place of LF; \
                 `git config core.autocrlf input` keeps them"
            }
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
            Self::Changed { path }
            | Self::LineEndings { path }
            | Self::Missing { path }
            | Self::Superfluous { path } => path,
        }
    }

    /// The file, if it is to be removed.
    fn superfluous(&self) -> Option<&Path> {
        match self {
            Self::Superfluous { path } => Some(path),
            _ => None,
        }
    }
}

/// Why generated files cannot be compared or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// Files that this generator did not write have the names of generated ones.
    #[error(
        "nothing was written: {} would be overwritten, and no first line there says \
         `{mark}`, so a person may have written it; move it away, or choose another folder",
        Listed(paths.iter().map(|path| path.display())),
        mark = MARK
    )]
    Foreign {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// A file or folder cannot be read or written.
    #[error("`{}` cannot be read or written: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
}

impl FilesError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Io { path, error }
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

    /// Compares with the files in a folder; files that were not generated are ignored, unless one
    /// has the name of a generated one.
    ///
    /// # Errors
    ///
    /// A file that is there cannot be read.
    pub fn check(&self, folder: &Path) -> Result<Vec<Difference>, FilesError> {
        let mut differences = Vec::new();
        for (name, text) in &self.files {
            let path = folder.join(name);
            differences.extend(difference(&path, text).map_err(FilesError::io(&path))?);
        }
        let stale = self.stale(folder).map_err(FilesError::io(folder))?;
        differences.extend(stale.into_iter().map(|path| Difference::Superfluous { path }));
        Ok(differences)
    }

    /// Brings a folder up to date and returns what was different. A file that is current is not
    /// touched; one that is written appears whole or not at all. Links are followed.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be read or written, or a file that this generator did not
    /// write has the name of a generated one; then nothing is written.
    pub fn write(&self, folder: &Path) -> Result<Vec<Difference>, FilesError> {
        let differences = self.check_writable(folder)?;
        std::fs::create_dir_all(folder).map_err(FilesError::io(folder))?;
        // All of them are written before the first one takes its place, so that a full disk changes
        // nothing, and the moment in which a killed process leaves old beside new is short.
        let staged = differences
            .iter()
            .filter_map(|difference| Some((difference.path(), self.content(difference)?)))
            .map(|(path, text)| {
                Ok((path, Staged::new(path, text.as_bytes()).map_err(FilesError::io(path))?))
            })
            .collect::<Result<Vec<_>, FilesError>>()?;
        for (path, file) in staged {
            file.commit().map_err(FilesError::io(path))?;
        }
        for path in differences.iter().filter_map(Difference::superfluous) {
            remove(path).map_err(FilesError::io(path))?;
        }
        Ok(differences)
    }

    /// Compares as [`Code::check`] does, for a caller that writes the files itself, together with
    /// others: [`Code::content`] is what belongs into each.
    ///
    /// # Errors
    ///
    /// As for [`Code::write`].
    pub fn check_writable(&self, folder: &Path) -> Result<Vec<Difference>, FilesError> {
        let differences = self.check(folder)?;
        refuse_foreign(&differences)?;
        Ok(differences)
    }

    /// Returns what belongs into the file of a difference; `None` if the file is to be removed.
    #[must_use]
    pub fn content(&self, difference: &Difference) -> Option<&str> {
        let name = difference.path().file_name()?.to_str()?;
        self.files.get(name).map(String::as_str)
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

/// How a file differs from what belongs into it, if it does.
fn difference(path: &Path, text: &str) -> io::Result<Option<Difference>> {
    let bytes = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => patiently(|| std::fs::read(path))?,
        Ok(_) => return Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Difference::Missing { path: path.to_owned() }));
        }
        Err(error) => return Err(error),
    };
    if bytes == text.as_bytes() {
        return Ok(None);
    }
    let path = path.to_owned();
    Ok(Some(if is_same_but_for_line_endings(&bytes, text) {
        Difference::LineEndings { path }
    } else {
        Difference::Changed { path }
    }))
}

/// Returns whether the bytes are the text as Git checks it out with `core.autocrlf`.
fn is_same_but_for_line_endings(bytes: &[u8], text: &str) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|found| found.replace("\r\n", "\n") == text)
}

/// An error that names every file that is in the way and that this generator did not write.
fn refuse_foreign(differences: &[Difference]) -> Result<(), FilesError> {
    let mut paths = Vec::new();
    for difference in differences {
        if let Difference::Changed { path } = difference
            && !is_generated(path).map_err(FilesError::io(path))?
        {
            paths.push(path.clone());
        }
    }
    if paths.is_empty() { Ok(()) } else { Err(FilesError::Foreign { paths }) }
}

/// Removes a file; another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match patiently(|| std::fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns whether the first line of a file says that this generator wrote it.
fn is_generated(path: &Path) -> io::Result<bool> {
    // A pipe is never opened: that would wait for a writer.
    let open = || std::fs::metadata(path)?.is_file().then(|| std::fs::File::open(path)).transpose();
    let file = match patiently(open) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(false),
        // It was there a moment ago: another process removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut first = Vec::new();
    file.take((BYTE_ORDER_MARK.len() + MARK.len()) as u64).read_to_end(&mut first)?;
    let first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&first);
    Ok(first.starts_with(MARK.as_bytes()))
}

/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
