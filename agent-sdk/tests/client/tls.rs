//! Whom the client trusts.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::{
    Agent, Builder, ConnectError, ReconnectPolicy, State, Tls,
    mock::{Certificate, MockAgent},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::io::AsyncReadExt;

use crate::common::{catalogue, is_closed, is_connected, soon};

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
async fn the_roots_of_the_system_refuse_a_self_signed_certificate_and_show_it() {
    let mock = mock(Certificate::SelfSigned).await;
    let error = connects(&mock, Tls::system_roots()).await.unwrap_err();
    match &error {
        ConnectError::CertificateUntrusted { fingerprint, .. } => {
            assert_eq!(*fingerprint, mock.fingerprint().unwrap());
            assert!(error.to_string().contains("Tls::pinned"), "{error}");
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

/// It used to be called an impostor's, which ended a client for good.
#[tokio::test]
async fn a_certificate_of_another_authority_with_the_same_name_is_untrusted_and_no_impostors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (_, other_pem) = pair();
    std::fs::write(&file, other_pem).unwrap();
    let mock = mock(pair().0).await;
    let error = connects(&mock, Tls::ca_file(&file).unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectError::CertificateUntrusted { .. }), "{error}");
    assert!(error.to_string().contains("not signed with the key"), "{error}");
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

/// Its maker may know the password, and rustls repeats its names.
#[tokio::test]
async fn a_password_among_the_names_of_a_certificate_is_in_no_error() {
    const PASSWORD: &str = "7f3b0c9e-hunter2";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec![format!("{PASSWORD}.example")]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    std::fs::write(&file, &certificate).unwrap();
    let mock = mock(Certificate::Pem { chain: certificate, key: key.serialize_pem() }).await;
    for tls in [Tls::ca_file(&file).unwrap(), Tls::system_roots()] {
        let login = client(&mock, tls).credentials("root", PASSWORD);
        let error = login.connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::CertificateUntrusted { .. }), "{error}");
        assert!(!format!("{error}{error:?}").contains(PASSWORD), "{error}");
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

/// A line that was not understood used to be passed over, and its agent to be trusted anew.
#[tokio::test]
async fn an_agent_whose_pin_is_not_understood_is_not_met_as_a_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_agents");
    let mock = mock(Certificate::SelfSigned).await;
    let (port, pin) = (mock.port(), format!("sha256:{}", "ab".repeat(32)));
    for line in [
        format!("\u{feff}127.0.0.1:{port} {pin}"),
        format!("\u{200b}127.0.0.1:{port} {pin}"),
        format!("wss://127.0.0.1:{port} {pin}"),
        format!("127.0.0.1 {pin}"),
        format!("\"127.0.0.1:{port} {pin}\""),
        format!("127.0.0.1:{port}={pin}"),
        format!("{pin} 127.0.0.1:{port}"),
        format!("# mine\r127.0.0.1:{port} {pin}"),
        format!("localhost:1 {pin}\nlocalhost:1 {}", mock.fingerprint().unwrap()),
    ] {
        std::fs::write(&file, &line).unwrap();
        let error = connects(&mock, Tls::known_agents(&file)).await.unwrap_err();
        assert!(matches!(error, ConnectError::TrustFile { .. }), "{line:?}: {error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), line);
    }
    // What is understood is obeyed, however the address is written.
    for line in [
        format!("127.0.0.1:{port}\t{pin}\r\n"),
        format!("[::ffff:127.0.0.1]:{port} {pin}"),
        format!("[0:0:0:0:0:FFFF:7F00:1]:{port} {pin}"),
    ] {
        std::fs::write(&file, &line).unwrap();
        let error = connects(&mock, Tls::known_agents(&file)).await.unwrap_err();
        assert!(matches!(error, ConnectError::CertificateChanged { .. }), "{line:?}: {error}");
    }
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn the_first_meeting_is_said_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_agents");
    let mock = mock(Certificate::SelfSigned).await;
    let meetings = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let meetings = Arc::clone(&meetings);
        let tls = Tls::known_agents(&file).on_first_meeting(move |agent, fingerprint| {
            meetings.lock().unwrap().push(format!("{agent} {fingerprint}"));
        });
        connects(&mock, tls).await.unwrap();
    }
    let expected = format!("127.0.0.1:{} {}", mock.port(), mock.fingerprint().unwrap());
    assert_eq!(*meetings.lock().unwrap(), [expected]);
}

/// The lock used to be waited for by a thread that nothing could end.
#[tokio::test]
async fn a_lock_that_is_never_released_does_not_outlast_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_agents");
    let lock = std::fs::File::create(folder.path().join("known_agents.lock")).unwrap();
    lock.lock().unwrap();
    let mock = mock(Certificate::SelfSigned).await;
    let builder = client(&mock, Tls::known_agents(&file));
    let error = soon(builder.connect_timeout(Duration::from_secs(2)).connect()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("known_agents.lock: another process holds"), "{error}");
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
    lock.unlock().unwrap();
    connects(&mock, Tls::known_agents(&file)).await.unwrap();
}

/// A connection that follows its agent through a change of the certificate.
async fn follows(mock: &MockAgent, tls: Tls, change: impl FnOnce()) {
    let policy = ReconnectPolicy::default().max_backoff(Duration::from_millis(20));
    let agent = soon(client(mock, tls).reconnect(policy).connect()).await.unwrap();
    change();
    mock.cut_connections();
    let mut state = agent.state();
    let ended = |state: &State| {
        is_closed(state) || (is_connected(state) && agent.statistics().reconnects > 0)
    };
    let state = soon(state.wait_for(ended)).await.unwrap().clone();
    assert!(is_connected(&state), "{state:?}");
    soon(agent.call_raw("whoami", ())).await.unwrap();
}

/// A certificate and its key, in PEM.
fn pair() -> (Certificate, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let chain = made.cert.pem();
    let certificate =
        Certificate::Pem { chain: chain.clone(), key: made.signing_key.serialize_pem() };
    (certificate, chain)
}

#[tokio::test]
async fn a_new_certificate_can_be_announced() {
    let (next, pem) = pair();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let next_pin = agent_sdk::Fingerprint::of(&der).to_string();

    let mock = mock(Certificate::SelfSigned).await;
    let pins = Tls::pinned_any([mock.fingerprint().unwrap(), next_pin.clone()]).unwrap();
    follows(&mock, pins, || mock.replace_certificate(&next).unwrap()).await;

    // In the known-agents file even while the client runs.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_agents");
    mock.replace_certificate(&Certificate::SelfSigned).unwrap();
    let current = mock.fingerprint().unwrap();
    follows(&mock, Tls::known_agents(&file), || {
        let line = format!("127.0.0.1:{} {current} {next_pin}\n", mock.port());
        std::fs::write(&file, line).unwrap();
        mock.replace_certificate(&next).unwrap();
    })
    .await;
}

#[test]
fn to_pin_none_is_an_error() {
    let error = Tls::pinned_any(Vec::<String>::new()).unwrap_err().to_string();
    assert!(error.contains("there is none"), "{error}");
}

/// A new authority used to close every client for good, until it was started anew.
#[tokio::test]
async fn a_certificate_authority_that_is_rotated_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let ((first, first_pem), (second, second_pem)) = (pair(), pair());
    let mock = mock(first).await;
    std::fs::write(&file, first_pem).unwrap();
    let tls = Tls::ca_file(&file).unwrap();
    follows(&mock, tls, || {
        std::fs::write(&file, second_pem).unwrap();
        mock.replace_certificate(&second).unwrap();
    })
    .await;
}

/// In a process of its own, since it is a variable that names what the system trusts.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_authorities_of_the_system_are_read_again() {
    const FILE: &str = "SSL_CERT_FILE";
    const INSIDE: &str = "TRUST_OF_THIS_TEST";
    let ((first, first_pem), (second, second_pem)) = (pair(), pair());
    let Some(file) = std::env::var_os(INSIDE) else {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let test = "tls::the_authorities_of_the_system_are_read_again";
        let inside = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(FILE, &file)
            .env(INSIDE, &file)
            .output()
            .unwrap();
        assert!(inside.status.success(), "{inside:?}");
        return;
    };
    std::fs::write(&file, first_pem).unwrap();
    let mock = mock(first).await;
    follows(&mock, Tls::system_roots(), || {
        std::fs::write(&file, second_pem).unwrap();
        mock.replace_certificate(&second).unwrap();
    })
    .await;
}

/// While it is being replaced, the file may be missing or empty.
#[tokio::test]
async fn a_certificate_authority_that_cannot_be_read_for_a_moment_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (certificate, pem) = pair();
    let mock = mock(certificate).await;
    for change in [|file: &Path| std::fs::remove_file(file), |file: &Path| std::fs::write(file, "")]
    {
        std::fs::write(&file, &pem).unwrap();
        follows(&mock, Tls::ca_file(&file).unwrap(), || change(&file).unwrap()).await;
    }
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

#[tokio::test]
async fn no_tls_to_an_agent_with_it_says_so() {
    let mock = mock(Certificate::SelfSigned).await;
    let url = mock.url().replace("wss://", "ws://");
    let error = soon(Agent::builder(url).credentials("root", "x").connect()).await.unwrap_err();
    assert!(error.to_string().contains("begins with `wss://`"), "{error}");
}

/// A server that takes the handshake for a bad request may close without a word.
#[tokio::test]
async fn a_handshake_that_ends_without_a_word_names_its_likely_cause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let client = Agent::builder(url).credentials("root", "x");
    let client = client.tls(Tls::danger_accept_any_certificate());
    let closing = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // All of the handshake is read: to close before would reset the connection.
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
    };
    let (result, ()) = tokio::join!(client.connect(), closing);
    let error = result.unwrap_err();
    assert!(error.may_be_retried(), "{error}");
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
