//! Events.

use std::process::Stdio;

use agent_sdk::mock::MockAgent;
use serde_json::{Value, json};
use tokio::{process::Child, time::timeout};

use crate::support::{LIMIT, Mock, StdoutLines, line_with, lines, next_line, program, terminate};

fn start(mock: &Mock, arguments: &[&str]) -> (Child, StdoutLines) {
    let mut command = mock.client(["watch"]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = lines(child.stdout.take().unwrap());
    (child, stdout)
}

async fn event(events: &mut StdoutLines) -> Value {
    serde_json::from_str(&next_line(events).await).unwrap()
}

#[tokio::test]
async fn events_are_one_line_each_until_it_is_asked_to_end() {
    let mock = Mock::start().await;
    let (mut watch, mut events) = start(&mock, &["--topic", "survival"]);
    let mut stderr = lines(watch.stderr.take().unwrap());
    line_with(&mut stderr, "watching").await;
    assert_eq!(mock.run(["call", "server_start", "server=survival"]).await.code, Some(0));
    for state in ["server.starting", "server.running"] {
        let told = event(&mut events).await;
        assert_eq!(told["action"], "server.changed_state");
        assert_eq!(told["parameters"]["after"], state);
    }
    terminate(&watch).await;
    assert_eq!(events.next_line().await.unwrap(), None);
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_console_is_shown_where_it_is_asked_for() {
    let mock = Mock::start().await;
    let (watch, mut events) = start(&mock, &["--console"]);
    assert_eq!(event(&mut events).await["action"], "stdout");
    terminate(&watch).await;
}

#[tokio::test]
async fn a_lost_connection_is_made_again_with_its_subscriptions() {
    let start_mock = async |port: &str| {
        let mut command = program(["mock-agent", "--for", "120", "--no-tls", "--port", port]);
        command.env("AGENT_PASSWORD", "the same");
        Mock::start_command(command).await
    };
    let mock = start_mock("0").await;
    let port = mock.url().rsplit([':', '/']).nth(1).unwrap().to_owned();
    let (mut watch, mut events) = start(&mock, &["--topic", "survival"]);
    let mut stderr = lines(watch.stderr.take().unwrap());
    line_with(&mut stderr, "watching").await;

    mock.kill().await;
    line_with(&mut stderr, "to reconnect in").await;
    let mock = start_mock(&port).await;
    line_with(&mut stderr, "connected again").await;
    assert_eq!(mock.run(["call", "server_start", "server=survival"]).await.code, Some(0));
    assert_eq!(event(&mut events).await["parameters"]["after"], "server.starting");
    terminate(&watch).await;
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));
}

/// An agent that had replaced itself was noticed by nothing.
#[tokio::test]
async fn an_agent_that_comes_back_with_another_catalogue_is_an_event_of_its_own() {
    let mock = MockAgent::builder(json!({ "whoami": {} })).tls(false).start().await.unwrap();
    let mut command = program(["watch", "--time"]);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.spawn().unwrap();
    let mut events = lines(watch.stdout.take().unwrap());
    let mut stderr = lines(watch.stderr.take().unwrap());
    line_with(&mut stderr, "watching").await;
    // What is sent after the catalogue arrives after it.
    timeout(LIMIT, async {
        while mock.request_count() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it asks for the catalogue");
    mock.push_event(&json!({ "action": "later" })).await;
    assert_eq!(event(&mut events).await["event"]["action"], "later");
    mock.replace_catalogue(json!({ "whoami": {}, "brand_new": {} })).unwrap();
    mock.restart().await.unwrap();
    assert_eq!(event(&mut events).await["event"], json!({ "client": "catalogue_changed" }));
    line_with(&mut stderr, "has another catalogue than before").await;
    terminate(&watch).await;
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));
}

/// It ended only when the next event was written, which may be never.
#[tokio::test]
async fn a_reader_that_has_enough_ends_it_without_another_event() {
    let mock = Mock::start().await;
    let (mut watch, events) = start(&mock, &[]);
    let mut stderr = lines(watch.stderr.take().unwrap());
    line_with(&mut stderr, "watching").await;
    drop(events);
    let code = tokio::time::timeout(crate::support::LIMIT, watch.wait()).await;
    assert_eq!(code.expect("it does not end").unwrap().code(), Some(0));
}

#[tokio::test]
async fn events_in_a_file_are_watched_until_it_is_asked_to_end() {
    let mock = Mock::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = mock.client(["watch", "--topic", "survival"]);
    command.stdout(file.reopen().unwrap()).stderr(Stdio::piped());
    let mut watch = command.spawn().unwrap();
    let mut stderr = lines(watch.stderr.take().unwrap());
    line_with(&mut stderr, "watching").await;
    mock.run(["call", "server_start", "server=survival"]).await.json();
    terminate(&watch).await;
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn each_event_has_its_time_where_it_is_asked_for() {
    let mock = Mock::start().await;
    let (watch, mut events) = start(&mock, &["--console", "--time"]);
    let event = event(&mut events).await;
    assert_eq!(event["event"]["action"], "stdout");
    let time = event["time"].as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[23..]), (24, "T", "Z"), "{time}");
    terminate(&watch).await;
}
