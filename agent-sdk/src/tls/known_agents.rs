//! The file that remembers agents' certificates: one line per host and port.

mod entries;
mod storage;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
};

use self::{
    entries::{BadLine, Entries},
    storage::Storage,
};
use super::{Fingerprint, Pins};
use crate::{address::Address, error::ConnectError};

/// A known-agents file.
#[derive(Clone, Debug)]
pub(crate) struct KnownAgents {
    path: PathBuf,
}

/// What came of remembering a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It is in the file now.
    Now,
    /// These were there already, perhaps by another process at the same moment.
    Before(Pins),
    /// Another process is changing the file: try again. It holds this lock.
    Busy { lock: PathBuf },
}

/// What keeps a line from being added.
enum Obstacle {
    Known(Pins),
    Line(BadLine),
    Io(io::Error),
}

impl From<BadLine> for Obstacle {
    fn from(line: BadLine) -> Self {
        Self::Line(line)
    }
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl KnownAgents {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The certificates that are trusted for an agent.
    pub(crate) fn find(&self, address: &Address) -> Result<Option<Pins>, ConnectError> {
        let bytes = Storage::new(&self.path).and_then(|storage| storage.read());
        let bytes = bytes.map_err(|error| self.unusable(&error))?;
        let entries = Entries::parse(&bytes).map_err(|line| self.bad_line(&line))?;
        Ok(entries.find(address).cloned())
    }

    /// Remembers a certificate, unless one is remembered already. It does not wait for other
    /// processes.
    pub(crate) fn try_remember(
        &self,
        address: &Address,
        fingerprint: Fingerprint,
    ) -> Result<Remembered, ConnectError> {
        match self.add(address, fingerprint) {
            Ok(remembered) => Ok(remembered),
            Err(Obstacle::Known(pins)) => Ok(Remembered::Before(pins)),
            Err(Obstacle::Line(line)) => Err(self.bad_line(&line)),
            Err(Obstacle::Io(error)) => Err(self.unusable(&error)),
        }
    }

    fn add(&self, address: &Address, fingerprint: Fingerprint) -> Result<Remembered, Obstacle> {
        let storage = Storage::new(&self.path)?;
        let busy = || Remembered::Busy { lock: storage.lock_path() };
        let Some(lock) = storage.try_lock()? else { return Ok(busy()) };
        let added = storage.append(&lock, |bytes| {
            if let Some(pins) = Entries::parse(bytes)?.find(address) {
                return Err(Obstacle::Known(pins.clone()));
            }
            let separator = if bytes.is_empty() || bytes.ends_with(b"\n") { "" } else { "\n" };
            Ok(format!("{separator}{address} {fingerprint}\n"))
        })?;
        Ok(if added { Remembered::Now } else { busy() })
    }

    fn bad_line(&self, line: &BadLine) -> ConnectError {
        ConnectError::TrustFile {
            path: format!("{}:{}", self.path.display(), line.number),
            reason: format!(
                "this line cannot be used: {}. It is not passed over, for it may be a pin: make it \
                 `HOST:PORT sha256:HEX`, or a comment that begins with `#`",
                line.problem
            ),
        }
    }

    fn unusable(&self, error: &io::Error) -> ConnectError {
        ConnectError::TrustFile {
            path: self.path.display().to_string(),
            reason: format!("the known agents cannot be read or written: {error}"),
        }
    }
}
