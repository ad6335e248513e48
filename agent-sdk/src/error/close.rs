//! Why a connection ended for good.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{ConnectError, DisconnectReason, disconnect::as_text};

/// Why a connection has ended for good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it: [`Agent::close`](crate::Agent::close), or the last handle was dropped.
    #[error("it was closed from this side")]
    Requested,
    /// It was lost, and the policy is not to reconnect.
    #[error("it was lost ({0}), and reconnecting is switched off")]
    Lost(Arc<DisconnectReason>),
    /// The agent closed it with a code of
    /// [`ReconnectPolicy::final_close_codes`](crate::ReconnectPolicy::final_close_codes).
    #[error("it was lost ({0}), and the policy does not reconnect after this close code")]
    FinalCloseCode(Arc<DisconnectReason>),
    /// It was lost, and the policy's number of attempts was used up; this is the last one's error.
    #[error("it was lost, and {attempts} attempts to reconnect failed; the last one: {last}")]
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
        /// Why the last one failed.
        last: ConnectError,
    },
    /// It was lost, the policy's number of attempts was used up, and each connection that they made
    /// was lost within seconds; this is the last one's reason.
    #[error("it was lost ({last}), as were those that {attempts} attempts to reconnect had made")]
    Unstable {
        /// How many attempts were made since a connection lasted.
        attempts: u32,
        /// Why the last connection was lost.
        last: Arc<DisconnectReason>,
    },
    /// It was lost, and an attempt to reconnect met something that further attempts cannot mend or
    /// would make worse.
    #[error("it was lost, and reconnecting would not help: {0}")]
    Refused(ConnectError),
    /// The runtime on which it was made has ended.
    #[error("the runtime that drove it has ended")]
    RuntimeEnded,
}

/// Serialises as its text.
impl Serialize for CloseReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_text(self, serializer)
    }
}
