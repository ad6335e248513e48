//! Typed client of the Architect Agent.

mod action;
mod agent;
mod call;
mod error;
mod reply;

// Not for rustfmt: the generator formats it, and `cargo xtask check` compares it byte for byte.
#[rustfmt::skip]
#[cfg(feature = "actions")]
#[path = "generated/mod.rs"]
pub mod actions;

pub use action::{Action, ActionInfo, ParameterInfo, Parameters};
pub use agent::{Agent, CloseReason};
pub use call::Call;
pub use error::{DecodeError, Error, NotSent, Outcome, Rejected, Unanswered};
pub use reply::{FromReply, Reply};

/// What generated code in other crates names, so that they need no dependency for it.
#[doc(hidden)]
pub mod generated_code {
    pub use serde;
    pub use serde_json;
}
