//! Events: unsolicited messages.

use agent_sdk::{Event, KnownEvent};
use serde_json::json;

use crate::common::{holds, is_connected, pair, soon, until};

#[tokio::test]
async fn a_change_of_state_is_told_to_whoever_has_subscribed() {
    let (_mock, agent) = pair().await;
    let mut events = agent.events().topic("survival");
    soon(agent.call_raw("subscribe", json!({"topic": "survival"}))).await.unwrap();
    soon(agent.call_raw("server_start", json!({"server": "survival"}))).await.unwrap();
    match soon(events.next()).await {
        Some(Event::Message(message)) => {
            assert_eq!(message.topic(), Some("survival"));
            assert!(matches!(message.known(), Some(KnownEvent::ServerState { .. })), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn console_lines_are_typed() {
    let (mock, agent) = pair().await;
    let mut events = agent.events().kind("stdout");
    let line = json!({"action": "stdout", "parameters": {"server": "survival", "line": "hello"}});
    mock.push_event(&json!({"action": "agent_health"})).await;
    mock.push_event(&line).await;
    match soon(events.next()).await {
        Some(Event::Message(message)) => {
            let known = KnownEvent::Stdout { server: Some("survival"), line: Some("hello".into()) };
            assert_eq!(message.known(), Some(known));
            assert_eq!(message.json().unwrap(), line);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_consumer_that_never_reads_harms_nobody() {
    const EVENTS: u64 = 20_000;
    let (mock, agent) = pair().await;
    let mut idle = agent.events().capacity(10);
    let mut busy = agent.events().capacity(100_000);
    for number in 0..EVENTS {
        mock.push_event(&json!({"action": "tick", "number": number})).await;
    }
    for number in 0..EVENTS {
        match soon(busy.next()).await {
            Some(Event::Message(message)) => assert_eq!(message.json().unwrap()["number"], number),
            other => panic!("{other:?}"),
        }
    }
    assert!(
        matches!(soon(idle.next()).await, Some(Event::Lagged(missed)) if missed == EVENTS - 10)
    );
    match soon(idle.next()).await {
        Some(Event::Message(message)) => assert_eq!(message.json().unwrap()["number"], EVENTS - 10),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_in_a_flood_of_100_000_events() {
    let (mock, agent) = pair().await;
    let _idle = agent.events();
    let flood = tokio::spawn(async move {
        for number in 0..100_000 {
            mock.push_event(&json!({"action": "tick", "number": number})).await;
        }
        mock
    });
    let mut answered = 0;
    while agent.statistics().events < 100_000 {
        soon(agent.call_raw("echo", json!({"number": answered}))).await.unwrap();
        answered += 1;
    }
    assert!(answered > 0);
    let _mock = soon(flood).await.unwrap();
    assert_eq!(agent.statistics().reconnects, 0);
}

#[tokio::test]
async fn subscriptions_hold_over_a_reconnect_before_anybody_is_told() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    let mut events = agent.events();
    for topic in ["survival", "Other"] {
        soon(agent.call_raw("subscribe", json!({"topic": topic}))).await.unwrap();
    }
    soon(agent.call_raw("unsubscribe", json!({"topic": "Other"}))).await.unwrap();
    soon(agent.call_raw("enable_stdout", json!({}))).await.unwrap();
    let before = mock.requests().len();
    state.mark_unchanged();
    mock.restart().await.unwrap();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
    let repeated: Vec<_> =
        mock.requests()[before..].iter().map(|request| request.action.clone()).collect();
    assert_eq!(repeated, ["subscribe", "enable_stdout"]);
    mock.push_event_to("survival", &json!({"action": "tick"})).await;
    mock.push_event_to("Other", &json!({"action": "tock"})).await;
    let mut kinds = Vec::new();
    while !kinds.contains(&"tick".to_owned()) {
        match soon(events.next()).await {
            Some(Event::Message(message)) => kinds.push(message.kind().unwrap().to_owned()),
            Some(Event::Interrupted) => kinds.push("interrupted".to_owned()),
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds.contains(&"interrupted".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn an_interruption_is_told_to_one_who_lags() {
    let (mock, agent) = pair().await;
    let mut events = agent.events().capacity(2);
    let mut state = agent.state();
    mock.push_event(&json!({"action": "before"})).await;
    until_events(&agent, 1).await;
    mock.cut_connections();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
    for _ in 0..5 {
        mock.push_event(&json!({"action": "after"})).await;
    }
    until_events(&agent, 6).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Lagged(4))));
    assert!(matches!(soon(events.next()).await, Some(Event::Interrupted)));
    for _ in 0..2 {
        assert!(matches!(soon(events.next()).await, Some(Event::Message(_))));
    }
}

async fn until_events(agent: &agent_sdk::Agent, events: u64) {
    holds(|| agent.statistics().events >= events).await;
}
