//! Checks the certificate that an agent shows, and remembers which it was.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Fingerprint, Pins, public_key::PublicKey};

/// What makes a certificate acceptable.
#[derive(Debug)]
pub(crate) enum Check {
    /// A chain to one of these roots, the host's name, the dates.
    Roots(Arc<WebPkiServerVerifier>),
    /// A certificate with one of these fingerprints.
    Pinned(Pins),
    /// Nothing.
    Any,
}

/// Checks one connection's certificate.
///
/// Whatever the check, the signatures of the handshake are verified: they prove that the peer holds
/// the certificate's key. Without that, a pin would be worth nothing, for certificates are public.
#[derive(Debug)]
pub(crate) struct Verifier {
    check: Check,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Mutex<Option<Fingerprint>>,
    accepted: AtomicBool,
}

impl Verifier {
    pub(crate) fn new(check: Check, provider: &CryptoProvider) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { check, algorithms, seen: Mutex::new(None), accepted: AtomicBool::new(false) }
    }

    /// The certificate that the peer has shown.
    pub(crate) fn seen(&self) -> Option<Fingerprint> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether that certificate is acceptable: what fails from then on is the proof of its
    /// key.
    pub(crate) fn has_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    fn check(
        &self,
        shown: Fingerprint,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Check::Pinned(pins) = &self.check
            && !pins.contains(shown)
        {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        // Otherwise its signature could not be verified, as if it were an impostor's.
        PublicKey::of(end_entity)?.check(&self.algorithms)?;
        match &self.check {
            Check::Roots(verifier) => verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            Check::Pinned(_) | Check::Any => Ok(ServerCertVerified::assertion()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint::of(end_entity);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        let verified =
            self.check(shown, end_entity, intermediates, server_name, ocsp_response, now)?;
        self.accepted.store(true, Ordering::Relaxed);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        PublicKey::of(certificate)?.verify_tls12(message, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        PublicKey::of(certificate)?.verify_tls13(message, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
