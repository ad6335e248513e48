//! The password is in no output, whatever is logged, and in no process list.

use std::process::Stdio;

use crate::support::{Mock, copy_of_project, ended, line_with, lines, program, terminate};

#[tokio::test]
async fn no_command_shows_the_password_at_any_level() {
    let mock = Mock::start().await;
    let project = copy_of_project();
    let out = project.path().join("out.json");
    let out = out.to_str().unwrap();
    for (code, arguments) in [
        (0, &["call", "whoami"][..]),
        (1, &["call", "levitate"]),
        (0, &["fetch", "--out", out]),
        (0, &["check", "--live"]),
        (0, &["fingerprint"]),
        (3, &["call", "whoami", "--ca", "no such file"]),
    ] {
        let mut command = mock.client(arguments);
        command.env("RUST_LOG", "trace");
        if arguments.contains(&"--ca") {
            command.env_remove("AGENT_FINGERPRINT");
        }
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        // The log was written; otherwise this would prove nothing.
        if code < 3 && arguments != ["fingerprint"] {
            assert!(ended.stderr.contains("connected"), "{ended:?}");
        }
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(mock.password()), "{arguments:?}");
        }
    }
    let wrong = "a wrong password that nobody may see";
    let mut command = mock.client(["call", "whoami"]);
    command.env("RUST_LOG", "trace").env("AGENT_PASSWORD", wrong);
    let rejected = ended(command).await;
    assert_eq!(rejected.code, Some(3));
    assert!(!rejected.stderr.contains(wrong) && rejected.stdout.is_empty());
}

/// `probe` named the agent by its URL as it was typed.
#[tokio::test]
async fn no_command_shows_a_password_that_was_typed_into_a_url() {
    const SECRET: &str = "hunter2-hunter2";
    for url in [
        format!("wss://root:{SECRET}@127.0.0.1:1"),
        format!("wss://127.0.0.1:1/ws?token={SECRET}"),
        format!("http://{SECRET}@127.0.0.1:1"),
    ] {
        for command in [
            "call whoami",
            "watch",
            "fingerprint",
            "probe",
            "probe --format json",
            "probe --format nagios",
            "probe --format prometheus",
        ] {
            let mut command = program(command.split(' '));
            command.args(["--url", &url]).env("AGENT_PASSWORD", "other").env("RUST_LOG", "trace");
            let ended = ended(command).await;
            assert_ne!(ended.code, Some(0), "{ended:?}");
            assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn the_password_is_in_no_process_list_while_events_are_watched() {
    let mock = Mock::start().await;
    let mut command = mock.client(["watch"]);
    command.env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = command.spawn().unwrap();
    let mut stderr = lines(watch.stderr.take().unwrap());
    let said = line_with(&mut stderr, "watching").await;
    assert!(!said.contains(mock.password()));
    #[cfg(target_os = "linux")]
    {
        let arguments = std::fs::read(format!("/proc/{}/cmdline", watch.id().unwrap())).unwrap();
        let arguments = String::from_utf8(arguments).unwrap();
        assert!(arguments.contains("watch") && !arguments.contains(mock.password()));
    }
    terminate(&watch).await;
    while let Ok(Some(line)) = stderr.next_line().await {
        assert!(!line.contains(mock.password()), "{line}");
    }
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_mock_tells_its_password_in_its_start_line_alone() {
    let mut command = program(["mock-agent", "--for", "0.5"]);
    command.env("RUST_LOG", "trace").env("AGENT_PASSWORD", "told-once");
    let mock = ended(command).await;
    assert_eq!(mock.code, Some(0), "{mock:?}");
    assert_eq!(mock.stdout.matches("told-once").count(), 1, "{mock:?}");
    assert!(!mock.stderr.contains("told-once"), "{mock:?}");
}
