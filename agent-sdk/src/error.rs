//! What went wrong, and whether the agent may have executed the call.

mod call;
mod close;
mod connect;

pub use call::{DecodeError, Error, NotSent, Outcome, Rejected, Unanswered};
pub use close::CloseReason;
pub(crate) use connect::Retry;
#[cfg(feature = "tls")]
pub(crate) use connect::SUPPORTED_KEYS;
pub use connect::{ConnectError, ConnectStage};
