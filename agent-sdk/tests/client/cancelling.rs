//! Calls whose futures are dropped.

use std::sync::Arc;

use agent_sdk::mock::Fault;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::common::{begin, client, holds, mock, pair, soon, until_requests};

#[tokio::test]
async fn cancelled_calls_leave_nothing_behind() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    for _ in 0..100 {
        let mut calls = Vec::new();
        for _ in 0..100 {
            calls.push(agent.call_raw("echo", ()));
        }
        for call in &mut calls {
            begin(call).await;
        }
        assert_eq!(agent.statistics().pending, 100);
        drop(calls);
    }
    let figures = agent.statistics();
    assert_eq!((figures.calls, figures.cancelled, figures.pending), (10_000, 10_000, 0));
    mock.clear_faults();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(mock.request_count(), 1, "what was dropped before it was sent never is");
}

#[tokio::test]
async fn cancelled_calls_that_were_sent_leave_nothing_behind() {
    const ROUNDS: u64 = 10;
    const CALLS: u32 = 1000;
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let mock = mock()
        .handler("held_back", move |_, _| {
            let waiting = Arc::clone(&waiting);
            async move {
                waiting.acquire_owned().await.unwrap().forget();
                Ok(json!({}))
            }
        })
        .start()
        .await
        .unwrap();
    let agent = client(&mock).connect().await.unwrap();
    for round in 1..=ROUNDS {
        let mut calls = Vec::new();
        for _ in 0..CALLS {
            let mut call = agent.call_raw("held_back", ());
            begin(&mut call).await;
            calls.push(call);
        }
        until_requests(&mock, round * u64::from(CALLS)).await;
        drop(calls);
        assert_eq!(agent.statistics().pending, 0);
        gate.add_permits(CALLS as usize);
        let replies = round * u64::from(CALLS);
        holds(|| agent.statistics().late_replies >= replies).await;
    }
    // More than may be in flight at a time: each left its place when it was dropped.
    let figures = agent.statistics();
    assert_eq!((figures.calls, figures.cancelled), (10_000, 10_000));
    assert_eq!((figures.late_replies, figures.succeeded, figures.events), (10_000, 0, 0));
    gate.add_permits(1);
    soon(agent.call_raw("held_back", ())).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_before_it_was_sent_never_is() {
    let (mock, agent) = pair().await;
    // On this runtime of one thread the connection's task cannot run before the drop.
    let mut call = agent.call_raw("restart", json!({"server": "survival"}));
    begin(&mut call).await;
    drop(call);
    soon(agent.call_raw("echo", ())).await.unwrap();
    let seen: Vec<_> = mock.requests().into_iter().map(|request| request.action).collect();
    assert_eq!(seen, ["echo"]);
}
