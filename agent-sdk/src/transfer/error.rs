//! Why a transfer failed.

use std::{io, path::PathBuf, time::Duration};

use crate::error::{ConnectError, Error};

/// Why a file was not transferred.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The action that opens the transfer, or reads or writes a text, failed.
    #[error(transparent)]
    Call(#[from] Error),

    /// No connection for the transfer could be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),

    /// The file is larger than the limit. Nothing of it was sent.
    #[error(
        "`{path}` has {size} bytes, more than the limit of {limit}; `max_size` of the transfer \
         raises it, and the agent has a limit of its own"
    )]
    TooLarge {
        /// The path on the agent's machine.
        path: String,
        /// The size of the file in bytes, as far as it is known.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// The agent's answer to the action holds no token.
    #[error(
        "the answer to `{action}` for `{path}` holds no token; see the reply in `{action}`'s call"
    )]
    NoToken {
        /// The action.
        action: &'static str,
        /// The path on the agent's machine.
        path: String,
    },

    /// The agent's answer to `read_file` holds no text.
    #[error("the answer to `read_file` for `{path}` holds no text")]
    NoText {
        /// The path on the agent's machine.
        path: String,
    },

    /// The agent refused the transfer.
    #[error("the agent refused to transfer `{path}` (HTTP {status}{said})")]
    Refused {
        /// The path on the agent's machine.
        path: String,
        /// The status of its answer.
        status: u16,
        /// What else it said, shortened; begins with `: ` unless empty.
        said: String,
    },

    /// The connection of the transfer broke, or what came over it is no HTTP.
    #[error("the transfer of `{path}` broke off after {bytes} bytes: {reason}")]
    Broken {
        /// The path on the agent's machine.
        path: String,
        /// How many bytes of the file had passed.
        bytes: u64,
        /// What happened.
        reason: String,
    },

    /// Nothing moved for longer than the limit.
    #[error("the transfer of `{path}` stalled: nothing moved for {after:?} after {bytes} bytes")]
    Stalled {
        /// The path on the agent's machine.
        path: String,
        /// How many bytes of the file had passed.
        bytes: u64,
        /// The limit.
        after: Duration,
    },

    /// A file or stream of this side cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Local {
        /// The file on this machine, or what is used in its place.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// Another content than the one that was read is there now; nothing was written.
    #[error(
        "`{path}` was changed since it was read; nothing was written. Read it again, and apply your \
         change to what is there now"
    )]
    Changed {
        /// The path on the agent's machine.
        path: String,
    },

    /// The agent accepted a text, and the file holds another one.
    #[error(
        "the agent accepted the new text of `{path}`, and the file holds another one: look at it \
         before you write again"
    )]
    NotWritten {
        /// The path on the agent's machine.
        path: String,
    },
}
