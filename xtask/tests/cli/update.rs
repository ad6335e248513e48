//! The morning after an agent replaced itself.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use agent_sdk::mock::{Builder, MockAgent};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

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

/// Every file below a folder with its content and when it was written.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
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
    assert_eq!(tree(project.path()), before, "a dry run touches nothing");

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
    assert_eq!(tree(project.path()), before, "no file is touched");
    mock.stop().await;
}

/// `check --live` said to fetch and to generate, both succeeded, and it failed again.
#[tokio::test]
async fn an_older_agent_gets_a_snapshot_and_the_code_follows_the_newest() {
    let old = start(MockAgent::builder(catalogue(|_| {})), "1.0.0").await;
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    let before = tree(&generated);
    let updated = run(&old, project.path(), &["update"]).await;
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert!(updated.stdout.contains("older than the newest snapshot: 1.0.0"), "{updated:?}");
    assert!(exists(&project, "schemas/agent-1.0.0.json"));
    assert_eq!(tree(&generated), before);
    let changed = start(MockAgent::builder(catalogue(upgraded)), "1.0.0").await;
    let live = ["check", "--live", "--fail-on", "any"];
    let check = run(&old, project.path(), &live).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stderr.contains("is older than"), "{check:?}");
    assert_eq!(run(&changed, project.path(), &live).await.code, Some(1));
    old.stop().await;
    changed.stop().await;
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
    for (mock, why) in [(&lost, "actions are gone"), (&user, "may not call every action")] {
        let project = copy_of_project();
        let before = tree(project.path());
        let refused = run(mock, project.path(), &["update"]).await;
        let told = refused.one_line(3);
        assert!(told.contains(why) && told.contains("--force"), "{told}");
        assert_eq!(tree(project.path()), before);
        let forced = run(mock, project.path(), &["update", "--force"]).await;
        assert!(exists(&project, "schemas/agent-1.2.0.json"), "{forced:?}");
    }
    lost.stop().await;
    user.stop().await;
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

/// At whatever point it is killed, each file is the old one or the new one, and the next run ends
/// what this one began.
#[tokio::test]
async fn killed_at_twenty_points_it_leaves_old_or_new_files() {
    let mock = start(MockAgent::builder(catalogue(upgraded)), "1.2.0").await;
    let whole = copy_of_project();
    let old = contents(whole.path());
    let begun = std::time::Instant::now();
    assert_eq!(run(&mock, whole.path(), &["update"]).await.code, Some(0));
    let takes = begun.elapsed();
    let new = contents(whole.path());
    for point in 1..=20_u32 {
        let project = copy_of_project();
        let mut command = command(&mock, project.path(), &["update"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A point in time, not a condition: any will do.
        tokio::time::sleep(takes * point / 20).await;
        let _ = child.kill().await;
        for (path, content) in contents(project.path()) {
            let is_temporary = path.extension().is_some_and(|extension| extension == "tmp");
            let known = [&old, &new].iter().any(|it| it.get(&path) == Some(&content));
            assert!(known || is_temporary, "point {point}: {}", path.display());
        }
        let again = run(&mock, project.path(), &["update"]).await;
        assert_eq!(again.code, Some(0), "point {point}: {again:?}");
        let check = run(&mock, project.path(), &["check"]).await;
        assert_eq!(check.code, Some(0), "point {point}: {check:?}");
    }
    mock.stop().await;
}

/// The content of each file, by its path in the folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |path: PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    tree(folder).into_iter().map(|(path, (content, _))| (relative(path), content)).collect()
}

#[test]
fn a_tree_that_was_touched_is_another_one() {
    let project = copy_of_project();
    let before = tree(project.path());
    let path = before.keys().next().unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    assert_ne!(tree(project.path()), before);
}
