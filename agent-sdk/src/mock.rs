//! An agent for tests: it serves a catalogue over real sockets, on 127.0.0.1 alone.
//!
//! What is known of the Architect Agent it does as the agent does: TLS with a self-signed
//! certificate, login by the upgrade request, a ban after five bad logins, the health check,
//! replies and events. Where the agent's behaviour is not known, options choose among all that are
//! possible. A little state makes calls tell one story: a server that was started is listed as
//! running, and whoever has subscribed to it hears of it. Actions that the mock has no answer of
//! its own for are answered with an echo of their parameters, without passwords and the like.
//!
//! It shares no code with the client, so that each checks the other.
//!
//! # Examples
//!
//! ```
//! use agent_sdk::mock::MockAgent;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let catalogue = json!({ "server_start": { "required_parameters": { "server": "str" } } });
//! let mock = MockAgent::builder(catalogue).start().await?;
//! println!("{} {:?}", mock.url(), mock.fingerprint());
//! mock.stop().await;
//! # Ok(()) }
//! ```
//!
//! # Where things are
//!
//! From the top down; a file imports only from those below it:
//!
//! - `snapshots` runs a test with each catalogue
//! - `builder` makes the mock; `inject` puts faults into it while it runs, `expect` says what a test
//!   expects; `agent` is its handle
//! - `port` opens and closes the port, `listener` owns it and its connections, `session` is one connection after its login
//! - `dispatch` turns requests into answers; `story` is what happens by itself as time passes
//! - `shared` is what all connections share: `options`, `servers`, `peer` (the sessions, and who gets
//!   which events), `handler` (a test's own answers), `expectation`, `catalogue` (what is demanded), `fault` (for one reply) and `lasting`
//!   (from the start)
//! - `upgrade` answers a login, `user` and `login` check it, `http` reads and writes heads
//! - `certificate` makes what TLS shows, `wire` reads and writes messages

mod agent;
mod builder;
mod catalogue;
mod certificate;
mod dispatch;
mod expect;
mod expectation;
mod fault;
mod files;
mod handler;
mod http;
mod inject;
mod lasting;
mod listener;
mod login;
mod options;
mod pace;
mod peer;
mod port;
mod servers;
mod session;
mod shared;
mod snapshots;
mod story;
mod upgrade;
mod user;
mod wire;

pub use self::{
    agent::MockAgent,
    builder::Builder,
    certificate::Certificate,
    expect::{Expectation, Responses},
    expectation::{FromParameters, ParameterError, ParameterReader, Response},
    fault::{Fault, RawFrames, ReplyForm},
    handler::Context,
    lasting::{LastingFault, UnknownFault},
    pace::{Pace, StateWords},
    shared::SeenRequest,
    snapshots::each_snapshot,
    upgrade::{Refusal, Subprotocol, UpgradeQuirk},
    user::User,
    wire::ReplyKey,
};
