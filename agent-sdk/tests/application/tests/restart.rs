//! The application against the mock agent, over real sockets.

use std::{process::Stdio, time::Duration};

use agent_sdk::{Agent, Tls, actions::ServerStart, mock::MockAgent};
use restart_tool::{Trouble, restart};
use serde_json::{Value, json};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

fn catalogue() -> Value {
    let server = json!({ "required_parameters": { "server": "str" } });
    json!({ "actions": {
        "restart": server, "server_start": server, "create_backup": server,
        "subscribe": { "required_parameters": { "topic": "str" } },
    } })
}

async fn connect(mock: &MockAgent) -> Agent {
    Agent::builder(mock.url())
        .credentials(mock.username(), mock.password())
        .tls(Tls::pinned(mock.fingerprint().unwrap()).unwrap())
        .connect()
        .await
        .unwrap()
}

fn called(mock: &MockAgent) -> Vec<String> {
    mock.requests().into_iter().map(|request| request.action).collect()
}

#[tokio::test]
async fn a_running_server_is_restarted_and_then_backed_up() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let agent = connect(&mock).await;
    agent.server_start(ServerStart::new("survival")).await.unwrap();
    timeout(LIMIT, restart(&agent, "survival", LIMIT)).await.unwrap().unwrap();
    assert_eq!(called(&mock), ["server_start", "subscribe", "restart", "create_backup"]);
    mock.stop().await;
}

#[tokio::test]
async fn what_the_agent_rejects_is_told_and_nothing_is_backed_up() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let agent = connect(&mock).await;
    let trouble = restart(&agent, "Nowhere", LIMIT).await.unwrap_err();
    assert_eq!(trouble.to_string(), "the agent rejected `restart`: there is no server `Nowhere`");
    assert_eq!(called(&mock), ["subscribe", "restart"]);
    mock.stop().await;
}

#[tokio::test]
async fn a_server_that_does_not_come_up_is_not_backed_up() {
    let mock = MockAgent::builder(catalogue())
        .handler("restart", |_, _| async { Ok(json!({})) })
        .start()
        .await
        .unwrap();
    let agent = connect(&mock).await;
    let patience = Duration::from_millis(100);
    let trouble = restart(&agent, "survival", patience).await.unwrap_err();
    assert!(matches!(trouble, Trouble::NotRunning { .. }), "{trouble}");
    assert!(!called(&mock).contains(&"create_backup".to_owned()));
    mock.stop().await;
}

#[tokio::test]
async fn the_program_itself_says_what_it_did() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let agent = connect(&mock).await;
    agent.server_start(ServerStart::new("survival")).await.unwrap();
    let program = tokio::process::Command::new(env!("CARGO_BIN_EXE_restart-tool"))
        .arg("survival")
        .env_clear()
        .env("AGENT_URL", mock.url())
        .env("AGENT_USERNAME", mock.username())
        .env("AGENT_PASSWORD", mock.password())
        .env("AGENT_FINGERPRINT", mock.fingerprint().unwrap())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(LIMIT, program).await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(output.stdout, b"survival runs again and has a new backup\n");
    mock.stop().await;
}
