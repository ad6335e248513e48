//! The options of a transfer.

use std::{fmt, sync::Arc, time::Duration};

use super::TransferError;

/// A transfer in which nothing moves for this long is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes the options that are the same for uploads and downloads: `$prepare` and `$carry` are the methods
/// that begin and end an example.
macro_rules! common_options {
    ($prepare:literal, $carry:literal) => {
        /// Sets how long nothing may move before the transfer is given up. The default is 30 s.
        ///
        /// # Examples
        ///
        /// ```no_run
        /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
        /// use std::time::Duration;
        ///
        #[doc = concat!("let transfer = agent.", $prepare, "(\"/a.zip\").stall_timeout(Duration::from_secs(5));")]
        #[doc = concat!("transfer.", $carry, "(\"a.zip\").await?;")]
        /// # Ok(()) }
        /// ```
        pub fn stall_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options.stall_timeout = timeout.min(crate::options::FOREVER);
            self
        }

        /// Calls a function as the transfer proceeds, from the task that transfers: it must not block.
        /// The default is none.
        ///
        /// # Examples
        ///
        /// ```no_run
        /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::transfer::TransferError> {
        #[doc = concat!("let transfer = agent.", $prepare, "(\"/a.zip\");")]
        #[doc = concat!("transfer.on_progress(|at| println!(\"{} bytes\", at.bytes)).", $carry, "(\"a.zip\").await?;")]
        /// # Ok(()) }
        /// ```
        pub fn on_progress(
            mut self,
            function: impl Fn(crate::transfer::Progress) + Send + Sync + 'static,
        ) -> Self {
            self.options.on_progress = Some(std::sync::Arc::new(function));
            self
        }
    };
}

pub(super) use common_options;

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of the file that have been sent or received.
    pub bytes: u64,
    /// The size of the file in bytes, where it is known.
    pub total: Option<u64>,
}

/// What uploads and downloads have in common.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) max_size: u64,
    pub(super) stall_timeout: Duration,
    pub(super) on_progress: Option<OnProgress>,
}

pub(super) type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

impl Options {
    pub(super) fn new(max_size: u64) -> Self {
        Self { max_size, stall_timeout: STALL_TIMEOUT, on_progress: None }
    }

    pub(super) fn report(&self, bytes: u64, total: Option<u64>) {
        if let Some(on_progress) = &self.on_progress {
            on_progress(Progress { bytes, total });
        }
    }

    /// Refuses what is larger than the limit.
    pub(super) fn check(&self, path: &str, size: u64) -> Result<(), TransferError> {
        if size > self.max_size {
            return Err(TransferError::TooLarge {
                path: path.to_owned(),
                size,
                limit: self.max_size,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("max_size", &self.max_size)
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}
