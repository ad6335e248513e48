//! The figures that hold where nobody says otherwise.

use std::time::Duration;

use agent_sdk::{Agent, ConnectError, Event, mock::Fault};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    bare::{Bare, PING, PONG, Session, TEXT},
    common::{begin, holds, pair, soon, until_requests},
};

/// Whether the client has nothing more to say. It answers the second ping only after it has
/// written whatever it had to write when the first one came.
async fn expect_silence(session: &mut Session) {
    for payload in [b"1", b"2"] {
        session.write(PING, payload).await;
        assert_eq!(session.read().await, Some((PONG, payload.to_vec())));
    }
}

#[tokio::test]
async fn there_may_be_1_024_calls_in_flight() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let mut calls = FuturesUnordered::new();
    for number in 0..1026 {
        calls.push(agent.call_raw("number", json!({"number": number})));
    }
    assert!(futures_util::poll!(calls.next()).is_pending());
    let mut requests = Vec::new();
    for number in 0..1024 {
        let request = session.request().await;
        assert_eq!(request["parameters"]["number"], number);
        requests.push(request);
    }
    expect_silence(&mut session).await;
    // Each that ends, whichever it is, makes room for the next.
    for number in 1024..1026 {
        session.reply(&requests[number - 700]).await;
        soon(calls.next()).await.unwrap().unwrap();
        assert_eq!(session.request().await["parameters"]["number"], number);
        expect_silence(&mut session).await;
    }
    assert_eq!(agent.statistics().pending, 1024);
}

#[tokio::test]
async fn each_consumer_keeps_1_024_events() {
    let (mock, agent) = pair().await;
    let mut events = agent.events();
    let mut other = agent.events();
    for number in 0..1030 {
        mock.push_event(&json!({"action": "tick", "number": number})).await;
    }
    holds(|| agent.statistics().events >= 1030).await;
    for events in [&mut events, &mut other] {
        assert!(matches!(soon(events.next()).await, Some(Event::Lagged(6))));
        for number in 6..1030 {
            match soon(events.next()).await {
                Some(Event::Message(message)) => {
                    assert_eq!(message.json().unwrap()["number"], number);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(futures_util::poll!(std::pin::pin!(events.next())).is_pending());
    }
}

#[tokio::test]
async fn a_message_may_have_64_mib_to_the_byte() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    for (size, counted) in [(64 << 20, (1, 0)), ((64 << 20) + 1, (1, 1))] {
        let mut message = json!({"action": "blob"}).to_string().into_bytes();
        message.resize(size, b' ');
        session.write(TEXT, &message).await;
        session.write(PING, b"read").await;
        assert_eq!(session.read().await, Some((PONG, b"read".to_vec())));
        let figures = agent.statistics();
        assert_eq!((figures.events, figures.oversized_messages), counted, "{size} bytes");
    }
}

#[tokio::test]
async fn connecting_may_take_10_s() {
    // It takes connections into its queue and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", silent.local_addr().unwrap());
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = Agent::builder(url).credentials("root", "x").connect().await.unwrap_err();
    let waited = began.elapsed();
    let ConnectError::TimedOut { after, .. } = error else { panic!("{error}") };
    assert_eq!(after, Duration::from_secs(10));
    assert!(waited >= after && waited < Duration::from_millis(10_010), "{waited:?}");
}

#[tokio::test]
async fn closing_waits_5_s_for_calls_in_flight() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    let mut call = agent.call_raw("echo", ()).timeout(Duration::from_secs(3600));
    begin(&mut call).await;
    until_requests(&mock, 1).await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    agent.close().await;
    let waited = began.elapsed();
    // The echo of the close frame may take a second, and with a paused clock it seems to.
    assert!(
        waited >= Duration::from_secs(5) && waited < Duration::from_millis(6_010),
        "{waited:?}"
    );
    call.await.unwrap_err();
}
