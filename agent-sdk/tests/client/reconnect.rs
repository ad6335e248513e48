//! Connections that are lost.

use std::time::Duration;

use agent_sdk::{
    CloseReason, ConnectError, Error, Event, Outcome, ReconnectPolicy, State,
    mock::{Certificate, Fault, MockAgent, Refusal},
};
use serde_json::json;

use crate::{
    bare::Bare,
    common::{
        begin, catalogue, client, holds, is_closed, is_connected, mock, pair, soon, until,
        until_requests,
    },
};

async fn why_closed(agent: &agent_sdk::Agent) -> std::sync::Arc<CloseReason> {
    match until(&mut agent.state(), is_closed).await {
        State::Closed { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_restart_ends_the_calls_in_flight_sends_the_queued_and_keeps_the_subscription() {
    const SENT: usize = 100;
    const QUEUED: usize = 50;
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).max_in_flight(SENT).connect().await.unwrap();
    let mut events = agent.events();
    soon(agent.call_raw("subscribe", json!({"topic": "survival"}))).await.unwrap();
    mock.inject(Fault::lose().for_action("echo"));
    let mut calls = Vec::new();
    for number in 0..SENT + QUEUED {
        let mut call = agent.call_raw("echo", json!({"number": number}));
        begin(&mut call).await;
        calls.push(call);
    }
    until_requests(&mock, 1 + SENT as u64).await;
    mock.go_down().await;
    mock.clear_faults();
    mock.come_up().await.unwrap();
    for (number, call) in (0..).zip(calls) {
        match soon(call).await {
            Ok(reply) => {
                assert!(number >= SENT, "{number} was sent before the restart");
                assert_eq!(reply.parameters().unwrap(), json!({"number": number}));
            }
            Err(error) => {
                assert!(number < SENT, "{number} was still queued: {error}");
                assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
                assert_eq!(error.outcome(), Outcome::Unknown);
            }
        }
    }
    let figures = agent.statistics();
    assert_eq!((figures.lost, figures.reconnects, figures.pending), (100, 1, 0));
    // Nothing was sent twice but the subscription, and that before all else.
    let requests = mock.requests();
    assert_eq!(requests.len(), 1 + SENT + 1 + QUEUED);
    let again = &requests[1 + SENT];
    assert_eq!((&*again.action, again.session), ("subscribe", 2));
    mock.push_event_to("survival", &json!({"action": "tick"})).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Interrupted)));
    match soon(events.next()).await {
        Some(Event::Message(message)) => assert_eq!(message.kind(), Some("tick")),
        other => panic!("{other:?}"),
    }
}

/// Whether it had been queued before the connection was lost, or was made afterwards.
#[tokio::test]
async fn a_call_that_was_not_sent_waits_for_the_reconnect() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).max_in_flight(1).connect().await.unwrap();
    let mut state = agent.state();
    mock.inject(Fault::lose());
    let mut sent = agent.call_raw("echo", ());
    begin(&mut sent).await;
    until_requests(&mock, 1).await;
    let mut queued = agent.call_raw("echo", json!({"a": 1}));
    begin(&mut queued).await;
    mock.go_down().await;
    until(&mut state, |state| !is_connected(state)).await;
    assert_eq!(soon(sent).await.unwrap_err().outcome(), Outcome::Unknown);
    let mut later = agent.call_raw("echo", json!({"a": 2}));
    begin(&mut later).await;
    mock.clear_faults();
    mock.come_up().await.unwrap();
    for (call, number) in [(queued, 1), (later, 2)] {
        assert_eq!(soon(call).await.unwrap().parameters().unwrap(), json!({"a": number}));
    }
    assert_eq!(mock.request_count(), 3);
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
async fn a_server_in_trouble_is_tried_until_it_recovers() {
    let (mock, agent) = pair().await;
    mock.refuse_logins(Some(Refusal::ServerError));
    mock.cut_connections();
    holds(|| mock.refused_logins() >= 6).await;
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
    let agent = client(&mock).reconnect(ReconnectPolicy::never()).connect().await.unwrap();
    mock.cut_connections();
    let why = why_closed(&agent).await;
    assert!(matches!(&*why, CloseReason::Lost(_)), "{why}");
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn a_bounded_policy_gives_up_and_says_why() {
    let mock = mock().start().await.unwrap();
    let policy =
        ReconnectPolicy::default().max_attempts(3).initial_backoff(Duration::from_millis(1));
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
    mock.freeze();
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
    mock.freeze();
    let large = json!({"content": "x".repeat(16 << 20)});
    let stuck = agent.call_raw("echo", large).timeout(Duration::from_millis(300));
    let behind = agent.call_raw("echo", ()).timeout(Duration::from_millis(100));
    let both = futures_util::future::join(stuck, behind);
    let (stuck, behind) = soon(both).await;
    assert_eq!(stuck.unwrap_err().outcome(), Outcome::Unknown);
    assert!(behind.is_err());
}

#[tokio::test]
async fn pings_keep_an_idle_connection() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).keepalive(Duration::from_millis(40)).connect().await.unwrap();
    let sent = agent.statistics().bytes_sent;
    holds(|| agent.statistics().bytes_sent >= sent + 5 * 6).await;
    assert_eq!(agent.statistics().reconnects, 0);
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn a_keepalive_of_no_time_is_none() {
    let bare = Bare::new().await;
    let (_agent, mut session) = bare.pair(bare.client().keepalive(Duration::ZERO)).await;
    // A ping at once, and the loss of the connection at once, is what it would mean literally.
    let silence = tokio::time::timeout(Duration::from_millis(100), session.read()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn many_disconnects_leave_nothing_behind() {
    let (mock, agent) = pair().await;
    for round in 1..=200 {
        mock.cut_connections();
        holds(|| agent.statistics().reconnects >= round).await;
        soon(agent.call_raw("echo", ())).await.unwrap();
    }
    assert_eq!(agent.statistics().pending, 0);
    soon(mock.wait_for_connections(1)).await;
}

#[tokio::test]
async fn a_half_open_connection_is_found_within_30_s_by_default() {
    let (mock, agent) = pair().await;
    let mut state = agent.state();
    mock.freeze();
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

#[tokio::test]
async fn a_login_that_is_not_answered_is_not_repeated_before_a_ban_would_end() {
    let mock = mock().start().await.unwrap();
    let builder = client(&mock).connect_timeout(Duration::from_millis(100));
    let agent = builder.connect().await.unwrap();
    let mut state = agent.state();
    mock.refuse_logins(Some(Refusal::Silence));
    mock.cut_connections();
    let slow = |state: &State| match state {
        State::Reconnecting { delay, .. } => *delay > Duration::from_secs(60),
        _ => false,
    };
    until(&mut state, slow).await;
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn an_agent_that_ends_each_connection_at_once_is_not_hammered() {
    // A login that is refused only after the upgrade looks like this.
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    let mut state = agent.state();
    let slow = |state: &State| match state {
        State::Reconnecting { delay, .. } => *delay > Duration::from_secs(60),
        _ => false,
    };
    let cutting = async {
        loop {
            mock.wait_for_connections(1).await;
            mock.cut_connections();
            mock.wait_for_connections(0).await;
        }
    };
    tokio::select! {
        () = cutting => {}
        _ = until(&mut state, slow) => {}
    }
    assert_eq!(mock.logins(), 3);
}

#[tokio::test]
async fn what_waits_behind_a_large_request_is_sent_when_there_is_room() {
    let mock = mock()
        .handler("slow", |_, _| async {
            std::future::pending::<()>().await;
            Ok(json!({}))
        })
        .start()
        .await
        .unwrap();
    let agent = client(&mock).keepalive(None).connect().await.unwrap();
    let large = json!({"content": "x".repeat(8 << 20)});
    let mut slow = std::pin::pin!(agent.call_raw("slow", large));
    assert!(futures_util::poll!(slow.as_mut()).is_pending());
    // Nothing but the socket's readiness leads to this one: the other's timeout, which would wake
    // the connection too, comes later.
    soon(agent.call_raw("echo", ()).timeout(Duration::from_secs(5))).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_slow_to_read_is_not_taken_for_dead() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let reader = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        // Four times as long as a dead agent is given, and never silent for long.
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..80 {
            stream.read_exact(&mut buffer).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stream
    });
    let agent = agent_sdk::Agent::builder(url)
        .credentials("root", "x")
        .keepalive(Duration::from_millis(200))
        .max_request_size(100 << 20)
        .connect()
        .await
        .unwrap();
    let large = json!({"content": "x".repeat(90 << 20)});
    let mut call = std::pin::pin!(agent.call_raw("write_file", large));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    let _stream = soon(reader).await.unwrap();
    assert_eq!((agent.statistics().lost, agent.statistics().reconnects), (0, 0));
}
