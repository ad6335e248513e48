//! Our client against agents that share no code with it.

use std::{io::Write, time::Duration};

use agent_sdk::{
    Agent, Builder, CloseReason, ConnectError, Error, Event, Fingerprint, Outcome, ReconnectPolicy,
    State, Tls,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::time::timeout;

use crate::process::{Running, Script};

/// Every character that the two libraries take in the header: more than letters and digits, less
/// than an agent may.
const PASSWORD: &str = "p.a~s!s#w$o%r&d'*+-^_`|";

/// A certificate, and the files that a server reads it from.
struct Identity {
    der: Vec<u8>,
    certificate: NamedTempFile,
    key: NamedTempFile,
}

impl Identity {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            der: certificate.der().to_vec(),
            certificate: file(&certificate.pem()),
            key: file(&key.serialize_pem()),
        }
    }
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Starts an agent, with TLS if there is a certificate for it.
async fn serve(script: Script, identity: Option<&Identity>) -> Running {
    let mut script = script.env("AGENT_USERNAME", "ops").env("AGENT_PASSWORD", PASSWORD);
    if let Some(identity) = identity {
        script = script
            .env("AGENT_CERTIFICATE", identity.certificate.path().to_str().unwrap())
            .env("AGENT_KEY", identity.key.path().to_str().unwrap());
    }
    script.serve().await
}

fn client(server: &Running, tls: Option<Tls>) -> Builder {
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let builder = Agent::builder(format!("{scheme}://127.0.0.1:{}", server.port))
        .credentials("ops", PASSWORD)
        .reconnect(ReconnectPolicy::never());
    match tls {
        Some(tls) => builder.tls(tls),
        None => builder,
    }
}

/// The same story for each server and each kind of trust.
async fn story(agent: Agent) {
    let mut events = agent.events().kind("server_state");
    let raw = async |action: &'static str, parameters: Value| {
        agent.call_raw(action, parameters).await.unwrap().parameters().unwrap()
    };

    assert!(raw("list_actions", json!({})).await["actions"]["echo"].is_object());
    assert_eq!(raw("whoami", json!({})).await["username"], "ops");

    // The replies come in an order of their own.
    let echoes = (0..1000).map(|n| raw("echo", json!({ "n": n, "text": "ä🦀".repeat(n) })));
    for (n, reply) in join_all(echoes).await.into_iter().enumerate() {
        assert_eq!(reply, json!({ "n": n, "text": "ä🦀".repeat(n) }));
    }
    let large = json!({ "text": "x".repeat(8 << 20) });
    assert_eq!(raw("echo", large.clone()).await, large);
    for form in ["binary", "fragments", "bare"] {
        assert_eq!(raw(form, json!({ "text": "ä🦀" })).await, json!({ "text": "ä🦀" }), "{form}");
    }

    let error = agent.call_raw("fail", json!({})).await.unwrap_err();
    let Error::Rejected(rejected) = &error else { panic!("{error}") };
    assert_eq!(rejected.message(), "no fail");

    raw("subscribe", json!({ "topic": "survival" })).await;
    let event = timeout(Duration::from_secs(10), events.next()).await.expect("an event in time");
    let Some(Event::Message(event)) = event else { panic!("{event:?}") };
    assert_eq!(event.topic(), Some("survival"));

    let error = agent.call_raw("leave", json!({})).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
}

/// What every server has to stand, whichever library it is made of.
async fn all(script: impl Fn() -> Script) {
    let plain = serve(script(), None).await;
    story(client(&plain, None).connect().await.unwrap()).await;

    let wrong = client(&plain, None).credentials("ops", "wrong").connect().await.unwrap_err();
    assert!(matches!(wrong, ConnectError::LoginRejected { status: 401, .. }), "{wrong}");

    let agent = client(&plain, None).connect().await.unwrap();
    agent.close().await;
    let state = agent.state().borrow().clone();
    let State::Closed { why } = state else { panic!("{state:?}") };
    assert!(matches!(*why, CloseReason::Requested), "{why}");

    let identity = Identity::new();
    let secure = serve(script(), Some(&identity)).await;
    let pin = Fingerprint::of(&identity.der).to_string();
    for tls in [Tls::pinned(pin).unwrap(), Tls::ca_file(identity.certificate.path()).unwrap()] {
        story(client(&secure, Some(tls)).connect().await.unwrap()).await;
    }
    let stranger = Fingerprint::of(&Identity::new().der).to_string();
    let stranger = Tls::pinned(stranger).unwrap();
    client(&secure, Some(stranger)).connect().await.unwrap_err();
    #[cfg(feature = "health")]
    {
        let health = client(&plain, None).health().await.unwrap();
        assert_eq!((health.version(), health.status()), (Some("0.0.1"), Some("running")));
    }
}

#[tokio::test]
#[ignore = "needs Python and a library: see `run`"]
async fn our_client_calls_python_websockets() {
    all(|| Script::python("server.py")).await;
}

#[tokio::test]
#[ignore = "needs Node and a library: see `run`"]
async fn our_client_calls_node_ws() {
    all(|| Script::node("server.mjs")).await;
}

#[tokio::test]
#[ignore = "needs Go and a library: see `run`"]
async fn our_client_calls_go_gorilla() {
    all(Script::go).await;
}

/// Go's own reader of forms and writer of chunks, as the real agent most likely uses them.
#[cfg(feature = "transfer")]
#[tokio::test]
#[ignore = "needs Go and a library: see `run`"]
async fn files_travel_to_and_from_go_gorilla() {
    use agent_sdk::transfer::TransferError;

    let identity = Identity::new();
    let server = serve(Script::go(), Some(&identity)).await;
    let pin = Tls::pinned(Fingerprint::of(&identity.der).to_string()).unwrap();
    let agent = client(&server, Some(pin)).connect().await.unwrap();
    for size in [0, 1, 100_000] {
        let content = vec![b'-'; size];
        let sent = agent.upload("/a").send_bytes(content.clone()).await.unwrap();
        assert_eq!(sent.bytes, size as u64);
        let received = agent.download("/a").bytes().await.unwrap();
        assert_eq!(received, content, "{size}");
    }
    let error = agent.download("/missing").bytes().await.unwrap_err();
    assert!(matches!(error, TransferError::Refused { status: 404, .. }), "{error}");
}
