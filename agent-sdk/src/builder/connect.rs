//! From options to a connection.

use std::sync::Arc;

#[cfg(feature = "tls")]
use tokio::time::Instant;

use super::Builder;
use crate::{
    agent::Agent,
    compatibility::{self, CatalogueCheck},
    connection::{self, Shared},
    dial::{Connector, Door, Endpoint, on_runtime},
    error::ConnectError,
    options::Options,
};
#[cfg(feature = "tls")]
use crate::{
    dial::{Transport, Trust},
    tls::{Certificate, Tls},
};

impl Builder {
    /// Connects and logs in, once unless [`Builder::wait_for_agent`] says otherwise; a connection that is
    /// lost later is made again by the policy of [`Builder::reconnect`].
    ///
    /// The connection is driven by a task of the Tokio runtime on which this is called, or of that
    /// of [`Builder::runtime`]. While that runtime does not run, calls wait, and end at their limit.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]. What cannot succeed fails before anything is sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up; the agent may have seen the login.
    pub async fn connect(self) -> Result<Agent, ConnectError> {
        on_runtime(self.runtime.clone(), Box::pin(self.connect_here())).await
    }

    async fn connect_here(self) -> Result<Agent, ConnectError> {
        let endpoint = self.endpoint()?;
        let credentials = self.credentials.clone().ok_or(ConnectError::InvalidCredentials {
            which: "username",
            reason: "none was given (`Builder::credentials`)",
        })?;
        credentials.check()?;
        let url = endpoint.to_string();
        let connector = self.connector(endpoint).await?;
        let door = Arc::new(Door { connector, credentials });
        let (policy, wait) = (&self.options.reconnect, self.wait_for_agent);
        let first = connection::first_login(&door, policy, wait).await?;
        let check_before_calls = self.check.policy == CatalogueCheck::Refuse;
        let shared = Arc::new(Shared::new(Options { check_before_calls, ..self.options }));
        connection::watchdog::register(&shared);
        tokio::spawn(connection::run(Arc::clone(&shared), Arc::clone(&door), first));
        // From here on dropping this future drops the handle, and that closes the connection.
        let agent = Agent::new(Arc::clone(&shared), url, door);
        // The task has nothing to repeat on a first connection, so this is immediate.
        let connecting = |state: &connection::State| matches!(state, connection::State::Connecting);
        let _ = agent.state().wait_for(|state| !connecting(state)).await;
        let known = compatibility::check_first(&self.check, &shared, agent.url()).await?;
        if self.check.policy != CatalogueCheck::Ignore {
            tokio::spawn(compatibility::watch(self.check, shared, agent.url().to_owned(), known));
        }
        Ok(agent)
    }

    /// Fetches the certificate that the agent shows, trusting any and sending no credentials; once unless
    /// [`Builder::wait_for_agent`] says otherwise.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], if the URL says `ws` or no TLS connection can be made.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), agent_sdk::ConnectError> {
    /// let certificate = agent_sdk::Agent::builder("wss://203.0.113.7:8090").certificate().await?;
    /// println!("{}", certificate.fingerprint());
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "tls")]
    pub async fn certificate(self) -> Result<Certificate, ConnectError> {
        on_runtime(self.runtime.clone(), Box::pin(self.certificate_here())).await
    }

    #[cfg(feature = "tls")]
    async fn certificate_here(mut self) -> Result<Certificate, ConnectError> {
        let endpoint = Endpoint::parse(&self.url)?;
        let none = |reason| ConnectError::InvalidUrl { url: endpoint.to_string(), reason };
        if !endpoint.tls {
            return Err(none("only an agent with TLS (`wss://`) shows a certificate"));
        }
        let missing = none("the agent showed no certificate");
        self.tls = Tls::danger_accept_any_certificate();
        let connector = self.connector(endpoint).await?;
        let timeout = self.options.connect_timeout;
        let open = || connector.open(Instant::now() + timeout);
        let (policy, wait) = (&self.options.reconnect, self.wait_for_agent);
        let transport = connection::until_up(&connector.endpoint, policy, wait, open).await?;
        let Transport::Tls(stream) = transport else { return Err(missing) };
        let chain = stream.get_ref().1.peer_certificates();
        chain.and_then(|chain| chain.first()).map(Certificate::new).ok_or(missing)
    }

    /// The address, if it may be used.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let endpoint = Endpoint::parse(&self.url)?;
        if endpoint.tls && !cfg!(feature = "tls") {
            let reason = "`wss` needs the feature `tls` of agent-sdk";
            return Err(ConnectError::InvalidUrl { url: endpoint.to_string(), reason });
        }
        if !endpoint.tls && !endpoint.is_loopback() && !self.allow_plaintext {
            return Err(ConnectError::PlaintextRefused { host: endpoint.address.host.to_string() });
        }
        Ok(endpoint)
    }

    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_async, reason = "TLS reads files"))]
    pub(crate) async fn connector(&self, endpoint: Endpoint) -> Result<Connector, ConnectError> {
        Ok(Connector {
            #[cfg(feature = "tls")]
            trust: if endpoint.tls {
                Some(Trust::new(&self.tls, self.secrets()).await?)
            } else {
                None
            },
            loopback_only: !endpoint.tls && !self.allow_plaintext,
            endpoint,
            timeout: self.options.connect_timeout,
            #[cfg(test)]
            memory: None,
        })
    }
}
