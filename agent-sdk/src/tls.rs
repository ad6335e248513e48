//! Whom to trust: what makes the certificate of an agent acceptable.

mod fingerprint;
mod known_agents;
mod verifier;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub(crate) use known_agents::KnownAgents;
pub(crate) use verifier::{Check, Verifier};

use crate::error::ConnectError;

/// Which certificates are trusted when the URL says `wss`.
///
/// An agent's certificate is self-signed by default (`PROTOCOL.md`, V), so the default here,
/// [`Tls::system_roots`], refuses it, and the error shows the fingerprint to pin. Whatever is
/// chosen, the peer has to prove that it holds the certificate's key.
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
    SystemRoots,
    Roots(Arc<RootCertStore>),
    Pinned(Fingerprint),
    KnownAgents(PathBuf),
    DangerAny,
}

impl Tls {
    /// Trusts what the operating system trusts. This is the default.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::system_roots();
    /// ```
    #[must_use]
    pub fn system_roots() -> Self {
        Self { mode: Mode::SystemRoots }
    }

    /// Trusts the certificate authorities in a PEM file, and no others.
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
        let trouble = |reason: String| ConnectError::TrustFile {
            path: path.display().to_string(),
            reason: format!("cannot be used as a list of certificate authorities: {reason}"),
        };
        let mut roots = RootCertStore::empty();
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| trouble(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| trouble(error.to_string()))?;
            roots.add(certificate).map_err(|error| trouble(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(trouble("it holds no PEM certificate".to_owned()));
        }
        Ok(Self { mode: Mode::Roots(Arc::new(roots)) })
    }

    /// Trusts the one certificate with this SHA-256 fingerprint, whoever signed it, whatever name
    /// and dates it bears.
    ///
    /// # Errors
    ///
    /// [`InvalidFingerprint`] if the text is no fingerprint; see [`Fingerprint`] for its forms.
    ///
    /// # Examples
    ///
    /// See [`Tls`].
    pub fn pinned(fingerprint: impl AsRef<str>) -> Result<Self, InvalidFingerprint> {
        Ok(Self { mode: Mode::Pinned(fingerprint.as_ref().parse()?) })
    }

    /// Trusts on first use: remembers each agent's certificate in a file, and refuses another one
    /// from then on.
    ///
    /// The file has one line per host and port, `HOST:PORT sha256:HEX`; it is made when the first
    /// agent is met, with access for its owner only, and replaced as a whole. An agent is
    /// remembered once it has proved that it holds the certificate's key, before the password is
    /// sent.
    ///
    /// # Examples
    ///
    /// ```
    /// let tls = agent_sdk::Tls::known_agents("known_agents");
    /// ```
    #[must_use]
    pub fn known_agents(path: impl Into<PathBuf>) -> Self {
        Self { mode: Mode::KnownAgents(path.into()) }
    }

    /// Trusts any certificate: whoever is in between reads the password.
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
            Mode::SystemRoots => f.write_str("Tls::system_roots"),
            Mode::Roots(roots) => write!(f, "Tls::ca_file({} certificates)", roots.len()),
            Mode::Pinned(fingerprint) => write!(f, "Tls::pinned({fingerprint})"),
            Mode::KnownAgents(path) => write!(f, "Tls::known_agents({})", path.display()),
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
