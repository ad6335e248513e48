//! The one limit for all that it takes to connect.
#![cfg(feature = "tls")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use agent_sdk::{Agent, Builder, ConnectError, ConnectStage, Tls};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    bare::{read_head, welcome},
    common::soon,
};

const TIMEOUT: Duration = Duration::from_secs(1);
/// What the first stage takes. Were the limit one per stage, the whole would take 1.7 s.
const FIRST_STAGE: Duration = Duration::from_millis(700);
const TOO_LATE: Duration = Duration::from_millis(1600);

fn acceptor() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.into()], PrivateKeyDer::from(key))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn client(url: String) -> Builder {
    Agent::builder(url)
        .credentials("root", "x")
        .tls(Tls::danger_accept_any_certificate())
        .connect_timeout(TIMEOUT)
}

/// Connects, which has to fail at the limit, in this stage.
async fn expect_timeout(client: Builder, expected: ConnectStage) {
    let began = Instant::now();
    let error = soon(client.connect()).await.unwrap_err();
    let waited = began.elapsed();
    let ConnectError::TimedOut { stage, after, .. } = error else { panic!("{error}") };
    assert_eq!((stage, after), (expected, TIMEOUT));
    assert!(waited >= TIMEOUT && waited < TOO_LATE, "{waited:?}");
}

#[tokio::test]
async fn a_slow_handshake_and_a_silent_upgrade_share_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let acceptor = acceptor();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        sleep(FIRST_STAGE).await;
        let mut stream = acceptor.accept(stream).await.unwrap();
        // Reads the login and says nothing until the client gives up.
        let mut login = Vec::new();
        let _ = stream.read_to_end(&mut login).await;
        login
    });
    expect_timeout(client(url), ConnectStage::Upgrade).await;
    let login = soon(server).await.unwrap();
    assert!(login.starts_with(b"GET /ws HTTP/1.1\r\n"), "the upgrade was not reached");
}

/// The handshake ended in time while the process was stopped, and the login behind it had a millisecond.
#[tokio::test]
async fn a_process_that_is_stopped_between_two_stages_has_time_for_the_next() {
    let limit = Duration::from_millis(200);
    let pause = Duration::from_millis(1500);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let listener = listener.into_std().unwrap();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            stream.peek(&mut [0]).await.unwrap();
            begun.send(()).unwrap();
            let mut stream = acceptor().accept(stream).await.unwrap();
            let login = read_head(&mut stream).await;
            sleep(limit / 4).await;
            stream.write_all(welcome(&login).as_bytes()).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
    });
    let connecting = tokio::spawn(client(url).connect_timeout(limit).connect());
    soon(begins).await.unwrap();
    // It stops the runtime of the client with all its tasks.
    std::thread::sleep(pause);
    let agent = soon(connecting).await.unwrap().unwrap();
    soon(agent.close()).await;
    server.join().unwrap();
}

/// Linux drops what does not fit into a listener's queue, so that connecting hangs.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_does_not_even_answer_is_given_up_at_the_limit() {
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut fillers = Vec::new();
    let filler = || tokio::net::TcpStream::connect(address);
    while let Ok(Ok(filler)) = tokio::time::timeout(Duration::from_millis(100), filler()).await {
        fillers.push(filler);
    }
    expect_timeout(client(format!("wss://{address}")), ConnectStage::Connecting).await;
}
