//! What is told of the connection while it is made, lost, made again and closed.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use agent_sdk::{Agent, ReconnectPolicy, State};
use tokio::{sync::watch, task::JoinHandle};

use crate::common::{client, is_closed, is_connected, mock, pair, soon, until};

/// Each state, and when it was seen.
type Seen = Vec<(Instant, State)>;

/// Notes each state until the connection is closed. On the tests' one thread it runs between any
/// two states, since the connection waits for something in each of them.
fn record(mut state: watch::Receiver<State>) -> JoinHandle<Seen> {
    let mut seen = vec![(Instant::now(), state.borrow_and_update().clone())];
    tokio::spawn(async move {
        while !is_closed(&seen.last().unwrap().1) && soon(state.changed()).await.is_ok() {
            seen.push((Instant::now(), state.borrow_and_update().clone()));
        }
        seen
    })
}

/// A state in a word.
fn word(state: &State) -> String {
    match state {
        State::Connecting => "connecting".to_owned(),
        State::Connected => "connected".to_owned(),
        State::Reconnecting { attempt, .. } => format!("reconnecting {attempt}"),
        State::Closed { .. } => "closed".to_owned(),
        other => format!("{other:?}"),
    }
}

fn words(seen: &Seen) -> Vec<String> {
    seen.iter().map(|(_, state)| word(state)).collect()
}

async fn reconnected(agent: &Agent, times: u64) {
    let mut state = agent.state();
    soon(async {
        while agent.statistics().reconnects < times {
            state.changed().await.unwrap();
        }
    })
    .await;
    until(&mut state, is_connected).await;
}

#[tokio::test]
async fn a_life_is_told_state_by_state_and_to_every_clone() {
    const LOSSES: u64 = 3;
    let (mock, agent) = pair().await;
    let recorders: Vec<_> =
        [&agent, &agent.clone(), &agent].map(|agent| record(agent.state())).into();
    for loss in 1..=LOSSES {
        // A connection on which the agent has said nothing is not trusted to be one.
        soon(agent.call_raw("echo", ())).await.unwrap();
        mock.cut_connections();
        reconnected(&agent, loss).await;
    }
    soon(agent.close()).await;
    let mut expected = vec!["connected"];
    // The attempts count on, since no connection has lasted.
    for attempt in ["reconnecting 1", "reconnecting 2", "reconnecting 3"] {
        expected.extend([attempt, "connecting", "connected"]);
    }
    expected.push("closed");
    for recorder in recorders {
        assert_eq!(words(&soon(recorder).await.unwrap()), expected);
    }
}

#[tokio::test]
async fn each_attempt_is_announced_with_its_number_and_time() {
    const FIRST: Duration = Duration::from_millis(8);
    let mock = mock().start().await.unwrap();
    let policy = ReconnectPolicy::default().initial_backoff(FIRST).max_backoff(4 * FIRST);
    let agent = client(&mock).reconnect(policy).connect().await.unwrap();
    let recorder = record(agent.state());
    let mut state = agent.state();
    mock.go_down().await;
    until(&mut state, |state| matches!(state, State::Reconnecting { attempt: 6, .. })).await;
    mock.come_up().await.unwrap();
    until(&mut state, is_connected).await;
    soon(agent.close()).await;
    let seen = soon(recorder).await.unwrap();

    let mut number = 0;
    for [before, (_, state), after] in seen.array_windows() {
        let State::Reconnecting { attempt, delay, .. } = state else { continue };
        number += 1;
        assert_eq!(*attempt, number);
        let bound = (FIRST * 2_u32.pow(number - 1)).min(4 * FIRST);
        assert!(*delay <= bound, "attempt {number} comes later than the policy allows");
        assert!(matches!(after.1, State::Connecting), "{:?}", after.1);
        assert!(after.0 >= before.0 + *delay, "attempt {number} was made too early");
    }
    assert!(number >= 6, "{:?}", words(&seen));
    assert_eq!(words(&seen)[seen.len() - 3..], ["connecting", "connected", "closed"]);
}

#[tokio::test]
async fn the_next_attempt_is_announced_by_the_clock_of_the_system() {
    const LONG: Duration = Duration::from_secs(3600);
    let mock = mock().start().await.unwrap();
    let policy = ReconnectPolicy::default().initial_backoff(LONG).max_backoff(LONG);
    let agent = client(&mock).reconnect(policy).connect().await.unwrap();
    let mut state = agent.state();
    let before = SystemTime::now();
    mock.go_down().await;
    until(&mut state, |state| matches!(state, State::Reconnecting { .. })).await;
    let State::Reconnecting { delay, next, .. } = state.borrow().clone() else {
        panic!("it waits for an hour");
    };
    assert!(next >= before + delay && next <= SystemTime::now() + delay, "{delay:?}, {next:?}");
}

#[tokio::test]
async fn whoever_looks_after_the_end_sees_the_same_reason() {
    let (_mock, agent) = pair().await;
    let before = agent.state();
    let clone = agent.clone();
    soon(agent.close()).await;
    drop(agent);
    let mut reasons = Vec::new();
    for state in [before, clone.state(), clone.clone().state()] {
        match &*state.borrow() {
            State::Closed { why } => reasons.push(Arc::clone(why)),
            other => panic!("{other:?}"),
        }
    }
    assert!(reasons.iter().all(|why| Arc::ptr_eq(why, &reasons[0])), "{reasons:?}");
}
