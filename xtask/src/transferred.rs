//! What is printed about a file that was transferred.

use std::{fmt, path::Path};

use agent_sdk::transfer::Transferred;
use serde::Serialize;

use crate::text::printable;

/// A transfer that ended well.
#[derive(Serialize)]
pub struct Outcome {
    /// The path on the agent's machine.
    remote: String,
    /// The file of this machine, or `-`.
    local: String,
    bytes: u64,
    /// With its algorithm in front, as fingerprints have it.
    checksum: String,
}

impl Outcome {
    pub fn new(remote: &str, local: &Path, done: &Transferred) -> Self {
        Self {
            remote: remote.to_owned(),
            local: local.display().to_string(),
            bytes: done.bytes,
            checksum: format!("sha256:{}", done.sha256),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, checksum) = (printable(&self.local), &self.checksum);
        write!(f, "{local}: {} bytes, {checksum}", self.bytes)
    }
}
