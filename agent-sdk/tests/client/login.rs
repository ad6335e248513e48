//! Login and upgrade: what is accepted, what is refused, and how.

use std::{
    io::{Read, Write},
    time::Duration,
};

use agent_sdk::{
    Agent, ConnectError, ConnectStage,
    mock::{Refusal, Subprotocol, UpgradeQuirk},
};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::{
    bare::Bare,
    common::{client, mock, soon},
};

#[tokio::test]
async fn every_correct_upgrade_is_accepted() {
    for subprotocol in [Subprotocol::Named, Subprotocol::Absent, Subprotocol::Echoed] {
        for quirk in [
            None,
            Some(UpgradeQuirk::KeepAlive),
            Some(UpgradeQuirk::OddCase),
            Some(UpgradeQuirk::SplitHead),
        ] {
            let builder = mock().subprotocol(subprotocol);
            let builder = match quirk {
                Some(quirk) => builder.upgrade_quirk(quirk),
                None => builder,
            };
            let mock = builder.start().await.unwrap();
            let agent = soon(client(&mock).connect()).await.unwrap();
            let reply = soon(agent.call_raw("echo", json!({"a": 1}))).await.unwrap();
            assert_eq!(reply.parameters().unwrap(), json!({"a": 1}), "{subprotocol:?} {quirk:?}");
        }
    }
}

#[tokio::test]
async fn frames_in_the_packet_of_the_answer_are_not_lost() {
    let greeting = json!({"action": "agent_health", "parameters": {"cpu": 1}});
    let mock = mock()
        .upgrade_quirk(UpgradeQuirk::FramesInHead)
        .greeting([greeting])
        .start()
        .await
        .unwrap();
    let agent = client(&mock).connect().await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(agent.statistics().events, 1);
}

#[tokio::test]
async fn each_refusal_is_its_own_error() {
    let mock = mock().ban(0, Duration::ZERO).start().await.unwrap();
    for (refusal, expected) in [
        (Refusal::Unauthorized, "rejected the credentials, or bans this address (HTTP 401"),
        (Refusal::Forbidden, "rejected the credentials, or bans this address (HTTP 403"),
        (Refusal::Redirect, "redirects to"),
        (Refusal::ServerError, "cannot serve now (HTTP 500"),
        (Refusal::Html, "does not answer like an Architect agent: HTTP 200"),
        (Refusal::NotHttp, "does not answer like an Architect agent: it sent `"),
        (Refusal::Close, "closed the connection without an answer"),
        (Refusal::Reset, "closed the connection without an answer"),
        (Refusal::WrongAccept, "Sec-WebSocket-Accept is wrong"),
        (Refusal::EndlessHead, "head is over 16384 bytes"),
    ] {
        mock.refuse_logins(Some(refusal));
        let error = soon(client(&mock).connect()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{refusal:?}: {error}");
        assert!(!format!("{error}{error:?}").contains(mock.password()), "{refusal:?}");
    }
}

#[tokio::test]
async fn the_text_of_a_rejected_login_tells_of_the_ban() {
    let mock = mock().start().await.unwrap();
    let builder = Agent::builder(mock.url()).credentials("root", "wrong-password");
    let error = builder.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::LoginRejected { status: 401, .. }), "{error:?}");
    assert!(error.to_string().contains("bans an address for a minute after five failures"));
    assert!(!format!("{error}{error:?}").contains("wrong-password"));
    assert_eq!(mock.refused_logins(), 1);
}

#[tokio::test]
async fn an_answer_that_trickles_or_never_comes_is_given_up_in_time() {
    let mock = mock().start().await.unwrap();
    for refusal in [Refusal::Silence, Refusal::Trickle] {
        mock.refuse_logins(Some(refusal));
        let builder = client(&mock).connect_timeout(Duration::from_millis(200));
        match soon(builder.connect()).await.unwrap_err() {
            ConnectError::TimedOut { stage: ConnectStage::Upgrade, after, .. } => {
                assert_eq!(after, Duration::from_millis(200));
            }
            other => panic!("{refusal:?}: {other}"),
        }
    }
}

#[tokio::test]
async fn the_time_limit_covers_the_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let builder = Agent::builder(url)
        .credentials("root", "x")
        .tls(agent_sdk::Tls::danger_accept_any_certificate())
        .connect_timeout(Duration::from_millis(200));
    let error = soon(builder.connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { stage: ConnectStage::Tls, .. }), "{error}");
}

#[tokio::test]
async fn credentials_that_cannot_travel_are_not_dialled() {
    let mock = mock().start().await.unwrap();
    for password in ["", "a,b", "a\nb", " a"] {
        let builder = Agent::builder(mock.url()).credentials("root", password);
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::InvalidCredentials { .. }), "{error}");
    }
    assert!(Agent::builder(mock.url()).connect().await.is_err());
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn plain_text_to_another_host_has_to_be_allowed() {
    let builder = Agent::builder("ws://192.0.2.1:1").credentials("root", "x");
    let error = builder.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::PlaintextRefused { .. }), "{error}");
    assert!(error.to_string().contains("Builder::allow_plaintext"), "{error}");
}

#[tokio::test]
async fn no_listener_is_one_clear_error() {
    let mock = mock().start().await.unwrap();
    mock.go_down().await;
    let error = soon(client(&mock).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{}", mock.port())), "{error}");
}

#[tokio::test]
async fn a_name_with_a_dead_address_is_reached_by_the_other() {
    // `localhost` has ::1 and 127.0.0.1 on most machines, and the mock listens on the latter.
    let mock = mock().start().await.unwrap();
    let builder = Agent::builder(format!("ws://localhost:{}", mock.port()))
        .credentials(mock.username(), mock.password());
    soon(builder.connect()).await.unwrap();
}

#[tokio::test]
async fn the_request_is_what_the_vendor_documents() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let size = stream.read(&mut request).await.unwrap();
        String::from_utf8_lossy(&request[..size]).into_owned()
    });
    let _ = soon(Agent::builder(url).credentials("me", "pass word;ü").connect()).await;
    let request = soon(server).await.unwrap();
    assert!(request.starts_with("GET /ws HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("\r\nSec-WebSocket-Protocol: SMP1.0, me, pass word;ü\r\n"),
        "the login header is missing"
    );
    assert!(request.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn the_health_check_needs_no_login() {
    let mock = mock().version("9.8.7").start().await.unwrap();
    let health = soon(Agent::builder(mock.url()).health()).await.unwrap();
    assert_eq!(health.version(), Some("9.8.7"));
    assert_eq!(health.status(), Some("running"));
    assert!(health.hostname().is_some());
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}

#[tokio::test]
async fn every_spelling_of_this_machine_is_reached() {
    let mock = mock().start().await.unwrap();
    for (scheme, host) in [
        ("ws", "localhost."),
        ("WS", "LocalHost"),
        ("Ws", "127.0.0.1"),
        ("ws", "[::ffff:127.0.0.1]"),
        ("ws", "[0:0:0:0:0:ffff:7f00:1]"),
    ] {
        let url = format!("{scheme}://{host}:{}", mock.port());
        let builder = Agent::builder(&url).credentials(mock.username(), mock.password());
        soon(builder.connect()).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

/// Answers a request with interim answers as fast as they are taken, from a thread of its own.
fn endless_interim_answers() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        let answers = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10_000);
        // Until the client has closed the connection.
        while stream.write_all(&answers).is_ok() {}
    });
    url
}

#[tokio::test]
async fn endless_interim_answers_outlast_neither_login_nor_health_check() {
    let limit = Duration::from_secs(10);
    let builder = Agent::builder(endless_interim_answers()).connect_timeout(limit);
    let error = soon(builder.health()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAnAgent { .. }), "{error}");
    let builder = Agent::builder(endless_interim_answers()).connect_timeout(limit);
    let error = soon(builder.credentials("root", "x").connect()).await.unwrap_err();
    assert!(error.to_string().contains("head is over"), "{error}");
}

/// It failed with "invalid HTTP version parsed", and no word of TLS.
#[tokio::test]
async fn a_health_check_without_tls_of_an_agent_with_tls_says_so() {
    let bare = Bare::new().await;
    let alert = b"\x15\x03\x03\0\x02\x02\x32";
    let (result, ()) = tokio::join!(bare.client().health(), bare.refuse(alert));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("its URL begins with `wss://`"), "{error}");
}
