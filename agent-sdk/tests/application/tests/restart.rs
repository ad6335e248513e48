//! The application against the mock agent, over real sockets. The clock is paused: minutes of countdowns,
//! starts and backups pass at once.

use std::{process::Stdio, time::Duration};

use agent_sdk::{
    Agent,
    actions::{CreateBackup, QueryBackups, Restart, Unsubscribe},
    mock::{Builder, MockAgent, Pace, Response, Role, StateWords, User},
};
use restart_tool::{Trouble, restart};
use serde_json::json;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Longer than the application waits for anything.
const TOO_LONG: Duration = Duration::from_secs(60 * 60);
/// What countdown, stop, start and backup take together.
const STORY: Duration = Duration::from_secs(10 + 3 + 20 + 30);

/// A server that runs, and takes its time to stop, to start, and for its backups.
fn builder(pace: Pace) -> Builder {
    let catalogue = include_str!("../../../../schemas/agent-1.1.34.json");
    let catalogue = serde_json::from_str(catalogue).unwrap();
    MockAgent::builder(catalogue).tls(false).running(["survival"]).pace(pace.console(None))
}

async fn start(pace: Pace) -> (MockAgent, Agent) {
    let mock = builder(pace).start().await.unwrap();
    let agent = mock.client().connect().await.unwrap();
    (mock, agent)
}

/// Expects that the server is restarted and backed up, once each, and lets it happen.
fn expect_both(mock: &MockAgent) {
    mock.on::<Restart>().with(&Restart::new("survival")).times(1).answer(Response::own());
    let backup = CreateBackup::new("survival");
    mock.on::<CreateBackup>().with(&backup).times(1).answer(Response::own());
}

/// Restarts the server, which must not be claimed to be done before it is.
async fn restart_it(agent: &Agent) {
    let began = Instant::now();
    restart(agent, "survival", PATIENCE).await.unwrap();
    assert!(began.elapsed() >= STORY, "it was done after {:?}", began.elapsed());
}

/// It waited for exactly `running`, and claimed a backup that had only been accepted.
#[tokio::test(start_paused = true)]
async fn it_is_done_once_the_server_runs_again_and_the_backup_is_listed() {
    for words in [StateWords::Prefixed, StateWords::Bare] {
        let mock = builder(Pace::realistic()).state_words(words).start().await.unwrap();
        expect_both(&mock);
        restart_it(&mock.client().connect().await.unwrap()).await;
        assert!(mock.calls::<QueryBackups>().len() > 2, "it asks until the backup is there");
    }
}

/// Only events were waited for: when the connection was lost meanwhile, it waited for ever.
#[tokio::test(start_paused = true)]
async fn the_connection_may_be_lost_while_the_server_comes_up() {
    let (mock, agent) = start(Pace::realistic()).await;
    expect_both(&mock);
    let losing = async {
        sleep(Duration::from_secs(12)).await;
        mock.go_down().await;
        // The event falls into the gap.
        sleep(Duration::from_secs(60)).await;
        mock.come_up().await.unwrap();
    };
    tokio::join!(restart_it(&agent), losing);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_falls_into_a_gap_as_a_whole_is_noticed() {
    let (mock, agent) = start(Pace::realistic()).await;
    expect_both(&mock);
    // No event arrives once the restart is accepted.
    let deafening = async {
        while mock.calls::<Restart>().is_empty() {
            tokio::task::yield_now().await;
        }
        agent.unsubscribe(Unsubscribe::new().topic("survival")).await.unwrap();
    };
    tokio::join!(restart_it(&agent), deafening);
}

/// A consumer that lags was not told from one that misses nothing.
#[tokio::test(start_paused = true)]
async fn a_flood_of_events_may_push_the_one_that_counts_out() {
    let (mock, agent) = start(Pace::realistic()).await;
    expect_both(&mock);
    let flood = async {
        sleep(Duration::from_secs(12)).await;
        for number in 0..5000 {
            mock.push_event(&json!({ "action": "tick", "number": number })).await;
        }
    };
    tokio::join!(restart_it(&agent), flood);
}

#[tokio::test(start_paused = true)]
async fn a_user_without_the_permission_is_told_and_nothing_is_backed_up() {
    let roles = [Role::new(["server.*"]).servers(["creative"]), Role::new(["server.view"])];
    let user = roles.into_iter().fold(User::new("moderator", "secret"), User::role);
    let mock = builder(Pace::realistic()).user(user).start().await.unwrap();
    mock.on::<CreateBackup>().never();
    let agent = mock.client().credentials("moderator", "secret").connect().await.unwrap();
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err().to_string();
    assert!(trouble.contains("permission denied: `server.start` is needed"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_rejects_is_told_and_nothing_is_backed_up() {
    let (mock, agent) = start(Pace::realistic()).await;
    mock.on::<Restart>().times(1).reject("a mod is being installed");
    mock.on::<CreateBackup>().never();
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err().to_string();
    assert_eq!(trouble, "the agent rejected `restart`: a mod is being installed");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_come_up_is_not_backed_up() {
    let (mock, agent) = start(Pace::realistic().starting(TOO_LONG)).await;
    mock.on::<CreateBackup>().never();
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err();
    assert!(matches!(trouble, Trouble::NotRestarted(_)), "{trouble}");
}

/// A server that still ran after two minutes was taken for one that runs again.
#[tokio::test(start_paused = true)]
async fn a_restart_that_is_accepted_and_never_done_is_not_claimed() {
    let (mock, agent) = start(Pace::realistic().countdown(TOO_LONG)).await;
    mock.on::<CreateBackup>().never();
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err().to_string();
    assert!(trouble.ends_with("`server.running`, and it was not seen to stop"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_crashes_is_told_at_once() {
    let (mock, agent) = start(Pace::realistic()).await;
    mock.on::<CreateBackup>().never();
    let crashing = async {
        sleep(Duration::from_secs(20)).await;
        mock.crash("survival");
    };
    let (result, ()) = tokio::join!(restart(&agent, "survival", PATIENCE), crashing);
    let trouble = result.unwrap_err();
    assert!(matches!(&trouble, Trouble::Failed { state, .. } if *state == "crashed"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_accepted_and_never_done_is_not_claimed() {
    let (mock, agent) = start(Pace::realistic().work(TOO_LONG)).await;
    expect_both(&mock);
    let trouble = restart(&agent, "survival", PATIENCE).await.unwrap_err();
    assert!(matches!(trouble, Trouble::NoBackup { .. }), "{trouble}");
}

#[tokio::test]
async fn the_program_itself_says_what_it_did() {
    let mock = builder(Pace::immediate()).tls(true).start().await.unwrap();
    expect_both(&mock);
    let output = Command::new(env!("CARGO_BIN_EXE_restart-tool"))
        .arg("survival")
        .env_clear()
        .env("AGENT_URL", mock.url())
        .env("AGENT_USERNAME", mock.username())
        .env("AGENT_PASSWORD", mock.password())
        .env("AGENT_FINGERPRINT", mock.fingerprint().unwrap())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.stdout, b"survival runs again and has a new backup\n");
}
