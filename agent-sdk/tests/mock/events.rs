//! Events: who gets which, and when.

use agent_sdk::mock::{Builder, MockAgent, UpgradeQuirk};
use serde_json::{Value, json};

use crate::foreign::{Client, catalogue, plain_mock};

fn state(event: &Value) -> &str {
    assert_eq!((&event["action"], &event["topic"]), (&json!("server_state"), &json!("survival")));
    assert!(event.get("idempotence").is_none());
    event["parameters"]["state"].as_str().unwrap()
}

#[tokio::test]
async fn a_start_is_told_to_those_that_have_subscribed_and_to_nobody_else() {
    let mock = plain_mock().await;
    let mut actor = Client::login(&mock).await;
    let mut watcher = Client::login(&mock).await;
    let mut other = Client::login(&mock).await;
    watcher.call("subscribe", json!({ "topic": "survival" })).await;
    other.call("subscribe", json!({ "topic": "another" })).await;

    let started = actor.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(started["parameters"]["state"], "running");
    assert_eq!(state(&watcher.next().await), "starting");
    assert_eq!(state(&watcher.next().await), "running");
    let servers = watcher.call("servers", json!({})).await;
    assert_eq!(servers["parameters"]["servers"][0]["id"], "survival");
    assert_eq!(servers["parameters"]["servers"][0]["state"], "running");

    actor.expect_silence().await;
    other.expect_silence().await;
    watcher.call("unsubscribe", json!({ "topic": "survival" })).await;
    actor.call("server_stop", json!({ "server": "survival" })).await;
    watcher.expect_silence().await;
}

#[tokio::test]
async fn ones_own_news_come_after_the_reply() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    client.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(state(&client.next().await), "starting");
    assert_eq!(state(&client.next().await), "running");
    let again = client.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(again["parameters"]["error"], "server `survival` is already running");
    client.expect_silence().await;
}

#[tokio::test]
async fn the_console_is_shown_to_those_that_have_asked_for_it() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    client.call("enable_stdout", json!({})).await;
    for line in ["Architect Agent 1.1.34", "console attached"] {
        let event = client.next().await;
        assert_eq!(
            (&event["action"], &event["parameters"]["line"]),
            (&json!("stdout"), &json!(line))
        );
    }
    Client::login(&mock).await.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(client.next().await["action"], "stdout");
}

#[tokio::test]
async fn subscriptions_end_with_their_connection() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    let mut client = Client::login(&mock).await;
    mock.push_event_to("survival", &json!({ "action": "news" })).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn any_message_can_be_pushed_to_all() {
    let mock = plain_mock().await;
    let mut clients = [Client::login(&mock).await, Client::login(&mock).await];
    let event = json!({ "type": "system_info", "idempotence": "nobody's", "cpu": 0.5 });
    mock.push_event(&event).await;
    for client in &mut clients {
        assert_eq!(client.next().await, event);
    }
}

#[tokio::test]
async fn a_greeting_comes_first_in_its_own_packet_or_with_the_head() {
    for quirks in [vec![], vec![UpgradeQuirk::FramesInHead]] {
        let events = [json!({ "action": "agent_health" }), json!({ "action": "system_info" })];
        let builder = MockAgent::builder(catalogue()).greeting(events.clone());
        let builder = quirks.into_iter().fold(builder, Builder::upgrade_quirk);
        let mock = builder.start().await.unwrap();
        let mut client = Client::login(&mock).await;
        assert_eq!([client.next().await, client.next().await], events);
        client.expect_silence().await;
    }
}
