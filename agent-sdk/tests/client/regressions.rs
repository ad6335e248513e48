//! What once went wrong, each with what was seen.

use std::time::Duration;

use agent_sdk::{
    Event, Statistics,
    mock::{Fault, ReplyForm},
};
use serde_json::json;

use crate::{
    bare::{Bare, CLOSE, PING, Session, TEXT, frame},
    common::{begin, client, is_closed, is_connected, mock, pair, soon, until},
};

fn ended(figures: &Statistics) -> u64 {
    figures.succeeded
        + figures.rejected
        + figures.timed_out
        + figures.lost
        + figures.cancelled
        + figures.failed_fast
        + figures.refused
        + figures.closed
}

/// Lets the agent accept a subscription, loses the connection, and returns the next one with the
/// repeated request.
async fn repeated_subscription(
    bare: &Bare,
    agent: &agent_sdk::Agent,
    mut session: Session,
) -> (Session, serde_json::Value) {
    let caller = agent.clone();
    let call =
        tokio::spawn(async move { caller.call_raw("subscribe", json!({"topic": "A"})).await });
    let request = session.request().await;
    session.reply(&request).await;
    soon(call).await.unwrap().unwrap();
    drop(session);
    let mut session = bare.accept().await;
    let request = session.request().await;
    (session, request)
}

/// What came in the packet of the answer to the upgrade was not counted.
#[tokio::test]
async fn bytes_in_the_packet_of_the_answer_are_counted() {
    let bare = Bare::new().await;
    let event = frame(TEXT, br#"{"action":"tick"}"#);
    let client = bare.client();
    let (agent, mut session) = tokio::join!(client.connect(), bare.accept_with(&event));
    let agent = agent.unwrap();
    session.write(PING, b"").await;
    session.read().await;
    let figures = agent.statistics();
    assert_eq!((figures.events, figures.bytes_received), (1, session.sent));
}

/// A queued call that ended because the connection was closed for good
/// was counted nowhere.
#[tokio::test]
async fn a_call_that_was_never_sent_before_the_end_is_counted() {
    let (mock, agent) = pair().await;
    mock.go_down().await;
    until(&mut agent.state(), |state| !is_connected(state)).await;
    let mut call = agent.call_raw("echo", ());
    begin(&mut call).await;
    soon(agent.close()).await;
    soon(call).await.unwrap_err();
    let figures = agent.statistics();
    assert_eq!(ended(&figures), figures.calls, "{figures:?}");
}

/// 1005 was echoed as 1005, which must not travel (RFC 6455, 7.4.1).
#[tokio::test]
async fn a_goodbye_with_a_code_that_must_not_travel_is_not_echoed_with_it() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 5000] {
        let bare = Bare::new().await;
        let (_agent, mut session) = bare.pair(bare.client()).await;
        session.write(CLOSE, &u16::to_be_bytes(code)).await;
        let echo = session.read().await;
        assert!(
            [1000, 1002]
                .map(|code: u16| Some((CLOSE, code.to_be_bytes().to_vec())))
                .contains(&echo),
            "{code} was echoed with {echo:?}"
        );
    }
}

/// The state went from `Connecting` to `Connected` after the close frame
/// had been sent, when the answer to the repeated subscription came in between.
#[tokio::test]
async fn nobody_is_told_connected_after_the_close_frame() {
    let bare = Bare::new().await;
    let (agent, session) = bare.pair(bare.client()).await;
    let (mut session, request) = repeated_subscription(&bare, &agent, session).await;
    let mut state = agent.state();
    state.mark_unchanged();
    let closing = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.close().await })
    };
    assert_eq!(session.read().await.unwrap().0, CLOSE);
    session.reply(&request).await;
    session.write(CLOSE, b"").await;
    let seen = until(&mut state, |state| is_connected(state) || is_closed(state)).await;
    assert!(is_closed(&seen), "{seen:?}");
    soon(closing).await.unwrap();
}

/// The answer to a repeated subscription that was over the limit was
/// taken for none: the connection was given up after `call_timeout`, again and again.
#[tokio::test]
async fn a_large_answer_to_a_repeated_subscription_is_an_answer() {
    let mock = mock().start().await.unwrap();
    let builder = client(&mock).max_message_size(1000).connect_timeout(Duration::from_millis(500));
    let agent = builder.connect().await.unwrap();
    soon(agent.call_raw("subscribe", json!({"topic": "A"}))).await.unwrap();
    mock.inject(Fault::form(ReplyForm::Padded(2000)).for_action("subscribe"));
    let mut state = agent.state();
    mock.cut_connections();
    until(&mut state, |state| !is_connected(state)).await;
    until(&mut state, is_connected).await;
    assert_eq!(mock.logins(), 2);
}

/// The new state is not found where it is the whole of `parameters`, as
/// the text of `rcon` and `stdout` is.
#[tokio::test]
async fn a_state_may_be_the_whole_of_the_parameters() {
    let (mock, agent) = pair().await;
    let mut events = agent.events();
    mock.push_event(&json!({"action": "server_state", "server": "A", "parameters": "running"}))
        .await;
    let Some(Event::Message(message)) = soon(events.next()).await else { panic!() };
    let state = Some("running".into());
    let known = agent_sdk::KnownEvent::ServerState { server: Some("A"), state, before: None };
    assert_eq!(message.known(), Some(known));
}
