//! Connections that are lost.

use std::time::Duration;

use agent_sdk::{
    CloseReason, ConnectError, Error, Outcome, Reconnect, State,
    mock::{Certificate, Fault, MockAgent, Refusal},
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{catalogue, client, is_closed, is_connected, mock, pair, soon, until};

async fn why_closed(agent: &agent_sdk::Agent) -> std::sync::Arc<CloseReason> {
    match until(&mut agent.state(), is_closed).await {
        State::Closed { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_restart_with_100_calls_in_flight_ends_each_and_hangs_none() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose().for_action("echo"));
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let agent = agent.clone();
        tasks.spawn(async move { agent.call_raw("echo", json!({"number": number})).await });
    }
    soon(async {
        while mock.request_count() < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    mock.restart().await.unwrap();
    while let Some(ended) = soon(tasks.join_next()).await {
        let error = ended.unwrap().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(matches!(error, Error::OutcomeUnknown { .. }));
    }
    mock.heal();
    soon(agent.call_raw("echo", ())).await.unwrap();
    let figures = agent.statistics();
    assert_eq!((figures.lost, figures.reconnects, figures.pending), (100, 1, 0));
    // Nothing was sent twice.
    assert_eq!(mock.request_count(), 101);
}

#[tokio::test]
async fn a_call_that_was_not_sent_waits_for_the_reconnect() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.go_down().await;
    until(&mut state, |state| !is_connected(state)).await;
    let waiting = tokio::spawn(async move { agent.call_raw("echo", json!({"a": 1})).await });
    tokio::task::yield_now().await;
    mock.come_up().await.unwrap();
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(reply.parameters().unwrap(), json!({"a": 1}));
}

#[tokio::test]
async fn a_call_that_was_never_sent_says_so_when_its_time_is_up() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.go_down().await;
    until(&mut state, |state| !is_connected(state)).await;
    let call = agent.call_raw("echo", ()).timeout(Duration::from_millis(50));
    let error = soon(call).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
    assert!(error.to_string().contains("safe to repeat"), "{error}");
    assert_eq!(agent.statistics().timed_out, 1);
    mock.come_up().await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(mock.request_count(), 1);
}

#[tokio::test]
async fn a_rejected_login_is_final_after_one_attempt() {
    for refusal in [Refusal::Unauthorized, Refusal::Forbidden] {
        let (mock, agent) = pair().await;
        mock.refuse_logins(Some(refusal));
        mock.cut_connections();
        let why = why_closed(&agent).await;
        assert!(matches!(&*why, CloseReason::Refused(ConnectError::LoginRejected { .. })), "{why}");
        assert_eq!(mock.refused_logins(), 1);
        let error = soon(agent.call_raw("echo", ())).await.unwrap_err();
        assert!(matches!(error, Error::Closed { .. }), "{error}");
        assert!(error.to_string().contains("rejected the credentials"), "{error}");
    }
}

#[tokio::test]
async fn refusals_without_a_word_are_final_before_the_ban() {
    for refusal in [Refusal::Close, Refusal::Reset, Refusal::Redirect] {
        let (mock, agent) = pair().await;
        mock.refuse_logins(Some(refusal));
        mock.cut_connections();
        let why = why_closed(&agent).await;
        assert!(matches!(&*why, CloseReason::Refused(_)), "{why}");
        assert_eq!(mock.refused_logins(), 3, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_tried_until_it_recovers() {
    let (mock, agent) = pair().await;
    mock.refuse_logins(Some(Refusal::ServerError));
    mock.cut_connections();
    soon(async {
        while mock.refused_logins() < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    mock.refuse_logins(None);
    soon(agent.call_raw("echo", ())).await.unwrap();
}

#[tokio::test]
async fn a_changed_certificate_is_final() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    mock.replace_certificate(&Certificate::SelfSigned).unwrap();
    mock.cut_connections();
    let why = why_closed(&agent).await;
    assert!(
        matches!(&*why, CloseReason::Refused(ConnectError::CertificateChanged { .. })),
        "{why}"
    );
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn a_policy_of_never_closes() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).reconnect(Reconnect::never()).connect().await.unwrap();
    mock.cut_connections();
    let why = why_closed(&agent).await;
    assert!(matches!(&*why, CloseReason::Lost(_)), "{why}");
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn a_bounded_policy_gives_up_and_says_why() {
    let mock = mock().start().await.unwrap();
    let policy = Reconnect::default().attempts(3).first_wait(Duration::from_millis(1));
    let agent = client(&mock).reconnect(policy).connect().await.unwrap();
    let mut state = agent.state();
    mock.go_down().await;
    let seen = until(&mut state, |state| matches!(state, State::Reconnecting { .. })).await;
    assert!(matches!(seen, State::Reconnecting { attempt: 1..=3, .. }), "{seen:?}");
    let why = why_closed(&agent).await;
    assert!(
        matches!(
            &*why,
            CloseReason::GaveUp { attempts: 3, last: ConnectError::Unreachable { .. } }
        ),
        "{why}"
    );
}

#[tokio::test]
async fn closing_while_there_is_no_connection_ends_what_waits() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.go_down().await;
    until(&mut state, |state| !is_connected(state)).await;
    let calling = agent.clone();
    let waiting = tokio::spawn(async move { calling.call_raw("echo", ()).await });
    tokio::task::yield_now().await;
    soon(agent.close()).await;
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
}

#[tokio::test]
async fn a_half_open_connection_is_found_in_time() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).keepalive(Duration::from_millis(200)).connect().await.unwrap();
    let mut state = agent.state();
    soon(agent.call_raw("echo", ())).await.unwrap();
    mock.half_open();
    let began = std::time::Instant::now();
    until(&mut state, |state| !is_connected(state)).await;
    // Found by silence after a ping; the upper bound leaves room for a loaded machine.
    assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
    until(&mut state, is_connected).await;
    soon(agent.call_raw("echo", ())).await.unwrap();
}

#[tokio::test]
async fn a_call_times_out_on_a_socket_that_takes_nothing() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).keepalive(None).connect().await.unwrap();
    mock.half_open();
    let large = json!({"content": "x".repeat(16 << 20)});
    let stuck = agent.call_raw("echo", large).timeout(Duration::from_millis(300));
    let behind = agent.call_raw("echo", ()).timeout(Duration::from_millis(100));
    let both = futures_util::future::join(stuck.into_future(), behind.into_future());
    let (stuck, behind) = soon(both).await;
    assert_eq!(stuck.unwrap_err().outcome(), Outcome::Unknown);
    assert!(behind.is_err());
}

#[tokio::test]
async fn pings_keep_an_idle_connection() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).keepalive(Duration::from_millis(40)).connect().await.unwrap();
    let sent = agent.statistics().bytes_sent;
    soon(async {
        while agent.statistics().bytes_sent < sent + 5 * 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(agent.statistics().reconnects, 0);
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn many_disconnects_leave_nothing_behind() {
    let (mock, agent) = pair().await;
    for round in 1..=200 {
        mock.cut_connections();
        soon(async {
            while agent.statistics().reconnects < round {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        soon(agent.call_raw("echo", ())).await.unwrap();
    }
    assert_eq!(agent.statistics().pending, 0);
    soon(mock.wait_for_connections(1)).await;
}

#[tokio::test]
async fn a_half_open_connection_is_found_within_30_s_by_default() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.half_open();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    // Not `until`: its own time limit would pass first.
    state.wait_for(|state| !is_connected(state)).await.unwrap();
    let found = began.elapsed();
    // Tokio's timers are exact to a millisecond.
    assert!(found > Duration::from_secs(29) && found < Duration::from_millis(30_010), "{found:?}");
}

#[tokio::test]
async fn a_call_waits_10_s_by_default() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = agent.call_raw("echo", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_millis(10_100));
}
