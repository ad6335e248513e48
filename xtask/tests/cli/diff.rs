//! What changed between two catalogues.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{Ended, Mock, copy_of_project, ended, files, newer_snapshot, program};

async fn run(project: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(arguments);
    command.current_dir(project);
    ended(command).await
}

fn breaking(actions: &mut Value) {
    actions.as_object_mut().unwrap().remove("whoami");
    actions["servers"]["description"] = json!("Lists every server of it");
    actions["subscribe"]["required_parameters"]["since"] = json!("int");
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    // Not what this machine's user has set up, and not the repository that runs the tests.
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn commit(project: &Path) {
    git(project, &["init", "--quiet"]);
    git(project, &["add", "."]);
    git(project, &["commit", "--quiet", "--message", "All"]);
}

/// What a program printed, however its lines are wrapped.
fn words(ended: &Ended) -> String {
    ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_two_newest_snapshots_are_compared_in_every_form() {
    let project = copy_of_project();
    let alone = run(project.path(), &["diff"]).await;
    assert!(alone.one_line(3).contains("only one snapshot"), "{alone:?}");
    newer_snapshot(project.path(), "1.2.0-rc.9", |actions| actions["new"] = json!({}));
    newer_snapshot(project.path(), "1.2.0-rc.10", breaking);

    let text = run(project.path(), &["diff", "schemas/agent-1.1.34.json"]).await;
    let told = "note: compares `schemas/agent-1.1.34.json` with `schemas/agent-1.2.0-rc.10.json`";
    assert_eq!((text.code, text.stderr.trim_end()), (Some(0), told), "{text:?}");
    let words = words(&text);
    assert!(
        words.find("`whoami`").unwrap() < words.find("Lists every server of it").unwrap(),
        "{words}"
    );
    assert!(text.stdout.contains("setter `Subscribe::since`"), "{text:?}");
    assert!(text.stdout.trim_end().ends_with("version step: major"), "{text:?}");
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 80), "{text:?}");

    let json = run(project.path(), &["diff", "--format", "json"]).await.json();
    assert_eq!(json["verdict"], "breaking");
    let rules: Vec<_> =
        json["changes"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"action-removed") && rules.contains(&"action-description-changed"));

    let github = run(project.path(), &["diff", "--format", "github"]).await;
    assert!(
        github.stdout.contains("::error file=schemas/agent-1.2.0-rc.10.json,line="),
        "{github:?}"
    );
    let markdown = run(project.path(), &["diff", "--format", "markdown"]).await;
    assert!(markdown.stdout.contains("### Breaking"), "{markdown:?}");
}

#[tokio::test]
async fn the_exit_code_follows_what_is_to_fail() {
    let project = copy_of_project();
    newer_snapshot(project.path(), "1.2.0", |actions| {
        actions["servers"]["description"] = json!("Lists");
    });
    newer_snapshot(project.path(), "1.3.0", breaking);
    let same = ["schemas/agent-1.1.34.json"; 2];
    let words = ["schemas/agent-1.1.34.json", "schemas/agent-1.2.0.json"];
    let breaks = ["schemas/agent-1.2.0.json", "schemas/agent-1.3.0.json"];
    for (sides, fail_on, code) in [
        (same, "any", 0),
        (words, "any", 1),
        (words, "breaking", 0),
        (breaks, "breaking", 1),
        (breaks, "never", 0),
    ] {
        let arguments = ["diff", sides[0], sides[1], "--fail-on", fail_on];
        let ended = run(project.path(), &arguments).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    }
    let none = run(project.path(), &["diff", same[0], same[1]]).await;
    assert_eq!(none.stdout, "no changes\n");
    let words = run(project.path(), &["diff", words[0], words[1]]).await;
    assert!(words.stdout.contains("none breaking"), "{words:?}");
}

#[tokio::test]
async fn only_the_actions_that_an_application_uses_are_judged() {
    let project = copy_of_project();
    newer_snapshot(project.path(), "1.2.0", breaking);
    fs::write(project.path().join("used.txt"), "servers # all of them\nserver_start\n").unwrap();
    for (only, code) in [("servers,server_start", 0), ("used.txt", 0), ("whoami", 1)] {
        let ended = run(project.path(), &["diff", "--only", only, "--fail-on", "breaking"]).await;
        assert_eq!(ended.code, Some(code), "{only}: {ended:?}");
        assert!(words(&ended).contains("of other actions"), "{ended:?}");
    }
    let unknown = run(project.path(), &["diff", "--only", "sever_start"]).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("the nearest is `server_start`"), "{unknown:?}");
}

#[tokio::test]
async fn a_side_may_come_from_git_or_from_the_running_agent() {
    let mock = Mock::start().await;
    let project = copy_of_project();
    commit(project.path());
    newer_snapshot(project.path(), "1.1.34", breaking);
    let committed = "HEAD:schemas/agent-1.1.34.json";
    let diff = run(project.path(), &["diff", committed, "--format", "json"]).await.json();
    assert_eq!(diff["verdict"], "breaking");
    assert_eq!(diff["changes"][0]["old"]["file"], committed);

    let mut command = mock.client(["diff", "live", "--format", "json"]);
    command.current_dir(project.path());
    let live = ended(command).await.json();
    // The agent still has what the snapshot lost.
    let rules: Vec<_> = live["changes"].as_array().unwrap().iter().map(|it| &it["rule"]).collect();
    assert!(rules.contains(&&json!("action-added")), "{rules:?}");

    for (side, told) in [
        ("HEAD~9:schemas/agent-1.1.34.json", "no revision `HEAD~9`; `git log"),
        ("HEAD:schemas/nothing.json", "git has no"),
        ("HEAD:schemas", "`HEAD:schemas` is no file"),
        ("HEAD", "`HEAD` is a revision; name a snapshot in it"),
        ("schemas", "`schemas` is a folder; name a snapshot in it"),
        ("nothing.json", "no file"),
        ("--help:x", "unexpected argument"),
    ] {
        let ended = run(project.path(), &["diff", side]).await;
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains(told), "{side}: {ended:?}");
    }
}

/// The file was passed over without a word.
#[tokio::test]
async fn a_snapshot_whose_version_cannot_be_read_is_told_and_not_compared() {
    let project = copy_of_project();
    newer_snapshot(project.path(), "latest", |_| {});
    newer_snapshot(project.path(), "v1.2.0-rc.1", breaking);
    let diff = run(project.path(), &["diff"]).await;
    assert_eq!(diff.code, Some(0), "{diff:?}");
    assert!(diff.stderr.contains("agent-latest.json` is not taken for a snapshot"), "{diff:?}");
    let sides = "compares `schemas/agent-1.1.34.json` with `schemas/agent-v1.2.0-rc.1.json`";
    assert!(diff.stderr.contains(sides), "{diff:?}");
}

/// Both sides were judged by the project's overlay.
#[tokio::test]
async fn a_snapshot_elsewhere_is_judged_by_the_overlay_beside_it() {
    let project = copy_of_project();
    for (version, overlay) in [("1.0.0", "[actions.lift]\nname = 'raise'"), ("1.1.0", "")] {
        let folder = project.path().join(version);
        fs::create_dir(&folder).unwrap();
        let catalogue = r#"{"actions": {"lift": {}}}"#;
        fs::write(folder.join(format!("agent-{version}.json")), catalogue).unwrap();
        fs::write(folder.join("overlay.toml"), overlay).unwrap();
    }
    let sides = ["diff", "1.0.0/agent-1.0.0.json", "1.1.0/agent-1.1.0.json", "--format", "json"];
    let diff = run(project.path(), &sides).await.json();
    let rules: Vec<_> = diff["changes"].as_array().unwrap().iter().map(|it| &it["rule"]).collect();
    assert_eq!(rules, ["rust-name-changed"], "{diff}");
    let asked = [&sides[..], &["--overlay", "1.1.0/overlay.toml"]].concat();
    assert_eq!(run(project.path(), &asked).await.json()["verdict"], "none");
}

/// The overlay of a revision was told by the path of a copy, and passed over where it is none.
#[tokio::test]
async fn the_overlay_of_a_revision_is_told_by_its_revision() {
    let project = copy_of_project();
    let overlay = project.path().join("schemas/overlay.toml");
    let text = fs::read_to_string(&overlay).unwrap();
    fs::write(&overlay, text.replacen("is = \"str\"", "is = \"int\"", 1)).unwrap();
    commit(project.path());
    let side = "HEAD:schemas/agent-1.1.34.json";
    let arguments = ["diff", "schemas/agent-1.1.34.json", side, "--format", "json"];
    let diff = run(project.path(), &arguments).await.json();
    assert_eq!(diff["verdict"], "none", "{diff}");
    fs::write(&overlay, &text).unwrap();
    let diff = run(project.path(), &arguments).await.json();
    let changed = diff["changes"].as_array().unwrap().iter();
    let changed = changed.clone().find(|it| it["rule"] == "declared-type-changed").unwrap();
    assert_eq!(changed["new"]["file"], "HEAD:schemas/overlay.toml", "{changed}");
    assert_eq!(changed["old"]["file"], "schemas/overlay.toml", "{changed}");

    fs::write(&overlay, "types = 1").unwrap();
    git(project.path(), &["commit", "--quiet", "--all", "--message", "No overlay"]);
    fs::write(&overlay, text).unwrap();
    let unusable = run(project.path(), &arguments).await;
    assert_eq!(unusable.code, Some(3), "{unusable:?}");
    assert!(unusable.stderr.contains("`HEAD:schemas/overlay.toml` cannot be used"), "{unusable:?}");
}

#[tokio::test]
async fn a_branch_that_only_the_remote_has_and_a_folder_without_git_are_told() {
    let project = copy_of_project();
    let outside = run(project.path(), &["check", "--against", "main"]).await;
    assert!(outside.one_line(3).contains("not a git repository"), "{outside:?}");
    commit(project.path());
    git(project.path(), &["update-ref", "refs/remotes/origin/release", "HEAD"]);
    let remote = run(project.path(), &["check", "--against", "release"]).await;
    assert!(remote.one_line(3).contains("`release`; `origin/release` is one"), "{remote:?}");
}

#[tokio::test]
async fn a_snapshot_that_was_committed_cannot_be_altered_silently() {
    let project = copy_of_project();
    commit(project.path());
    let against = ["check", "--against", "HEAD"];
    assert_eq!(run(project.path(), &against).await.code, Some(0));
    newer_snapshot(project.path(), "1.2.0", |actions| {
        actions["servers"]["description"] = json!("Lists");
    });
    assert_eq!(run(project.path(), &["generate"]).await.code, Some(0));
    let more = run(project.path(), &against).await;
    assert_eq!(more.code, Some(0), "a new one alters none: {more:?}");

    newer_snapshot(project.path(), "1.1.34", |actions| {
        actions["servers"]["description"] = json!("Lists");
    });
    let altered = run(project.path(), &against).await;
    assert_eq!(altered.code, Some(1), "{altered:?}");
    assert!(altered.stdout.contains("agent-1.1.34.json was altered: 1 change"), "{altered:?}");
    fs::remove_file(project.path().join("schemas/agent-1.1.34.json")).unwrap();
    let removed = run(project.path(), &against).await;
    assert_eq!(removed.code, Some(1), "{removed:?}");
    assert!(removed.stdout.contains("agent-1.1.34.json was removed"), "{removed:?}");
}

#[tokio::test]
async fn a_shallow_clone_is_told_as_that() {
    let project = copy_of_project();
    commit(project.path());
    git(project.path(), &["commit", "--quiet", "--allow-empty", "--message", "More"]);
    git(project.path(), &["tag", "old", "HEAD~1"]);
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", project.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth", "1", "--no-tags", &from, "it"]);
    let ended = run(&clone.path().join("it"), &["check", "--against", "old"]).await;
    let told = ended.one_line(3);
    assert!(told.contains("shallow clone") && told.contains("git fetch --unshallow"), "{told}");
}

#[tokio::test]
async fn a_check_shows_how_files_differ() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    let path = generated.join("methods.rs");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("pub fn whoami", "pub fn who_am_i", 1)).unwrap();
    let before = files(&generated);
    let found = run(project.path(), &["check"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let added = found.stdout.lines().find(|line| line.starts_with("+    pub fn whoami"));
    let removed = found.stdout.lines().find(|line| line.starts_with("-    pub fn who_am_i"));
    assert!(added.is_some() && removed.is_some(), "{found:?}");
    assert!(found.stdout.lines().count() < 20, "{found:?}");
    fs::write(&path, format!("{}\n// x\n", before[0].1.len())).unwrap();
    let found = run(project.path(), &["check"]).await;
    assert!(found.stdout.contains("more lines") && found.stdout.lines().count() < 60, "{found:?}");
}

#[tokio::test]
async fn a_running_agent_fails_a_check_only_by_what_breaks() {
    let mock = Mock::start().await;
    let project = copy_of_project();
    let check = |more: &[&str]| {
        let mut command = mock.client([&["check", "--live"], more].concat());
        command.current_dir(project.path());
        ended(command)
    };
    assert_eq!(check(&["--fail-on", "any"]).await.code, Some(0));
    // Seen from the snapshot, the agent has other words and one action less.
    newer_snapshot(project.path(), "1.1.34", |it| it["servers"]["description"] = json!("Lists"));
    assert_eq!(run(project.path(), &["generate"]).await.code, Some(0));
    let words = check(&[]).await;
    assert_eq!(words.code, Some(0), "{words:?}");
    let headings =
        ["schemas/agent-1.1.34.json and the running agent:", "snapshots and generated code:"];
    let found: Vec<_> = words.stdout.lines().filter(|it| headings.contains(it)).collect();
    assert_eq!(found, headings, "{words:?}");
    assert!(words.stdout.contains("none breaking"), "{words:?}");
    assert_eq!(check(&["--fail-on", "any"]).await.code, Some(1));

    newer_snapshot(project.path(), "1.1.34", |it| it["gone"] = json!({}));
    assert_eq!(run(project.path(), &["generate"]).await.code, Some(0));
    let breaks = check(&[]).await;
    assert_eq!(breaks.code, Some(1), "{breaks:?}");
    assert!(breaks.stdout.contains("`gone`"), "{breaks:?}");
    assert!(breaks.stderr.contains("`cargo xtask update`"), "{breaks:?}");
    assert_eq!(check(&["--only", "whoami"]).await.code, Some(0));
}
