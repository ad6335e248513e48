//! Messages with a call's token that are not one whole JSON object.

use std::time::Duration;

use agent_sdk::{Error, Outcome, Unanswered};
use serde_json::{Value, json};

use crate::{
    bare::{Bare, TEXT},
    common::soon,
};

/// What may come with a call's token and is not one whole JSON object.
fn unreadable(token: &Value) -> Vec<Vec<u8>> {
    let reply = json!({"idempotence": token, "status": "ok", "parameters": {"x": [1, "y"]}});
    let whole = reply.to_string().into_bytes();
    let mut frames: Vec<_> = (1..whole.len()).map(|end| whole[..end].to_vec()).collect();
    for wrong in ["tru", "01", "{\"a\"}", "[1,]", "\"\t\"", "nul", "'x'"] {
        let before = format!(r#"{{"idempotence":{token},"status":"ok","parameters":{wrong}}}"#);
        let after = format!(r#"{{"parameters":{wrong},"status":"ok","idempotence":{token}}}"#);
        frames.extend([before.into_bytes(), after.into_bytes()]);
    }
    frames.push([&whole[..], b"}"].concat());
    frames.push([&whole[..], &whole[..]].concat());
    frames.push([b"data: ", &whole[..]].concat());
    frames.push([b"[", &whole[..], b",", &whole[..], b"]"].concat());
    frames.push([b"\xef\xbb\xbf", &whole[..]].concat());
    frames.push(whole.iter().flat_map(|byte| [*byte, 0]).collect());
    frames.push(serde_json::to_vec(&reply.to_string()).unwrap());
    frames
}

/// The first such frame ended the call, though the real reply followed; the vendor's client ignores
/// it.
#[tokio::test]
async fn a_call_waits_for_its_reply_while_frames_come_that_are_not_whole() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let call = tokio::spawn({
        let agent = agent.clone();
        async move { agent.call_raw("echo", ()).await }
    });
    let request = session.request().await;
    let frames = unreadable(&request["idempotence"]);
    for frame in &frames {
        session.write(TEXT, frame).await;
    }
    session.reply(&request).await;
    assert_eq!(soon(call).await.unwrap().unwrap().parameters().unwrap(), json!({}));
    assert_eq!(agent.statistics().unknown_messages, frames.len() as u64);
}

#[tokio::test]
async fn a_call_that_got_no_more_than_a_part_says_so_when_its_time_is_up() {
    let bare = Bare::new().await;
    let (agent, mut session) = bare.pair(bare.client()).await;
    let call = tokio::spawn(async move {
        agent.call_raw("echo", ()).timeout(Duration::from_millis(300)).await
    });
    let request = session.request().await;
    let token = &request["idempotence"];
    let part = format!(r#"{{"idempotence":{token},"status":"ok","parameters":{{"secret":"#);
    session.write(TEXT, part.as_bytes()).await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let Error::OutcomeUnknown { reason: Unanswered::Unreadable { bytes, .. }, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*bytes, part.len());
    let text = error.to_string();
    assert!(text.contains(&format!("a message of {bytes} bytes with its token")), "{text}");
    assert!(!text.contains("secret"), "{text}");
}
