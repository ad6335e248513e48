//! Whom to trust: what makes the certificate of an agent acceptable.

mod fingerprint;
mod known_agents;
mod pins;
mod public_key;
mod roots;
mod verifier;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::pki_types::CertificateDer;

pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub(crate) use known_agents::{KnownAgents, Remembered};
pub(crate) use pins::Pins;
pub(crate) use public_key::UnsupportedKey;
pub(crate) use roots::{RootSource, Roots};
pub(crate) use verifier::{Check, Verifier};

use crate::error::ConnectError;

/// Which certificates are trusted when the URL says `wss`.
///
/// An agent's certificate is self-signed by default (`docs/protocol.md`, documented), so the
/// default here, [`Tls::system_roots`], refuses it, and the error shows the fingerprint to pin.
/// Whatever is chosen, the peer has to prove that it holds the certificate's key.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use agent_sdk::Tls;
///
/// let tls = Tls::pinned(
///     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
/// )?;
/// # let _ = tls;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tls {
    pub(crate) mode: Mode,
}

#[derive(Clone)]
pub(crate) enum Mode {
    Roots(RootSource),
    Pinned(Pins),
    KnownAgents { path: PathBuf, on_first_meeting: Option<OnFirstMeeting> },
    DangerAny,
}

/// Called with the address (`HOST:PORT`) and the certificate of an agent that is remembered.
pub(crate) type OnFirstMeeting = Arc<dyn Fn(&str, Fingerprint) + Send + Sync>;

impl Tls {
    /// Trusts what the operating system trusts. This is the default.
    ///
    /// The system's authorities are read for each connection, so that a change of them needs no
    /// restart.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::system_roots();
    /// ```
    #[must_use]
    pub fn system_roots() -> Self {
        Self { mode: Mode::Roots(RootSource::System) }
    }

    /// Trusts the certificate authorities in a PEM file, and no others.
    ///
    /// The file is read now and for each connection, so that a change of it needs no restart;
    /// while it cannot be read, what it said last counts.
    ///
    /// # Errors
    ///
    /// [`ConnectError::TrustFile`] if the file cannot be read or holds no certificate.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_sdk::ConnectError> {
    /// let tls = agent_sdk::Tls::ca_file("/etc/agents/ca.pem")?;
    /// # Ok(()) }
    /// ```
    pub fn ca_file(path: impl AsRef<Path>) -> Result<Self, ConnectError> {
        let path = path.as_ref();
        let store = roots::read_file(path).map_err(|reason| ConnectError::TrustFile {
            path: path.display().to_string(),
            reason,
        })?;
        let source = RootSource::File { path: path.to_owned(), store: Arc::new(store) };
        Ok(Self { mode: Mode::Roots(source) })
    }

    /// Trusts the one certificate with this SHA-256 fingerprint, whatever its issuer, name and dates.
    ///
    /// # Errors
    ///
    /// [`InvalidFingerprint`] if the text is no fingerprint; see [`Fingerprint`] for its forms.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::pinned(
    ///     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    /// )?;
    /// # Ok::<(), agent_sdk::InvalidFingerprint>(())
    /// ```
    pub fn pinned(fingerprint: impl AsRef<str>) -> Result<Self, InvalidFingerprint> {
        Self::pinned_any([fingerprint])
    }

    /// Trusts each certificate with one of these SHA-256 fingerprints. So a new certificate can be
    /// announced: pin it beside the old one, change the agent's, then leave the old one out.
    ///
    /// # Errors
    ///
    /// [`InvalidFingerprint`] if a text is no fingerprint, or if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), agent_sdk::InvalidFingerprint> {
    /// let tls = agent_sdk::Tls::pinned_any([
    ///     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ///     "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    /// ])?;
    /// # let _ = tls;
    /// # Ok(()) }
    /// ```
    pub fn pinned_any(
        fingerprints: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, InvalidFingerprint> {
        let pins: Vec<Fingerprint> = fingerprints
            .into_iter()
            .map(|fingerprint| fingerprint.as_ref().parse())
            .collect::<Result<_, _>>()?;
        let pins = Pins::new(pins).ok_or_else(|| InvalidFingerprint::new("there is none"))?;
        Ok(Self { mode: Mode::Pinned(pins) })
    }

    /// Trusts on first use: remembers each agent's certificate in a file, and refuses another one
    /// from then on.
    ///
    /// Give an absolute path: with a relative one, the folder in which the program happens to be
    /// started decides which agents are known.
    ///
    /// The file has one line per agent, `HOST:PORT sha256:HEX`, in UTF-8; an IPv6 address is in
    /// brackets. To announce a new certificate, write its fingerprint behind the old one, separated
    /// by a space: both are accepted. Blank lines and lines that begin with `#` are comments, lines
    /// may end with CR LF. Anything else is an error, and so are two lines that contradict each
    /// other: a pin is never passed over. The file is read for each connection.
    ///
    /// A file that does not exist is made when the first agent is met, with access for its owner
    /// only; its folder has to exist. An agent is remembered once it has proved that it holds the
    /// certificate's key, before the password is sent. That is logged (level `INFO`), and can be
    /// shown by [`Tls::on_first_meeting`]. On Unix, a file that is not a regular one, that belongs
    /// to neither you nor root, or that others may write, is refused. `PATH.lock` beside it keeps
    /// two processes from writing at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::known_agents("/var/lib/my-application/known_agents");
    /// ```
    #[must_use]
    pub fn known_agents(path: impl Into<PathBuf>) -> Self {
        Self { mode: Mode::KnownAgents { path: path.into(), on_first_meeting: None } }
    }

    /// Has `show` called when an agent is remembered by [`Tls::known_agents`], with its `HOST:PORT`
    /// and its certificate's fingerprint, to be compared with what the agent's own machine shows. It is
    /// called before the password is sent, and must not block. With any other kind of trust it is never
    /// called.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::known_agents("/var/lib/my-application/known_agents")
    ///     .on_first_meeting(|agent, fingerprint| eprintln!("remembered {agent} {fingerprint}"));
    /// ```
    #[must_use]
    pub fn on_first_meeting(
        mut self,
        show: impl Fn(&str, Fingerprint) + Send + Sync + 'static,
    ) -> Self {
        if let Mode::KnownAgents { on_first_meeting, .. } = &mut self.mode {
            *on_first_meeting = Some(Arc::new(show));
        }
        self
    }

    /// Trusts any certificate: anyone in between reads the password.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::danger_accept_any_certificate();
    /// ```
    #[must_use]
    pub fn danger_accept_any_certificate() -> Self {
        Self { mode: Mode::DangerAny }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::system_roots()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mode {
            Mode::Roots(RootSource::System) => f.write_str("Tls::system_roots"),
            Mode::Roots(RootSource::File { path, .. }) => {
                write!(f, "Tls::ca_file({})", path.display())
            }
            Mode::Pinned(pins) => write!(f, "Tls::pinned({pins})"),
            Mode::KnownAgents { path, .. } => write!(f, "Tls::known_agents({})", path.display()),
            Mode::DangerAny => f.write_str("Tls::danger_accept_any_certificate"),
        }
    }
}

/// The certificate that an agent shows; [`Builder::certificate`](crate::Builder::certificate)
/// fetches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new(der: &CertificateDer<'_>) -> Self {
        Self { der: der.to_vec() }
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256 fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }
}
