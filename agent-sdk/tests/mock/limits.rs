//! What is bounded, and what happens at the bounds.

use agent_sdk::mock::MockAgent;
use futures_util::{FutureExt, SinkExt, future::join_all};
use serde_json::json;
use tokio::sync::watch;
use tungstenite::Message;

use crate::foreign::{Client, catalogue, good_login, plain_mock, within};

#[tokio::test]
async fn hundreds_of_sessions_are_served_at_once() {
    const SESSIONS: usize = 300;
    let mock = plain_mock().await;
    let mut clients = join_all((0..SESSIONS).map(|_| Client::login(&mock))).await;
    assert_eq!(mock.connections(), SESSIONS);
    join_all(clients.iter_mut().map(Client::expect_silence)).await;
    drop(clients);
    within(mock.wait_for_connections(0)).await;
}

#[tokio::test]
async fn a_connection_over_the_limit_is_dropped_and_a_place_becomes_free_again() {
    let mock = MockAgent::builder(catalogue()).tls(false).max_connections(1).start().await.unwrap();
    let first = Client::login(&mock).await;
    let login = good_login(&mock);
    assert!(Client::dial(&mock, Some(&login)).await.is_err());
    assert_eq!(
        (mock.logins(), mock.refused_logins()),
        (1, 0),
        "dropped before it could say a word"
    );
    drop(first);
    within(async { while Client::dial(&mock, Some(&login)).await.is_err() {} }).await;
}

#[tokio::test]
async fn a_session_with_too_many_handlers_at_work_stops_reading() {
    let (release, released) = watch::channel(false);
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .handler("slow", move |_, _| {
            let mut released = released.clone();
            async move {
                let _ = released.wait_for(|released| *released).await;
                Ok(json!({}))
            }
        })
        .start()
        .await
        .unwrap();
    let mut client = Client::login(&mock).await;
    let tokens: Vec<_> = (0..2000).map(|n| n.to_string()).collect();
    let requests: Vec<_> = tokens.iter().map(|token| (token.as_str(), "slow")).collect();
    client.send_together(&requests).await;
    within(async {
        while mock.request_count() < 1024 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Another session's call proves that the mock is not just slow.
    Client::login(&mock).await.expect_silence().await;
    assert_eq!(mock.request_count(), 1024 + 1);
    release.send_replace(true);
    for _ in 0..2000 {
        client.next().await;
    }
}

#[tokio::test]
async fn events_wait_for_a_client_that_does_not_read() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    let event = json!({ "action": "flood", "padding": "x".repeat(16 << 10) });
    let mut pushed = 0;
    while mock.push_event(&event).now_or_never().is_some() {
        pushed += 1;
        assert!(pushed < 10_000, "more than the queue and the socket hold");
        tokio::task::yield_now().await;
    }
    for _ in 0..pushed {
        assert_eq!(client.next().await["action"], "flood");
    }
    within(mock.push_event(&json!({ "action": "last" }))).await;
    assert_eq!(client.next().await["action"], "last");
}

#[tokio::test]
async fn a_request_may_be_as_large_as_many_megabytes() {
    const SIZE: usize = 20 << 20;
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    let reply = client.call("echo", json!({ "n": 1, "text": "x".repeat(SIZE) })).await;
    assert_eq!(reply["parameters"]["text"].as_str().map(str::len), Some(SIZE));
}

#[tokio::test]
async fn a_request_over_the_limit_ends_its_session_alone() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    let mut other = Client::login(&mock).await;
    // The mock may hang up while the message is still on its way.
    let _ = client.socket.send(Message::binary(vec![0; (64 << 20) + 1])).await;
    assert!(!matches!(client.frame().await, Some(Ok(_))));
    other.expect_silence().await;
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_session_alone() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .handler("panic", |_, _| async { panic!("as a test may") })
        .start()
        .await
        .unwrap();
    let mut client = Client::login(&mock).await;
    let mut other = Client::login(&mock).await;
    client.send("t", "panic", json!({})).await;
    assert!(!matches!(client.frame().await, Some(Ok(_))));
    other.expect_silence().await;
    within(mock.wait_for_connections(1)).await;
}
