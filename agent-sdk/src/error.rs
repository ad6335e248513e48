//! What went wrong, and whether the agent may have executed the call.

mod call;
mod close;
mod connect;
mod disconnect;

pub use call::{DecodeError, Error, MessageError, NotSent, Outcome, Rejected, Unanswered};
pub use close::CloseReason;
pub(crate) use connect::Retry;
#[cfg(feature = "tls")]
pub(crate) use connect::SUPPORTED_KEYS;
pub use connect::{ConnectError, ConnectStage, Pace};
pub use disconnect::DisconnectReason;
pub(crate) use disconnect::as_seconds;

#[cfg(test)]
mod tests;
