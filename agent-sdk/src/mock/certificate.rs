//! The certificate that the mock shows.

use std::{fmt, fmt::Write as _, fs, io, io::Write as _, path::Path, sync::Arc};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        pem::{self, PemObject},
    },
};

/// Which certificate the mock shows. Default: [`Certificate::SelfSigned`].
///
/// All but [`Certificate::Pem`] are made anew each time they are asked for, and name
/// `CFTools Architect` as the issuing organisation, as an agent's own certificate does.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Certificate {
    /// Valid, for `localhost` and `127.0.0.1`, signed with its own key.
    #[default]
    SelfSigned,
    /// As [`Certificate::SelfSigned`], but expired for years.
    Expired,
    /// As [`Certificate::SelfSigned`], without any name.
    Nameless,
    /// One of your own.
    Pem {
        /// The certificate, then those that lead to its root.
        chain: String,
        /// Its private key, in PKCS #8, PKCS #1 or SEC1.
        key: String,
    },
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SelfSigned => "SelfSigned",
            Self::Expired => "Expired",
            Self::Nameless => "Nameless",
            // The private key is never printed.
            Self::Pem { .. } => "Pem",
        })
    }
}

/// A certificate in use.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) der: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) config: Arc<ServerConfig>,
}

impl Certificate {
    /// Reads a certificate with its private key from a file in PEM; makes a self-signed one there if
    /// there is no such file. A client that has pinned it knows the mock again after a restart.
    ///
    /// # Errors
    ///
    /// The file can be neither read nor made, or holds no certificate and key.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use agent_sdk::mock::{Certificate, MockAgent};
    /// use serde_json::json;
    ///
    /// # fn example() -> std::io::Result<()> {
    /// let certificate = Certificate::kept_in("/var/lib/mock/agent.pem".as_ref())?;
    /// let builder = MockAgent::builder(json!({ "actions": {} })).certificate(certificate);
    /// # Ok(()) }
    /// ```
    pub fn kept_in(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_file(path)?,
            other => other?,
        };
        let (mut chain, mut key) = (String::new(), String::new());
        let mut is_key = false;
        for line in text.lines() {
            if line.starts_with("-----BEGIN") {
                is_key = line.ends_with(KEY_LABEL);
            }
            let part = if is_key { &mut key } else { &mut chain };
            part.push_str(line);
            part.push('\n');
        }
        let certificate = Self::Pem { chain, key };
        certificate.identity()?;
        Ok(certificate)
    }

    pub(super) fn identity(&self) -> io::Result<Identity> {
        match self {
            Self::SelfSigned => made(&valid(vec!["localhost".into(), "127.0.0.1".into()])?),
            Self::Nameless => made(&valid(Vec::new())?),
            Self::Expired => {
                let mut parameters = valid(vec!["localhost".into(), "127.0.0.1".into()])?;
                parameters.not_before = date_time_ymd(2001, 1, 1);
                parameters.not_after = date_time_ymd(2002, 1, 1);
                made(&parameters)
            }
            Self::Pem { chain, key } => given(chain, key),
        }
    }
}

impl Identity {
    /// `sha256:` and the hash of the certificate, as a client pins it.
    pub(super) fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.der);
        digest.as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The parameters of a certificate that a client has nothing to find fault with, but its issuer.
fn valid(names: Vec<String>) -> io::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(names).map_err(io::Error::other)?;
    let mut issuer = DistinguishedName::new();
    issuer.push(DnType::OrganizationName, "CFTools Architect");
    issuer.push(DnType::CommonName, "localhost");
    parameters.distinguished_name = issuer;
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2120, 1, 1);
    Ok(parameters)
}

/// What follows the kind of a private key in its label.
const KEY_LABEL: &str = "PRIVATE KEY-----";

/// Makes a file with a fresh certificate and its key, for its owner alone; its content.
fn make_file(path: &Path) -> io::Result<String> {
    let parameters = valid(vec!["localhost".into(), "127.0.0.1".into()])?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = parameters.self_signed(&key).map_err(io::Error::other)?;
    let text = certificate.pem() + &key.serialize_pem();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())?;
    Ok(text)
}

fn made(parameters: &CertificateParams) -> io::Result<Identity> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = parameters.self_signed(&key).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    identity(vec![certificate.der().clone()], key.into(), certificate.pem())
}

fn given(chain: &str, key: &str) -> io::Result<Identity> {
    let invalid = |what: &str, error: &pem::Error| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the mock's {what} is not PEM: {error}"),
        )
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| invalid("certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| invalid("private key", &error))?;
    identity(certificates, key, chain.to_owned())
}

fn identity(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pem: String,
) -> io::Result<Identity> {
    let der = chain.first().cloned().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the mock's certificate file holds none")
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    Ok(Identity { der, pem, config: Arc::new(config) })
}
