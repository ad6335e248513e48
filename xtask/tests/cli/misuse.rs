//! Command lines that are wrong, and input that cannot be read: the exit code, and words that help.

use std::fs;

use crate::{
    agentctl::agentctl,
    help::commands,
    support::{Ended, Fleet, Mock, copy_of_project, ended, program, root, run},
};

/// Nothing on standard output, and no panic.
fn assert_refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{ended:?}");
    assert!(ended.stderr.contains(words), "{words}: {ended:?}");
}

#[tokio::test]
async fn an_argument_that_no_command_knows_is_wrong_usage_of_each() {
    for name in commands().await {
        assert_refused(&run([&*name, "--no-such-option"]).await, 2, "--no-such-option");
        #[cfg(unix)]
        {
            use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
            let garbled = [OsStr::new(&name), OsStr::from_bytes(b"--\xff")];
            assert_refused(&run(garbled).await, 2, "--help");
        }
    }
}

/// A folder, an empty file and one of bytes that are no text, in the place of each file.
#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_is_no_wrong_usage() {
    let project = copy_of_project();
    let path = |name: &str| project.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("binary"), b"\x7fELF\x00\xff\xfe\x01").unwrap();
    for arguments in [
        "generate --snapshot FILE",
        "generate --overlay FILE",
        "generate --check --overlay FILE",
        "generate --downstream --out out --snapshot FILE",
        "diff FILE schemas/agent-1.1.34.json",
        "diff schemas/agent-1.1.34.json FILE",
        "diff schemas/agent-1.1.34.json schemas/agent-1.1.34.json --overlay FILE",
        "mock-agent --for 0.1 --snapshot FILE",
        "mock-agent --for 0.1 --password-file FILE",
        "mock-agent --for 0.1 --certificate FILE",
        "call whoami --url wss://127.0.0.1:1 --password-file FILE",
        "call whoami --url wss://127.0.0.1:1 --ca FILE",
        "call whoami --url wss://127.0.0.1:1 --known-agents FILE",
        "call whoami --agents FILE --all",
        "put FILE /remote --url wss://127.0.0.1:1",
        "man --out FILE",
    ] {
        for file in ["missing", "folder", "empty", "binary"] {
            let is_fine = match file {
                // They are made, and an empty overlay says nothing.
                "missing" => {
                    ["man", "certificate", "known"].iter().any(|it| arguments.contains(it))
                }
                "folder" => arguments.starts_with("man"),
                "empty" => ["--overlay", "known", "put", "mock-agent --for 0.1 --password"]
                    .iter()
                    .any(|it| arguments.contains(it)),
                _ => arguments.starts_with("put"),
            };
            if is_fine {
                continue;
            }
            let mut command =
                program(arguments.split(' ').map(|it| if it == "FILE" { file } else { it }));
            command.current_dir(project.path()).env("AGENT_PASSWORD", "hunter2");
            if arguments.contains("--password-file") {
                command.env_remove("AGENT_PASSWORD");
            }
            let refused = ended(command).await;
            // An empty password, and a file of agents that names none, are read.
            let code = if file == "empty" && arguments.contains("whoami") { 2 } else { 3 };
            let code = if arguments.contains("--ca") { 3 } else { code };
            assert!(
                refused.code == Some(code) || refused.code == Some(3),
                "{arguments}: {refused:?}"
            );
            assert_eq!(refused.stdout, "", "{arguments}: {refused:?}");
            assert!(refused.stderr.contains("error"), "{arguments}: {refused:?}");
        }
    }
}

/// The catalogue of this program was shown, and taken for that of the agent.
#[tokio::test]
async fn an_agent_that_is_named_where_none_is_asked_is_refused() {
    let snapshot = "schemas/agent-1.1.34.json";
    for (arguments, words) in [
        (&["actions", "--url", "wss://127.0.0.1:1"][..], "--url names an agent, and none is asked"),
        (&["actions", "--agent", "eu-1"], "--agent names an agent, and none is asked: add --live"),
        (&["describe", "whoami", "--all"], "add --live"),
        (&["check", "--tag", "eu"], "add --live"),
        (&["check", "--fail-on", "any"], "--live"),
        (&["diff", snapshot, snapshot, "--agent", "eu-1"], "`live` is the side"),
        (&["call", "whoami", "--agents", "x"], "--agents names a file and no agent in it"),
        (&["fetch", "--out", "a", "--raw-out", "a"], "name the same file"),
        (&["fetch", "--out", "-"], "name a file for the snapshot"),
        (&["generate", "--draft-overlay", "a", "--out", "b"], "cannot be used with"),
        (&["describe", "brand_new"], "no action `brand_new`; `cargo xtask actions` lists"),
        (&["generate", "--check", "--only", "brand_new"], "`cargo xtask actions` lists"),
    ] {
        let mut command = program(arguments);
        command.env("AGENT_URL", "wss://127.0.0.1:1").env("AGENT_PASSWORD", "p");
        assert_refused(&ended(command).await, 2, words);
    }
    // Variables are there for whichever command is typed.
    let mut command = program(["actions", "backup"]);
    command.env("AGENT_URL", "wss://127.0.0.1:1");
    assert_eq!(ended(command).await.code, Some(0));
}

/// `AGENT_TIMEOUT=` was "expected a number", and `AGENTS_FILE=` a file without a name.
#[tokio::test]
async fn an_empty_variable_is_one_that_is_not_set() {
    let mock = Mock::start().await;
    let mut command = mock.client(["call", "whoami"]);
    for name in ["AGENT_TIMEOUT", "AGENT_WAIT", "AGENT_USERNAME", "AGENTS_FILE"] {
        command.env(name, "");
    }
    assert_eq!(ended(command).await.json()["username"], "root");
    let mut command = program(["mock-agent", "--for", "120"]);
    command.env("AGENT_USERNAME", "").env("AGENT_PASSWORD", "").env("AGENT_PASSWORD_FILE", "");
    assert_eq!(Mock::start_command(command).await.start_line()["username"], "root");
    for (name, value) in [("AGENT_TIMEOUT", "soon"), ("AGENT_WAIT", "-1")] {
        let mut command = mock.client(["call", "whoami"]);
        command.env(name, value);
        let words = format!("{name}: expected a number of seconds");
        assert_refused(&ended(command).await, 2, &words);
    }
}

/// A file below the current folder may be another user's, and may name a command.
#[tokio::test]
async fn the_file_of_agents_is_never_looked_for_below_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("agentctl")).unwrap();
    let file = folder.path().join("agentctl/agents.toml");
    fs::write(file, "[agents.a]\nurl = \"wss://127.0.0.1:1\"\n").unwrap();
    for home in [None, Some(""), Some(".")] {
        let mut command = agentctl(["call", "whoami", "--all"]);
        command.current_dir(folder.path()).env_remove("HOME").env("XDG_CONFIG_HOME", ".");
        command.envs(home.map(|home| ("HOME", home)));
        if cfg!(windows) {
            command.env("APPDATA", ".");
        }
        assert_refused(&ended(command).await, 2, "name the file by --agents FILE");
    }
}

/// It was passed over, and the catalogue of this program shown.
#[tokio::test]
async fn a_project_that_is_named_and_cannot_be_used_is_an_error() {
    let project = copy_of_project();
    let nowhere = project.path().join("nowhere");
    for arguments in [&["actions"][..], &["describe", "whoami"], &["call", "whoami", "--dry-run"]] {
        let mut command = agentctl(arguments);
        command.arg("--root").arg(&nowhere);
        assert_refused(&ended(command).await, 3, "nowhere");
    }
    fs::write(project.path().join("schemas/agent-9.0.0.json"), "{ \"actions\": {").unwrap();
    let mut command = agentctl(["actions", "backup"]);
    command.current_dir(project.path());
    let shown = ended(command).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let words =
        ["agent-9.0.0.json` cannot be used", "The catalogue of this program is used instead"];
    assert!(words.iter().all(|it| shown.stderr.contains(it)), "{shown:?}");
}

/// It logged in to find out that there was nowhere to write to.
#[tokio::test]
async fn what_is_missing_on_this_machine_is_told_before_an_agent_is_connected_to() {
    let fleet = Fleet::named(1).await;
    for (arguments, words) in [
        (&["fetch", "--agent", "a00"][..], "this folder is not inside the project"),
        (&["put", "missing", "/a", "--agent", "a00"], "`missing` cannot be read"),
        (&["put", ".", "/a", "--agent", "a00"], "`.` is no regular file; `put - REMOTE`"),
        (&["get", "/a", "no/a", "--agent", "a00"], "there is no folder `no`; make it first"),
        (&["fetch", "--out", "no/a", "--agent", "a00"], "there is no folder `no`; make it first"),
        (&["fetch", "--out", ".", "--agent", "a00"], "it is a folder; name a file in it"),
    ] {
        assert_refused(&ended(fleet.xtask(fleet.path(), arguments)).await, 3, words);
    }
    assert_eq!(fleet.mocks[0].logins(), 0);
}

/// Two of three agents were counted as failed although no request had been sent to them.
#[tokio::test]
async fn agents_that_were_not_tried_are_not_counted_as_failed() {
    let fleet = Fleet::named(3).await;
    let project = copy_of_project();
    for arguments in [&["call", "levitate"][..], &["get", "/missing", "."], &["fetch"]] {
        if arguments[0] == "fetch" {
            fleet.mocks[0].go_down().await;
        }
        let mut command = fleet.xtask(project.path(), arguments);
        command.args(["--all", "--one-by-one"]);
        let failed = ended(command).await;
        assert_eq!(failed.code, Some(4), "{failed:?}");
        let told = "1 of 3 agents failed: a00; 2 were not tried";
        assert!(failed.stderr.contains(told), "{failed:?}");
    }
}

/// Others use the libraries without these programs.
#[test]
fn no_text_of_a_library_names_a_program_or_an_option() {
    let mut named = Vec::new();
    let mut paths = ["agent-sdk/src", "agent-codegen/src"].map(|it| root().join(it)).to_vec();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        // The header of generated files names what made them.
        let has_header = path.ends_with("emit.rs") || path.parent().unwrap().ends_with("generated");
        if !is_source || has_header {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines();
        let code = code.filter(|line| !line.trim_start().starts_with("//"));
        let lines = code.filter(|line| {
            let mut options = line.split("`--").skip(1);
            options.any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
                || ["xtask", "agentctl"].iter().any(|program| line.contains(program))
        });
        named.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    assert!(named.is_empty(), "{named:#?}");
}

/// Each text that advises a command names one of the program that runs.
#[tokio::test]
async fn agentctl_advises_no_command_that_it_does_not_have() {
    use agent_sdk::mock::MockAgent;
    let odd = MockAgent::builder(serde_json::json!({ "actions": { "a": {} } }))
        .tls(false)
        .handler("list_actions", |_, _| async { Ok("nothing of the kind".into()) })
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.json"), "{").unwrap();
    for (arguments, words) in [
        (&["actions", "--live"][..], "`agentctl call list_actions` prints it"),
        (&["describe", "a", "--live"], "`agentctl call list_actions` prints it"),
        (&["call", "add_mod"], "`agentctl describe add_mod`"),
        (&["mock-agent", "--snapshot", "bad.json"], "bad.json"),
        (&["mock-agent", "--snapshot", "missing.json"], "missing.json"),
        (&["call", "whoami", "--agent", "a"], "agents.toml"),
        (&["describe", "nothing"], "no action"),
        (&["call", "a", "--fingerprint", "x"], "`agentctl fingerprint` shows an agent's"),
    ] {
        let mut command = agentctl(arguments);
        command.current_dir(folder.path()).env("HOME", folder.path());
        command.env("AGENT_URL", odd.url()).env("AGENT_PASSWORD", odd.password());
        let ended = ended(command).await;
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        assert!(!ended.stderr.contains("xtask"), "{ended:?}");
    }
    odd.stop().await;
}
