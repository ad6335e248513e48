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
//! `builder` options · `listener` the port · `http` and `upgrade` heads · `login` credentials and
//! bans · `session` one connection · `dispatch` requests to answers · `world` the servers ·
//! `handler` a test's own answers · `peer` who gets which events · `catalogue` what is demanded ·
//! `certificate` what is shown · `fault` and `trouble` what goes wrong · `wire` messages · `core` what they share

mod builder;
mod catalogue;
mod certificate;
mod core;
mod dispatch;
mod fault;
mod handler;
mod http;
mod listener;
mod login;
mod peer;
mod session;
mod trouble;
mod upgrade;
mod wire;
mod world;

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
};

use serde_json::Value;
use tungstenite::Message;

pub use self::{
    builder::Builder,
    certificate::Certificate,
    core::SeenRequest,
    fault::{Fault, RawFrames, ReplyForm},
    handler::Context,
    upgrade::{Refusal, Subprotocol, UpgradeQuirk},
    wire::ReplyKey,
};
use self::{
    core::{Core, lock},
    listener::{Ending, Listener},
    peer::Audience,
};

/// A running mock agent. Dropping it cuts every connection.
///
/// `Debug` does not show the password.
pub struct MockAgent {
    core: Arc<Core>,
    port: u16,
    /// `None` while it is down.
    listener: Mutex<Option<Listener>>,
}

impl MockAgent {
    /// Begins to make a mock that serves `catalogue`: the reply to `list_actions`, its
    /// `{"actions": …}`, or the bare map of actions.
    pub fn builder(catalogue: Value) -> Builder {
        Builder::new(catalogue)
    }

    /// Where clients connect: `wss://127.0.0.1:PORT/ws`, or `ws://` without TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.core.options.tls { "wss" } else { "ws" };
        format!("{scheme}://127.0.0.1:{}/ws", self.port)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user that may log in.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.core.credentials.username
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.core.credentials.password
    }

    /// The certificate's fingerprint, `sha256:` and 64 hexadecimal digits; `None` without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        lock(&self.core.identity).as_ref().map(certificate::Identity::fingerprint)
    }

    /// The certificate in PEM, for a client's file of authorities; `None` without TLS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        lock(&self.core.identity).as_ref().map(|identity| identity.pem.clone())
    }

    /// The certificate in DER; `None` without TLS.
    #[must_use]
    pub fn certificate_der(&self) -> Option<Vec<u8>> {
        lock(&self.core.identity).as_ref().map(|identity| identity.der.to_vec())
    }

    /// Sends an event, or any other message, to every session.
    ///
    /// Waits for sessions that have too many messages to write; if a client does not read, that is
    /// forever.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, some sessions may have been sent the event.
    pub async fn push_event(&self, event: &Value) {
        self.core.peers.push(Audience::All, &vec![Message::Text(peer::text(event))]).await;
    }

    /// Sends an event to the sessions that have subscribed to a topic; otherwise like
    /// [`push_event`](Self::push_event).
    pub async fn push_event_to(&self, topic: &str, event: &Value) {
        let event = vec![Message::Text(peer::text(event))];
        self.core.peers.push(Audience::Topic(topic), &event).await;
    }

    /// How many sessions are open. One that a client has been told of is counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.core.peers.count().borrow()
    }

    /// Waits until exactly so many sessions are open.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn wait_for_connections(&self, connections: usize) {
        let mut count = self.core.peers.count();
        // The sender lives as long as this handle.
        let _ = count.wait_for(|count| *count == connections).await;
    }

    /// How many logins have been accepted since the start.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.core.counts.logins.load(Relaxed)
    }

    /// How many logins have been refused since the start.
    #[must_use]
    pub fn refused_logins(&self) -> u64 {
        self.core.counts.refused.load(Relaxed)
    }

    /// How many requests have been received since the start.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.core.counts.requests.load(Relaxed)
    }

    /// How many frames have been ignored since the start because they were not requests.
    #[must_use]
    pub fn ignored_frames(&self) -> u64 {
        self.core.counts.ignored.load(Relaxed)
    }

    /// The last 65,536 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.core.seen).iter().cloned().collect()
    }

    /// Says goodbye to every session, closes the port, and returns when all has ended; peers that
    /// do not answer the goodbye are cut off within seconds.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, whatever is left is cut.
    pub async fn stop(self) {
        let listener = lock(&self.listener).take();
        if let Some(listener) = listener {
            listener.stop(Ending::Graceful).await;
        }
    }
}

impl fmt::Debug for MockAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockAgent")
            .field("url", &self.url())
            .field("username", &self.username())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
