//! Whom the client trusts.

use agent_sdk::{
    Agent, Builder, ConnectError, Tls,
    mock::{Certificate, MockAgent},
};

use crate::common::{catalogue, soon};

async fn mock(certificate: Certificate) -> MockAgent {
    MockAgent::builder(catalogue()).certificate(certificate).start().await.unwrap()
}

fn client(mock: &MockAgent, tls: Tls) -> Builder {
    Agent::builder(mock.url()).credentials(mock.username(), mock.password()).tls(tls)
}

async fn connects(mock: &MockAgent, tls: Tls) -> Result<(), ConnectError> {
    let agent = soon(client(mock, tls).connect()).await?;
    soon(agent.call_raw("whoami", ())).await.unwrap();
    Ok(())
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_name_and_no_date() {
    for certificate in [Certificate::SelfSigned, Certificate::Expired, Certificate::Nameless] {
        let mock = mock(certificate.clone()).await;
        let pin = Tls::pinned(mock.fingerprint().unwrap()).unwrap();
        connects(&mock, pin).await.unwrap_or_else(|error| panic!("{certificate:?}: {error}"));
    }
}

#[tokio::test]
async fn another_certificate_than_the_pinned_is_refused_before_the_password() {
    let mock = mock(Certificate::SelfSigned).await;
    let wrong = format!("sha256:{}", "ab".repeat(32));
    let error = connects(&mock, Tls::pinned(&wrong).unwrap()).await.unwrap_err();
    let ConnectError::CertificateChanged { expected, found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((expected, found), (&wrong, &mock.fingerprint().unwrap()));
    assert!(error.to_string().contains(expected) && error.to_string().contains(found));
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn the_system_s_roots_refuse_a_self_signed_certificate_and_show_it() {
    let mock = mock(Certificate::SelfSigned).await;
    let error = connects(&mock, Tls::system_roots()).await.unwrap_err();
    match &error {
        ConnectError::CertificateUntrusted { fingerprint, .. } => {
            assert_eq!(*fingerprint, mock.fingerprint().unwrap());
            assert!(error.to_string().contains("--fingerprint"), "{error}");
        }
        // A machine without any certificates says so instead.
        ConnectError::TrustFile { .. } => {}
        _ => panic!("{error}"),
    }
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn an_own_authority_is_trusted_and_still_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for (certificate, trouble) in [
        (Certificate::SelfSigned, None),
        (Certificate::Expired, Some("expired")),
        (Certificate::Nameless, Some("not valid for name")),
    ] {
        let mock = mock(certificate).await;
        std::fs::write(&file, mock.certificate_pem().unwrap()).unwrap();
        let result = connects(&mock, Tls::ca_file(&file).unwrap()).await;
        match (result, trouble) {
            (Ok(()), None) => {}
            (Err(ConnectError::CertificateUntrusted { reason, .. }), Some(trouble)) => {
                assert!(reason.contains(trouble), "{reason}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_without_a_certificate_is_no_authority() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for content in ["", "hello", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        let error = Tls::ca_file(&file).unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
    }
    assert!(Tls::ca_file(folder.path().join("none")).is_err());
}

#[tokio::test]
async fn the_first_certificate_is_remembered_and_another_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_agents");
    let mock = mock(Certificate::SelfSigned).await;
    let first = mock.fingerprint().unwrap();
    connects(&mock, Tls::known_agents(&file)).await.unwrap();
    connects(&mock, Tls::known_agents(&file)).await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, format!("127.0.0.1:{} {first}\n", mock.port()));

    mock.replace_certificate(&Certificate::SelfSigned).unwrap();
    let error = connects(&mock, Tls::known_agents(&file)).await.unwrap_err();
    let ConnectError::CertificateChanged { expected, found, remedy, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((expected, found), (&first, &mock.fingerprint().unwrap()));
    assert!(remedy.contains("known_agents"), "{remedy}");
    assert_eq!(mock.logins(), 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn any_certificate_is_accepted_where_somebody_dares() {
    let mock = mock(Certificate::Expired).await;
    connects(&mock, Tls::danger_accept_any_certificate()).await.unwrap();
}

#[tokio::test]
async fn the_certificate_can_be_looked_at_without_a_login() {
    let mock = mock(Certificate::SelfSigned).await;
    let certificate = soon(Agent::builder(mock.url()).certificate()).await.unwrap();
    assert_eq!(certificate.fingerprint().to_string(), mock.fingerprint().unwrap());
    assert_eq!(certificate.der(), mock.certificate_der().unwrap());
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn tls_to_an_agent_without_it_says_so() {
    let mock = MockAgent::builder(catalogue()).tls(false).start().await.unwrap();
    let url = mock.url().replace("ws://", "wss://");
    let builder = Agent::builder(url).credentials("root", "x");
    let error =
        soon(builder.tls(Tls::danger_accept_any_certificate()).connect()).await.unwrap_err();
    assert!(error.to_string().contains("begins with `ws://`"), "{error}");
}

/// A peer that shows a certificate without having its key.
mod impostor {
    use std::sync::Arc;

    use rustls::{
        ServerConfig, SupportedProtocolVersion,
        crypto::ring::{default_provider, sign::any_supported_type},
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    };

    #[derive(Debug)]
    struct Always(Arc<CertifiedKey>);

    impl ResolvesServerCert for Always {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    /// The configuration, and the certificate that it shows.
    pub fn config(
        version: &'static SupportedProtocolVersion,
        own: bool,
    ) -> (ServerConfig, Vec<u8>) {
        let [shown, other] = [(), ()]
            .map(|()| rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap());
        let key = if own { &shown } else { &other }.signing_key.serialize_der();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let chain = vec![CertificateDer::from(shown.cert.der().to_vec())];
        let certified = CertifiedKey::new(chain, any_supported_type(&key).unwrap());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(Arc::new(certified))));
        (config, shown.cert.der().to_vec())
    }
}

#[tokio::test]
async fn whoever_shows_a_certificate_has_to_hold_its_key() {
    let folder = tempfile::tempdir().unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for own in [true, false] {
            let (config, der) = impostor::config(version, own);
            let pin = agent_sdk::Fingerprint::of(&der).to_string();
            for tls in [
                Tls::pinned(pin).unwrap(),
                Tls::danger_accept_any_certificate(),
                Tls::known_agents(folder.path().join("known")),
            ] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let url = format!("wss://{}", listener.local_addr().unwrap());
                let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config.clone()));
                let server = tokio::spawn(async move {
                    let (stream, _) = listener.accept().await.unwrap();
                    // The genuine one gets as far as the login; its answer does not matter here.
                    acceptor.accept(stream).await.is_ok()
                });
                let name = format!("{version:?} {own} {tls:?}");
                let error =
                    soon(Agent::builder(url).credentials("root", "x").tls(tls).connect()).await;
                match error.unwrap_err() {
                    ConnectError::ClosedWithoutAnswer { .. } => assert!(own, "{name}"),
                    ConnectError::Impostor { .. } => assert!(!own, "{name}"),
                    other => panic!("{name}: {other}"),
                }
                assert_eq!(soon(server).await.unwrap(), own, "{name}");
            }
        }
    }
    // An impostor is not remembered either.
    let known = std::fs::read_to_string(folder.path().join("known")).unwrap();
    assert_eq!(known.lines().count(), 2, "{known}");
}
