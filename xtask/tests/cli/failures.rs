//! Calls that do not reach the agent: the exit code and the words.

use agent_sdk::mock::MockAgent;
use serde_json::json;

use crate::support::{Ended, Mock, ended, program, run};

/// A command line that is wrong: exit code 2, nothing on standard output.
fn misused(ended: &Ended, words: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains(words), "{words}: {ended:?}");
}

#[tokio::test]
async fn what_is_in_the_way_is_told_in_one_line() {
    let mock = Mock::start().await;

    let mut command = mock.client(["call", "whoami"]);
    command.env("AGENT_PASSWORD", "not the password");
    let rejected = ended(command).await;
    assert!(rejected.one_line(3).contains("rejected the credentials"), "{rejected:?}");

    let other = format!("sha256:{}", "0".repeat(64));
    let mut command = mock.client(["call", "whoami"]);
    command.env("AGENT_FINGERPRINT", &other);
    let changed = ended(command).await;
    assert!(changed.one_line(3).contains(&other), "{changed:?}");

    let mut command = mock.client(["call", "whoami"]);
    command.env_remove("AGENT_FINGERPRINT");
    let untrusted = ended(command).await;
    assert!(untrusted.one_line(3).contains(mock.fingerprint()), "{untrusted:?}");

    let url = mock.url().to_owned();
    mock.kill().await;
    let mut command = program(["call", "whoami"]);
    command.env("AGENT_URL", url).env("AGENT_PASSWORD", "p");
    let nobody = ended(command).await;
    assert!(nobody.one_line(3).contains("is the agent running"), "{nobody:?}");
}

#[tokio::test]
async fn a_call_without_an_answer_may_have_been_executed() {
    let mock = MockAgent::builder(json!({ "actions": {} }))
        .tls(false)
        .handler("think", |_, _| std::future::pending())
        .start()
        .await
        .unwrap();
    let mut command = program(["call", "think", "--timeout", "0.3"]);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    let unknown = ended(command).await;
    let line = unknown.one_line(3);
    assert!(line.contains("may have executed it"), "{line}");
    mock.stop().await;
}

#[tokio::test]
async fn a_wrong_command_line_is_told_before_anything_is_sent() {
    let with = |password: Option<&str>, arguments: &[&str]| {
        let mut command = program(["call", "server_filetree", "--no-check"]);
        command.args(arguments).env("AGENT_URL", "wss://127.0.0.1:1");
        if let Some(password) = password {
            command.env("AGENT_PASSWORD", password);
        }
        ended(command)
    };
    let secret = Some("hunter2-hunter2");
    for (password, arguments, words) in [
        (None, &[][..], "no password: give one by --password-file"),
        (None, &["--password-command", "x", "--password-stdin"], "more than one password"),
        (None, &["--password-file", "x", "--password-stdin"], "more than one password"),
        (secret, &["--ca", "a", "--known-agents", "b"], "more than one way to trust"),
        (secret, &["--fingerprint", "abc"], "64 hexadecimal digits"),
        (secret, &["--timeout", "soon"], "expected a number of seconds"),
        (secret, &["--timeout", "0"], "expected a number of seconds"),
        (secret, &["levels"], "parameter 1 is not of the form KEY=VALUE"),
        (secret, &["root=a", "=b"], "parameter 2 is not of the form KEY=VALUE"),
        (secret, &["root=a", "root=b"], "`root` is given twice"),
        (secret, &["root=a", "--parameters", r#"{"root":"b"}"#], "`root` is given twice"),
        (secret, &["--parameters", "[1]"], "--parameters is no JSON object"),
        (secret, &["--url", "http://x"], "the URL `http://x` cannot be used"),
        (secret, &["--url", "ws://192.0.2.1"], "--allow-plaintext"),
        (Some("a,b"), &[], "the password cannot be sent"),
        (secret, &["--no-such-option"], "--no-such-option"),
    ] {
        let ended = with(password, arguments).await;
        misused(&ended, words);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
    let mut command = program(["call", "whoami"]);
    command.env("AGENT_PASSWORD", "p");
    misused(&ended(command).await, "name it by --url URL or AGENT_URL");
    let typed = run(["call", "server_filetree", "server=a", "root=/", "levels=two"]).await;
    misused(&typed, "`levels`: this is not a whole number");
    misused(&run(["call"]).await, "<ACTION>");
    misused(&run(["dance"]).await, "dance");
    misused(&run(["generate", "--downstream"]).await, "--out");
}

#[tokio::test]
async fn what_a_terminal_would_obey_is_not_passed_on() {
    let mock = MockAgent::builder(json!({ "actions": {} }))
        .tls(false)
        .handler("curse", |_, _| async { Err(json!({ "error": "\u{1b}[2Jgone" })) })
        .start()
        .await
        .unwrap();
    let mut command = program(["call", "curse"]);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    let cursed = ended(command).await;
    assert!(cursed.one_line(1).ends_with("rejected `curse`: [2Jgone"), "{cursed:?}");
    mock.stop().await;
}
