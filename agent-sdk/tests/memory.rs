//! Memory over a long life: what a lost connection, a call or an event leaves behind.
#![cfg(feature = "mock")]

use std::time::Duration;

use agent_sdk::{Agent, ReconnectPolicy, mock::MockAgent};
use serde_json::json;
use tokio::time::timeout;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Loses the connection so many times, each with an event in between.
async fn lose(mock: &MockAgent, agent: &Agent, times: u64) {
    let until = agent.statistics().reconnects + times;
    while agent.statistics().reconnects < until {
        let before = agent.statistics();
        mock.push_event(&json!({ "action": "tick" })).await;
        // A connection that is cut before it said anything may have been a rejected login.
        while agent.statistics().events == before.events {
            tokio::task::yield_now().await;
        }
        mock.cut_connections();
        while agent.statistics().reconnects == before.reconnects {
            tokio::task::yield_now().await;
        }
        mock.wait_for_connections(1).await;
    }
}

#[tokio::test]
async fn a_long_run_of_disconnects_does_not_grow() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mock = MockAgent::builder(json!({ "subscribe": {} })).tls(false).start().await.unwrap();
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_micros(10))
        .max_backoff(Duration::from_millis(1));
    let agent = Agent::builder(mock.url())
        .credentials(mock.username(), mock.password())
        .reconnect(policy)
        .connect()
        .await
        .unwrap();
    let events = agent.events().capacity(8);
    let limit = Duration::from_secs(120);
    timeout(limit, lose(&mock, &agent, 100)).await.expect("it reconnects");
    let before = dhat::HeapStats::get().curr_bytes;
    timeout(limit, lose(&mock, &agent, 500)).await.expect("it reconnects");
    let after = dhat::HeapStats::get().curr_bytes;
    // 500 connections; a leak of 64 bytes in each would show.
    assert!(after < before + 32_000, "{before} bytes before, {after} after");
    drop(events);
}
