//! The public key of a certificate of any version, and whether the peer holds it.
//!
//! A pinned certificate is trusted as it is: nothing of it counts but its key. So it may be of a
//! version or have contents that a certificate in a chain must not have.

use std::fmt;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerMisbehaved,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::SubjectPublicKeyInfoDer,
};
use webpki::RawPublicKeyEntity;

/// `SubjectPublicKeyInfo` in DER: RFC 5280, 4.1.
#[derive(Debug)]
pub(crate) struct PublicKey<'a> {
    whole: &'a [u8],
    algorithm: &'a [u8],
    bits: &'a [u8],
}

/// A key that cannot be used: the text completes "its certificate has …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnsupportedKey(String);

impl fmt::Display for UnsupportedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnsupportedKey {}

impl From<UnsupportedKey> for Error {
    fn from(key: UnsupportedKey) -> Self {
        CertificateError::Other(OtherError(std::sync::Arc::new(key))).into()
    }
}

mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const VERSION: u8 = 0xa0;
}

/// The object identifiers of keys that agents may have and that are not supported, as they begin an
/// `AlgorithmIdentifier`.
const UNSUPPORTED: [(&[u8], &str); 5] = [
    (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", "a P-521 key"),
    (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", "a key on another curve than P-256 and P-384"),
    (b"\x06\x03\x2b\x65\x71", "an Ed448 key"),
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "an RSA key for PSS alone"),
    (b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", "a DSA key"),
];
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// The sizes of RSA keys that ring verifies with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

impl<'a> PublicKey<'a> {
    /// Finds the key of a certificate.
    pub(crate) fn of(certificate: &'a [u8]) -> Result<Self, UnsupportedKey> {
        Self::find(certificate).ok_or_else(|| UnsupportedKey("a form that cannot be read".into()))
    }

    fn find(certificate: &'a [u8]) -> Option<Self> {
        let mut certificate = Der(Der(certificate).content(tag::SEQUENCE)?);
        let mut fields = Der(certificate.content(tag::SEQUENCE)?);
        if fields.0.first() == Some(&tag::VERSION) {
            fields.content(tag::VERSION)?;
        }
        fields.content(tag::INTEGER)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            fields.content(tag::SEQUENCE)?;
        }
        let from_key = fields.0;
        let mut key = Der(fields.content(tag::SEQUENCE)?);
        Some(Self {
            whole: from_key.get(..from_key.len() - fields.0.len())?,
            algorithm: key.content(tag::SEQUENCE)?,
            bits: key.content(tag::BIT_STRING)?,
        })
    }

    /// Refuses a key that no signature of a handshake can be verified with.
    pub(crate) fn check(
        &self,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), UnsupportedKey> {
        if let Some(bits) = self.rsa_bits()
            && !RSA_BITS.contains(&bits)
        {
            return Err(UnsupportedKey(format!("an RSA key of {bits} bits")));
        }
        let ids = algorithms.all.iter().map(|algorithm| algorithm.public_key_alg_id());
        if ids.into_iter().any(|id| id.as_ref() == self.algorithm) {
            return Ok(());
        }
        let known = UNSUPPORTED.iter().find(|(id, _)| self.algorithm.starts_with(id));
        let name = known.map_or("a key of an unknown kind", |(_, name)| *name);
        Err(UnsupportedKey(name.to_owned()))
    }

    fn rsa_bits(&self) -> Option<usize> {
        if !self.algorithm.starts_with(RSA) {
            return None;
        }
        // The first byte counts unused bits.
        let mut key = Der(Der(self.bits.get(1..)?).content(tag::SEQUENCE)?);
        let modulus = key.content(tag::INTEGER)?;
        let start = modulus.iter().position(|byte| *byte != 0)?;
        let bytes = modulus.get(start..)?;
        Some(bytes.len() * 8 - bytes.first()?.leading_zeros() as usize)
    }

    /// Verifies the signature of a TLS 1.2 handshake.
    pub(crate) fn verify_tls12(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        supported: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(self.whole);
        let bad = |_| Error::from(CertificateError::BadSignature);
        let key = RawPublicKeyEntity::try_from(&key).map_err(bad)?;
        let (_, algorithms) = supported
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signed.scheme)
            .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        // In TLS 1.2 a scheme does not say which curve an ECDSA key is on.
        let is_valid = algorithms
            .iter()
            .any(|algorithm| key.verify_signature(*algorithm, message, signed.signature()).is_ok());
        if is_valid {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    /// Verifies the signature of a TLS 1.3 handshake.
    pub(crate) fn verify_tls13(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        supported: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(self.whole);
        verify_tls13_signature_with_raw_key(message, &key, signed, supported)
    }
}

/// What is left of a sequence of DER values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Takes the next value, if it has this tag, and returns its content.
    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[found, length], mut rest) = self.0.split_first_chunk()?;
        let length = if length < 0x80 {
            usize::from(length)
        } else {
            let (digits, after) = rest.split_at_checked(usize::from(length & 0x7f))?;
            rest = after;
            // More would be longer than any handshake.
            let is_short = digits.len() <= 3;
            let length = digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
            is_short.then_some(length)?
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (found == tag).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::default_provider;

    use super::*;

    fn check(certificate: &[u8]) -> Result<(), UnsupportedKey> {
        let algorithms = default_provider().signature_verification_algorithms;
        PublicKey::of(certificate)?.check(&algorithms)
    }

    #[test]
    fn the_key_of_a_certificate_is_found() {
        use rcgen::{
            KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData,
        };
        for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            let key = KeyPair::generate_for(kind).unwrap();
            let certificate =
                rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
            assert_eq!(check(certificate.der()), Ok(()), "{kind:?}");
            let found = PublicKey::of(certificate.der()).unwrap();
            assert_eq!(found.whole, key.subject_public_key_info(), "{kind:?}");
        }
    }

    #[test]
    fn a_certificate_that_is_cut_off_or_changed_is_read_without_a_panic() {
        let certificate = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
        let der = certificate.cert.der().to_vec();
        for place in 0..der.len() {
            let _ = check(&der[..place]);
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[place] = byte;
                let _ = check(&changed);
            }
        }
    }
}
