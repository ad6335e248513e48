//! Faults that a test puts into a running mock.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use serde_json::Value;

use super::{
    agent::MockAgent,
    catalogue::Catalogue,
    certificate::Certificate,
    fault::{Fault, RawFrames},
    peer::{Audience, Control},
    shared::lock,
    upgrade::Refusal,
};

/// # Faults
///
/// What can go wrong between a client and an agent, at a test's command.
impl MockAgent {
    /// Lets something go wrong with replies, in all sessions. Of several faults that are meant for
    /// a reply, the oldest counts.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Ends all faults that have been injected. Replies that are delayed stay so.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Sends unsolicited frames to every session; otherwise like
    /// [`push_event`](Self::push_event).
    pub async fn push_frames(&self, frames: RawFrames) {
        self.shared.peers.push(Audience::All, &frames.into_batch()).await;
    }

    /// From now on the open sessions neither read nor write, pings included, but keep their
    /// sockets, as when a cable is pulled. New sessions are as always.
    pub fn freeze(&self) {
        self.shared.peers.control_all(Control::Freeze);
    }

    /// Drops the socket of every session without a goodbye.
    pub fn cut_connections(&self) {
        self.shared.peers.control_all(Control::Cut);
    }

    /// Stops as a killed process does: every connection is cut, and the port refuses further ones. No
    /// other program can take it meanwhile. Returns when it is done. Bad logins and bans are forgotten;
    /// servers stay as they are.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the rest happens by itself.
    pub async fn go_down(&self) {
        self.port.close().await;
        self.shared.limiter.clear_bans();
    }

    /// Opens the same port again after [`go_down`](Self::go_down).
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AddrInUse`] if the port is open.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the port stays closed.
    pub async fn come_up(&self) -> io::Result<()> {
        self.port.reopen().await
    }

    /// [`go_down`](Self::go_down), then [`come_up`](Self::come_up).
    ///
    /// # Errors
    ///
    /// As [`come_up`](Self::come_up).
    pub async fn restart(&self) -> io::Result<()> {
        self.go_down().await;
        self.come_up().await
    }

    /// Shows another certificate to those that connect from now on.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if the certificate is none, or if the mock has no TLS.
    pub fn replace_certificate(&self, certificate: &Certificate) -> io::Result<()> {
        if !self.shared.options.tls {
            let why = "the mock agent was started without TLS and shows no certificate";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let identity = certificate.identity()?;
        *lock(&self.shared.identity) = Some(identity);
        Ok(())
    }

    /// Has another catalogue from now on, as an agent that was upgraded.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if it is no catalogue.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use agent_sdk::mock::MockAgent;
    /// use serde_json::json;
    ///
    /// let mock = MockAgent::builder(json!({ "start": {} })).start().await?;
    /// mock.replace_catalogue(json!({ "start": { "required_parameters": { "server": "str" } } }))?;
    /// // The clients ask for it when they connect again.
    /// mock.restart().await?;
    /// # Ok(()) }
    /// ```
    pub fn replace_catalogue(&self, catalogue: Value) -> io::Result<()> {
        *lock(&self.shared.catalogue) = Arc::new(Catalogue::new(catalogue)?);
        Ok(())
    }

    /// Refuses every login in this way, however good it is; `None` lets good ones in again.
    pub fn refuse_logins(&self, refusal: Option<Refusal>) {
        *lock(&self.shared.refuse_all) = refusal;
    }

    /// Bans this host, as after too many bad logins.
    pub fn ban(&self) {
        self.shared.limiter.ban(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }

    /// Forgets all bad logins and bans.
    pub fn clear_bans(&self) {
        self.shared.limiter.clear_bans();
    }
}
