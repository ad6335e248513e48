//! Faults from the start, each seen from the other side.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use agent_sdk::mock::{Builder, Fault, LastingFault, MockAgent};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::Instant};
use tungstenite::{Error, Message};

use crate::foreign::{Client, catalogue, exchange, good_login, within};

async fn mock(faults: &[&str]) -> MockAgent {
    let builder = MockAgent::builder(catalogue()).tls(false);
    let faults = faults.iter().map(|fault| fault.parse::<LastingFault>().unwrap());
    faults.fold(builder, Builder::lasting_fault).start().await.unwrap()
}

async fn client(faults: &[&str]) -> (MockAgent, Client) {
    let mock = mock(faults).await;
    let client = Client::login(&mock).await;
    (mock, client)
}

async fn status(mock: &MockAgent) -> Option<u16> {
    match Client::dial(mock, Some(&good_login(mock))).await {
        Ok(_) => None,
        Err(Error::Http(answer)) => Some(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// Waits for the end of a session; the close code, if there was one.
async fn end(client: &mut Client) -> Option<u16> {
    loop {
        match client.frame().await {
            Some(Ok(Message::Close(Some(frame)))) => return Some(frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

async fn delay() {
    let mock = mock(&["delay=50"]).await;
    let begin = Instant::now();
    Client::login(&mock).await.call("whoami", json!({})).await;
    assert!(begin.elapsed() >= Duration::from_millis(50));
}

async fn reorder() {
    let (_mock, mut client) = client(&["reorder"]).await;
    client.send_together(&[("1", "whoami"), ("2", "whoami")]).await;
    let tokens = [client.next().await, client.next().await].map(|it| it["idempotence"].clone());
    assert_eq!(tokens, ["2", "1"]);
}

async fn drop_after() {
    let dropped = mock(&["drop-after=1"]).await;
    for _ in 0..2 {
        let mut client = Client::login(&dropped).await;
        client.call("whoami", json!({})).await;
        client.send("t", "whoami", json!({})).await;
        assert_eq!(end(&mut client).await, None);
    }
    let once = mock(&["drop-after=0:rst:once"]).await;
    let mut client = Client::login(&once).await;
    client.send("t", "whoami", json!({})).await;
    assert!(matches!(client.frame().await, Some(Err(Error::Io(_)))), "a reset");
    Client::login(&once).await.call("whoami", json!({})).await;
}

async fn half_open_after() {
    let mock = mock(&["half-open-after=1"]).await;
    let mut client = Client::login(&mock).await;
    client.call("whoami", json!({})).await;
    client.send("t", "whoami", json!({})).await;
    let silence = tokio::time::timeout(Duration::from_millis(100), client.socket.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(mock.connections(), 1);
}

async fn restart_after() {
    let mock = mock(&["restart-after=1,0.2"]).await;
    let mut client = Client::login(&mock).await;
    client.call("whoami", json!({})).await;
    client.send("t", "whoami", json!({})).await;
    assert_eq!(end(&mut client).await, None);
    let connect = || TcpStream::connect(("127.0.0.1", mock.port()));
    assert!(connect().await.is_err());
    within(async { while connect().await.is_err() {} }).await;
    Client::login(&mock).await.call("whoami", json!({})).await;
}

async fn gateway() {
    let mock = mock(&["gateway=502", "restart-after=0,0.2"]).await;
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    assert_eq!(end(&mut client).await, None);
    assert_eq!(status(&mock).await, Some(502));
    within(async { while status(&mock).await == Some(502) {} }).await;
    Client::login(&mock).await.call("whoami", json!({})).await;
}

async fn one_reply(fault: &str) -> Value {
    let (_mock, mut client) = client(&[fault]).await;
    client.send("t", "whoami", json!({})).await;
    client.next().await
}

async fn forms() {
    assert_ne!(one_reply("wrong-token").await["idempotence"], "t");
    assert_eq!(one_reply("error-status").await["status"], "error");
    let reply = one_reply("no-status").await;
    assert_eq!((reply.get("status"), &reply["idempotence"]), (None, &json!("t")));
    let reply = one_reply("huge=100000").await;
    assert_eq!(reply["parameters"]["padding"].as_str().map(str::len), Some(100_000));
    assert_eq!(one_reply("fragment=7").await["idempotence"], "t");
    let (_mock, mut client) = client(&["duplicate-reply", "garbage"]).await;
    client.send("t", "whoami", json!({})).await;
    assert_eq!(client.frame().await.unwrap().unwrap(), Message::text("this is not JSON"));
    assert_eq!(client.next().await, client.next().await);
}

async fn logins() {
    let slow = mock(&["slow-handshake=50"]).await;
    let begin = Instant::now();
    Client::login(&slow).await;
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert_eq!(status(&mock(&["refuse-upgrade=503"]).await).await, Some(503));
    assert_eq!(status(&mock(&["ban"]).await).await, Some(401));
}

async fn close_code() {
    let (_mock, mut client) = client(&["close-code=4400"]).await;
    client.call("whoami", json!({})).await;
    assert_eq!(end(&mut client).await, Some(4400));
}

async fn event_flood() {
    let (_mock, mut client) = client(&["event-flood=1000"]).await;
    for number in 0..1000 {
        assert_eq!(client.next().await["number"], number);
    }
    client.expect_silence().await;
}

async fn freeze() {
    let (_mock, mut client) = client(&["freeze=0.1"]).await;
    let begin = Instant::now();
    client.call("whoami", json!({})).await;
    assert!(begin.elapsed() >= Duration::from_millis(100));
}

async fn subscriptions() {
    let forgetful = mock(&["forget-subscriptions"]).await;
    let mut client = Client::login(&forgetful).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    client.call("server_start", json!({ "server": "survival" })).await;
    client.expect_silence().await;
    let strict = mock(&["reject-resubscribe"]).await;
    for (status, again) in [("ok", "ok"), ("error", "error")] {
        let mut client = Client::login(&strict).await;
        for expected in [status, again] {
            let reply = client.call("subscribe", json!({ "topic": "survival" })).await;
            assert_eq!(reply["status"], expected);
        }
    }
}

/// A fault that is added and not tested here fails this.
#[tokio::test]
async fn each_fault_does_what_its_name_says() {
    type Test = Pin<Box<dyn Future<Output = ()>>>;
    let tests: [(&[&str], Test); 12] = [
        (&["delay"], Box::pin(delay())),
        (&["reorder"], Box::pin(reorder())),
        (&["drop-after"], Box::pin(drop_after())),
        (&["half-open-after"], Box::pin(half_open_after())),
        (&["restart-after"], Box::pin(restart_after())),
        (&["gateway"], Box::pin(gateway())),
        (
            &[
                "wrong-token",
                "error-status",
                "no-status",
                "huge",
                "fragment",
                "duplicate-reply",
                "garbage",
            ],
            Box::pin(forms()),
        ),
        (&["slow-handshake", "refuse-upgrade", "ban"], Box::pin(logins())),
        (&["close-code"], Box::pin(close_code())),
        (&["event-flood"], Box::pin(event_flood())),
        (&["freeze"], Box::pin(freeze())),
        (&["forget-subscriptions", "reject-resubscribe"], Box::pin(subscriptions())),
    ];
    let mut untested: BTreeMap<_, _> = LastingFault::FORMS
        .iter()
        .map(|form| (form.split(['=', '[']).next().unwrap(), form))
        .collect();
    for (names, test) in tests {
        within(test).await;
        for name in names {
            untested.remove(name).unwrap_or_else(|| panic!("`{name}` is no fault"));
        }
    }
    assert!(untested.is_empty(), "{untested:?}");
}

/// The connection was closed before a reply that was delayed, or held back, had been written.
#[tokio::test]
async fn faults_of_one_reply_work_together() {
    let (_mock, mut late) = client(&["delay=100", "close-code=4400"]).await;
    let begin = Instant::now();
    late.call("whoami", json!({})).await;
    assert!(begin.elapsed() >= Duration::from_millis(100));
    assert_eq!(end(&mut late).await, Some(4400));

    for faults in [&["reorder", "close-code=4400"][..], &["reorder", "delay=100"]] {
        let (_mock, mut client) = client(faults).await;
        let begin = Instant::now();
        client.send_together(&[("1", "whoami"), ("2", "whoami")]).await;
        let tokens = [client.next().await, client.next().await].map(|it| it["idempotence"].clone());
        assert_eq!(tokens, ["2", "1"], "{faults:?}");
        if faults.contains(&"delay=100") {
            assert!(begin.elapsed() >= Duration::from_millis(100));
        } else {
            assert_eq!(end(&mut client).await, Some(4400));
        }
    }

    let (mock, mut client) = client(&["no-status", "close-code=4400"]).await;
    mock.inject(Fault::delay(Duration::from_millis(1)));
    client.send("t", "whoami", json!({})).await;
    let reply = client.next().await;
    assert_eq!((reply.get("status"), &reply["idempotence"]), (None, &json!("t")));
    assert_eq!(end(&mut client).await, Some(4400));
}

/// Only the session whose request it was froze.
#[tokio::test]
async fn a_frozen_agent_answers_nobody() {
    let mock = mock(&["freeze=0.3"]).await;
    let (mut first, mut second) = (Client::login(&mock).await, Client::login(&mock).await);
    let begin = Instant::now();
    first.send("t", "whoami", json!({})).await;
    within(async {
        while mock.request_count() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (mut third, _) = tokio::join!(Client::login(&mock), second.call("whoami", json!({})));
    assert!(begin.elapsed() >= Duration::from_millis(300));
    first.next().await;
    third.call("whoami", json!({})).await;
}

/// The health check was answered by an agent that was down.
#[tokio::test]
async fn a_gateway_answers_everything_while_the_agent_restarts() {
    let mock = mock(&["gateway=502", "restart-after=0,3600"]).await;
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    assert_eq!(end(&mut client).await, None);
    for path in ["/", "/ws", "/download"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = exchange(&mock, request.as_bytes()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 502 "), "{path}: {answer}");
    }
    let stats = exchange(&mock, b"GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(stats.starts_with("HTTP/1.1 200 "), "{stats}");
}

#[tokio::test]
async fn faults_without_bounds_do_no_harm() {
    let faults = [
        LastingFault::Freeze(Duration::MAX),
        LastingFault::Delay(Duration::MAX),
        LastingFault::SlowHandshake(Duration::MAX),
        LastingFault::Fragment(0),
        LastingFault::Fragment(usize::MAX),
    ];
    for fault in faults {
        let builder = MockAgent::builder(catalogue()).tls(false).lasting_fault(fault);
        let mock = builder.ban(1, Duration::MAX).start().await.unwrap();
        let login = format!("SMP1.0, {}, wrong", mock.username());
        let refused = Client::dial(&mock, Some(&login));
        let _ = tokio::time::timeout(Duration::from_millis(50), refused).await;
        let stats = exchange(&mock, b"GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(stats.starts_with("HTTP/1.1 200 "), "{fault}: {stats}");
    }
}

#[tokio::test]
async fn counts_are_answered_as_json() {
    let mock = mock(&[]).await;
    let mut client = Client::login(&mock).await;
    client.call("whoami", json!({})).await;
    client.call("whoami", json!({})).await;
    let answer = exchange(&mock, b"GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let expected = json!({
        "connections": 1, "logins": 1, "refused_logins": 0, "requests": 2, "ignored_frames": 0,
        "actions": { "whoami": 2 },
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
    for secret in [mock.password(), mock.username(), "the-token"] {
        assert!(!answer.contains(secret), "{answer}");
    }
}

/// An argument for each fault that takes one: small, so that every fault shows itself.
fn spelt(form: &str) -> String {
    let name = form.split(['=', '[']).next().unwrap();
    match name {
        "delay" | "slow-handshake" => format!("{name}=10"),
        "drop-after" => format!("{name}=2:rst:once"),
        "half-open-after" | "event-flood" => format!("{name}=3"),
        "restart-after" => format!("{name}=1,0.5"),
        "huge" => format!("{name}=70000"),
        "refuse-upgrade" | "gateway" => format!("{name}=503"),
        "close-code" => format!("{name}=4400"),
        "freeze" => format!("{name}=0.5"),
        name => name.to_owned(),
    }
}

/// Whatever is combined, the mock goes on to serve: sessions, their ends, and its counts.
#[tokio::test(start_paused = true)]
async fn any_two_faults_go_together() {
    let faults = LastingFault::FORMS.map(spelt);
    for (index, one) in faults.iter().enumerate() {
        for other in &faults[index + 1..] {
            let mock = mock(&[one, other]).await;
            for _ in 0..3 {
                let login = good_login(&mock);
                let Ok(mut client) = Client::dial(&mock, Some(&login)).await else { continue };
                client.send_together(&["1", "2", "3", "4"].map(|token| (token, "whoami"))).await;
                let told = async { while let Some(Ok(_)) = client.socket.next().await {} };
                let _ = tokio::time::timeout(Duration::from_secs(5), told).await;
                // A restart is over by then.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let stats = exchange(&mock, b"GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let stats = stats.unwrap_or_else(|error| panic!("{one} {other}: {error}"));
            let (_, counts) = stats.split_once("\r\n\r\n").unwrap();
            let counts: Value = serde_json::from_str(counts).unwrap();
            let (requests, logins) = (&counts["requests"], &counts["logins"]);
            let is_let_in = ![one, other].iter().any(|it| it.starts_with("ref") || *it == "ban");
            assert_eq!(logins.as_u64() > Some(0), is_let_in, "{one} {other}: {counts}");
            assert!(requests.as_u64() > Some(0) || !is_let_in || counts["logins"] == 1, "{counts}");
        }
    }
}
