//! Certificate authorities, read again when they may have changed: they are rotated while programs
//! run, and a client that keeps old ones would refuse its agent for good.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use tracing::warn;

use crate::error::ConnectError;

/// How long the system's authorities are taken for current once they were read: so a thousand agents
/// that are reached again at the same moment read them once.
const FRESH: Duration = Duration::from_secs(1);

/// Where certificate authorities are found.
#[derive(Clone, Debug)]
pub(crate) enum RootSource {
    System,
    /// A file, and what it said when it was named.
    File {
        path: PathBuf,
        store: Arc<RootCertStore>,
    },
}

/// The certificate authorities that are trusted for one agent.
#[derive(Debug)]
pub(crate) struct Roots {
    source: RootSource,
    provider: Arc<CryptoProvider>,
    /// Made of what was read last.
    last: Mutex<Option<Arc<WebPkiServerVerifier>>>,
}

impl Roots {
    pub(crate) fn new(
        source: RootSource,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, ConnectError> {
        let roots = Self { source, provider, last: Mutex::default() };
        if let RootSource::File { store, .. } = &roots.source {
            *roots.lock() = Some(roots.build(Arc::clone(store))?);
        }
        Ok(roots)
    }

    /// Reads the authorities. Where they cannot be read any more, perhaps because they are being
    /// replaced, those from before count.
    ///
    /// # Errors
    ///
    /// They cannot be read and never could.
    pub(crate) fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
        let read = self.source.read().and_then(|store| self.build(store));
        let mut last = self.lock();
        let verifier = match (read, last.take()) {
            (Ok(verifier), _) => verifier,
            (Err(error), Some(before)) => {
                warn!(%error, "the certificate authorities stay as they were");
                before
            }
            (Err(error), None) => return Err(error),
        };
        *last = Some(Arc::clone(&verifier));
        Ok(verifier)
    }

    fn build(&self, store: Arc<RootCertStore>) -> Result<Arc<WebPkiServerVerifier>, ConnectError> {
        WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&self.provider))
            .build()
            .map_err(|error| ConnectError::TrustFile {
                path: self.source.name(),
                reason: format!("the certificate authorities cannot be used: {error}"),
            })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<WebPkiServerVerifier>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RootSource {
    fn name(&self) -> String {
        match self {
            Self::System => "the system's certificates".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    fn read(&self) -> Result<Arc<RootCertStore>, ConnectError> {
        match self {
            Self::System => system_roots(),
            // Not a file that says something once: a named pipe, as of `<(command)` in a shell.
            Self::File { path, store } if path.exists() && !path.is_file() => Ok(Arc::clone(store)),
            Self::File { path, .. } => read_file(path).map(Arc::new),
        }
        .map_err(|reason| ConnectError::TrustFile { path: self.name(), reason })
    }
}

/// Reads a PEM file of certificate authorities. The error says what is wrong.
pub(crate) fn read_file(path: &Path) -> Result<RootCertStore, String> {
    let trouble = |reason: &dyn std::fmt::Display| {
        format!("cannot be used as a list of certificate authorities: {reason}")
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| trouble(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| trouble(&error))?;
        roots.add(certificate).map_err(|error| trouble(&error))?;
    }
    if roots.is_empty() {
        return Err(trouble(&"it holds no PEM certificate"));
    }
    Ok(roots)
}

/// What the operating system trusts, shared by all agents of the process. Certificates that cannot
/// be read are left out, as other programs do; none at all is an error.
fn system_roots() -> Result<Arc<RootCertStore>, String> {
    static CURRENT: Mutex<Option<(Instant, Arc<RootCertStore>)>> = Mutex::new(None);
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, store)) = current.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
        return Ok(Arc::clone(store));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let reason = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        return Err(format!(
            "none were found{reason}; pin the agent's certificate, or give a CA file"
        ));
    }
    let store = Arc::new(store);
    *current = Some((Instant::now(), Arc::clone(&store)));
    Ok(store)
}
