//! The file that remembers agents' certificates: one line per host and port.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::Fingerprint;
use crate::error::ConnectError;

/// A known-agents file.
#[derive(Clone, Debug)]
pub(crate) struct KnownAgents {
    path: PathBuf,
}

impl KnownAgents {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate that is remembered for `authority` (`HOST:PORT`).
    pub(crate) fn find(&self, authority: &str) -> Result<Option<Fingerprint>, ConnectError> {
        self.find_in(&self.read()?, authority)
    }

    /// Remembers a certificate, unless one is remembered already: then that one is returned.
    ///
    /// Another process may do the same at the same time, so it happens under a lock, and the file
    /// is replaced as a whole.
    pub(crate) fn remember(
        &self,
        authority: &str,
        fingerprint: Fingerprint,
    ) -> Result<Fingerprint, ConnectError> {
        let _lock = self.lock().map_err(|error| self.trouble(&error))?;
        let mut text = self.read()?;
        if let Some(known) = self.find_in(&text, authority)? {
            return Ok(known);
        }
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        text = format!("{text}{separator}{authority} {fingerprint}\n");
        self.replace(&text).map_err(|error| self.trouble(&error))?;
        Ok(fingerprint)
    }

    fn read(&self) -> Result<String, ConnectError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(self.trouble(&error)),
        }
    }

    fn find_in(&self, text: &str, authority: &str) -> Result<Option<Fingerprint>, ConnectError> {
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(host) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            if !host.eq_ignore_ascii_case(authority) {
                continue;
            }
            // A line that cannot be read must not turn into trust on first use again.
            let fingerprint = words.next().unwrap_or_default().parse().map_err(|error| {
                ConnectError::TrustFile {
                    path: format!("{}:{}", self.path.display(), number + 1),
                    reason: format!("{error}"),
                }
            })?;
            return Ok(Some(fingerprint));
        }
        Ok(None)
    }

    /// A lock that is held until the file is dropped.
    fn lock(&self) -> io::Result<File> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        if let Some(folder) = self.folder() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(name)?;
        file.lock()?;
        Ok(file)
    }

    /// Writes a temporary file beside it, which only its owner can read, and renames that.
    fn replace(&self, text: &str) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.folder().unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }

    fn folder(&self) -> Option<&Path> {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    fn trouble(&self, error: &io::Error) -> ConnectError {
        ConnectError::TrustFile {
            path: self.path.display().to_string(),
            reason: format!("the known agents cannot be read or written: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, KnownAgents) {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownAgents::new(&folder.path().join("sub/known_agents"));
        (folder, known)
    }

    #[test]
    fn the_first_certificate_stays() {
        let (_folder, known) = file();
        let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        assert_eq!(known.find("a:1").unwrap(), None);
        assert_eq!(known.remember("a:1", first).unwrap(), first);
        assert_eq!(known.remember("A:1", second).unwrap(), first);
        assert_eq!(known.remember("a:2", second).unwrap(), second);
        assert_eq!(known.find("a:1").unwrap(), Some(first));
        let text = fs::read_to_string(&known.path).unwrap();
        assert_eq!(text, format!("a:1 {first}\na:2 {second}\n"));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, known) = file();
        known.remember("a:1", Fingerprint::of(b"1")).unwrap();
        assert_eq!(fs::metadata(&known.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_line_is_an_error_with_its_number() {
        let (_folder, known) = file();
        known.remember("a:1", Fingerprint::of(b"1")).unwrap();
        fs::write(&known.path, "# mine\n\nb:1 what\na:1 sha256:12\n").unwrap();
        let error = known.find("a:1").unwrap_err().to_string();
        assert!(error.contains("known_agents:4") && error.contains("2 digits"), "{error}");
        assert!(known.remember("a:1", Fingerprint::of(b"1")).is_err());
        assert_eq!(known.find("c:1").unwrap(), None);
    }

    #[test]
    fn processes_do_not_lose_each_other_s_lines() {
        let (_folder, known) = file();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let known = &known;
                scope.spawn(move || {
                    known.remember(&format!("host:{number}"), Fingerprint::of(&[number])).unwrap();
                });
            }
        });
        assert_eq!(fs::read_to_string(&known.path).unwrap().lines().count(), 8);
    }
}
