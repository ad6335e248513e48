//! Typed client of the Architect Agent, the daemon by which operators run game servers.
//!
//! The agent's API is JSON over one WebSocket. This crate has one method for each action of the
//! agent's catalogue ([`actions`], generated), and below them a runtime that cares for the
//! connection: login, TLS, any number of calls in flight, timeouts, events, reconnects.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use agent_sdk::{Agent, Tls, actions::{CreateBackup, ServerStart}};
//!
//! # async fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
//! let agent = Agent::builder("wss://203.0.113.7:8090")
//!     .credentials("root", password)
//!     .tls(Tls::known_agents("/var/lib/my-application/known_agents"))
//!     .connect()
//!     .await?;
//! agent.server_start(ServerStart::new("survival")).await?;
//! agent.create_backup(CreateBackup::new("survival")).timeout(Duration::from_secs(600)).await?;
//! agent.close().await;
//! # Ok(()) }
//! ```
//!
//! # What can be relied on
//!
//! - Every call ends: with a reply, or with an [`Error`] whose [`Error::outcome`] tells whether the
//!   agent may have executed it.
//! - The SDK never sends a request twice. What was not sent when a connection was lost is sent on
//!   the next one, within its own timeout; what was sent ends as [`Outcome::Unknown`].
//! - What arrives in time counts, also if the process was stopped meanwhile.
//! - Credentials that have never worked are tried once, for the agent bans an address after five bad
//!   logins. Once they have worked, a lost connection is made again whatever a gateway, a ban or a
//!   restarting agent answers, slowly where an answer may count as a bad login. Final are a certificate
//!   that is not the expected one, logins that stay rejected, and what the policy names:
//!   [`ReconnectPolicy`] has the table. [`State`] tells how it goes, and why.
//! - Subscriptions are made again before calls are sent, which wait for that for 2 s at most. One that
//!   the agent does not make again is reported ([`Event::SubscriptionMissing`]), kept and tried again.
//! - A certificate is verified unless you opt out explicitly ([`Tls`]).
//! - No password is in any log, error or `Debug` output.
//! - Queues, sizes, times and retries have limits ([`Builder`]).
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `actions` | yes | the generated methods, [`actions`] |
//! | `tls` | yes | `wss`, by rustls with ring |
//! | `health` | no | `Builder::health` |
//! | `transfer` | no | `transfer`, files to and from the agent's machine |
//! | `mock` | no | `mock`, an agent for tests |
//!
//! # Where things are
//!
//! `builder`, `agent`: how to make a handle, and the handle · `action`, `call`, `reply`, `decode`: a
//! call from its parameters to its result · `connection/`: at work (`driver` owns the socket; `frame`,
//! `write_buffer`, `dispatch`, `pending`, `schedule` and `keepalive` are its parts; `handle`, `shared`,
//! `call_state` and `state` are what callers have of it; `reconnect`, `subscriptions` and `resubscribe`
//! care for the next connection; `watchdog` for calls whose runtime does not run) · `dial/`: getting in (`endpoint`, `transport`, `trust`, `upgrade`) · `tls/`: whom to
//! trust · `wire/`: requests, envelopes, tokens · `compatibility/`: whether the agent's
//! catalogue still fits · `wait/`: until work is done · `event/`: unsolicited messages · `health`: the health
//! check · `error/`, `options`, `statistics`, `text`, `busy`: what everything above shares · `mock/`: an agent
//! for tests · `generated/`: the actions, written by `cargo xtask generate`

#![cfg_attr(docsrs, feature(doc_cfg))]

mod action;
mod address;
mod agent;
mod builder;
#[cfg(any(feature = "tls", feature = "transfer"))]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "a transfer replaces files alone"))]
mod busy;
mod call;
mod compatibility;
mod connection;
mod decode;
mod dial;
mod error;
mod event;
#[cfg(feature = "health")]
mod health;
mod integer;
mod newtype;
mod options;
#[cfg(test)]
mod promises;
mod reply;
mod statistics;
mod text;
mod time_limit;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "transfer")]
pub mod transfer;
pub mod wait;
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
pub use call::{Call, RetryingCall};
pub use compatibility::{
    ActionChange, ActionCompatibility, CatalogueCheck, Compatibility, Fit, Uses,
};
pub use connection::State;
pub use decode::FromReply;
pub use error::{
    CloseReason, ConnectError, ConnectStage, DecodeError, DisconnectReason, Error, MessageError,
    NotSent, Outcome, Pace, Rejected, Unanswered,
};
pub use event::{Event, Events, KnownEvent, KnownState, Message, ServerState, Subscription};
#[cfg(feature = "health")]
pub use health::Health;
pub use options::ReconnectPolicy;
pub use reply::Reply;
pub use statistics::Statistics;
pub use text::Secrets;
#[cfg(feature = "tls")]
pub use tls::{Certificate, Fingerprint, InvalidFingerprint, Tls};

#[cfg(feature = "__bench")]
#[doc(hidden)]
pub mod parts;

/// What generated code in other crates names, so that they need no dependency for it.
#[doc(hidden)]
pub mod generated_code {
    pub use crate::{
        __number_newtype as number_newtype, __other_newtype as other_newtype,
        __text_enum as text_enum, __text_newtype as text_newtype,
        action::debug,
        integer::{FromInteger, Integer, integer},
    };
    pub use serde;
    pub use serde_json;
}

/// The README's Rust is compiled with the examples of the documentation.
#[cfg(all(doctest, feature = "actions", feature = "tls"))]
#[doc = include_str!("../../README.md")]
struct Readme;
