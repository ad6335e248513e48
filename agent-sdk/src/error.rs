//! What went wrong, and whether the agent may have executed the call.

mod call;
mod connect;

pub use call::{DecodeError, Error, NotSent, Outcome, Rejected, Unanswered};
pub(crate) use connect::Retry;
pub use connect::{ConnectError, Stage};
