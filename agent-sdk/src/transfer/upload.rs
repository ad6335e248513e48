//! A file to the agent's machine.

use std::{
    fs::Metadata,
    io::{self, Cursor},
    path::Path,
};

use bytes::Bytes;
use serde_json::json;
use tokio::{
    fs::{File, metadata},
    io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWriteExt},
    time::sleep,
};

use super::{
    Checksum, MAX_UPLOAD, Options, TransferError, Transferred,
    multipart::{Form, Sent},
    options::common_options,
    request::{Post, open},
};
use crate::{agent::Agent, time_limit::LAST_TURN};

/// How much is read at a time for the checksum, in bytes.
const PIECE: usize = 64 * 1024;

/// An upload that is prepared; [`Agent::upload`] returns one.
///
/// The checksum is sent before the file, so that the file is read twice, and a stream is kept in a
/// temporary file first.
///
/// A transfer that ended with an error may have left anything on the agent's machine, and one that
/// ended well was *accepted*: what the agent does with the file, it does afterwards.
#[derive(Clone, Debug)]
#[must_use = "an upload does nothing until one of its `send_…` methods is awaited"]
pub struct Upload {
    agent: Agent,
    path: String,
    options: Options,
}

impl Upload {
    pub(super) fn new(agent: Agent, path: String) -> Self {
        Self { agent, path, options: Options::new(MAX_UPLOAD) }
    }

    /// Sets the largest file that is sent, in bytes; a larger one is refused before anything is sent. The
    /// default is 32 MiB, the agent's own.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// agent.upload("/mods/map.pbo").max_size(512 << 20).send_file("map.pbo").await?;
    /// # Ok(()) }
    /// ```
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.options.max_size = bytes;
        self
    }

    common_options!("upload", "send_file");

    /// Sends a file of this machine.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; [`TransferError::TooLarge`] comes before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the transfer; what the agent keeps of it is not known.
    pub async fn send_file(self, file: impl AsRef<Path>) -> Result<Transferred, TransferError> {
        let path = file.as_ref();
        let local = |source| TransferError::Local { path: path.to_owned(), source };
        // Before it is opened as well: opening a named pipe waits for its writer.
        check_regular(&metadata(path).await.map_err(local)?).map_err(local)?;
        let file = File::open(path).await.map_err(local)?;
        let metadata = file.metadata().await.map_err(local)?;
        check_regular(&metadata).map_err(local)?;
        self.options.check(&self.path, metadata.len())?;
        self.send(file, metadata.len()).await.map_err(|error| match error {
            TransferError::Local { source, .. } => local(source),
            other => other,
        })
    }

    /// Sends what is in memory.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; [`TransferError::TooLarge`] comes before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// As [`Upload::send_file`].
    pub async fn send_bytes(self, bytes: impl Into<Bytes>) -> Result<Transferred, TransferError> {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        self.options.check(&self.path, size)?;
        self.send(Cursor::new(bytes), size).await
    }

    /// Sends what a stream gives until its end. It is kept in a temporary file first.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; [`TransferError::TooLarge`] comes before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// As [`Upload::send_file`]; what was taken from the stream is lost.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// agent.upload("/notes.txt").send_reader(tokio::io::empty()).await?;
    /// # Ok(()) }
    /// ```
    pub async fn send_reader(
        self,
        reader: impl AsyncRead + Unpin,
    ) -> Result<Transferred, TransferError> {
        let local = |source| TransferError::Local { path: "the stream".into(), source };
        let mut spool = File::from_std(tempfile::tempfile().map_err(local)?);
        // One byte more tells that there is too much.
        let mut reader = reader.take(self.options.max_size.saturating_add(1));
        let size = tokio::io::copy(&mut reader, &mut spool).await.map_err(local)?;
        self.options.check(&self.path, size)?;
        spool.flush().await.map_err(local)?;
        spool.rewind().await.map_err(local)?;
        self.send(spool, size).await
    }

    async fn send<R>(self, mut file: R, size: u64) -> Result<Transferred, TransferError>
    where
        R: AsyncRead + AsyncSeek + Unpin + Send + 'static,
    {
        let local = |source| TransferError::Local { path: "the file".into(), source };
        let sha256 = checksum(&mut file).await.map_err(local)?;
        file.rewind().await.map_err(local)?;
        let parameters = json!({ "path": self.path, "size": size, "checksum": sha256 });
        let token = open(&self.agent, "file_upload", &self.path, parameters).await?;
        let form = Form::new(&token, file, size, self.options.clone());
        let sent = form.sent();
        let post = Post {
            target: "/upload",
            content_type: form.content_type(),
            content_length: form.content_length(),
            path: &self.path,
        };
        let answer = tokio::select! {
            answer = post.send(&self.agent, form) => answer,
            error = self.stalled(&sent) => Err(error),
        };
        match answer {
            Ok(_) => Ok(Transferred { bytes: size, sha256 }),
            Err(TransferError::Broken { path, reason, .. }) => {
                Err(TransferError::Broken { path, bytes: sent.bytes(), reason })
            }
            Err(error) => Err(error),
        }
    }

    /// Ends once nothing has moved for too long, nor in the turn after it.
    async fn stalled(&self, sent: &Sent) -> TransferError {
        let after = self.options.stall_timeout;
        loop {
            let before = sent.bytes();
            sleep(after).await;
            if sent.bytes() == before {
                sleep(LAST_TURN).await;
            }
            if sent.bytes() == before {
                return TransferError::Stalled { path: self.path.clone(), bytes: before, after };
            }
        }
    }
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

async fn checksum(file: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut checksum = Checksum::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).await? {
            0 => return Ok(checksum.finish()),
            size => checksum.update(&piece[..size]),
        }
    }
}
