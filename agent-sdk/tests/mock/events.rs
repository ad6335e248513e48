//! Events: who gets which, and when.

use agent_sdk::mock::{Builder, MockAgent, Pace, StateWords, UpgradeQuirk};
use serde_json::{Value, json};

use crate::foreign::{Client, catalogue, plain_mock};

fn state(event: &Value) -> &str {
    let kind = (&event["action"], &event["topic"]);
    assert_eq!(kind, (&json!("server.changed_state"), &json!("survival")));
    assert!(event.get("idempotence").is_none());
    event["parameters"]["after"].as_str().unwrap()
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
    assert_eq!(started["parameters"]["state"], "server.starting", "accepted, not done");
    assert_eq!(state(&watcher.next().await), "server.starting");
    assert_eq!(state(&watcher.next().await), "server.running");
    let servers = watcher.call("servers", json!({})).await;
    assert_eq!(servers["parameters"]["servers"][0]["id"], "survival");
    assert_eq!(servers["parameters"]["servers"][0]["state"], "server.running");

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
    assert_eq!(state(&client.next().await), "server.starting");
    assert_eq!(state(&client.next().await), "server.running");
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

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_done_as_time_passes() {
    let pace = Pace::realistic();
    let mock = MockAgent::builder(catalogue()).tls(false).pace(pace).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    client.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(state(&client.next().await), "server.starting");
    client.call("enable_stdout", json!({})).await;
    assert_eq!(state(&client.next_of("server.changed_state").await), "server.running");
    let mut line = client.next_of("stdout").await;
    while line["topic"] == "agent" {
        line = client.next_of("stdout").await;
    }
    let console = (&line["topic"], &line["parameters"]["server"]);
    assert_eq!(console, (&json!("survival"), &json!("survival")));
    let stopping = client.call_among_events("server_stop", json!({ "server": "survival" })).await;
    assert_eq!(stopping["parameters"]["state"], "server.stopping");
    assert_eq!(client.next_of("server.countdown").await["parameters"]["seconds"], 10);
    assert_eq!(state(&client.next_of("server.changed_state").await), "server.stopping");
    assert_eq!(state(&client.next_of("server.changed_state").await), "server.stopped");
}

/// Countdowns, stops and starts of a quarter of an hour.
#[tokio::test(start_paused = true)]
async fn a_story_of_minutes_takes_no_minute() {
    let (began, real) = (tokio::time::Instant::now(), std::time::Instant::now());
    let builder = MockAgent::builder(catalogue()).tls(false).running(["survival"]);
    let mock = builder.pace(Pace::realistic()).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    client.call("enable_stdout", json!({})).await;
    for _ in 0..30 {
        for (action, end) in [("server_stop", "server.stopped"), ("server_start", "server.running")]
        {
            client.call_among_events(action, json!({ "server": "survival" })).await;
            while state(&client.next_of("server.changed_state").await) != end {}
        }
    }
    assert!(began.elapsed() >= std::time::Duration::from_secs(15 * 60), "{:?}", began.elapsed());
    assert!(real.elapsed() < std::time::Duration::from_secs(30), "{:?}", real.elapsed());
}

#[tokio::test]
async fn states_can_be_written_without_their_prefix() {
    let builder = MockAgent::builder(catalogue()).tls(false).state_words(StateWords::Bare);
    let mock = builder.start().await.unwrap();
    let mut client = Client::login(&mock).await;
    client.call("subscribe", json!({ "topic": "survival" })).await;
    let reply = client.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(reply["parameters"]["state"], "starting");
    let event = client.next().await;
    assert_eq!(
        (&event["action"], &event["parameters"]["state"]),
        (&json!("server_state"), &json!("starting"))
    );
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
