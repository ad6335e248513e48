//! The certificates that the mock shows.

use agent_sdk::mock::{Certificate, MockAgent};
use serde_json::json;

use crate::foreign::{Client, catalogue, plain_mock, tls};

async fn mock_with(certificate: Certificate) -> MockAgent {
    MockAgent::builder(catalogue()).certificate(certificate).start().await.unwrap()
}

#[tokio::test]
async fn the_certificate_stands_for_loopback_and_names_the_vendor_as_issuer() {
    let mock = mock_with(Certificate::SelfSigned).await;
    let der = mock.certificate_der().unwrap();
    assert!(der.windows(17).any(|part| part == b"CFTools Architect"));
    assert!(mock.certificate_pem().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    // Verified with the name, and with nothing switched off.
    assert_eq!(Client::login(&mock).await.call("whoami", json!({})).await["status"], "ok");
}

#[tokio::test]
async fn the_fingerprint_is_that_of_the_certificate_shown() {
    let mock = mock_with(Certificate::SelfSigned).await;
    let stream = tls(&mock).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    assert_eq!(mock.certificate_der().unwrap(), shown);
    let fingerprint = mock.fingerprint().unwrap();
    let digits = fingerprint.strip_prefix("sha256:").unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &shown);
    let digits: Vec<_> =
        digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
    let expected: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digits, expected);
}

#[tokio::test]
async fn each_start_has_a_certificate_of_its_own() {
    let (one, other) = (mock_with(Certificate::SelfSigned).await, plain_mock().await);
    assert_ne!(one.fingerprint(), mock_with(Certificate::SelfSigned).await.fingerprint());
    assert_eq!((other.fingerprint(), other.certificate_pem()), (None, None));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_what_was_asked_for() {
    for (certificate, reason) in
        [(Certificate::Expired, "expired"), (Certificate::Nameless, "not valid for name")]
    {
        let mock = mock_with(certificate).await;
        let error = tls(&mock).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn ones_own_certificate_is_shown() {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let own = parameters.self_signed(&key).unwrap();
    let given = Certificate::Pem { chain: own.pem(), key: key.serialize_pem() };
    assert_eq!(format!("{given:?}"), "Pem", "no key in it");
    let mock = mock_with(given).await;
    assert_eq!(mock.certificate_der().unwrap(), own.der().to_vec());
    tls(&mock).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused_at_the_start() {
    for (chain, key) in [("", ""), ("-----BEGIN CERTIFICATE-----\n!\n", "x")] {
        let certificate = Certificate::Pem { chain: chain.into(), key: key.into() };
        let error = MockAgent::builder(catalogue()).certificate(certificate).start().await;
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
}

/// A fresh certificate at each start closed every client for good that had pinned it.
#[tokio::test]
async fn a_certificate_that_is_kept_in_a_file_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mock.pem");
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let certificate = Certificate::kept_in(&path).unwrap();
        let mock = MockAgent::builder(catalogue()).certificate(certificate).start().await.unwrap();
        Client::login(&mock).await;
        fingerprints.push(mock.fingerprint().unwrap());
        assert!(!mock.certificate_pem().unwrap().contains("PRIVATE"));
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    std::fs::write(&path, "nothing of use").unwrap();
    assert!(Certificate::kept_in(&path).is_err());
}
