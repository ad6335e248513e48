//! The figures: each byte and each call is in them once.

use std::time::Duration;

use agent_sdk::{
    Error, Statistics,
    mock::{Fault, ReplyForm},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    bare::{Bare, CLOSE, PING, PONG},
    common::{begin, client, holds, is_connected, mock, soon, until, until_requests},
};

#[tokio::test]
async fn bytes_are_those_of_the_frames_on_the_wire() {
    let bare = Bare::new().await;
    let (agent, mut first) = bare.pair(bare.client()).await;
    let long = "x".repeat(1000);
    for (text, event) in [("short", json!({"action": "tick"})), (&long, json!({"text": &long}))] {
        let caller = agent.clone();
        let parameters = json!({"text": text});
        let call = tokio::spawn(async move { caller.call_raw("echo", parameters).await });
        let request = first.request().await;
        first.event(&event).await;
        first.write(PING, b"count me").await;
        assert_eq!(first.read().await.unwrap().0, PONG);
        first.reply(&request).await;
        soon(call).await.unwrap().unwrap();
    }
    // The agent's goodbye and its echo count too, and the next connection adds to the first.
    first.write(CLOSE, b"").await;
    assert_eq!(first.read().await.unwrap().0, CLOSE);
    let mut second = bare.accept().await;
    until(&mut agent.state(), is_connected).await;
    second.event(&json!({"action": "tock"})).await;
    second.write(PING, b"").await;
    assert_eq!(second.read().await.unwrap().0, PONG);
    let agent_to_close = agent.clone();
    let closing = tokio::spawn(async move { agent_to_close.close().await });
    second.see_off().await;
    soon(closing).await.unwrap();

    let figures = agent.statistics();
    assert_eq!(figures.bytes_sent, first.received + second.received);
    assert_eq!(figures.bytes_received, first.sent + second.sent);
    assert_eq!((figures.events, figures.reconnects), (3, 1));
}

fn ended(figures: &Statistics) -> u64 {
    figures.succeeded + figures.rejected + figures.timed_out + figures.lost + figures.cancelled
}

#[tokio::test]
async fn each_call_is_counted_once_however_it_ends() {
    let mock = mock()
        .handler("refuse", |_, _| async { Err(json!({"error": "no"})) })
        .start()
        .await
        .unwrap();
    let agent = client(&mock).max_message_size(10_000).connect().await.unwrap();
    let call = |action| agent.call_raw(action, ());
    let short = Duration::from_millis(20);

    // Answered, with a status, without one, and with more than is accepted.
    mock.inject(Fault::form(ReplyForm::NoStatus).for_action("echo").times(1));
    soon(join_all((0..7).map(|_| call("echo")))).await;
    mock.inject(Fault::form(ReplyForm::Padded(20_000)).times(1));
    assert!(matches!(soon(call("echo")).await, Err(Error::ReplyTooLarge { .. })));
    soon(join_all((0..5).map(|_| call("refuse")))).await;
    // Answered, and dropped before anybody looked.
    let mut answered = call("echo");
    begin(&mut answered).await;
    holds(|| agent.statistics().succeeded >= 9).await;
    drop(answered);
    // Timed out: three after they were sent, one before.
    mock.inject(Fault::lose());
    soon(join_all((0..3).map(|_| call("echo").timeout(short)))).await;
    soon(call("echo").timeout(Duration::ZERO)).await.unwrap_err();
    // Dropped: two before they were sent, four after.
    let seen = mock.request_count();
    let mut unsent: Vec<_> = (0..2).map(|_| call("echo")).collect();
    for call in &mut unsent {
        begin(call).await;
    }
    drop(unsent);
    let mut sent: Vec<_> = (0..4).map(|_| call("echo")).collect();
    for call in &mut sent {
        begin(call).await;
    }
    until_requests(&mock, seen + 4).await;
    drop(sent);
    // Never polled: not a call at all.
    drop(call("echo"));
    // Lost with the connection.
    let mut lost: Vec<_> = (0..6).map(|_| call("echo")).collect();
    for call in &mut lost {
        begin(call).await;
    }
    until_requests(&mock, seen + 10).await;
    let before = agent.statistics();
    assert_eq!((before.pending, before.calls), (6, ended(&before) + 6));
    mock.cut_connections();
    soon(join_all(lost)).await;

    let figures = agent.statistics();
    assert_eq!(
        (figures.succeeded, figures.rejected, figures.timed_out, figures.lost, figures.cancelled),
        (9, 5, 4, 6, 6)
    );
    assert_eq!((figures.calls, figures.pending), (30, 0));
    assert_eq!(ended(&figures), figures.calls);
}
