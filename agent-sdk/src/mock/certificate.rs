//! The certificate that the mock shows.

use std::{fmt, fmt::Write as _, io, sync::Arc};

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
    /// As [`Certificate::SelfSigned`], but for no name at all.
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
            // The private key is nobody's to print.
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
