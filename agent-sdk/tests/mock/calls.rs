//! Requests and their replies.

use std::collections::HashSet;

use agent_sdk::mock::{MockAgent, ReplyKey};
use futures_util::SinkExt;
use serde_json::json;
use tungstenite::Message;

use crate::foreign::{Client, catalogue, plain_mock, within};

#[tokio::test]
async fn the_catalogue_is_answered_as_it_was_given() {
    for tls in [true, false] {
        let mock = MockAgent::builder(catalogue()).tls(tls).start().await.unwrap();
        let reply = Client::login(&mock).await.call("list_actions", json!({})).await;
        assert_eq!(reply["status"], "ok");
        assert_eq!(reply["parameters"], catalogue());
        mock.stop().await;
    }
}

#[tokio::test]
async fn a_missing_parameter_is_named() {
    let mock = plain_mock().await;
    let reply = Client::login(&mock).await.call("echo", json!({ "text": "x" })).await;
    assert_eq!(reply["status"], "error");
    let expected = json!({ "error": "missing required parameters: n", "missing": ["n"] });
    assert_eq!(reply["parameters"], expected);
}

#[tokio::test]
async fn an_unknown_action_is_named() {
    let mock = plain_mock().await;
    let reply = Client::login(&mock).await.call("no_such", json!({})).await;
    assert_eq!(reply["status"], "error");
    assert_eq!(reply["parameters"]["error"], "unknown action `no_such`");
}

#[tokio::test]
async fn whoami_names_the_user() {
    let mock = MockAgent::builder(catalogue()).credentials("ops", "pw").start().await.unwrap();
    let reply = Client::login(&mock).await.call("whoami", json!(null)).await;
    assert_eq!(reply["parameters"], json!({ "username": "ops", "permissions": ["*"] }));
}

#[tokio::test]
async fn an_action_of_the_cloud_is_reached_by_proxy_alone() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    let refused = client.call("universe_status", json!({})).await;
    assert_eq!(refused["status"], "error");
    let nested = json!({ "action": "universe_status", "parameters": { "universe": "steam" } });
    let reply = client.call("proxy", nested).await;
    assert_eq!(
        (&reply["status"], &reply["parameters"]["universe"]),
        (&json!("ok"), &json!("steam"))
    );
    let endless = json!({ "action": "proxy", "parameters": {} });
    assert_eq!(client.call("proxy", endless).await["status"], "error");
}

#[tokio::test]
async fn what_is_not_a_request_is_ignored_and_the_session_goes_on() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    let wrong = ["", "not json", "[1]", "7", r#"{"action":7}"#];
    for text in wrong {
        client.socket.send(Message::text(text)).await.unwrap();
    }
    client.socket.send(Message::binary(vec![0xff])).await.unwrap();
    let parameters = client.call("echo", json!([1])).await["parameters"].clone();
    assert_eq!(parameters["error"], "`parameters` must be a map");
    assert_eq!(mock.ignored_frames(), 6);
}

#[tokio::test]
async fn a_handler_answers_in_the_mocks_place_and_its_events_come_first() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .handler("echo", |parameters, context| async move {
            context.push_event(&json!({ "action": "progress" })).await;
            if parameters["n"] == 0 { Err(json!("zero")) } else { Ok(json!(context.token())) }
        })
        .handler("not_in_the_catalogue", |_, _| async { Ok(json!(1)) })
        .start()
        .await
        .unwrap();
    let mut client = Client::login(&mock).await;
    for (n, status, parameters) in [(1, "ok", "t"), (0, "error", "zero")] {
        client.send("t", "echo", json!({ "n": n, "text": "" })).await;
        assert_eq!(client.next().await, json!({ "action": "progress" }));
        let expected = json!({ "idempotence": "t", "status": status, "parameters": parameters });
        assert_eq!(client.next().await, expected);
    }
    assert_eq!(client.call("echo", json!({})).await["status"], "error", "checked before");
    assert_eq!(client.call("not_in_the_catalogue", json!({})).await["parameters"], 1);
}

#[tokio::test]
async fn a_slow_handler_does_not_hold_up_other_replies() {
    let (release, released) = tokio::sync::watch::channel(false);
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .handler("slow", move |_, _| {
            let mut released = released.clone();
            async move {
                let _ = released.wait_for(|released| *released).await;
                Ok(json!("late"))
            }
        })
        .start()
        .await
        .unwrap();
    let mut client = Client::login(&mock).await;
    client.send("slow", "slow", json!({})).await;
    client.call("whoami", json!({})).await;
    release.send_replace(true);
    assert_eq!(client.next().await["idempotence"], "slow");
}

#[tokio::test]
async fn the_keys_of_a_reply_come_in_the_order_that_is_asked_for() {
    let keys = [ReplyKey::Parameters, ReplyKey::Status, ReplyKey::Idempotence];
    let mock = MockAgent::builder(catalogue()).tls(false).reply_keys(keys).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    client.send("t", "echo", json!({ "n": 1, "text": "" })).await;
    let text = client.frame().await.unwrap().unwrap();
    let expected = r#"{"parameters":{"n":1,"text":""},"status":"ok","idempotence":"t"}"#;
    assert_eq!(text.into_text().unwrap().as_str(), expected);
}

#[tokio::test]
async fn requests_are_remembered_by_name_token_and_session() {
    let mock = plain_mock().await;
    let mut first = Client::login(&mock).await;
    first.call("whoami", json!({})).await;
    let mut second = Client::login(&mock).await;
    second.socket.send(Message::text(r#"{"action":"x","idempotence":7}"#)).await.unwrap();
    second.next().await;
    let seen: Vec<_> =
        mock.requests().into_iter().map(|r| (r.action, r.token, r.session)).collect();
    assert_eq!(seen, [("whoami".into(), "the-token".into(), 1), ("x".into(), "7".into(), 2)]);
    assert_eq!(mock.request_count(), 2);
}

#[tokio::test]
async fn each_of_ten_thousand_requests_gets_its_own_answer() {
    const REQUESTS: u32 = 10_000;
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    let mut open = HashSet::new();
    let mut sent = 0;
    while sent < REQUESTS || !open.is_empty() {
        while sent < REQUESTS && open.len() < 256 {
            let text = json!({
                "action": "echo", "parameters": { "n": sent, "text": "" },
                "idempotence": sent.to_string(),
            });
            client.socket.feed(Message::text(text.to_string())).await.unwrap();
            open.insert(sent);
            sent += 1;
        }
        client.socket.flush().await.unwrap();
        let reply = client.next().await;
        let n = u32::try_from(reply["parameters"]["n"].as_u64().unwrap()).unwrap();
        assert_eq!(reply["idempotence"], n.to_string());
        assert!(open.remove(&n), "answered once");
    }
    assert_eq!(mock.request_count(), u64::from(REQUESTS));
}

#[tokio::test]
async fn stopping_says_goodbye_and_closes_the_port() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let (port, mut client) = (mock.port(), Client::login(&mock).await);
    let (goodbye, ()) = tokio::join!(client.frame(), mock.stop());
    let Some(Ok(Message::Close(Some(frame)))) = goodbye else { panic!("{goodbye:?}") };
    assert_eq!(u16::from(frame.code), 1001);
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_client_that_ignores_the_goodbye_does_not_hold_up_the_stop() {
    let mock = plain_mock().await;
    let client = Client::login(&mock).await;
    within(mock.stop()).await;
    drop(client);
}

#[tokio::test]
async fn dropping_the_handle_cuts_every_connection() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    drop(mock);
    assert!(!matches!(client.frame().await, Some(Ok(_))), "no goodbye");
}

#[tokio::test]
async fn a_clients_goodbye_is_answered_though_replies_are_waiting() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .handler("now", |_, _| async { Ok(json!({})) })
        .start()
        .await
        .unwrap();
    // Which of the two comes first is left to chance; both do in so many rounds.
    for _ in 0..10 {
        let mut client = Client::login(&mock).await;
        for _ in 0..100 {
            client.socket.feed(Message::text(r#"{"action":"now"}"#)).await.unwrap();
        }
        client.socket.close(None).await.unwrap();
        while !matches!(client.frame().await.expect("a goodbye").unwrap(), Message::Close(_)) {}
    }
}

#[tokio::test]
async fn a_clients_goodbye_is_answered_and_the_session_forgotten() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    assert_eq!(mock.connections(), 1);
    client.socket.close(None).await.unwrap();
    assert!(matches!(client.frame().await, Some(Ok(Message::Close(_)))));
    assert!(client.frame().await.is_none());
    within(mock.wait_for_connections(0)).await;
}
