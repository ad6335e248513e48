//! A file from the agent's machine.

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use serde_json::json;
use tokio::{
    fs::{File, metadata},
    io::{AsyncWrite, AsyncWriteExt},
    task::spawn_blocking,
};

use super::{
    Checksum, MAX_DOWNLOAD, Options, TransferError, Transferred,
    options::common_options,
    request::{Answer, Post, open},
};
use crate::{agent::Agent, busy::replace, time_limit::within};

/// A download that is prepared; [`Agent::download`] returns one.
#[derive(Clone, Debug)]
#[must_use = "a download does nothing until `save_to`, `write_to` or `bytes` is awaited"]
pub struct Download {
    agent: Agent,
    path: String,
    options: Options,
}

impl Download {
    pub(super) fn new(agent: Agent, path: String) -> Self {
        Self { agent, path, options: Options::new(MAX_DOWNLOAD) }
    }

    /// Sets the largest file that is fetched, in bytes. The default is 16 GiB.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// let log = agent.download("/server.log").max_size(8 << 20).bytes().await?;
    /// # Ok(()) }
    /// ```
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.options.max_size = bytes;
        self
    }

    common_options!("download", "save_to");

    /// Fetches the file into one of this machine, whole or not at all: it is written under a
    /// temporary name in the same folder, and renamed once it is complete and on the disk. A file
    /// that is there already is replaced; a device or a named pipe takes what comes.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; the file of this machine is what it was before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the file of this machine what it was before.
    pub async fn save_to(self, file: impl AsRef<Path>) -> Result<Transferred, TransferError> {
        let target = file.as_ref().to_owned();
        let local = |source| TransferError::Local { path: target.clone(), source };
        let found = metadata(&target).await;
        if found.is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let mut device = File::options().write(true).open(&target).await.map_err(local)?;
            return self.write_to(&mut device).await.map_err(|error| at(&target, error));
        }
        let folder = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let temporary = tempfile::Builder::new().prefix(".download-").tempfile_in(folder);
        let (temporary, path) = temporary.map_err(local)?.into_parts();
        let mut writer = File::from_std(temporary);
        let done = self.write_to(&mut writer).await.map_err(|error| at(&target, error))?;
        writer.sync_all().await.map_err(local)?;
        let to = target.clone();
        let replaced = spawn_blocking(move || replace(path, &to)).await;
        replaced.map_err(|error| local(io::Error::other(error)))?.map_err(local)?;
        Ok(done)
    }

    /// Fetches the file into memory.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time.
    pub async fn bytes(self) -> Result<Bytes, TransferError> {
        let mut content = Vec::new();
        self.write_to(&mut content).await?;
        Ok(content.into())
    }

    /// Fetches the file into a stream, which is flushed at the end.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; a part of the file may have been written then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a part of the file written.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
    /// agent.download("/server.log").write_to(&mut tokio::io::sink()).await?;
    /// # Ok(()) }
    /// ```
    pub async fn write_to(
        self,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transferred, TransferError> {
        let parameters = json!({ "path": self.path });
        let token = open(&self.agent, "file_download", &self.path, parameters).await?;
        let body = Bytes::from(json!({ "token": token }).to_string());
        let post = Post {
            target: "/download",
            content_type: "application/json".to_owned(),
            content_length: body.len() as u64,
            path: &self.path,
        };
        let answer = pin!(post.send(&self.agent, Full::new(body)));
        let answer = within(self.options.stall_timeout, answer).await;
        let answer = answer.unwrap_or_else(|| Err(self.stalled(0)))?;
        post.check_whole(&answer)?;
        self.receive(&post, answer, writer).await
    }

    async fn receive(
        &self,
        post: &Post<'_>,
        mut answer: Answer,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transferred, TransferError> {
        let local = |source| TransferError::Local { path: "the stream".into(), source };
        let body = answer.response.body_mut();
        let total = body.size_hint().exact();
        self.options.check(&self.path, total.unwrap_or_default())?;
        let mut checksum = Checksum::new();
        let mut bytes = 0;
        loop {
            let frame = within(self.options.stall_timeout, pin!(body.frame())).await;
            let Some(frame) = frame.ok_or_else(|| self.stalled(bytes))? else { break };
            let frame = frame.map_err(|error| match post.broken(&error) {
                TransferError::Broken { path, reason, .. } => {
                    TransferError::Broken { path, bytes, reason }
                }
                other => other,
            })?;
            let Ok(data) = frame.into_data() else { continue };
            bytes += data.len() as u64;
            self.options.check(&self.path, bytes)?;
            checksum.update(&data);
            writer.write_all(&data).await.map_err(local)?;
            self.options.report(bytes, total);
        }
        writer.flush().await.map_err(local)?;
        Ok(Transferred { bytes, sha256: checksum.finish() })
    }

    fn stalled(&self, bytes: u64) -> TransferError {
        let after = self.options.stall_timeout;
        TransferError::Stalled { path: self.path.clone(), bytes, after }
    }
}

/// The same error, with the file of this machine that it is about.
fn at(file: &Path, error: TransferError) -> TransferError {
    match error {
        TransferError::Local { source, .. } => {
            TransferError::Local { path: file.to_owned(), source }
        }
        other => other,
    }
}
