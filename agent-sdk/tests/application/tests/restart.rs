//! The application against the mock agent, over real sockets.

use std::{process::Stdio, time::Duration};

use agent_sdk::{
    Agent, ReconnectPolicy, Tls,
    actions::ServerStart,
    mock::{Builder, MockAgent, Pace, StateWords},
};
use restart_tool::{Trouble, restart};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longer than anything takes that ends at all. The clock of most tests is paused.
const LIMIT: Duration = Duration::from_secs(60 * 60);
const PATIENCE: Duration = Duration::from_secs(10 * 60);

fn catalogue() -> Value {
    let server = json!({ "required_parameters": { "server": "str" } });
    json!({ "actions": {
        "restart": server, "server_start": server, "server": server, "create_backup": server,
        "query_backups": server, "subscribe": { "required_parameters": { "topic": "str" } },
    } })
}

fn builder() -> Builder {
    MockAgent::builder(catalogue())
}

/// A server that takes its time to stop, to start, and for its backups.
fn slow() -> Builder {
    builder().tls(false).pace(Pace::realistic().console(None))
}

/// A client with a server that runs.
async fn connect(mock: &MockAgent) -> Agent {
    let policy = ReconnectPolicy::default().initial_backoff(Duration::from_millis(1));
    let mut builder =
        Agent::builder(mock.url()).credentials(mock.username(), mock.password()).reconnect(policy);
    if let Some(fingerprint) = mock.fingerprint() {
        builder = builder.tls(Tls::pinned(fingerprint).unwrap());
    }
    let agent = builder.connect().await.unwrap();
    agent.server_start(ServerStart::new("survival")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    agent
}

fn called(mock: &MockAgent) -> Vec<String> {
    mock.requests().into_iter().map(|request| request.action).collect()
}

/// Whether the mock shows the server running a second time, and lists its backup.
async fn is_done(agent: &Agent) -> bool {
    let asked = json!({ "server": "survival" });
    let server = agent.call_raw("server", &asked).await.unwrap().parameters().unwrap();
    let backups = agent.call_raw("query_backups", &asked).await.unwrap().parameters().unwrap();
    (&server["state"], &server["starts"]) == (&json!("server.running"), &json!(2))
        && backups == json!({ "backups": [{ "id": "backup-1" }] })
}

/// It waited for exactly `running`, and claimed a backup that had only been accepted.
#[tokio::test(start_paused = true)]
async fn it_is_done_once_the_server_runs_again_and_the_backup_is_listed() {
    for words in [StateWords::Prefixed, StateWords::Bare] {
        let mock = slow().state_words(words).start().await.unwrap();
        let agent = connect(&mock).await;
        timeout(LIMIT, restart(&agent, "survival", PATIENCE)).await.unwrap().unwrap();
        if words == StateWords::Prefixed {
            assert!(is_done(&agent).await);
        }
        let asked = called(&mock).iter().filter(|action| *action == "query_backups").count();
        assert!(asked > 2, "it asks until the backup is there");
        mock.stop().await;
    }
}

/// Only events were waited for: when the connection was lost meanwhile, it waited for ever.
#[tokio::test(start_paused = true)]
async fn the_connection_may_be_lost_while_the_server_comes_up() {
    let mock = slow().start().await.unwrap();
    let agent = connect(&mock).await;
    let losing = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        mock.go_down().await;
        // The event falls into the gap.
        tokio::time::sleep(Duration::from_secs(60)).await;
        mock.come_up().await.unwrap();
    };
    let (result, ()) = tokio::join!(timeout(LIMIT, restart(&agent, "survival", PATIENCE)), losing);
    result.unwrap().unwrap();
    assert!(is_done(&agent).await);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_falls_into_a_gap_as_a_whole_is_noticed() {
    let mock = slow().start().await.unwrap();
    let agent = connect(&mock).await;
    // No event arrives once the restart is accepted.
    let deaf = json!({ "topic": "survival" });
    let unsubscribing = async {
        while !called(&mock).contains(&"restart".to_owned()) {
            tokio::task::yield_now().await;
        }
        agent.call_raw("unsubscribe", &deaf).await.unwrap();
    };
    let (result, ()) =
        tokio::join!(timeout(LIMIT, restart(&agent, "survival", PATIENCE)), unsubscribing);
    result.unwrap().unwrap();
    assert!(is_done(&agent).await);
    mock.stop().await;
}

/// A consumer that lags was not told from one that misses nothing.
#[tokio::test(start_paused = true)]
async fn a_flood_of_events_may_push_the_one_that_counts_out() {
    let mock = slow().start().await.unwrap();
    let agent = connect(&mock).await;
    let flood = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        for number in 0..5000 {
            mock.push_event_to(
                "survival",
                &json!({ "action": "tick", "topic": "survival", "number": number }),
            )
            .await;
        }
    };
    let (result, ()) = tokio::join!(timeout(LIMIT, restart(&agent, "survival", PATIENCE)), flood);
    result.unwrap().unwrap();
    assert!(is_done(&agent).await);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_rejects_is_told_and_nothing_is_backed_up() {
    let mock = slow().start().await.unwrap();
    let agent = connect(&mock).await;
    let trouble = restart(&agent, "Nowhere", PATIENCE).await.unwrap_err();
    assert_eq!(trouble.to_string(), "the agent rejected `restart`: there is no server `Nowhere`");
    assert!(!called(&mock).contains(&"create_backup".to_owned()));
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_come_up_is_not_backed_up() {
    let mock = slow().pace(Pace::realistic().starting(LIMIT)).start().await.unwrap();
    let agent = connect(&mock).await;
    tokio::time::sleep(LIMIT).await;
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err();
    assert!(matches!(trouble, Trouble::NotRunning { .. }), "{trouble}");
    assert!(!called(&mock).contains(&"create_backup".to_owned()));
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_crashes_is_told_at_once() {
    let mock = slow().start().await.unwrap();
    let agent = connect(&mock).await;
    let crashing = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let detail =
            json!({ "server": "survival", "before": "server.starting", "after": "server.crashed" });
        let event =
            json!({ "action": "server.changed_state", "topic": "survival", "parameters": detail });
        mock.push_event(&event).await;
    };
    let (result, ()) = tokio::join!(restart(&agent, "survival", PATIENCE), crashing);
    let trouble = result.unwrap_err();
    assert!(matches!(&trouble, Trouble::Failed { state, .. } if *state == "crashed"), "{trouble}");
    assert!(!called(&mock).contains(&"create_backup".to_owned()));
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_accepted_and_never_done_is_not_claimed() {
    let mock = slow().pace(Pace::realistic().work(LIMIT)).start().await.unwrap();
    let agent = connect(&mock).await;
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err();
    assert!(matches!(trouble, Trouble::NoBackup { .. }), "{trouble}");
    mock.stop().await;
}

#[tokio::test]
async fn the_program_itself_says_what_it_did() {
    let mock = builder().start().await.unwrap();
    let agent = Agent::builder(mock.url())
        .credentials(mock.username(), mock.password())
        .tls(Tls::pinned(mock.fingerprint().unwrap()).unwrap())
        .connect()
        .await
        .unwrap();
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
    let output = timeout(Duration::from_secs(20), program).await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(output.stdout, b"survival runs again and has a new backup\n");
    mock.stop().await;
}
