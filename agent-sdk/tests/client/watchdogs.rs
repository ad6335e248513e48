//! What those who watch over a connection need: when it was heard last, and a new one on demand.

use std::time::{Duration, Instant};

use agent_sdk::{
    CloseReason, DisconnectReason, Error, ReconnectPolicy, State, Unanswered, mock::Fault,
};
use serde_json::json;

use crate::{
    common::{
        begin, client, holds, is_closed, is_connected, mock, pair, soon, until, until_requests,
    },
    gateway::{Gateway, Mode},
};

#[tokio::test]
async fn reconnecting_on_demand_replaces_the_connection_and_says_so() {
    let (mock, agent) = pair().await;
    soon(agent.call_raw("subscribe", json!({ "topic": "survival" }))).await.unwrap();
    mock.inject(Fault::lose().for_action("echo").times(1));
    let mut in_flight = agent.call_raw("echo", ()).into_future();
    begin(&mut in_flight).await;
    until_requests(&mock, 2).await;
    let mut state = agent.state();
    agent.reconnect();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
    let error = soon(in_flight).await.unwrap_err();
    let Error::OutcomeUnknown { reason: Unanswered::ConnectionLost(cause), .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(**cause, DisconnectReason::Requested), "{cause:?}");
    soon(agent.call_raw("echo", ())).await.unwrap();
    let counts = agent.statistics();
    assert_eq!((counts.reconnects, counts.missing_subscriptions, mock.logins()), (1, 0, 2));
    soon(mock.wait_for_connections(1)).await;
}

#[tokio::test]
async fn reconnecting_on_demand_cuts_a_backoff_short_and_works_without_a_policy() {
    let hour = Duration::from_secs(3600);
    let patient = ReconnectPolicy::default().initial_backoff(hour).max_backoff(hour);
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).reconnect(patient).connect().await.unwrap();
    mock.cut_connections();
    until(&mut agent.state(), |state| !is_connected(state)).await;
    agent.reconnect();
    soon(agent.call_raw("echo", ())).await.unwrap();

    let agent = client(&mock).reconnect(ReconnectPolicy::never()).connect().await.unwrap();
    agent.reconnect();
    until(&mut agent.state(), |_| agent.statistics().reconnects == 1).await;
    soon(agent.call_raw("echo", ())).await.unwrap();
    mock.cut_connections();
    until(&mut agent.state(), is_closed).await;
}

/// A loop that reconnects whenever something fails must not bring a ban about.
#[tokio::test]
async fn reconnecting_on_demand_does_not_shorten_the_wait_for_the_end_of_a_ban() {
    let gateway = Gateway::new().await;
    let agent = gateway.connect(ReconnectPolicy::default()).await;
    gateway.switch(Mode::Answer("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned()));
    let is_banned = |state: &State| matches!(state, State::Reconnecting { failure: Some(_), .. });
    let mut state = agent.state();
    until(&mut state, is_banned).await;
    for _ in 0..10 {
        agent.reconnect();
        let changed = tokio::time::timeout(Duration::from_millis(10), state.changed()).await;
        assert!(changed.is_err(), "{:?}", state.borrow());
    }
    assert_eq!(gateway.visits(), 1);
}

#[tokio::test]
async fn reconnecting_what_is_closed_does_nothing() {
    let (mock, agent) = pair().await;
    soon(agent.close()).await;
    agent.reconnect();
    let State::Closed { why } = agent.state().borrow().clone() else { panic!() };
    assert!(matches!(*why, CloseReason::Requested), "{why}");
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn when_something_was_last_heard_is_known_for_each_topic() {
    let (mock, agent) = pair().await;
    for topic in ["survival", "creative"] {
        soon(agent.call_raw("subscribe", json!({ "topic": topic }))).await.unwrap();
    }
    let began = Instant::now();
    assert!(agent.last_heard() <= began);
    assert_eq!(agent.last_heard_of("survival"), None);
    // Nobody has asked for a stream of events.
    mock.push_event_to("survival", &json!({ "action": "tick", "topic": "survival" })).await;
    holds(|| agent.last_heard_of("survival").is_some()).await;
    let heard = agent.last_heard_of("survival").unwrap();
    assert!(heard >= began && agent.last_heard() >= heard);
    assert_eq!(agent.last_heard_of("creative"), None);
    assert_eq!(agent.last_heard_of("unknown"), None);
}
