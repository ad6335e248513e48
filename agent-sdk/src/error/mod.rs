//! What went wrong, and whether the agent may have executed the call.

mod call;

pub use call::{DecodeError, Error, NotSent, Outcome, Rejected, Unanswered};
