//! Files to and from the agent's machine, over HTTP beside the WebSocket.
//!
//! An action opens a transfer and answers a token; the file then travels by `POST /upload` or
//! `POST /download` on the same port, with the same trust in the agent's certificate and the same
//! login, as HTTP Basic (`docs/protocol.md`: *observed by others*; the names of the form's fields
//! and the algorithm of the checksum are *assumed*).
//!
//! - [`Agent::upload`] and [`Agent::download`] carry whole files, of any size within a limit.
//! - [`Agent::read_text`] gives a small text file, which is written back only if it has not
//!   changed meanwhile.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
//! let done = agent.upload("/servers/survival/types.xml").send_file("types.xml").await?;
//! println!("{} bytes, sha256:{}", done.bytes, done.sha256);
//! agent.download("/backups/backup-1.zip").save_to("backup-1.zip").await?;
//! # Ok(()) }
//! ```

mod download;
mod error;
mod multipart;
mod options;
mod request;
mod text_file;
mod upload;

use self::options::Options;
pub use self::{
    download::Download, error::TransferError, options::Progress, text_file::TextFile,
    upload::Upload,
};
use crate::agent::Agent;

/// The agent's own limit for uploads (`docs/protocol.md`: *observed by others*).
const MAX_UPLOAD: u64 = 32 << 20;
/// What is downloaded unless an option says otherwise: a backup, and not a disk.
const MAX_DOWNLOAD: u64 = 16 << 30;

impl Agent {
    /// Prepares an upload to a path on the agent's machine; [`Upload`] has the options and sends it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// agent.upload("/servers/survival/motd.txt").send_bytes("Welcome").await?;
    /// # Ok(()) }
    /// ```
    pub fn upload(&self, path: impl Into<String>) -> Upload {
        Upload::new(self.clone(), path.into())
    }

    /// Prepares a download from a path on the agent's machine; [`Download`] has the options and
    /// fetches it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// let log = agent.download("/servers/survival/server.log").bytes().await?;
    /// # Ok(()) }
    /// ```
    pub fn download(&self, path: impl Into<String>) -> Download {
        Download::new(self.clone(), path.into())
    }

    /// Reads a text file by the action `read_file`, to look at it or to change it.
    ///
    /// # Errors
    ///
    /// [`TransferError::Call`] if the agent cannot read it, [`TransferError::NoText`] if its answer
    /// holds no text.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time; nothing is changed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// let mut rules = agent.read_text("/servers/survival/rules.txt").await?;
    /// let changed = rules.content().replace("PvP", "PvE");
    /// rules.write(changed).await?;
    /// # Ok(()) }
    /// ```
    pub async fn read_text(&self, path: impl Into<String>) -> Result<TextFile, TransferError> {
        TextFile::read(self.clone(), path.into()).await
    }
}

/// What was transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 checksum of its content, as 64 hexadecimal digits.
    pub sha256: String,
}

/// The checksum of what passes.
struct Checksum(ring::digest::Context);

impl Checksum {
    fn new() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> String {
        data_encoding::HEXLOWER.encode(self.0.finish().as_ref())
    }
}
