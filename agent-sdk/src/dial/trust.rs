//! The TLS handshake, with the trust that the user chose.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
};
use tokio::{
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tracing::{info, warn};

use super::endpoint::Endpoint;
use crate::{
    address::{Address, Host},
    error::{ConnectError, ConnectStage},
    text::Secrets,
    tls::{
        Check, Fingerprint, KnownAgents, Mode, OnFirstMeeting, Pins, Remembered, Roots, Tls,
        UnsupportedKey, Verifier,
    },
};

/// How long to wait before the known-agents file is tried again while another process changes it.
const BUSY_DELAY: Duration = Duration::from_millis(25);

/// The trust of one agent, prepared.
pub(crate) struct Trust {
    source: Source,
    provider: Arc<CryptoProvider>,
    /// What a certificate may repeat: the peer chooses its names.
    secrets: Secrets,
}

enum Source {
    Roots(Arc<Roots>),
    Pinned(Pins),
    KnownAgents(FirstUse),
    Any,
}

/// Trust on first use.
struct FirstUse {
    file: KnownAgents,
    on_first_meeting: Option<OnFirstMeeting>,
    /// What the file said last: it counts for as long as this runs, where the file says no more.
    met: Mutex<Option<Pins>>,
}

impl Trust {
    pub(crate) async fn new(tls: &Tls, secrets: Secrets) -> Result<Self, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let source = match &tls.mode {
            Mode::Roots(source) => {
                let roots = Arc::new(Roots::new(source.clone(), Arc::clone(&provider))?);
                // Whatever is wrong with them is said before anything is dialled.
                current(&roots).await?;
                Source::Roots(roots)
            }
            Mode::Pinned(pins) => Source::Pinned(pins.clone()),
            Mode::KnownAgents { path, on_first_meeting } => Source::KnownAgents(FirstUse {
                file: KnownAgents::new(path),
                on_first_meeting: on_first_meeting.clone(),
                met: Mutex::new(None),
            }),
            Mode::DangerAny => Source::Any,
        };
        Ok(Self { source, provider, secrets })
    }

    /// Does the handshake and, on first use, remembers the certificate. The deadline is that of the
    /// connection; this ends before it only where the known-agents file is in use for so long.
    pub(crate) async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let address = &endpoint.address;
        let check = match &self.source {
            Source::Roots(roots) => Check::Roots(current(roots).await?),
            Source::Pinned(pins) => Check::Pinned(pins.clone()),
            Source::KnownAgents(first_use) => {
                first_use.known(address).await?.map_or(Check::Any, Check::Pinned)
            }
            Source::Any => Check::Any,
        };
        let expected = match &check {
            Check::Pinned(pins) => Some(pins.clone()),
            Check::Roots(_) | Check::Any => None,
        };
        let verifier = Arc::new(Verifier::new(check, &self.provider));
        let connector = TlsConnector::from(Arc::new(self.config(&verifier)?));
        let stream = connector
            .connect(server_name(endpoint)?, tcp)
            .await
            .map_err(|error| self.explain(address, &verifier, expected.as_ref(), &error))?;
        if let (Source::KnownAgents(first_use), None, Some(seen)) =
            (&self.source, expected, verifier.seen())
        {
            let known = first_use.remember(address, seen, deadline).await?;
            // Another process may have met the agent at the same moment, and seen another
            // certificate.
            if !known.contains(seen) {
                return Err(self.changed(address, &known, seen));
            }
        }
        Ok(stream)
    }

    fn config(&self, verifier: &Arc<Verifier>) -> Result<ClientConfig, ConnectError> {
        let verifier: Arc<Verifier> = Arc::clone(verifier);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::TrustFile {
                path: "the trusted certificates".to_owned(),
                reason: format!("they cannot be used: {error}"),
            })?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // The configuration serves one connection; a cache of sessions would only be memory.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn explain(
        &self,
        address: &Address,
        verifier: &Verifier,
        expected: Option<&Pins>,
        error: &io::Error,
    ) -> ConnectError {
        let tls = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
        let (Some(tls), Some(seen)) = (tls, verifier.seen()) else {
            return explain_without_certificate(address, tls, error);
        };
        if let Some(expected) = expected.filter(|expected| !expected.contains(seen)) {
            return self.changed(address, expected, seen);
        }
        let (address, fingerprint) = (address.to_string(), seen.to_string());
        match tls {
            rustls::Error::InvalidCertificate(CertificateError::BadSignature)
                if verifier.has_accepted() =>
            {
                ConnectError::Impostor { address, fingerprint }
            }
            rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
                // As after a change of the authority that kept its name.
                let reason = "it is not signed with the key of the trusted authority of that name";
                let reason = reason.to_owned();
                ConnectError::CertificateUntrusted { address, fingerprint, reason }
            }
            rustls::Error::InvalidCertificate(reason) => {
                if let Some(problem) = unsupported_key(reason) {
                    return ConnectError::CertificateUnsupported { address, fingerprint, problem };
                }
                // It may repeat the certificate's names.
                let reason = self.secrets.excerpt(reason.to_string().as_bytes());
                ConnectError::CertificateUntrusted { address, fingerprint, reason }
            }
            other => {
                let reason = self.secrets.excerpt(other.to_string().as_bytes());
                ConnectError::Tls { address, reason }
            }
        }
    }

    fn changed(&self, address: &Address, expected: &Pins, found: Fingerprint) -> ConnectError {
        let remedy = match &self.source {
            Source::KnownAgents(first_use) => format!(
                "If the agent's own machine shows the new one, write it into the line of {address} \
                 in {}, in place of the old one or behind it",
                first_use.file.path().display()
            ),
            _ => "If the agent's own machine shows the new one, pin that".to_owned(),
        };
        ConnectError::CertificateChanged {
            address: address.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
            remedy,
        }
    }
}

/// What kind of key a certificate was refused for, if that is why.
fn unsupported_key(reason: &CertificateError) -> Option<String> {
    let CertificateError::Other(other) = reason else { return None };
    other.0.downcast_ref::<UnsupportedKey>().map(ToString::to_string)
}

impl FirstUse {
    /// The certificates that are known. The file is read each time, since a new certificate may
    /// have been announced; where it cannot be read any more, what it said before counts.
    async fn known(&self, address: &Address) -> Result<Option<Pins>, ConnectError> {
        let found = {
            let (file, address) = (self.file.clone(), address.clone());
            blocking(self.file.path(), move || file.find(&address)).await
        };
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        match (found, met.as_ref()) {
            (Ok(Some(pins)), _) => *met = Some(pins),
            (Ok(None), _) => {}
            (Err(error), Some(_)) => {
                warn!(%error, "what was known of the agent's certificate before counts");
            }
            (Err(error), None) => return Err(error),
        }
        Ok(met.clone())
    }

    /// Remembers a certificate, and returns what is known then.
    async fn remember(
        &self,
        address: &Address,
        seen: Fingerprint,
        deadline: Instant,
    ) -> Result<Pins, ConnectError> {
        let pins = loop {
            let (file, of) = (self.file.clone(), address.clone());
            match blocking(self.file.path(), move || file.try_remember(&of, seen)).await? {
                Remembered::Now => {
                    self.show_meeting(address, seen);
                    break Pins::from(seen);
                }
                Remembered::Before(pins) => break pins,
                Remembered::Busy { lock } if Instant::now() + BUSY_DELAY >= deadline => {
                    return Err(ConnectError::TrustFile {
                        path: lock.display().to_string(),
                        reason: "another process holds this lock of the known agents all the \
                                 time; find out which (`fuser -v` with this path), and end it"
                            .to_owned(),
                    });
                }
                Remembered::Busy { .. } => sleep(BUSY_DELAY).await,
            }
        };
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some(pins.clone());
        Ok(pins)
    }
    fn show_meeting(&self, address: &Address, seen: Fingerprint) {
        let file = self.file.path().display();
        info!(agent = %address, certificate = %seen, %file, "remembered an agent at first sight");
        if let Some(show) = &self.on_first_meeting {
            show(&address.to_string(), seen);
        }
    }
}

/// Names the peer as its certificate should: without a zone, which means nothing to others.
fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, ConnectError> {
    match &endpoint.address.host {
        Host::Ip { ip, .. } => Ok(ServerName::from(*ip)),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            let reason = "its host is neither a name nor an address";
            ConnectError::InvalidUrl { url: endpoint.to_string(), reason }
        }),
    }
}

/// Explains a handshake that failed before a certificate was shown.
fn explain_without_certificate(
    address: &Address,
    tls: Option<&rustls::Error>,
    error: &io::Error,
) -> ConnectError {
    const NO_TLS: &str = "; if it is an agent without TLS, its URL begins with `ws://`";
    let address = address.to_string();
    let Some(tls) = tls else {
        // So ends a peer that takes the handshake for a request, and so does one that restarts.
        let hint = if error.kind() == io::ErrorKind::UnexpectedEof { NO_TLS } else { "" };
        return ConnectError::Broken {
            address,
            stage: ConnectStage::Tls,
            cause: Arc::new(io::Error::new(error.kind(), format!("{error}{hint}"))),
        };
    };
    let reason = match tls {
        rustls::Error::InvalidMessage(_) => format!("it does not speak TLS{NO_TLS}"),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => format!(
            "{tls}. Perhaps its certificate has a key of a kind that is not supported: {}",
            crate::error::SUPPORTED_KEYS
        ),
        other => other.to_string(),
    };
    ConnectError::Tls { address, reason }
}

async fn current(roots: &Arc<Roots>) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
    let reading = Arc::clone(roots);
    blocking(Path::new("the certificate authorities"), move || reading.verifier()).await
}

/// Runs work that reads or writes files. If the future is dropped, the work goes on to its end, which
/// is near: it waits for nothing.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(ConnectError::TrustFile {
            path: path.display().to_string(),
            reason: format!("reading it was interrupted: {error}"),
        })
    })
}
