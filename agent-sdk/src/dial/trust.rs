//! The TLS handshake, with the trust that the user chose.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
};
use tokio::{net::TcpStream, task::spawn_blocking};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::endpoint::Endpoint;
use crate::{
    error::{ConnectError, ConnectStage},
    tls::{Check, Fingerprint, KnownAgents, Mode, Tls, Verifier},
};

/// The trust of one agent, prepared: nothing is read from disk twice but the known agents.
pub(crate) struct Trust {
    source: Source,
    provider: Arc<CryptoProvider>,
    /// The certificate that was met first, where trust is on first use: it counts for as long as
    /// this runs, whatever becomes of the file.
    met: OnceLock<Fingerprint>,
}

enum Source {
    Roots(Arc<WebPkiServerVerifier>),
    Pinned(Fingerprint),
    KnownAgents(KnownAgents),
    Any,
}

impl Trust {
    pub(crate) async fn new(tls: &Tls) -> Result<Self, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let source = match &tls.mode {
            Mode::SystemRoots => Source::Roots(roots(system_roots().await?, &provider)?),
            Mode::Roots(store) => Source::Roots(roots(Arc::clone(store), &provider)?),
            Mode::Pinned(fingerprint) => Source::Pinned(*fingerprint),
            Mode::KnownAgents(path) => Source::KnownAgents(KnownAgents::new(path)),
            Mode::DangerAny => Source::Any,
        };
        Ok(Self { source, provider, met: OnceLock::new() })
    }

    /// Does the handshake and, on first use, remembers the certificate.
    pub(crate) async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let address = endpoint.authority();
        let known = self.known(&address).await?;
        let check = match (&self.source, known) {
            (Source::Roots(verifier), _) => Check::Roots(Arc::clone(verifier)),
            (Source::Pinned(fingerprint), _) => Check::Pinned(*fingerprint),
            (Source::KnownAgents(_), Some(fingerprint)) => Check::Pinned(fingerprint),
            (Source::KnownAgents(_), None) | (Source::Any, _) => Check::Any,
        };
        let verifier = Arc::new(Verifier::new(check, Arc::clone(&self.provider)));
        let name =
            ServerName::try_from(endpoint.host.clone()).map_err(|_| ConnectError::InvalidUrl {
                url: endpoint.to_string(),
                reason: "its host is neither a name nor an address",
            })?;
        let connector = TlsConnector::from(Arc::new(self.config(&verifier)?));
        let stream = connector
            .connect(name, tcp)
            .await
            .map_err(|error| self.explain(&address, &verifier, known, &error))?;
        if let (Source::KnownAgents(file), None, Some(seen)) =
            (&self.source, known, verifier.seen())
        {
            self.remember(file, address, seen).await?;
        }
        Ok(stream)
    }

    fn config(&self, verifier: &Arc<Verifier>) -> Result<ClientConfig, ConnectError> {
        let verifier: Arc<Verifier> = Arc::clone(verifier);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // The configuration serves one connection; a cache of sessions would only be memory.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    async fn known(&self, address: &str) -> Result<Option<Fingerprint>, ConnectError> {
        let Source::KnownAgents(file) = &self.source else { return Ok(None) };
        if let Some(met) = self.met.get() {
            return Ok(Some(*met));
        }
        let (file, address) = (file.clone(), address.to_owned());
        let known = blocking(move || file.find(&address)).await?;
        Ok(known.inspect(|known| _ = self.met.set(*known)))
    }

    async fn remember(
        &self,
        file: &KnownAgents,
        address: String,
        seen: Fingerprint,
    ) -> Result<(), ConnectError> {
        let (file, authority) = (file.clone(), address.clone());
        let known = blocking(move || file.remember(&authority, seen)).await?;
        let _ = self.met.set(known);
        // Another process may have met the agent at the same moment, and seen another certificate.
        if known == seen { Ok(()) } else { Err(self.changed(address, known, seen)) }
    }

    fn explain(
        &self,
        address: &str,
        verifier: &Verifier,
        known: Option<Fingerprint>,
        error: &io::Error,
    ) -> ConnectError {
        let address = address.to_owned();
        let tls = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
        let expected = match &self.source {
            Source::Pinned(expected) => Some(*expected),
            // With the other sources nothing is known.
            _ => known,
        };
        match (tls, verifier.seen(), expected) {
            (Some(_), Some(seen), Some(expected)) if seen != expected => {
                self.changed(address, expected, seen)
            }
            (
                Some(rustls::Error::InvalidCertificate(CertificateError::BadSignature)),
                Some(seen),
                _,
            ) => ConnectError::Impostor { address, fingerprint: seen.to_string() },
            (Some(rustls::Error::InvalidCertificate(reason)), Some(seen), _) => {
                ConnectError::CertificateUntrusted {
                    address,
                    fingerprint: seen.to_string(),
                    reason: reason.to_string(),
                }
            }
            (Some(rustls::Error::InvalidMessage(_)), None, _) => ConnectError::Tls {
                address,
                reason:
                    "it does not speak TLS; if it is an agent without TLS, its URL begins with \
                         `ws://`"
                        .to_owned(),
            },
            (Some(error), _, _) => ConnectError::Tls { address, reason: error.to_string() },
            (None, _, _) => ConnectError::Broken {
                address,
                stage: ConnectStage::Tls,
                source: Arc::new(io::Error::new(error.kind(), error.to_string())),
            },
        }
    }

    fn changed(&self, address: String, expected: Fingerprint, found: Fingerprint) -> ConnectError {
        let remedy = match &self.source {
            Source::KnownAgents(file) => format!(
                "If the agent's own machine shows the new one, remove the line of {address} from \
                 {}",
                file.path().display()
            ),
            _ => "If the agent's own machine shows the new one, pin that".to_owned(),
        };
        ConnectError::CertificateChanged {
            address,
            expected: expected.to_string(),
            found: found.to_string(),
            remedy,
        }
    }
}

fn roots(
    store: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
    WebPkiServerVerifier::builder_with_provider(store, Arc::clone(provider))
        .build()
        .map_err(unusable)
}

/// What the operating system trusts, read once for all agents of the process. Certificates that
/// cannot be read are left out, as other programs do; none at all is an error.
async fn system_roots() -> Result<Arc<RootCertStore>, ConnectError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    blocking(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let reason =
                found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
            return Err(ConnectError::TrustFile {
                path: "the system's certificates".to_owned(),
                reason: format!(
                    "none were found{reason}; pin the agent's certificate, or give a CA file"
                ),
            });
        }
        Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(store))))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(ConnectError::TrustFile {
            path: "the trusted certificates".to_owned(),
            reason: format!("reading them was interrupted: {error}"),
        })
    })
}

fn unusable(error: impl std::fmt::Display) -> ConnectError {
    ConnectError::TrustFile {
        path: "the trusted certificates".to_owned(),
        reason: format!("they cannot be used: {error}"),
    }
}
