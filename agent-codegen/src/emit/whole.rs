//! Files that appear whole or not at all.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{busy::patiently, temporary};

/// So many links lead from a path to its file at most; more are a circle.
const MOST_LINKS: usize = 32;

/// Replaces a file by one with this content: a reader sees the old one or the new one, never a part.
///
/// A link stays one, and the file that it leads to is replaced. The permissions of a file that is
/// there are kept. What is no file, such as a device, takes the content as it is.
///
/// # Errors
///
/// The file cannot be written; what was there is untouched.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let found = fs::metadata(path);
    if found.as_ref().is_ok_and(fs::Metadata::is_dir) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // A device or a pipe would be replaced by a file.
    if found.is_ok_and(|found| !found.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(content.as_ref());
    }
    Staged::new(path, content.as_ref())?.commit()
}

/// A file that is written, and not yet in its place; dropping it leaves no trace.
pub(super) struct Staged {
    file: NamedTempFile,
    target: PathBuf,
}

impl Staged {
    /// Writes the content beside its place.
    pub fn new(path: &Path, content: &[u8]) -> io::Result<Self> {
        let target = follow(path)?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = temporary::create(folder.unwrap_or(Path::new(".")))?;
        file.write_all(content)?;
        match patiently(|| fs::metadata(&target)) {
            Ok(before) => file.as_file().set_permissions(before.permissions())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self { file, target })
    }

    /// Puts it in its place.
    pub fn commit(self) -> io::Result<()> {
        temporary::put(self.file, &self.target)
    }
}

/// The file that a path leads to, over links, whether it is there or not.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match patiently(|| fs::read_link(&path)) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // No link, or nothing at all.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}
