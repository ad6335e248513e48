//! Calls that this side does not send: too large, or without a connection to wait for.

use std::time::Duration;

use agent_sdk::{Error, NotSent, Outcome, ReconnectPolicy, mock::Fault};
use serde_json::json;

use crate::common::{begin, client, is_connected, mock, pair, soon, until, until_requests};

/// One of 40 MiB made the agent close the connection under all other calls.
#[tokio::test]
async fn a_request_over_the_limit_is_not_sent_and_leaves_the_connection_alone() {
    let (mock, agent) = pair().await;
    let text = "x".repeat(40 << 20);
    let error = soon(agent.call_raw("write_file", json!({"text": text}))).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    let Error::NotSent { reason: NotSent::TooLarge { size, limit }, .. } = &error else {
        panic!("{error}")
    };
    assert!(*size > 40 << 20 && *limit == 32 << 20, "{size} {limit}");
    assert!(error.to_string().contains("max_request_size"), "{error}");
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!((mock.logins(), mock.request_count()), (1, 1));
}

#[tokio::test]
async fn the_limit_for_requests_is_exact_to_the_byte() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    let sent = mock.requests();
    assert_eq!(sent.len(), 1);
    let message = json!({"idempotence": "0".repeat(32), "action": "echo", "parameters": {"x": ""}});
    let envelope = message.to_string().len();
    let agent = client(&mock).max_request_size(envelope + 100).connect().await.unwrap();
    soon(agent.call_raw("echo", json!({"x": "y".repeat(100)}))).await.unwrap();
    let error = soon(agent.call_raw("echo", json!({"x": "y".repeat(101)}))).await.unwrap_err();
    let Error::NotSent { reason: NotSent::TooLarge { size, limit }, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((size, limit), (envelope + 101, envelope + 100));
}

fn disconnected(error: &Error) -> bool {
    matches!(error, Error::NotSent { reason: NotSent::Disconnected, .. })
}

/// Each card of a web page waited for 10 s while the agent restarted.
#[tokio::test]
async fn a_call_that_fails_fast_does_not_wait_for_the_next_connection() {
    let mock = mock().start().await.unwrap();
    let patient = ReconnectPolicy::default().initial_backoff(Duration::from_secs(3600));
    let builder = client(&mock).reconnect(patient).fail_fast(true).max_in_flight(1);
    let agent = builder.connect().await.unwrap();
    mock.inject(Fault::lose());
    let mut sent = agent.call_raw("echo", ());
    begin(&mut sent).await;
    until_requests(&mock, 1).await;
    let (mut queued, mut waits) =
        (agent.call_raw("echo", ()), agent.call_raw("echo", ()).fail_fast(false));
    begin(&mut queued).await;
    begin(&mut waits).await;
    mock.go_down().await;
    assert_eq!(soon(sent).await.unwrap_err().outcome(), Outcome::Unknown);
    let error = soon(queued).await.unwrap_err();
    assert!(disconnected(&error), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    let error = soon(agent.call_raw("echo", ())).await.unwrap_err();
    assert!(disconnected(&error), "{error}");
    assert!(futures_util::poll!(&mut waits).is_pending());
    let figures = agent.statistics();
    assert_eq!((figures.calls, figures.lost, figures.failed_fast), (3, 1, 1));
}

#[tokio::test]
async fn a_call_that_fails_fast_is_sent_once_the_connection_is_back() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.cut_connections();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
    soon(agent.call_raw("echo", ()).fail_fast(true)).await.unwrap();
}
