//! Why no connection could be made.

use std::{io, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

use super::disconnect::as_text;

/// The keys that certificates may have, and how to make one.
pub(crate) const SUPPORTED_KEYS: &str = "this client verifies ECDSA on P-256 and P-384, Ed25519, and \
     RSA of 2048 to 8192 bits. Make another certificate on the agent's machine, such as by `openssl \
     req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=agent -keyout \
     key.pem -out certificate.pem`";

/// Why a connection could not be made.
///
/// # Trying again
///
/// [`Builder::wait_for_agent`](crate::Builder::wait_for_agent) waits for an agent that is not up yet.
/// A loop of your own asks [`ConnectError::may_be_retried`] each time; one that does not, repeats a
/// wrong password until the agent bans this address.
///
/// ```
/// use std::time::Duration;
///
/// use agent_sdk::{Agent, Builder, ConnectError};
///
/// async fn connect(builder: Builder) -> Result<Agent, ConnectError> {
///     loop {
///         match builder.clone().connect().await {
///             Err(error) if error.may_be_retried() => {
///                 eprintln!("{error}");
///                 tokio::time::sleep(Duration::from_secs(5)).await;
///             }
///             result => return result,
///         }
///     }
/// }
/// ```
///
/// # Texts
///
/// The text of each says everything that is known, its cause included, so that none has a
/// [`source`](std::error::Error::source) that would say it again. No text and no `Debug` output of it contains the password.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used.
    #[error("the URL `{url}` cannot be used: {reason}")]
    InvalidUrl {
        /// The URL, without any user information.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The credentials cannot travel in the login header. They were not sent: a login that must
    /// fail counts towards the agent's ban.
    #[error("the {which} cannot be sent to the agent: {reason}")]
    InvalidCredentials {
        /// `username` or `password`.
        which: &'static str,
        /// What is wrong with it, without showing it.
        reason: &'static str,
    },

    /// The URL says `ws`, the host is not this machine, and it was not allowed.
    #[error(
        "`ws` would send the password to {host} unencrypted; use `wss`, \
         or allow it (`Builder::allow_plaintext`)"
    )]
    PlaintextRefused {
        /// The host of the URL.
        host: String,
    },

    /// It was not tried inside a Tokio runtime with sockets and timers.
    #[error(
        "connecting needs a Tokio runtime with sockets and timers: {reason}. Connect inside one \
         (`#[tokio::main]`, `enable_all`), or name one (`Builder::runtime`)"
    )]
    NoRuntime {
        /// What is missing.
        reason: String,
    },

    /// The host's name has no address.
    #[error("the host `{host}` cannot be resolved: {cause}")]
    Resolve {
        /// The host of the URL.
        host: String,
        /// The resolver's answer.
        cause: Arc<io::Error>,
    },

    /// No address of the host accepts a TCP connection.
    #[error("no connection to {address}: {cause}; is the agent running, and is this its port?")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The error of the last address that was tried.
        cause: Arc<io::Error>,
    },

    /// It took too long.
    #[error("no connection to {address} within {after:?}: it hung while {stage}")]
    TimedOut {
        /// Host and port.
        address: String,
        /// The time limit for the whole, see [`Builder::connect_timeout`](crate::Builder::connect_timeout).
        after: Duration,
        /// What it was doing.
        stage: ConnectStage,
    },

    /// The TLS handshake failed.
    #[error("the TLS handshake with {address} failed: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// What rustls says.
        reason: String,
    },

    /// The agent's certificate is not one that this client trusts.
    #[error(
        "the certificate of {address} is not trusted: {reason}. Its fingerprint is {fingerprint}: \
         if the agent's own machine shows the same, pin it (`Tls::pinned`)"
    )]
    CertificateUntrusted {
        /// Host and port.
        address: String,
        /// The SHA-256 fingerprint of the certificate that was shown.
        fingerprint: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The agent's certificate is of a kind that cannot be verified, so that nothing is known of who
    /// shows it.
    #[error(
        "the certificate of {address} cannot be used: it has {problem}, and {SUPPORTED_KEYS}. Its \
         fingerprint is {fingerprint}; the password was not sent"
    )]
    CertificateUnsupported {
        /// Host and port.
        address: String,
        /// The SHA-256 fingerprint of the certificate that was shown.
        fingerprint: String,
        /// What kind of key it has.
        problem: String,
    },

    /// The agent shows another certificate than the one that was pinned or remembered.
    #[error(
        "the certificate of {address} has changed: expected {expected}, found {found}. Either the \
         agent has a new certificate, or somebody is in between; the password was not sent. \
         {remedy}"
    )]
    CertificateChanged {
        /// Host and port.
        address: String,
        /// The fingerprint that was pinned or remembered.
        expected: String,
        /// The fingerprint of the certificate that was shown.
        found: String,
        /// Where the expectation is written, and how to change it.
        remedy: String,
    },

    /// The peer shows a certificate without having its key: it is not the agent.
    #[error(
        "{address} shows the certificate {fingerprint} and cannot prove that it holds its key: it \
         is somebody else; the password was not sent"
    )]
    Impostor {
        /// Host and port.
        address: String,
        /// The SHA-256 fingerprint of the certificate that was shown.
        fingerprint: String,
    },

    /// A file that trust depends on cannot be used.
    #[error("{path}: {reason}")]
    TrustFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The agent refused the login.
    #[error(
        "{address} rejected the credentials, or bans this address (HTTP {status}{said}). Check user \
         and password before trying again: the agent bans an address for a minute after five \
         failures"
    )]
    LoginRejected {
        /// Host and port.
        address: String,
        /// The status of its answer.
        status: u16,
        /// What else it said, shortened; begins with `: ` unless empty.
        said: String,
    },

    /// The connection was closed when the login had been sent, without an answer.
    #[error(
        "{address} closed the connection without an answer to the login. Perhaps user or password \
         is wrong, or this address is banned for a minute; perhaps the agent is restarting. Check \
         before trying again: the agent bans an address after five failures"
    )]
    ClosedWithoutAnswer {
        /// Host and port.
        address: String,
    },

    /// The answer sends the client elsewhere; it does not go there, since the password would.
    #[error(
        "{address} redirects to `{location}` (HTTP {status}); use that address if you trust it"
    )]
    Redirected {
        /// Host and port.
        address: String,
        /// The status of its answer.
        status: u16,
        /// Where to.
        location: String,
    },

    /// The agent, or a proxy before it, is in trouble.
    #[error("{address} cannot serve now (HTTP {status}{said})")]
    ServerError {
        /// Host and port.
        address: String,
        /// The status of its answer.
        status: u16,
        /// What else it said, shortened; begins with `: ` unless empty.
        said: String,
    },

    /// Whatever answered is no Architect agent.
    #[error("{address} does not answer like an Architect agent: {said}")]
    NotAnAgent {
        /// Host and port.
        address: String,
        /// What it said instead, shortened.
        said: String,
    },

    /// The agent's catalogue does not have what this program uses; see
    /// [`CatalogueCheck::Refuse`](crate::CatalogueCheck::Refuse).
    #[error(
        "the catalogue of {agent} is not the one that this program was made for: {problems}. Generate \
         the SDK from the agent's own catalogue and compile again, or check less \
         (`Builder::check_catalogue`, `Builder::uses`)"
    )]
    Incompatible {
        /// The agent's URL.
        agent: String,
        /// What does not work any more.
        problems: String,
    },

    /// The connection broke during the login.
    #[error("the connection to {address} broke while {stage}: {cause}")]
    Broken {
        /// Host and port.
        address: String,
        /// What it was doing.
        stage: ConnectStage,
        /// The error of the socket.
        cause: Arc<io::Error>,
    },
}

/// Serialises as its text.
impl Serialize for ConnectError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_text(self, serializer)
    }
}

/// A stage of making a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStage {
    /// The host's name is looked up.
    Resolving,
    /// A TCP connection is made.
    Connecting,
    /// The TLS handshake.
    Tls,
    /// The upgrade to WebSocket, which is the login.
    Upgrade,
    /// A plain HTTP request.
    Request,
}

impl std::fmt::Display for ConnectStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolving => "looking up the host's name",
            Self::Connecting => "connecting",
            Self::Tls => "in the TLS handshake",
            Self::Upgrade => "waiting for the answer to the login",
            Self::Request => "waiting for the answer to the request",
        })
    }
}

/// How soon a login is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pace {
    /// After the policy's backoff: the agent has not seen a login that it could count.
    Quick,
    /// After [`ReconnectPolicy::ban_delay`](crate::ReconnectPolicy::ban_delay): the agent may have
    /// counted a login as failed without a word.
    Slow,
    /// After [`ReconnectPolicy::ban_delay`](crate::ReconnectPolicy::ban_delay), doubled each time, and
    /// only [a few times](crate::ReconnectPolicy::ban_retries): the agent rejects the credentials, or
    /// bans this address.
    Banned,
}

/// What a refusal means for the next login: a row of the table at
/// [`ReconnectPolicy`](crate::ReconnectPolicy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The login did not reach an agent that could count it.
    Quick,
    /// The password was not sent, and what is wrong is this side's trust, which may be put right.
    Untrusted,
    /// The login was sent, and nothing tells what became of it.
    Slow,
    /// It may have been a rejected login, or the answer of something else than the agent.
    Doubtful,
    /// The agent rejects the credentials, or bans this address.
    Rejected,
    /// Nothing changes by trying again, or trying again does harm.
    Final,
}

impl ConnectError {
    /// Returns how soon [`Builder::connect`](crate::Builder::connect) may be called again after this
    /// error; `None`: not before its cause was removed, since further attempts would not help, or
    /// would bring about a ban.
    ///
    /// The table at [`ReconnectPolicy`](crate::ReconnectPolicy) has it for each refusal. A connection
    /// that was made once is made again by itself, and more patiently.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use agent_sdk::{ConnectError, Pace};
    ///
    /// fn wait_before_the_next_attempt(error: &ConnectError) -> Option<Duration> {
    ///     match error.pace()? {
    ///         Pace::Quick => Some(Duration::from_secs(5)),
    ///         // A ban may have to pass first.
    ///         _ => Some(Duration::from_secs(75)),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        match self.retry() {
            Retry::Quick => Some(Pace::Quick),
            Retry::Slow => Some(Pace::Slow),
            Retry::Untrusted | Retry::Doubtful | Retry::Rejected | Retry::Final => None,
        }
    }

    /// Returns whether the same connection may be tried again in a few seconds: the agent has not seen
    /// a login that it could count towards a ban, and the cause may pass by itself.
    ///
    /// It is false for a rejected login and for all that may have been one, for a certificate that is
    /// not trusted, and for wrong options. [`ConnectError::pace`] tells more.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(error: &agent_sdk::ConnectError) {
    /// if error.may_be_retried() {
    ///     println!("not yet: {error}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn may_be_retried(&self) -> bool {
        self.pace() == Some(Pace::Quick)
    }

    /// Returns whether the agent has rejected the credentials, or bans this address: only a person
    /// should try again, and not with the same password.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(error: &agent_sdk::ConnectError) {
    /// if error.is_login_rejected() {
    ///     println!("type the password again");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_login_rejected(&self) -> bool {
        self.retry() == Retry::Rejected
    }

    /// Returns the row of the table to which this belongs.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::TimedOut { stage: ConnectStage::Upgrade, .. } => Retry::Slow,
            Self::Resolve { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Tls { .. }
            | Self::ServerError { .. } => Retry::Quick,
            Self::CertificateUntrusted { .. }
            | Self::CertificateUnsupported { .. }
            | Self::TrustFile { .. } => Retry::Untrusted,
            // The peer has been sent the password each time.
            Self::ClosedWithoutAnswer { .. }
            | Self::Redirected { .. }
            | Self::NotAnAgent { .. } => Retry::Doubtful,
            Self::Broken { stage, .. } => match stage {
                ConnectStage::Upgrade => Retry::Doubtful,
                _ => Retry::Quick,
            },
            Self::LoginRejected { .. } => Retry::Rejected,
            Self::InvalidUrl { .. }
            | Self::NoRuntime { .. }
            | Self::Incompatible { .. }
            | Self::InvalidCredentials { .. }
            | Self::PlaintextRefused { .. }
            | Self::CertificateChanged { .. }
            | Self::Impostor { .. } => Retry::Final,
        }
    }
}
