//! Certificate authorities, read again when they may have changed: they are rotated while programs
//! run, and a client that keeps old ones would refuse its agent for good.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use memchr::memmem;
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

/// The largest file that is read, in bytes; what a system trusts takes a quarter of a megabyte.
const MAX_FILE: u64 = 16 << 20;

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
    let text = read_bounded(path).map_err(|error| trouble(&error))?;
    // Some editors on Windows write a byte-order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let (mut roots, mut count) = (RootCertStore::empty(), 0);
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| trouble(&error))?;
        roots.add(certificate).map_err(|error| trouble(&error))?;
        count += 1;
    }
    if count == 0 {
        return Err(trouble(&"it holds no PEM certificate"));
    }
    // The parser passes over what does not begin a line.
    let begun = memmem::find_iter(text, b"-----BEGIN CERTIFICATE-----").count();
    if begun > count {
        return Err(trouble(&format!(
            "of {begun} certificates {count} can be read; the line `-----BEGIN CERTIFICATE-----` has \
             nothing before it"
        )));
    }
    Ok(roots)
}

/// Reads a file to its end, or to where no list of certificates goes on.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it is larger than {MAX_FILE} bytes")));
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> String {
        let authority = rcgen::generate_simple_self_signed(vec!["authority".to_owned()]).unwrap();
        authority.cert.pem()
    }

    fn read(text: impl AsRef<[u8]>) -> Result<usize, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_file(file.path()).map(|roots| roots.len())
    }

    #[test]
    fn a_list_of_authorities_is_read_as_others_write_it() {
        let (first, second) = (certificate(), certificate());
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for text in [
            format!("{first}{second}"),
            format!("{first}{second}").replace('\n', "\r\n"),
            format!("\u{feff}{first}{second}"),
            format!("# the first\nsubject=CN = first\n\n{first}# the second\n{second}trailer"),
            format!("{first}{key}{second}"),
            format!("{first}{}", second.trim_end()),
        ] {
            assert_eq!(read(&text), Ok(2), "{text}");
        }
    }

    /// An authority that was passed over in silence made strangers of the agents that it had signed.
    #[test]
    fn an_authority_that_cannot_be_read_is_an_error() {
        let (first, second) = (certificate(), certificate());
        let utf16: Vec<u8> = first.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (text, why) in [
            (Vec::new(), "no PEM certificate"),
            (b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n".to_vec(), "no PEM"),
            (utf16, "no PEM certificate"),
            (format!("{first} {second}").into_bytes(), "of 2 certificates 1"),
            (format!("{first}\u{feff}{second}").into_bytes(), "of 2 certificates 1"),
            (format!("{first}{}", &second[..200]).into_bytes(), "end"),
            (first.replacen("MII", "MI!", 1).into_bytes(), "cannot be used"),
            (first.replacen("MII", "", 1).into_bytes(), "cannot be used"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(why), "{}: {error}", text.escape_ascii());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_authorities_without_an_end_is_read_only_so_far() {
        let error = read_file(Path::new("/dev/zero")).unwrap_err();
        assert!(error.contains("larger than"), "{error}");
        assert!(read_file(Path::new("/")).unwrap_err().contains("cannot be used"));
    }
}
