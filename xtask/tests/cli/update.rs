//! The morning after an agent replaced itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use agent_sdk::mock::{Builder, MockAgent};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Ended, copy_of_project, ended, program, root};

/// The committed catalogue, edited.
fn catalogue(edit: impl FnOnce(&mut Value)) -> Value {
    let text = fs::read(root().join("schemas/agent-1.1.34.json")).unwrap();
    let mut catalogue: Value = serde_json::from_slice(&text).unwrap();
    edit(&mut catalogue["actions"]);
    catalogue
}

fn upgraded(actions: &mut Value) {
    actions["brand_new"] = json!({ "description": "Is new" });
    actions["subscribe"]["required_parameters"]["since"] = json!("int");
}

async fn start(mock: Builder, version: &str) -> MockAgent {
    mock.version(version).tls(false).start().await.unwrap()
}

fn command(mock: &MockAgent, project: &Path, arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.current_dir(project);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    command
}

async fn run(mock: &MockAgent, project: &Path, arguments: &[&str]) -> Ended {
    ended(command(mock, project, arguments)).await
}

/// The files below a folder with their content, and when each was written.
type Tree = BTreeMap<PathBuf, (Vec<u8>, SystemTime)>;

/// Fails if a file was written, made or removed since.
fn assert_untouched(project: &TempDir, before: &Tree) {
    let after = tree(project.path());
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let touched: Vec<_> = all.into_iter().filter(|it| before.get(*it) != after.get(*it)).collect();
    assert!(touched.is_empty(), "{touched:?}");
}

fn tree(folder: &Path) -> Tree {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            let written = fs::metadata(&path).unwrap().modified().unwrap();
            found.insert(path.clone(), (fs::read(&path).unwrap(), written));
        }
    }
    found
}

fn exists(project: &TempDir, path: &str) -> bool {
    project.path().join(path).exists()
}

#[tokio::test]
async fn a_newer_agent_is_followed_to_the_end() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.2.0").await;
    let project = copy_of_project();
    let before = tree(project.path());
    let shown = run(&mock, project.path(), &["update", "--dry-run"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("would write schemas/agent-1.2.0.json"), "{shown:?}");
    assert!(shown.stdout.contains("`brand_new`"), "{shown:?}");
    assert_untouched(&project, &before);

    let updated = run(&mock, project.path(), &["update"]).await;
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert!(updated.stdout.contains("the agent is newer: 1.2.0"), "{updated:?}");
    let changelog = fs::read_to_string(project.path().join("schemas/CHANGELOG.md")).unwrap();
    assert!(changelog.contains("\n## 1.2.0 (20"), "{changelog}");
    assert!(changelog.contains("- Added `brand_new`.\n"), "{changelog}");
    let methods = project.path().join("agent-sdk/src/generated/methods.rs");
    assert!(fs::read_to_string(methods).unwrap().contains("pub fn brand_new("));
    for arguments in [&["check"][..], &["check", "--live", "--fail-on", "any"]] {
        let ended = run(&mock, project.path(), arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    let before = tree(project.path());
    let again = run(&mock, project.path(), &["update"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.starts_with("nothing changed"), "{again:?}");
    assert_untouched(&project, &before);
    mock.stop().await;
}

/// It said that nothing had changed, and the code was that of the version before.
#[tokio::test]
async fn a_snapshot_that_was_only_fetched_gets_its_code() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.2.0").await;
    let project = copy_of_project();
    let fetched = run(&mock, project.path(), &["fetch"]).await;
    assert!(fetched.stdout.contains("since `schemas/agent-1.1.34.json`: "), "{fetched:?}");
    let updated = run(&mock, project.path(), &["update"]).await;
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert!(updated.stdout.starts_with("nothing changed"), "{updated:?}");
    assert!(updated.stdout.contains("files in agent-sdk/src/generated"), "{updated:?}");
    assert_eq!(run(&mock, project.path(), &["check"]).await.code, Some(0));
    mock.stop().await;
}

/// `check --live` said to fetch and to generate, both succeeded, and it failed again.
#[tokio::test]
async fn an_older_agent_gets_a_snapshot_and_the_code_follows_the_newest() {
    let old = start(MockAgent::builder(catalogue(|_| {})), "1.0.0").await;
    let project = copy_of_project();
    let methods = project.path().join("agent-sdk/src/generated/methods.rs");
    let before = fs::read(&methods).unwrap();
    let updated = run(&old, project.path(), &["update"]).await;
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert!(updated.stdout.contains("older than the newest snapshot: 1.0.0"), "{updated:?}");
    assert!(exists(&project, "schemas/agent-1.0.0.json"));
    assert!(fs::read(&methods).unwrap() == before, "the code follows the newest catalogue");
    let changed = start(MockAgent::builder(catalogue(upgraded)), "1.0.0").await;
    let live = ["check", "--live", "--fail-on", "any"];
    let check = run(&old, project.path(), &live).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stderr.contains("is older than"), "{check:?}");
    assert_eq!(run(&changed, project.path(), &live).await.code, Some(1));
    old.stop().await;
    changed.stop().await;
}

/// All that was said was that cargo had failed, and the next run found nothing left to do.
#[tokio::test]
async fn what_was_written_is_told_though_the_workspace_cannot_be_compiled() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.2.0").await;
    let project = copy_of_project();
    fs::write(project.path().join("Cargo.toml"), "no manifest").unwrap();
    for format in ["text", "json"] {
        let mut update = command(&mock, project.path(), &["update", "--format", format]);
        update.env("CARGO", "no-such-cargo");
        let updated = ended(update).await;
        assert_eq!(updated.code, Some(3), "{updated:?}");
        assert!(updated.stdout.contains("schemas/agent-1.2.0.json"), "{updated:?}");
        assert!(updated.stderr.contains("cargo cannot be run"), "{updated:?}");
        fs::remove_file(project.path().join("schemas/agent-1.2.0.json")).unwrap();
    }
    mock.stop().await;
}

#[tokio::test]
async fn the_same_version_with_another_catalogue_is_told_as_that() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.1.34").await;
    let project = copy_of_project();
    let updated = run(&mock, project.path(), &["update", "--format", "json"]).await.json();
    assert_eq!(updated["state"], "other");
    assert_eq!(updated["changes"]["verdict"], "breaking");
    let changelog = fs::read_to_string(project.path().join("schemas/CHANGELOG.md")).unwrap();
    assert!(changelog.contains("The same version, with another catalogue"), "{changelog}");
    assert_eq!(run(&mock, project.path(), &["check"]).await.code, Some(0));
    mock.stop().await;
}

#[tokio::test]
async fn a_part_of_a_catalogue_is_refused_unless_forced() {
    let few = catalogue(|actions| {
        let kept = ["whoami", "list_actions", "server_start"].map(|it| (it, actions[it].clone()));
        *actions = kept.into_iter().collect();
    });
    let lost = start(MockAgent::builder(few), "1.2.0").await;
    let user = MockAgent::builder(catalogue(upgraded)).handler("whoami", |_, _| async {
        Ok(json!({ "username": "ada", "permissions": ["server.start"] }))
    });
    let user = start(user, "1.2.0").await;
    let stranger = MockAgent::builder(catalogue(upgraded))
        .handler("whoami", |_, _| async { Err(json!({ "error": "permission denied" })) });
    let stranger = start(stranger, "1.2.0").await;
    let why = "may not call every action";
    for (mock, why) in [(&lost, "actions are gone"), (&user, why), (&stranger, why)] {
        let project = copy_of_project();
        let before = tree(project.path());
        let refused = run(mock, project.path(), &["update"]).await;
        let told = refused.one_line(3);
        assert!(told.contains(why) && told.contains("--force"), "{told}");
        assert_untouched(&project, &before);
        let forced = run(mock, project.path(), &["update", "--force"]).await;
        assert!(exists(&project, "schemas/agent-1.2.0.json"), "{forced:?}");
    }
    lost.stop().await;
    user.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn what_is_left_to_do_is_told_with_file_and_line() {
    let renamed = catalogue(|actions| {
        let whoami = actions.as_object_mut().unwrap().remove("whoami").unwrap();
        actions["who_am_i"] = whoami;
    });
    let mock = start(MockAgent::builder(renamed), "1.2.0").await;
    let project = copy_of_project();
    let updated = run(&mock, project.path(), &["update"]).await;
    assert_eq!(updated.code, Some(1), "{updated:?}");
    let task = updated.stdout.lines().find(|line| line.starts_with("- schemas/overlay.toml:"));
    let task = task.unwrap_or_else(|| panic!("{updated:?}"));
    assert!(task.contains("no action `whoami`; the nearest match is `who_am_i`"), "{task}");
    assert!(updated.stdout.contains("is now `who_am_i`"), "{updated:?}");
    mock.stop().await;
}

/// It left old files beside new ones, and files with names of its own.
#[tokio::test]
async fn killed_at_twenty_points_it_leaves_the_old_tree_or_the_new_one() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.2.0").await;
    let whole = copy_of_project();
    let old = contents(whole.path());
    let begun = Instant::now();
    assert_eq!(run(&mock, whole.path(), &["update"]).await.code, Some(0));
    let takes = begun.elapsed();
    let new = contents(whole.path());
    for point in 0..20_u32 {
        let project = copy_of_project();
        let mut command = command(&mock, project.path(), &["update"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Points in time, not conditions: any will do. Half of them lie in the moment of writing.
        if point % 2 == 0 {
            tokio::time::sleep(takes * point / 20).await;
        } else {
            until_writing(project.path(), &mut child).await;
            std::thread::sleep(Duration::from_micros(u64::from(point) * 100));
        }
        signal(&child, if point % 4 < 2 { "KILL" } else { "INT" }).await;
        child.wait().await.unwrap();
        let check = run(&mock, project.path(), &["check"]).await;
        assert_eq!(check.code, Some(0), "point {point}: {check:?}");
        let found = contents(project.path());
        assert!(found == old || found == new, "point {point}: {check:?}");
    }
    mock.stop().await;
}

/// It left files of the new code beside those of the old one.
#[tokio::test]
async fn a_killed_generate_leaves_the_old_code_or_the_new_one() {
    let make = || {
        let project = copy_of_project();
        let folder = project.path().join("agent-sdk/src/generated");
        for name in ["methods.rs", "parameters.rs", "stale.rs"] {
            fs::write(folder.join(name), "// @generated by agent-codegen from old\n").unwrap();
        }
        project
    };
    let generate = |project: &Path| {
        let mut command = program(["generate"]);
        command.current_dir(project).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let (old, whole) = (contents(make().path()), make());
    assert!(generate(whole.path()).status().await.unwrap().success());
    let new = contents(whole.path());
    for point in 0..6_u64 {
        let project = make();
        let mut child = generate(project.path()).spawn().unwrap();
        until_writing(project.path(), &mut child).await;
        std::thread::sleep(Duration::from_micros(point * 200));
        signal(&child, "KILL").await;
        child.wait().await.unwrap();
        let mut check = program(["check"]);
        check.current_dir(project.path());
        let check = ended(check).await;
        let found = contents(project.path());
        let expected = if check.code == Some(0) { &new } else { &old };
        assert!(found == *expected, "point {point}: {check:?}");
    }
}

/// Waits until an update has begun to write, or has ended.
async fn until_writing(project: &Path, update: &mut Child) {
    let folder = project.join("schemas/.update");
    while !folder.exists() && update.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sends a signal to a process, unless it has ended.
async fn signal(child: &Child, name: &str) {
    let Some(id) = child.id() else { return };
    let script = "kill -\"$0\" \"$1\" 2>/dev/null || true";
    Command::new("sh").args(["-c", script, name, &id.to_string()]).status().await.unwrap();
}

/// The content of each file, by its path in the folder; the day of a changelog's entry is left out.
fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let relative = |path: PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    let undated = |text: Vec<u8>| {
        let lines = String::from_utf8(text).unwrap();
        let title = |line: &str| line.split(" (20").next().unwrap_or_default().to_owned();
        lines.lines().map(title).collect::<Vec<_>>().join("\n")
    };
    tree(folder).into_iter().map(|(path, (text, _))| (relative(path), undated(text))).collect()
}

/// What a killed update leaves: prepared files, and perhaps the journal that makes them count.
fn leave_update(project: &Path, journal: bool) {
    let folder = project.join("schemas/.update");
    fs::create_dir(&folder).unwrap();
    fs::copy(project.join("schemas/overlay.toml"), folder.join("0.old")).unwrap();
    fs::write(folder.join("0.new"), "# new\n").unwrap();
    if journal {
        let files = json!({ "files": [{ "path": "schemas/overlay.toml", "removed": false }] });
        fs::write(folder.join("journal.json"), files.to_string()).unwrap();
    }
}

#[tokio::test]
async fn each_command_that_reads_the_project_first_ends_an_interrupted_update() {
    let mock = start(MockAgent::builder(catalogue(|_| {})), "1.1.34").await;
    let commands: [&[&str]; 6] = [
        &["check"],
        &["generate"],
        &["generate", "--check"],
        &["fetch"],
        &["diff", "live"],
        &["update"],
    ];
    for arguments in commands {
        for (journal, told) in [(true, "finished what"), (false, "removed what")] {
            let project = copy_of_project();
            let overlay = project.path().join("schemas/overlay.toml");
            let before = fs::read_to_string(&overlay).unwrap();
            leave_update(project.path(), journal);
            let ended = run(&mock, project.path(), arguments).await;
            let notes = ended.stderr.lines().filter(|line| line.contains("interrupted command"));
            let notes: Vec<_> = notes.collect();
            assert!(notes.len() == 1 && notes[0].contains(told), "{arguments:?}: {ended:?}");
            let after = fs::read_to_string(&overlay).unwrap();
            assert_eq!(after, if journal { "# new\n".to_owned() } else { before });
            assert!(!exists(&project, "schemas/.update"));
        }
    }
    mock.stop().await;
}

#[tokio::test]
async fn what_was_edited_after_an_interrupted_update_is_left_and_named() {
    let project = copy_of_project();
    leave_update(project.path(), true);
    let overlay = project.path().join("schemas/overlay.toml");
    let edited = format!("{}# by hand\n", fs::read_to_string(&overlay).unwrap());
    fs::write(&overlay, &edited).unwrap();
    let mut command = program(["check"]);
    command.current_dir(project.path());
    let check = ended(command).await;
    assert!(check.stderr.contains("left as edited since: `schemas/overlay.toml`"), "{check:?}");
    assert_eq!(fs::read_to_string(&overlay).unwrap(), edited);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn a_tree_that_was_touched_is_another_one() {
    let project = copy_of_project();
    let before = tree(project.path());
    let path = before.keys().next().unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    assert!(tree(project.path()) != before);
}
