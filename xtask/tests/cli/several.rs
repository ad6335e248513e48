//! What each command makes of several agents by name.

use std::{fs, process::Stdio};

use agent_sdk::mock::MockAgent;
use serde_json::{Value, json};

use crate::support::{
    Fleet, copy_of_project, ended, line_with, lines, next_line, root, rows, terminate,
};

/// A fleet whose second agent is away.
async fn with_one_away() -> Fleet {
    let fleet = Fleet::named(3).await;
    fleet.mocks[1].go_down().await;
    fleet
}

#[tokio::test]
async fn one_agent_that_is_named_alone_is_answered_for_as_one_by_its_url() {
    let fleet = Fleet::named(2).await;
    let reply = ended(fleet.command(&["call", "whoami", "--agent", "a01"])).await.json();
    assert_eq!(reply["username"], "root");
    let both = ["call", "whoami", "--agent", "a01", "--agent", "a00"];
    let both = ended(fleet.command(&both)).await;
    assert_eq!(rows(&both.stdout)[0]["agent"], "a00", "{both:?}");
    let shown = ended(fleet.command(&["fingerprint", "--agent", "a01"])).await;
    assert_eq!(shown.stdout.lines().next(), fleet.mocks[1].fingerprint().as_deref());
}

#[tokio::test]
async fn the_lines_of_a_watch_name_their_agents_and_go_on_without_one_that_is_away() {
    let fleet = with_one_away().await;
    let mut command = fleet.command(&["watch", "--topic", "survival", "--all"]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = lines(watch.stdout.take().unwrap());
    let mut stderr = lines(watch.stderr.take().unwrap());
    let mut said = String::new();
    for _ in 0..3 {
        said += &(next_line(&mut stderr).await + "\n");
    }
    for words in ["note: a00: watching", "error: a01: no connection", "note: a02: watching"] {
        assert!(said.contains(words), "{words} in {said}");
    }
    for number in [2, 0] {
        let event = json!({ "action": "x", "parameters": { "from": number } });
        fleet.mocks[number].push_event(&event).await;
        let line: Value = serde_json::from_str(&next_line(&mut stdout).await).unwrap();
        assert_eq!(line, json!({ "agent": format!("a0{number}"), "event": event }));
    }
    fleet.mocks[2].cut_connections();
    line_with(&mut stderr, "a02: connected again").await;
    terminate(&watch).await;
    assert_eq!(watch.wait().await.unwrap().code(), Some(4), "one of them failed");
}

#[tokio::test]
async fn a_watch_of_agents_that_are_all_away_ends_and_says_so() {
    let fleet = Fleet::named(2).await;
    for mock in &fleet.mocks {
        mock.go_down().await;
    }
    let watch = ended(fleet.command(&["watch", "--all"])).await;
    assert_eq!(watch.code, Some(3), "{watch:?}");
    assert!(watch.stderr.contains("2 of 2 agents failed: a00, a01"), "{watch:?}");
    let in_turn = ended(fleet.command(&["watch", "--all", "--one-by-one"])).await;
    assert!(in_turn.code == Some(2) && in_turn.stderr.contains("leave out --one-by-one"));
}

#[tokio::test]
async fn the_file_of_each_agent_is_got_into_a_folder_of_its_name() {
    let fleet = with_one_away().await;
    for (number, mock) in fleet.mocks.iter().enumerate() {
        mock.put_file("/servers/a/server.log", format!("log {number}"));
    }
    let target = fleet.path().join("logs");
    let folder = target.to_str().unwrap();
    let got = ended(fleet.command(&["get", "/servers/a/server.log", folder, "--all"])).await;
    assert_eq!(got.code, Some(4), "{got:?}");
    for number in [0, 2] {
        let file = target.join(format!("a0{number}/server.log"));
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("log {number}"));
        assert!(got.stdout.contains(&format!("a0{number}: {}: 5 bytes", file.display())));
    }
    assert!(got.stderr.contains("error: a01: no connection"), "{got:?}");
    assert!(!target.join("a01").exists(), "what was not got leaves nothing");

    let arguments = ["get", "/servers/a/server.log", folder, "--all", "--format", "json"];
    let rows = rows(&ended(fleet.command(&arguments)).await.stdout);
    assert_eq!((&rows[2]["agent"], &rows[2]["result"]["bytes"]), (&"a02".into(), &5.into()));
    assert!(rows[1]["error"].as_str().unwrap().contains("no connection"), "{rows:?}");
}

#[tokio::test]
async fn a_file_is_put_to_all_and_each_is_accounted_for() {
    let fleet = with_one_away().await;
    let file = fleet.path().join("motd");
    fs::write(&file, "Welcome").unwrap();
    let put = ["put", file.to_str().unwrap(), "/motd", "--all", "--format", "json"];
    let put = ended(fleet.command(&put)).await;
    assert_eq!(put.code, Some(4), "{put:?}");
    let rows = rows(&put.stdout);
    let checksum = |number: usize| rows[number]["result"]["checksum"].as_str();
    assert!(checksum(0).is_some() && checksum(0) == checksum(2), "{rows:?}");
    let got = ended(fleet.command(&["get", "/motd", "-", "--agent", "a02"])).await;
    assert_eq!(got.stdout, "Welcome");
}

#[tokio::test]
async fn fingerprints_of_all_say_whether_they_are_pinned() {
    let mut fleet = Fleet::named(3).await;
    let (one, other) =
        (fleet.mocks[0].fingerprint().unwrap(), fleet.mocks[2].fingerprint().unwrap());
    fleet.text = fleet.text.replace(&other, &one);
    let shown = ended(fleet.command(&["fingerprint", "--all", "--format", "json"])).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for (number, row) in rows(&shown.stdout).iter().enumerate() {
        let shown = (&row["result"]["fingerprint"], &row["result"]["pinned"]);
        let fingerprint = fleet.mocks[number].fingerprint().unwrap();
        assert_eq!(shown, (&fingerprint.into(), &(number != 2).into()), "{row}");
    }
    let text = ended(fleet.command(&["fingerprint", "--all"])).await.stdout;
    assert!(text.starts_with(&format!("a00:\n  {one}\n  subject ")), "{text}");
    assert!(text.contains("pinned      NO"), "{text}");
}

/// A catalogue with one action.
fn catalogue(action: &str) -> Value {
    json!({ "actions": { action: {} } })
}

#[tokio::test]
async fn a_snapshot_is_fetched_for_each_version_and_conflicts_are_refused() {
    let builder = |action, version| MockAgent::builder(catalogue(action)).version(version);
    let builders = [builder("a", "2.0.0"), builder("b", "3.0.0"), builder("a", "2.0.0")];
    let mut fleet = Fleet::of_builders(builders.into_iter().chain([builder("c", "3.0.0")])).await;
    (0..4).for_each(|number| fleet.add(number, if number < 3 { "tags = [\"eu\"]" } else { "" }));
    let project = copy_of_project();
    let fetch = |arguments: &[&str]| ended(fleet.xtask(project.path(), arguments));

    let refused = fetch(&["fetch", "--all", "--format", "json"]).await;
    assert_eq!(refused.code, Some(4), "{refused:?}");
    let conflicts = rows(&refused.stdout);
    for (number, other) in [(1, "a03"), (3, "a01")] {
        let error = conflicts[number]["error"].as_str().unwrap();
        assert!(error.contains(&format!("3.0.0 is another than that of `{other}`")), "{error}");
    }
    let changed = [0, 2].map(|number: usize| &conflicts[number]["result"]["changed"]);
    assert_eq!(changed, [&Value::Bool(true), &Value::Bool(false)], "{conflicts:?}");
    let schemas = project.path().join("schemas");
    assert!(schemas.join("agent-2.0.0.json").exists());
    assert!(!schemas.join("agent-3.0.0.json").exists(), "nothing is written of a conflict");

    assert_eq!(fetch(&["fetch", "--tag", "eu"]).await.code, Some(0));
    assert!(schemas.join("agent-3.0.0.json").exists());
    let out = fetch(&["fetch", "--all", "--out", "x.json"]).await;
    assert!(out.code == Some(2) && out.stderr.contains("--out and --raw-out are for one agent"));
}

#[tokio::test]
async fn catalogues_are_asked_of_each_agent() {
    let builders = ["lift", "sink"].map(|action| MockAgent::builder(catalogue(action)));
    let mut fleet = Fleet::of_builders(builders).await;
    (0..2).for_each(|number| fleet.add(number, ""));
    let actions = ended(fleet.command(&["actions", "--live", "--all"])).await;
    assert_eq!(actions.stdout, "a00: lift\na01: sink\n", "{actions:?}");
    let described = ["describe", "lift", "--live", "--all", "--format", "json"];
    let described = ended(fleet.command(&described)).await;
    assert_eq!(described.code, Some(4), "{described:?}");
    let rows = rows(&described.stdout);
    assert_eq!(rows[0]["result"]["name"], "lift");
    assert!(rows[1]["error"].as_str().unwrap().contains("has no action `lift`"), "{rows:?}");
}

#[tokio::test]
async fn commands_for_one_agent_say_so_before_they_connect() {
    let fleet = Fleet::named(2).await;
    for arguments in [
        &["check", "--live"][..],
        &["diff", "live"],
        &["update", "--dry-run"],
        &["get", "/a"],
        &["get", "/a", "-"],
        &["put", "-", "/a"],
        &["call", "whoami", "--password-stdin"],
    ] {
        let mut command = fleet.xtask(&root(), arguments);
        command.arg("--all");
        let refused = ended(command).await;
        assert_eq!((refused.code, &*refused.stdout), (Some(2), ""), "{arguments:?}: {refused:?}");
        let says_what_instead =
            ["name", "file", "leave out"].iter().any(|word| refused.stderr.contains(word));
        assert!(says_what_instead, "{refused:?}");
    }
    assert!(fleet.mocks.iter().all(|mock| mock.logins() + mock.refused_logins() == 0));
}

/// Options that the file of agents answers were silently left out: a pin among them.
#[tokio::test]
async fn an_option_that_would_have_no_effect_beside_a_name_is_refused() {
    let fleet = Fleet::named(1).await;
    for option in [
        &["--url", "wss://192.0.2.1"][..],
        &["--fingerprint", "sha256:00"],
        &["--ca", "x"],
        &["--known-agents", "x"],
        &["--danger-accept-any-certificate"],
        &["--username", "x"],
        &["--allow-plaintext"],
        &["--password-command", "echo x"],
    ] {
        let mut command = fleet.command(&["call", "whoami", "--agent", "a00"]);
        command.args(option);
        let refused = ended(command).await;
        assert_eq!(refused.code, Some(2), "{option:?}: {refused:?}");
    }
    let mut command = fleet.command(&["call", "whoami", "--agent", "a00"]);
    command.env("AGENT_URL", "wss://192.0.2.1").env("AGENT_FINGERPRINT", "sha256:00");
    command.env("AGENT_PASSWORD", "another").env("AGENT_USERNAME", "stranger");
    assert_eq!(ended(command).await.json()["username"], "root", "variables give way to a name");
}

/// One entry that was wrong kept all other agents from their work.
#[tokio::test]
async fn what_is_wrong_with_one_entry_concerns_its_agent_alone() {
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "");
    for (name, wrong) in [
        ("b-pin", "fingerprint = [\"sha256:12\"]"),
        ("c-ca", "ca = \"missing.pem\""),
        ("d-file", "password-file = \"missing\""),
        ("e-fails", "password-command = \"echo hunter2; exit 3\""),
        ("f-silent", "password-command = \"true\""),
    ] {
        let head = format!("[agents.{name}]\nurl = \"wss://127.0.0.1:1\"\n");
        fleet.text += &(head + wrong + "\n");
    }
    let mut command = fleet.command(&["call", "whoami", "--all"]);
    command.env("AGENT_PASSWORD", "p");
    let all = ended(command).await;
    assert_eq!(all.code, Some(4), "{all:?}");
    assert!(!format!("{all:?}").contains("hunter2"), "{all:?}");
    let rows = rows(&all.stdout);
    assert_eq!(rows[0]["reply"]["username"], "root");
    for (row, words) in rows[1..].iter().zip([
        "64 hexadecimal digits",
        "missing.pem",
        "missing` cannot be read for the password",
        "the password command has failed: exit status: 3",
        "the password command has failed: it printed nothing",
    ]) {
        assert!(row["error"].as_str().unwrap().contains(words), "{words} in {row}");
    }
}
