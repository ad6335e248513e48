//! Subscriptions that the agent does not make again after a reconnect.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_sdk::{
    Agent, Event, Events,
    mock::{Fault, MockAgent},
};
use serde_json::{Value, json};

use crate::{
    bare::{Bare, Session},
    common::{LIMIT, client, is_connected, mock, soon, until, until_requests},
};

async fn subscribe(agent: &Agent, topic: &str) {
    soon(agent.call_raw("subscribe", json!({ "topic": topic }))).await.unwrap();
}

/// The next event that tells of a subscription, in words.
async fn next_news(events: &mut Events) -> String {
    loop {
        match soon(events.next()).await.expect("the stream goes on") {
            Event::SubscriptionMissing { subscription, reason } => {
                return format!("{subscription} missing: {reason}");
            }
            Event::SubscriptionRestored { subscription } => {
                return format!("{subscription} restored");
            }
            _ => {}
        }
    }
}

/// A mock that takes subscriptions only while it is willing.
async fn moody_mock(words: &'static str) -> (MockAgent, Arc<AtomicBool>) {
    let willing = Arc::new(AtomicBool::new(true));
    let mood = Arc::clone(&willing);
    let mock = mock()
        .handler("subscribe", move |_, _| {
            let willing = mood.load(Ordering::SeqCst);
            async move { if willing { Ok(json!({})) } else { Err(json!({ "error": words })) } }
        })
        .start()
        .await
        .unwrap();
    (mock, willing)
}

async fn reconnect(mock: &MockAgent, agent: &Agent) {
    let mut state = agent.state();
    mock.cut_connections();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
}

/// It kept every call waiting until they timed out, and then the connection was dropped, for ever.
#[tokio::test]
async fn a_repeated_subscription_without_an_answer_locks_no_call_out() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).connect_timeout(Duration::from_millis(200)).connect().await.unwrap();
    let mut events = agent.events();
    subscribe(&agent, "survival").await;
    mock.inject(Fault::lose().for_action("subscribe"));
    mock.cut_connections();
    until_requests(&mock, 2).await;
    soon(agent.call_raw("echo", ()).timeout(Duration::from_secs(5))).await.unwrap();
    let missing = "the events of `survival` missing: the agent did not answer";
    assert_eq!(next_news(&mut events).await, missing);
    let stats = agent.statistics();
    assert_eq!((stats.subscriptions, stats.missing_subscriptions), (1, 1));
    mock.clear_faults();
    assert_eq!(next_news(&mut events).await, "the events of `survival` restored");
    let stats = agent.statistics();
    assert_eq!((stats.subscriptions, stats.missing_subscriptions), (1, 0));
    assert_eq!((mock.logins(), stats.reconnects), (2, 1), "no connection was dropped for it");
    soon(agent.call_raw("echo", ())).await.unwrap();
}

/// Calls wait for at most 2 s, however patient the connection is.
#[tokio::test]
async fn calls_go_through_before_their_own_time_is_up() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).connect_timeout(Duration::from_secs(3600)).connect().await.unwrap();
    subscribe(&agent, "survival").await;
    mock.inject(Fault::lose().for_action("subscribe"));
    mock.cut_connections();
    until_requests(&mock, 2).await;
    soon(agent.call_raw("echo", ()).timeout(Duration::from_secs(8))).await.unwrap();
    assert!(is_connected(&agent.state().borrow()));
    assert_eq!((mock.logins(), agent.statistics().missing_subscriptions), (2, 1));
}

/// Answers what is left of the repeated requests, one at a time.
async fn answer_slowly(session: &mut Session, requests: Vec<Value>, pause: Duration) {
    for request in requests {
        tokio::time::sleep(pause).await;
        session.reply(&request).await;
    }
}

/// Three hundred that took longer together than one connection may take were never restored.
#[tokio::test]
async fn three_hundred_slow_subscriptions_are_all_made_again() {
    const TOPICS: usize = 300;
    let bare = Bare::new().await;
    let client = bare.client().connect_timeout(Duration::from_millis(500));
    let (agent, mut session) = bare.pair(client).await;
    for number in 0..TOPICS {
        let subscribing = agent.call_raw("subscribe", json!({ "topic": number.to_string() }));
        let answering = async {
            let request = session.request().await;
            session.reply(&request).await;
        };
        let (reply, ()) = soon(async { tokio::join!(subscribing.into_future(), answering) }).await;
        reply.unwrap();
    }
    drop(session);
    let mut session = bare.accept().await;
    let mut requests = Vec::new();
    while requests.len() < TOPICS {
        requests.push(session.request().await);
    }
    let call = agent.call_raw("echo", ()).timeout(LIMIT).into_future();
    let answering = async {
        // Together they take three times as long as one may.
        answer_slowly(&mut session, requests, Duration::from_millis(5)).await;
        let request = session.request().await;
        assert_eq!(request["action"], "echo");
        session.reply(&request).await;
    };
    let (reply, ()) = soon(async { tokio::join!(call, answering) }).await;
    reply.unwrap();
    let stats = agent.statistics();
    assert_eq!((stats.subscriptions, stats.missing_subscriptions), (300, 0));
    assert_eq!(stats.reconnects, 1);
}

/// "Already subscribed" and "not ready yet" alike ended the subscription with a line in the log.
#[tokio::test]
async fn a_rejected_repeated_subscription_is_kept_told_and_tried_again() {
    for words in ["already subscribed", "not ready yet", "no such server"] {
        let (mock, willing) = moody_mock(words).await;
        let agent = client(&mock).connect().await.unwrap();
        let mut events = agent.events();
        subscribe(&agent, "survival").await;
        willing.store(false, Ordering::SeqCst);
        for _ in 0..2 {
            reconnect(&mock, &agent).await;
            let missing = format!("the events of `survival` missing: {words}");
            assert_eq!(next_news(&mut events).await, missing);
            let stats = agent.statistics();
            assert_eq!((stats.subscriptions, stats.missing_subscriptions), (1, 1));
        }
        willing.store(true, Ordering::SeqCst);
        // On the same connection.
        assert_eq!(next_news(&mut events).await, "the events of `survival` restored");
        assert_eq!((agent.statistics().missing_subscriptions, mock.logins()), (0, 3));
        mock.push_event(&json!({ "action": "tick" })).await;
        let event = soon(events.next()).await;
        assert!(matches!(&event, Some(Event::Message(message)) if message.kind() == Some("tick")));
    }
}

#[tokio::test]
async fn a_rejected_repeated_subscription_is_tried_again_at_the_next_reconnect() {
    let (mock, willing) = moody_mock("not ready yet").await;
    let agent = client(&mock).connect().await.unwrap();
    let mut events = agent.events();
    subscribe(&agent, "survival").await;
    willing.store(false, Ordering::SeqCst);
    reconnect(&mock, &agent).await;
    next_news(&mut events).await;
    willing.store(true, Ordering::SeqCst);
    reconnect(&mock, &agent).await;
    assert_eq!(next_news(&mut events).await, "the events of `survival` restored");
    assert_eq!(agent.statistics().missing_subscriptions, 0);
}

#[tokio::test]
async fn one_rejected_subscription_is_no_harm_to_the_others() {
    let mock = mock()
        .handler("subscribe", |parameters, _| async move {
            match parameters["topic"].as_str() {
                Some("gone") => Err(json!({ "error": "no such server" })),
                _ => Ok(json!({})),
            }
        })
        .handler("enable_stdout", |_, _| async { Ok(json!({})) })
        .start()
        .await
        .unwrap();
    let agent = client(&mock).connect().await.unwrap();
    subscribe(&agent, "survival").await;
    soon(agent.call_raw("enable_stdout", ())).await.unwrap();
    // It is rejected at first already: then there is nothing to keep.
    soon(agent.call_raw("subscribe", json!({ "topic": "gone" }))).await.unwrap_err();
    reconnect(&mock, &agent).await;
    let stats = agent.statistics();
    assert_eq!((stats.subscriptions, stats.missing_subscriptions), (2, 0));
}

#[tokio::test]
async fn a_missing_subscription_ends_by_unsubscribing_whatever_the_agent_says() {
    let (mock, willing) = moody_mock("no such server").await;
    let agent = client(&mock).connect().await.unwrap();
    let mut events = agent.events();
    subscribe(&agent, "gone").await;
    willing.store(false, Ordering::SeqCst);
    reconnect(&mock, &agent).await;
    next_news(&mut events).await;
    // The agent does not know of it any more, and says so or not.
    let _ = soon(agent.call_raw("unsubscribe", json!({ "topic": "gone" }))).await;
    let stats = agent.statistics();
    assert_eq!((stats.subscriptions, stats.missing_subscriptions), (0, 0));
}
