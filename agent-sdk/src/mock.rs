//! An agent for tests: it serves a catalogue over real sockets, on 127.0.0.1 alone.
//!
//! What is known of the Architect Agent it does as the agent does: TLS with a self-signed
//! certificate, login by the upgrade request, a ban after five bad logins, the health check,
//! replies and events. Where the agent's behaviour is not known, options choose among all that are
//! possible. A little state makes calls tell one story: a server that was started is listed as
//! running, and sessions that have subscribed to it get its events. Actions that the mock has no answer of
//! its own for are answered with an echo of their parameters, without passwords and the like.
//!
//! It shares no code of the connection with the client, so that each checks the other.
//!
//! # A tour
//!
//! An agent in a test, and a call that the test expects, typed by the same structs as the client's
//! ([`MockAgent::on`]). Dropping the mock fails the test if the call has not come, or another one:
//!
//! ```
//! # #[cfg(feature = "actions")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use agent_sdk::{actions::ServerStart, mock::{MockAgent, Response}};
//! use serde_json::json;
//!
//! let catalogue = json!({ "server_start": { "required_parameters": { "server": "str" } } });
//! let mock = MockAgent::builder(catalogue).tls(false).start().await?;
//! mock.on::<ServerStart>()
//!     .matching(|call| call.server.as_ref() == "survival")
//!     .times(2)
//!     .reject("the host is out of memory")
//!     .then(Response::own());
//!
//! let agent = mock.client().connect().await?;
//! assert!(agent.server_start(ServerStart::new("survival")).await.is_err());
//! agent.server_start(ServerStart::new("survival")).await?;
//! assert_eq!(mock.calls::<ServerStart>()[0].server.as_ref(), "survival");
//! # Ok(()) }
//! # #[cfg(not(feature = "actions"))]
//! # fn main() {}
//! ```
//!
//! What is not expected the mock answers itself, and its servers go on: with a [`Pace`] they accept
//! first and are done later, on tokio's clock. In a test with `start_paused = true` a countdown, a
//! start and a backup of minutes take milliseconds:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use agent_sdk::mock::{Fault, MockAgent, Pace, Role, User};
//! use serde_json::json;
//!
//! let moderator = Role::new(["server.rcon"]).servers(["survival"]);
//! let mock = MockAgent::builder(json!({ "actions": {} }))
//!     .running(["survival", "creative"])
//!     .pace(Pace::realistic())
//!     .user(User::new("moderator", "a password").role(moderator))
//!     .start()
//!     .await?;
//! // Events of a test's own, a crash, faults, and an agent that restarts.
//! let event = json!({ "action": "agent_health", "parameters": { "cpu": 0.5 } });
//! mock.push_event_after(Duration::from_secs(60), event);
//! mock.crash("creative");
//! mock.inject(Fault::lose().for_action("create_backup").times(1));
//! mock.restart().await?;
//! # Ok(()) }
//! ```
//!
//! - [`MockAgent::client`] gives the options of a client; [`Response::event_after`] lets events follow
//!   an answer.
//! - [`Builder::only_expected`] lets the test fail on every action of which nothing is expected.
//! - Closures answer actions by [`Builder::handler`], which know the session and can send events.
//! - [`Fault`] is for one reply, also as the answer to an expected call ([`Response::fault`]);
//!   [`LastingFault`] is there from the start and has a name, which `cargo xtask mock-agent --fault NAME`
//!   takes as well. Several at once work together.
//! - [`each_snapshot`] runs one test with every catalogue of a folder.
//! - `GET /_stats` on the mock's port answers counts as JSON.
//!
//! # Where things are
//!
//! From the top down; a file imports only from those below it:
//!
//! - `snapshots` runs a test with each catalogue
//! - `builder` makes the mock; `inject` puts faults into it while it runs, `expect` says what a test
//!   expects; `agent` is its handle
//! - `port` opens and closes the port, `listener` owns it and its connections, `session` is one
//!   connection after its login
//! - `dispatch` turns requests into answers; `story` is what happens by itself as time passes
//! - `shared` is what all connections share: `options`, `servers`, `peer` (the sessions, and who gets
//!   which events), `script` (events that a test has planned), `handler` (a test's own answers),
//!   `expectation`, `mismatch` (how it fails), `secret` (what is not shown), `catalogue` (what is demanded),
//!   `fault` (for one reply) and `lasting` (from the start, and how it is spelt)
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
mod mismatch;
mod options;
mod pace;
mod peer;
mod port;
mod script;
mod secret;
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
    user::{Role, User},
    wire::ReplyKey,
};
