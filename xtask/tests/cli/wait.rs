//! `--wait`: an agent that is not up yet.

use agent_sdk::mock::MockAgent;
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::support::{Ended, Fleet, LIMIT, ended, program, run};

fn client(mock: &MockAgent, arguments: &[&str]) -> tokio::process::Command {
    let mut command = program(arguments);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    if let Some(fingerprint) = mock.fingerprint() {
        command.env("AGENT_FINGERPRINT", fingerprint);
    }
    command
}

async fn mock() -> MockAgent {
    MockAgent::builder(json!({ "actions": { "whoami": {} } })).start().await.unwrap()
}

/// Runs a command that waits. Its first attempt fails, and the agent is there from the second one on.
async fn come_up_after_a_first_attempt(arguments: &[&str]) -> Ended {
    let mock = mock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = client(&mock, arguments);
    command.env("AGENT_URL", format!("wss://{}", listener.local_addr().unwrap()));
    let running = tokio::spawn(ended(command));
    // The attempt ends as it does while an agent starts: without a word.
    drop(timeout(LIMIT, listener.accept()).await.expect("no attempt").unwrap());
    let mut visitors = JoinSet::new();
    let agent = ("127.0.0.1", mock.port());
    let forwarding = async {
        loop {
            let (mut visitor, _) = listener.accept().await.unwrap();
            visitors.spawn(async move {
                let mut agent = TcpStream::connect(agent).await.unwrap();
                // It fails where either side breaks off.
                let _ = copy_bidirectional(&mut visitor, &mut agent).await;
            });
        }
    };
    let ended = tokio::select! {
        ended = running => ended.unwrap(),
        () = forwarding => unreachable!("it goes on"),
    };
    mock.stop().await;
    ended
}

#[tokio::test]
async fn an_agent_that_is_not_up_yet_is_waited_for() {
    let call = come_up_after_a_first_attempt(&["call", "whoami", "--wait", "60"]).await;
    assert_eq!(call.json()["username"], "root");
    assert_eq!(call.stderr, "", "nothing is shown where there is no terminal");
    let shown = come_up_after_a_first_attempt(&["fingerprint", "--wait", "60"]).await;
    assert!(shown.stdout.starts_with("sha256:"), "{shown:?}");
}

#[tokio::test]
async fn without_it_there_is_one_attempt() {
    let mock = mock().await;
    mock.go_down().await;
    let down = ended(client(&mock, &["call", "whoami"])).await;
    assert!(down.one_line(3).contains("is the agent running"), "{down:?}");
}

#[tokio::test]
async fn it_never_repeats_a_rejected_login() {
    let mock = mock().await;
    let mut command = client(&mock, &["call", "whoami", "--wait", "600"]);
    command.env("AGENT_PASSWORD", "wrong");
    let rejected = ended(command).await;
    assert!(rejected.one_line(3).contains("rejected the credentials"), "{rejected:?}");
    assert_eq!(mock.refused_logins(), 1);
}

#[tokio::test]
async fn it_ends_with_the_last_error() {
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "");
    fleet.mocks[0].go_down().await;
    let waited = ended(fleet.command(&["call", "whoami", "--all", "--wait", "0.2"])).await;
    assert_eq!(waited.code, Some(3), "{waited:?}");
    assert!(waited.stdout.contains("no connection"), "{waited:?}");
    let wrong = run(["call", "whoami", "--wait", "soon"]).await;
    assert!(wrong.code == Some(2) && wrong.stderr.contains("expected a number of seconds"));
}
