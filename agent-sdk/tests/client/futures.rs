//! A call is a future like any other.

use std::time::Duration;

use agent_sdk::{Call, Error, Outcome, Reply, mock::Fault};
use futures_util::{FutureExt, future::join_all, poll};
use serde_json::json;

use crate::common::{begin, is_closed, is_connected, pair, soon, until, until_requests};

/// A call could only become a future, so each of these took five errors that did not say how.
#[tokio::test]
async fn calls_are_joined_selected_and_boxed_without_a_conversion() {
    let (_mock, agent) = pair().await;
    let replies = soon(join_all((0..3).map(|number| agent.call_raw("echo", json!([number])))));
    assert!(replies.await.into_iter().all(|reply| reply.is_err()), "a list is no parameters");
    let (one, two) =
        tokio::try_join!(agent.call_raw("echo", ()), agent.call_raw("whoami", ())).unwrap();
    assert_eq!((one.action(), two.action()), ("echo", "whoami"));
    let boxed = agent.call_raw("echo", ()).boxed();
    tokio::select! {
        reply = boxed => assert_eq!(reply.unwrap().action(), "echo"),
        () = std::future::pending() => {}
    }
}

/// A call borrowed its agent, so it could not be spawned without a wrapper.
#[tokio::test]
async fn an_owned_call_is_spawned_and_outlives_the_handle_it_came_from() {
    let (_mock, agent) = pair().await;
    let call: Call<'static, Reply> = agent.call_raw("echo", json!({"x": 1})).owned();
    let mut state = agent.state();
    drop(agent);
    assert!(is_connected(&state.borrow()), "the call keeps the connection open");
    let reply = soon(tokio::spawn(call)).await.unwrap().unwrap();
    assert_eq!(reply.parameters().unwrap(), json!({"x": 1}));
    soon(until(&mut state, is_closed)).await;
}

#[tokio::test]
async fn a_finished_call_keeps_no_connection_open() {
    let (_mock, agent) = pair().await;
    let mut call = agent.call_raw("echo", ()).owned();
    soon(&mut call).await.unwrap();
    let mut state = agent.state();
    drop(agent);
    soon(until(&mut state, is_closed)).await;
    // Polled again, it neither hangs nor panics.
    assert!(matches!(soon(call).await, Err(Error::Closed { .. })));
}

#[tokio::test]
async fn a_call_becomes_owned_in_the_middle_and_is_sent_once() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    let mut call = agent.call_raw("echo", ()).timeout(Duration::from_millis(200));
    begin(&mut call).await;
    until_requests(&mock, 1).await;
    // Too late to change anything.
    let mut call = call.owned().timeout(Duration::from_secs(3600));
    assert!(poll!(&mut call).is_pending());
    assert_eq!(soon(call).await.unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!((mock.request_count(), agent.statistics().cancelled), (1, 0));
}
