//! Typed client of the Architect Agent.

mod action;
mod agent;
mod builder;
mod call;
mod connection;
mod error;
mod event;
#[cfg(feature = "health")]
mod health;
mod reply;
mod statistics;
#[cfg(feature = "tls")]
mod tls;
mod wire;

// Not for rustfmt: the generator formats it, and `cargo xtask check` compares it byte for byte.
#[rustfmt::skip]
#[cfg(feature = "actions")]
#[path = "generated/mod.rs"]
pub mod actions;

#[cfg(feature = "mock")]
pub mod mock;

pub use action::{Action, ActionInfo, ParameterInfo, Parameters};
pub use agent::Agent;
pub use builder::Builder;
pub use call::{Call, CallFuture};
pub use connection::{CloseReason, Reconnect, State};
pub use error::{ConnectError, DecodeError, Error, NotSent, Outcome, Rejected, Stage, Unanswered};
pub use event::{Event, Events, Known, Message};
#[cfg(feature = "health")]
pub use health::Health;
pub use reply::{FromReply, Reply};
pub use statistics::Statistics;
#[cfg(feature = "tls")]
pub use tls::{Certificate, Fingerprint, InvalidFingerprint, Tls};

/// What generated code in other crates names, so that they need no dependency for it.
#[doc(hidden)]
pub mod generated_code {
    pub use serde;
    pub use serde_json;
}
