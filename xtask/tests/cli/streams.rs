//! Streams that are closed or full, and Ctrl-C: on Unix, where tests can have them.

use std::{
    fs::{self, File},
    io::pipe,
    path::Path,
    process::{Command as Blocking, Stdio},
};

use agent_sdk::mock::MockAgent;
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use crate::{
    agentctl::agentctl,
    support::{
        Ended, LIMIT, Mock, copy_of_project, ended, newer_snapshot, program, run_with_input,
        terminate,
    },
};

/// The commands that print something without an agent.
const OFFLINE: [&str; 12] = [
    "--help",
    "call --help",
    "actions",
    "actions --format json",
    "describe server_start",
    "describe server_start --format json",
    "call server_start server=a --dry-run",
    "completions bash",
    "completions powershell",
    "check",
    "generate --check --format json",
    "diff schemas/agent-1.1.34.json schemas/agent-1.1.34.json",
];

/// And those that print something with one.
const ONLINE: [&str; 7] = [
    "call whoami",
    "actions --live",
    "probe",
    "probe --format prometheus",
    "check --live",
    "diff live --format markdown",
    "get /motd -",
];

/// How it ends when its results go nowhere.
async fn ended_into(mut command: Command, stdout: Stdio) -> Ended {
    command.stdout(stdout).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    timeout(LIMIT, child.wait_with_output()).await.expect("it does not end").unwrap().into()
}

/// Each command with an agent that has a file to get.
async fn commands(mock: &Mock) -> Vec<(String, Command)> {
    let file = "Welcome\n".repeat(50_000);
    let put = run_with_input(mock.client(["put", "-", "/motd"]), &file).await;
    assert_eq!(put.code, Some(0), "{put:?}");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let offline = OFFLINE.iter().map(|line| ((*line).to_owned(), program(words(line))));
    let online = ONLINE.iter().map(|line| ((*line).to_owned(), mock.client(words(line))));
    offline.chain(online).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_by_every_command_that_prints() {
    let mock = Mock::start().await;
    for (line, command) in commands(&mock).await {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = ended_into(command, full.into()).await;
        assert_eq!(ended.code, Some(3), "{line}: {ended:?}");
        assert!(ended.stderr.contains("No space left"), "{line}: {ended:?}");
    }
}

#[tokio::test]
async fn a_reader_that_has_ended_is_no_failure_of_any_command() {
    let mock = Mock::start().await;
    for (line, command) in commands(&mock).await {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ended = ended_into(command, writer.into()).await;
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    }
}

/// The log panicked, which ended the program with 101.
#[tokio::test]
async fn a_log_that_cannot_be_written_ends_no_command() {
    let mock = Mock::start().await;
    for filter in ["trace", "no=such=filter"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = mock.client(["call", "whoami"]);
        command.env("RUST_LOG", filter).stdout(Stdio::piped()).stderr(writer);
        let child = command.spawn().unwrap();
        let ended: Ended = timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap().into();
        assert_eq!(ended.json()["username"], "root");
    }
}

#[tokio::test]
async fn a_filter_of_the_log_that_is_none_is_told() {
    let mut command = program(["actions", "backup"]);
    command.env("RUST_LOG", "no=such=filter");
    let told = ended(command).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stderr.starts_with("warning: RUST_LOG is left out"), "{told:?}");
}

/// Colours came and went by two rules: that of `error:` knew more variables.
#[tokio::test]
async fn colours_follow_one_rule_in_every_stream() {
    let project = copy_of_project();
    newer_snapshot(project.path(), "1.2.0", |actions| {
        actions.as_object_mut().unwrap().remove("whoami");
    });
    for (variables, has_colours) in
        [(&[][..], false), (&["CLICOLOR_FORCE"], true), (&["CLICOLOR_FORCE", "NO_COLOR"], false)]
    {
        let mut command = program(["diff", "--fail-on", "any"]);
        command.current_dir(project.path()).envs(variables.iter().map(|name| (name, "1")));
        let ended = ended(command).await;
        for text in [&ended.stdout, &ended.stderr] {
            assert_eq!(text.contains("\u{1b}["), has_colours, "{variables:?}: {ended:?}");
        }
    }
}

/// Waits until a process handles SIGTERM itself.
#[cfg(target_os = "linux")]
async fn until_it_listens(child: &Child) {
    let status = format!("/proc/{}/status", child.id().unwrap());
    let handles_term = || {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim();
        Some(u64::from_str_radix(caught, 16).ok()? & (1 << 14) != 0)
    };
    until(|| handles_term() == Some(true)).await;
}

async fn until(reached: impl Fn() -> bool) {
    let reached = async {
        while !reached() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, reached).await.expect("it never comes");
}

/// It read the password where no signal reached it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn ctrl_c_ends_a_watch_that_waits_for_its_password() {
    let folder = tempfile::tempdir().unwrap();
    make_pipe(&folder.path().join("pipe"));
    for option in [&["--password-stdin"][..], &["--password-file", "pipe"]] {
        let mut command = program(["watch", "--url", "wss://127.0.0.1:1"]);
        command.args(option).current_dir(folder.path()).stdin(Stdio::piped());
        let mut watch = command.spawn().unwrap();
        until_it_listens(&watch).await;
        terminate(&watch).await;
        let status = timeout(LIMIT, watch.wait()).await.expect("it does not end").unwrap();
        assert_eq!(status.code(), Some(0), "{option:?}");
    }
}

/// A part of the file was left under another name.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn ctrl_c_leaves_nothing_of_a_file_that_is_got() {
    let mock = MockAgent::builder(json!({ "actions": { "file_download": {} } }))
        .tls(false)
        .handler("file_download", |_, _| std::future::pending())
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(["get", "/a", "a"]);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    let mut get = command.current_dir(folder.path()).spawn().unwrap();
    until(|| fs::read_dir(folder.path()).unwrap().count() == 1).await;
    terminate(&get).await;
    let status = timeout(LIMIT, get.wait()).await.expect("it does not end").unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    mock.stop().await;
}

fn make_pipe(path: &Path) {
    assert!(Blocking::new("mkfifo").arg(path).status().unwrap().success());
}

/// A user who may write there lost a device, such as `/dev/null`, to a file.
#[tokio::test]
async fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    use tokio::net::unix::pipe::OpenOptions;

    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    let put = run_with_input(mock.client(["put", "-", "/motd"]), "Welcome").await;
    assert_eq!(put.code, Some(0), "{put:?}");
    for (arguments, content) in
        [(&["fetch", "--out"][..], "\"actions\""), (&["get", "/motd"], "Welcome")]
    {
        let pipe = folder.path().join(arguments[0]);
        make_pipe(&pipe);
        let mut reader = OpenOptions::new().open_receiver(&pipe).unwrap();
        let mut command = mock.client(arguments);
        command.arg(&pipe).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut read = String::new();
        timeout(LIMIT, reader.read_to_string(&mut read)).await.expect("nothing comes").unwrap();
        let status = timeout(LIMIT, child.wait()).await.expect("it does not end").unwrap();
        assert_eq!(status.code(), Some(0), "{arguments:?}");
        assert!(read.contains(content), "{read}");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    }
}

/// JSON ended with an error after the work was done.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_path_that_is_not_utf8_is_no_error_in_json() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.json"), r#"{ "lift": { "required_parameters": {} } }"#)
        .unwrap();
    let garbled = OsStr::from_bytes(b"\xffout");
    for arguments in [
        &["fetch", "--format", "json", "--out"][..],
        &["generate", "--downstream", "--snapshot", "mine.json", "--format", "json", "--out"],
        &["generate", "--downstream", "--snapshot", "mine.json", "--format", "json", "--out"],
    ] {
        let mut command = mock.client(arguments);
        command.arg(garbled).current_dir(folder.path());
        ended(command).await.json();
        if arguments[0] == "fetch" {
            fs::remove_file(folder.path().join(garbled)).unwrap();
        }
    }
}

/// The change of a project may lead anywhere, and the folder may be another user's.
#[tokio::test]
async fn agentctl_finishes_no_interrupted_change_of_the_folder_that_it_runs_in() {
    let project = copy_of_project();
    let prepared = project.path().join("schemas/.update");
    fs::create_dir(&prepared).unwrap();
    fs::write(prepared.join("0.new"), "new").unwrap();
    let mut command = agentctl(["actions", "backup"]);
    command.current_dir(project.path());
    let shown = ended(command).await;
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{shown:?}");
    assert!(prepared.join("0.new").exists());
    let mut command = program(["actions", "backup"]);
    command.current_dir(project.path());
    let shown = ended(command).await;
    assert!(shown.stderr.contains("removed what an interrupted command"), "{shown:?}");
    assert!(!prepared.exists());
}
