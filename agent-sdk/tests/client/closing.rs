//! How a connection is taken leave of, from either side.

use std::time::Duration;

use agent_sdk::{
    Agent, CloseReason, DisconnectReason, Error, Outcome, ReconnectPolicy, State, Unanswered,
    mock::{Fault, Refusal},
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    bare::{Bare, CLOSE, PING, PONG, Session, TEXT},
    common::{begin, client, holds, is_closed, is_connected, mock, soon, until, until_requests},
};

/// Closes in the background, as a program would that has other things to do.
fn close(agent: &Agent) -> JoinHandle<()> {
    let agent = agent.clone();
    tokio::spawn(async move { agent.close().await })
}

async fn expect_close_frame(session: &mut Session, code: u16) {
    assert_eq!(session.read().await, Some((CLOSE, code.to_be_bytes().to_vec())));
}

async fn expect_requested(agent: &Agent) {
    let closed = until(&mut agent.state(), is_closed).await;
    assert!(
        matches!(&closed, State::Closed { why } if matches!(**why, CloseReason::Requested)),
        "{closed:?}"
    );
}

#[tokio::test]
async fn closing_sends_a_close_frame_and_waits_for_its_echo() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let closing = close(&agent);
    expect_close_frame(&mut session, 1000).await;
    tokio::time::pause();
    // What the agent says before it echoes is no echo.
    session.event(&json!({"action": "agent_health"})).await;
    holds(|| agent.statistics().events == 1).await;
    assert!(!closing.is_finished(), "the echo was not awaited");
    session.write(CLOSE, &1000_u16.to_be_bytes()).await;
    // It ends while no time passes: by the echo, and not by the limit.
    holds(|| closing.is_finished()).await;
    tokio::time::resume();
    closing.await.unwrap();
    assert_eq!(session.read().await, None, "nothing may follow a close frame");
    expect_requested(&agent).await;
}

#[tokio::test]
async fn an_echo_that_does_not_come_is_awaited_for_a_second() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    agent.close().await;
    let waited = began.elapsed();
    tokio::time::resume();
    assert!(
        waited >= Duration::from_millis(990) && waited < Duration::from_millis(1010),
        "{waited:?}"
    );
    expect_close_frame(&mut session, 1000).await;
    assert_eq!(session.read().await, None);
}

#[tokio::test]
async fn an_agent_that_hangs_up_instead_of_an_echo_is_closed_too() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let closing = close(&agent);
    expect_close_frame(&mut session, 1000).await;
    drop(session);
    soon(closing).await.unwrap();
    expect_requested(&agent).await;
    assert_eq!(agent.statistics().reconnects, 0);
}

#[tokio::test]
async fn closing_sends_what_is_queued_before_the_close_frame() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client().max_in_flight(1)).await;
    let mut calls = Vec::new();
    for number in 0..3 {
        let agent = agent.clone();
        calls.push(tokio::spawn(async move {
            agent.call_raw("number", json!({"number": number})).await
        }));
        tokio::task::yield_now().await;
    }
    let first = session.request().await;
    let closing = close(&agent);
    tokio::task::yield_now().await;
    session.reply(&first).await;
    for number in 1..3 {
        let request = session.request().await;
        assert_eq!(request["parameters"]["number"], number);
        session.reply(&request).await;
    }
    session.see_off().await;
    soon(closing).await.unwrap();
    for call in calls {
        soon(call).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn dropping_the_last_handle_says_goodbye_too() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let clone = agent.clone();
    let mut state = agent.state();
    drop(agent);
    session.write(PING, b"still there").await;
    assert_eq!(session.read().await, Some((PONG, b"still there".to_vec())));
    drop(clone);
    expect_close_frame(&mut session, 1000).await;
    session.write(CLOSE, &1000_u16.to_be_bytes()).await;
    until(&mut state, is_closed).await;
}

#[tokio::test]
async fn a_goodbye_is_echoed_with_its_code_and_leads_to_a_reconnect() {
    for (goodbye, echo, words) in [
        (b"\x03\xe9the agent stops".to_vec(), 1001, "1001 the agent stops"),
        (4321_u16.to_be_bytes().to_vec(), 4321, "4321"),
        (Vec::new(), 1000, "without a reason"),
    ] {
        let bare = Bare::new().await;
        let (agent, mut session) = bare.pair(bare.client()).await;
        let caller = agent.clone();
        let call = tokio::spawn(async move { caller.call_raw("echo", ()).await });
        session.request().await;
        session.write(CLOSE, &goodbye).await;
        expect_close_frame(&mut session, echo).await;
        let error = soon(call).await.unwrap().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        let mut again = bare.accept().await;
        until(&mut agent.state(), is_connected).await;
        again.write(PING, b"").await;
        assert_eq!(again.read().await, Some((PONG, Vec::new())));
        assert_eq!(agent.statistics().reconnects, 1);
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_payload() {
    let bare = Bare::new().await;
    let (_agent, mut session) = bare.pair(bare.client()).await;
    for payload in [&b""[..], b"are you there", b"\x00\xff\x80", &[b'x'; 125]] {
        session.write(PING, payload).await;
        assert_eq!(session.read().await, Some((PONG, payload.to_vec())));
    }
}

#[tokio::test]
async fn a_ping_between_the_fragments_of_a_message_is_answered_at_once() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let whole = json!({"action": "agent_health"}).to_string();
    let (one, two) = whole.as_bytes().split_at(10);
    // The first fragment: an opcode, and no sign of the end.
    session.write_raw(&[&[TEXT, 10], one].concat()).await;
    session.write(PING, b"now").await;
    assert_eq!(session.read().await, Some((PONG, b"now".to_vec())));
    assert_eq!(agent.statistics().events, 0);
    session.write(0, two).await;
    session.write(PING, b"then").await;
    assert_eq!(session.read().await, Some((PONG, b"then".to_vec())));
    assert_eq!(agent.statistics().events, 1);
}

#[tokio::test]
async fn closing_does_not_wait_for_the_next_attempt() {
    let mock = mock().start().await.unwrap();
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_secs(1_000_000))
        .max_backoff(Duration::from_secs(1_000_000));
    let agent = client(&mock).reconnect(policy).connect().await.unwrap();
    let mut state = agent.state();
    mock.cut_connections();
    until(&mut state, |state| matches!(state, State::Reconnecting { .. })).await;
    soon(agent.close()).await;
    expect_requested(&agent).await;
    assert_eq!(mock.logins(), 1);
}

#[tokio::test]
async fn closing_gives_up_an_attempt_that_is_being_made() {
    let mock = mock().start().await.unwrap();
    let builder = client(&mock).connect_timeout(Duration::from_secs(3600));
    let agent = builder.close_timeout(Duration::from_secs(3600)).connect().await.unwrap();
    let mut state = agent.state();
    mock.refuse_logins(Some(Refusal::Silence));
    mock.cut_connections();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, |state| matches!(state, State::Connecting)).await;
    soon(agent.close()).await;
    expect_requested(&agent).await;
}

#[tokio::test]
async fn closing_while_subscriptions_are_being_repeated_waits_for_none() {
    let mock = mock().start().await.unwrap();
    let builder = client(&mock).close_timeout(Duration::from_secs(3600));
    let agent = builder.connect().await.unwrap();
    soon(agent.call_raw("subscribe", json!({"topic": "survival"}))).await.unwrap();
    mock.inject(Fault::lose().for_action("subscribe"));
    mock.cut_connections();
    until_requests(&mock, 2).await;
    assert!(!is_connected(&agent.state().borrow()), "the answer has not come yet");
    // Not for the limit of calls in flight, for there are none.
    soon(agent.close()).await;
    expect_requested(&agent).await;
    soon(mock.wait_for_connections(0)).await;
    assert_eq!(mock.logins(), 2);
}

#[tokio::test]
async fn a_call_that_waits_for_repeated_subscriptions_is_closed_at_the_limit() {
    let mock = mock().start().await.unwrap();
    let builder = client(&mock).close_timeout(Duration::from_millis(50));
    let agent = builder.connect().await.unwrap();
    soon(agent.call_raw("subscribe", json!({"topic": "survival"}))).await.unwrap();
    mock.inject(Fault::lose().for_action("subscribe"));
    mock.cut_connections();
    until_requests(&mock, 2).await;
    let caller = agent.clone();
    let waiting = tokio::spawn(async move { caller.call_raw("echo", ()).await });
    tokio::task::yield_now().await;
    soon(agent.close()).await;
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(mock.request_count(), 2, "it was sent all the same");
}

#[tokio::test]
async fn a_call_without_an_answer_is_told_that_this_side_closed() {
    let bare = Bare::new().await;
    let client = bare.client().close_timeout(Duration::from_millis(50));
    let (agent, mut session) = bare.pair(client).await;
    let caller = agent.clone();
    let call = tokio::spawn(async move { caller.call_raw("echo", ()).await });
    session.request().await;
    let closing = close(&agent);
    session.see_off().await;
    soon(closing).await.unwrap();
    let error = soon(call).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { reason: Unanswered::Closed, .. }), "{error:?}");
}

/// Whoever has waited for the end may rely on it that all calls have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_it_is_closed_nothing_is_pending() {
    for _ in 0..20 {
        let mock = mock().start().await.unwrap();
        mock.inject(Fault::lose());
        let agent = client(&mock).close_timeout(Duration::ZERO).connect().await.unwrap();
        let mut calls: Vec<_> = (0..2000).map(|_| agent.call_raw("echo", ())).collect();
        for call in &mut calls {
            begin(call).await;
        }
        soon(agent.close()).await;
        let figures = agent.statistics();
        assert_eq!((figures.calls, figures.pending), (2000, 0));
        assert_eq!(figures.lost + figures.closed, 2000);
        for call in calls {
            soon(call).await.unwrap_err();
        }
    }
}

/// Code and reason of a close frame were text alone, and a state did not say why it came.
#[tokio::test]
async fn why_a_connection_was_lost_is_data_in_errors_and_states() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let mut state = agent.state();
    let caller = agent.clone();
    let call = tokio::spawn(async move { caller.call_raw("echo", ()).await });
    session.request().await;
    session.write(CLOSE, b"\x11\x30suspended\x1b[2J").await;
    let error = soon(call).await.unwrap().unwrap_err();
    let Error::OutcomeUnknown { reason: Unanswered::ConnectionLost(reason), .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(reason.close_code(), Some(4400));
    let seen = until(&mut state, |state| !is_connected(state)).await;
    let State::Reconnecting { attempt: 1, cause, failure: None, .. } = seen else {
        panic!("{seen:?}");
    };
    assert!(
        matches!(&*cause, DisconnectReason::CloseFrame { code: Some(4400), reason }
            if reason == "suspended [2J"),
        "{cause:?}"
    );
}

#[tokio::test]
async fn each_way_to_lose_a_connection_has_its_reason() {
    type Check = fn(&DisconnectReason) -> bool;
    let ways: [(&[u8], Check); 4] = [
        (&[0x88, 0], |why| matches!(why, DisconnectReason::CloseFrame { code: None, .. })),
        (&[0x88, 2, 3, 233], |why| why.close_code() == Some(1001)),
        (&[0x8f, 0], |why| matches!(why, DisconnectReason::Protocol { .. })),
        (&[], |why| matches!(why, DisconnectReason::EndOfStream | DisconnectReason::Broken { .. })),
    ];
    for (last_words, is_expected) in ways {
        let bare = Bare::new().await;
        let client = bare.client().reconnect(ReconnectPolicy::never());
        let (agent, mut session) = bare.pair(client).await;
        session.write_raw(last_words).await;
        drop(session);
        let State::Closed { why } = until(&mut agent.state(), is_closed).await else { panic!() };
        let CloseReason::Lost(reason) = &*why else { panic!("{why}") };
        assert!(is_expected(reason), "{last_words:?}: {reason:?}");
    }
}

/// "4400 suspended" came back for ever.
#[tokio::test]
async fn a_close_code_that_the_policy_names_is_final() {
    for (code, is_final) in [(4400_u16, true), (4403, true), (1001, false)] {
        let bare = Bare::new().await;
        let policy = ReconnectPolicy::default()
            .initial_backoff(Duration::from_millis(1))
            .final_close_codes([4400, 4403]);
        let (agent, mut session) = bare.pair(bare.client().reconnect(policy)).await;
        session.write(CLOSE, &code.to_be_bytes()).await;
        if is_final {
            let State::Closed { why } = until(&mut agent.state(), is_closed).await else {
                panic!()
            };
            let CloseReason::FinalCloseCode(reason) = &*why else { panic!("{why}") };
            assert_eq!(reason.close_code(), Some(code));
        } else {
            let _again = bare.accept().await;
        }
    }
}

/// The text did not say what to do for an agent that answers calls and no pings.
#[tokio::test]
async fn an_agent_that_answers_calls_and_no_pings_is_alive_and_its_loss_names_the_remedy() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client().keepalive(Duration::from_millis(500))).await;
    for _ in 0..3 {
        assert_eq!(session.read().await.unwrap().0, PING);
        let call = agent.call_raw("echo", ()).into_future();
        let answering = async {
            let request = session.request().await;
            session.reply(&request).await;
        };
        soon(async { tokio::join!(call, answering) }).await.0.unwrap();
    }
    let lost = until(&mut agent.state(), |state| !is_connected(state)).await;
    let State::Reconnecting { cause, .. } = lost else { panic!("{lost:?}") };
    assert!(matches!(*cause, DisconnectReason::Silence { .. }), "{cause:?}");
    assert!(cause.to_string().contains("`Builder::keepalive`"), "{cause}");
}
