//! Messages over the limit, and frames that nobody has asked for.

use std::time::Duration;

use agent_sdk::{
    Error, Event, Outcome,
    mock::{Fault, RawFrames, ReplyForm, ReplyKey},
};
use serde_json::json;

use crate::common::{LIMIT, client, mock, pair, soon};

#[tokio::test]
async fn a_reply_over_the_limit_fails_its_call_and_no_other() {
    use ReplyKey::{Idempotence, Parameters, Status};
    for keys in [[Idempotence, Status, Parameters], [Parameters, Status, Idempotence]] {
        let mock = mock().reply_keys(keys).start().await.unwrap();
        let agent = client(&mock).max_message_size(100_000).connect().await.unwrap();
        mock.inject(Fault::form(ReplyForm::Padded(200_000)).times(1));
        mock.inject(Fault::delay(Duration::from_millis(50)).times(1));
        let large = agent.call_raw("echo", json!({"large": true}));
        let other = agent.call_raw("echo", json!({"large": false}));
        let (large, other) = soon(futures_util::future::join(large, other)).await;
        let error = large.unwrap_err();
        match &error {
            Error::ReplyTooLarge { size, limit, .. } => {
                assert!(*size > 200_000 && *limit == 100_000, "{error}");
                assert!(error.to_string().contains("max_message_size"), "{error}");
            }
            _ => panic!("{error}"),
        }
        assert_eq!(error.outcome(), Outcome::Answered);
        other.unwrap();
        let figures = agent.statistics();
        assert_eq!((figures.oversized_messages, figures.reconnects), (1, 0));
        assert_eq!((figures.succeeded, figures.pending), (2, 0));
    }
}

#[tokio::test]
async fn a_message_of_64_mib_is_read_and_a_larger_one_skipped() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::form(ReplyForm::Padded(63 << 20)).times(1));
    let reply = soon(agent.call_raw("echo", ()).timeout(LIMIT)).await.unwrap();
    assert!(reply.message().len() > 63 << 20);
    drop(reply);
    mock.inject(Fault::form(ReplyForm::Padded(65 << 20)).times(1));
    let error = soon(agent.call_raw("echo", ()).timeout(LIMIT)).await.unwrap_err();
    assert!(matches!(error, Error::ReplyTooLarge { .. }), "{error}");
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(agent.statistics().reconnects, 0);
}

#[tokio::test]
async fn fragments_over_the_limit_are_skipped_too() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).max_message_size(1000).connect().await.unwrap();
    mock.push_frames(RawFrames::Fragments(vec![vec![b'x'; 400]; 10])).await;
    mock.push_frames(RawFrames::Fragments(vec![b"{\"action\":".to_vec(), b"\"a\"}".to_vec()]))
        .await;
    soon(agent.call_raw("echo", ())).await.unwrap();
    let figures = agent.statistics();
    assert_eq!((figures.oversized_messages, figures.events), (1, 1));
}

#[tokio::test]
async fn garbage_is_counted_and_events_come_through() {
    let (mock, agent) = pair().await;
    let mut events = agent.events();
    for garbage in [&b"\xff\xfe"[..], b"", b"nonsense", b"[1]", b"\"{}\"", b"{\"a\":"] {
        mock.push_frames(RawFrames::Text(garbage.to_vec())).await;
        mock.push_frames(RawFrames::Binary(garbage.to_vec())).await;
    }
    mock.push_frames(RawFrames::Ping(b"are you there".to_vec())).await;
    mock.push_event(&json!({"action": "agent_health"})).await;
    match soon(events.next()).await {
        Some(Event::Message(message)) => assert_eq!(message.kind(), Some("agent_health")),
        other => panic!("{other:?}"),
    }
    assert_eq!(agent.statistics().unknown_messages, 12);
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(agent.statistics().reconnects, 0);
}
