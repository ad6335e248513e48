//! The mock agent and clients that were written by others, in other languages; our client and
//! servers that were.
//!
//! Ignored unless asked for, since they need Python, Node and a library of each: see `run`.
#![cfg(feature = "mock")]

mod browser;
mod ours;
mod process;
mod proxies;

use agent_sdk::mock::{Builder, Fault, MockAgent, ReplyForm, Subprotocol, UpgradeQuirk};
use serde_json::json;

use process::Script;

fn mock() -> Builder {
    MockAgent::builder(json!({ "actions": {
        "list_actions": { "required_parameters": null },
        "whoami": { "required_parameters": null },
        "echo": { "required_parameters": { "n": "int", "text": "str" } },
        "subscribe": { "required_parameters": { "topic": "str" } },
        "server": { "required_parameters": { "server": "str" } },
        "server_start": { "required_parameters": { "server": "str" } },
    } }))
}

/// Has a client tell its story to a mock, to the end.
async fn tell(script: Script, mock: MockAgent, answer: &str) {
    let mut script = script
        .env("AGENT_URL", &mock.url())
        .env("AGENT_USERNAME", mock.username())
        .env("AGENT_PASSWORD", mock.password())
        .env("AGENT_ACTIONS", "6")
        .env("AGENT_ANSWER", answer);
    if let Some(pem) = mock.certificate_pem() {
        script = script.env("AGENT_CA", &pem);
    }
    script.succeed().await;
    assert_eq!((mock.logins(), mock.refused_logins()), (1, 1));
    mock.wait_for_connections(0).await;
    mock.stop().await;
}

/// A correct answer, and correct replies, in the oddest form that the standards allow.
async fn odd_but_correct() -> MockAgent {
    let mock = mock()
        .upgrade_quirk(UpgradeQuirk::KeepAlive)
        .upgrade_quirk(UpgradeQuirk::OddCase)
        .upgrade_quirk(UpgradeQuirk::SplitHead)
        .start()
        .await
        .unwrap();
    mock.inject(Fault::form(ReplyForm::Fragmented(3)));
    mock
}

#[tokio::test]
#[ignore = "needs Python and a library: see `run`"]
async fn python_websockets_calls_the_mock() {
    let client = || Script::python("client.py");
    tell(client(), mock().start().await.unwrap(), "named").await;
    tell(client(), mock().tls(false).start().await.unwrap(), "named").await;
    tell(client(), odd_but_correct().await, "named").await;
    let unnamed = mock().subprotocol(Subprotocol::Absent).start().await.unwrap();
    tell(client(), unnamed, "absent").await;
}

#[tokio::test]
#[ignore = "needs Node and a library: see `run`"]
async fn node_ws_calls_the_mock() {
    let client = || Script::node("client.mjs");
    tell(client(), mock().start().await.unwrap(), "named").await;
    tell(client(), mock().tls(false).start().await.unwrap(), "named").await;
    tell(client(), odd_but_correct().await, "named").await;
}
