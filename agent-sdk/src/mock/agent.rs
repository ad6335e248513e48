//! The handle of a running mock agent.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinSet;
use tungstenite::Message;

use super::{
    certificate,
    peer::{self, Audience},
    port::Port,
    shared::{SeenRequest, Shared, lock},
};
use crate::{Agent, Tls};

/// A running mock agent. Dropping it cuts every connection.
///
/// `Debug` does not show the password.
pub struct MockAgent {
    pub(super) shared: Arc<Shared>,
    pub(super) port: Arc<Port>,
    /// Those in which time passes for the servers, and in which faults restart the agent.
    pub(super) _tasks: JoinSet<()>,
}

impl MockAgent {
    /// Where clients connect: `wss://127.0.0.1:PORT/ws`, or `ws://` without TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.shared.options.tls { "wss" } else { "ws" };
        format!("{scheme}://127.0.0.1:{}/ws", self.port.number)
    }

    /// Returns the options of a client of this agent: its address, the root user and, with TLS, the
    /// pin of its certificate.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mock = agent_sdk::mock::MockAgent::builder(serde_json::json!({ "actions": {} })).start().await?;
    /// let agent = mock.client().connect().await?;
    /// assert_eq!(agent.call_raw("whoami", ()).await?.parameters()?["username"], "root");
    /// # Ok(()) }
    /// ```
    pub fn client(&self) -> crate::Builder {
        let client = Agent::builder(self.url()).credentials(self.username(), self.password());
        match self.fingerprint().map(Tls::pinned) {
            Some(Ok(pin)) => client.tls(pin),
            // The mock's own fingerprint is one.
            Some(Err(_)) | None => client,
        }
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The user that may log in.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.shared.root().name
    }

    /// The user's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.shared.root().password
    }

    /// The certificate's fingerprint, `sha256:` and 64 hexadecimal digits; `None` without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        lock(&self.shared.identity).as_ref().map(certificate::Identity::fingerprint)
    }

    /// The certificate in PEM, for a client's file of authorities; `None` without TLS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        lock(&self.shared.identity).as_ref().map(|identity| identity.pem.clone())
    }

    /// The certificate in DER; `None` without TLS.
    #[must_use]
    pub fn certificate_der(&self) -> Option<Vec<u8>> {
        lock(&self.shared.identity).as_ref().map(|identity| identity.der.to_vec())
    }

    /// The content of a file of the pretended machine; `None` if there is none of this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        lock(&self.shared.files).get(path).cloned()
    }

    /// Puts a file onto the pretended machine.
    pub fn put_file(&self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        lock(&self.shared.files).put(path.into(), content.into());
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
        self.shared.peers.push(Audience::All, &vec![Message::Text(peer::text(event))]).await;
    }

    /// Sends an event to the sessions that have subscribed to a topic; otherwise like
    /// [`push_event`](Self::push_event).
    pub async fn push_event_to(&self, topic: &str, event: &Value) {
        let event = vec![Message::Text(peer::text(event))];
        self.shared.peers.push(Audience::Topic(topic), &event).await;
    }

    /// Sends an event so long from now, on tokio's clock, to the sessions that have subscribed to its
    /// `topic`, or to all if it has none. A session that does not keep up misses it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use std::time::Duration;
    ///
    /// let event = serde_json::json!({ "action": "tick", "topic": "survival" });
    /// mock.push_event_after(Duration::from_secs(60), event);
    /// # }
    /// ```
    pub fn push_event_after(&self, time: Duration, event: Value) {
        self.shared.plan_event(time, event);
    }

    /// Lets a server crash: it is `server.crashed`, what it was about to do is forgotten, and those
    /// that have subscribed to it are told. Does nothing if there is no such server.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// mock.crash("survival");
    /// # }
    /// ```
    pub fn crash(&self, server: &str) {
        let mut events = Vec::new();
        lock(&self.shared.servers).crash(server, &mut events);
        for event in &events {
            self.shared.tell_all(event);
        }
    }

    /// How many sessions are open. One that a client has been told of is counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.shared.peers.count().borrow()
    }

    /// Waits until exactly so many sessions are open.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn wait_for_connections(&self, connections: usize) {
        let mut count = self.shared.peers.count();
        // The sender lives as long as this handle.
        let _ = count.wait_for(|count| *count == connections).await;
    }

    /// How many logins have been accepted since the start.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.shared.counts.logins.load(Relaxed)
    }

    /// How many logins have been refused since the start.
    #[must_use]
    pub fn refused_logins(&self) -> u64 {
        self.shared.counts.refused.load(Relaxed)
    }

    /// How many requests have been received since the start.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.counts.requests.load(Relaxed)
    }

    /// How many frames have been ignored since the start because they were not requests.
    #[must_use]
    pub fn ignored_frames(&self) -> u64 {
        self.shared.counts.ignored.load(Relaxed)
    }

    /// The last 65,536 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.seen).iter().cloned().collect()
    }

    /// Says goodbye to every session, closes the port, and returns when all has ended; peers that
    /// do not answer the goodbye are cut off within seconds.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, whatever is left is cut.
    pub async fn stop(self) {
        self.port.stop().await;
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
