//! Snapshots of running agents.

use std::fs;

use agent_sdk::mock::{Builder, MockAgent};
use serde_json::{Value, json};

use crate::support::{Ended, Mock, copy_of_project, ended, program, root};

/// Runs `fetch` against a mock of this process, in a copy of the project.
async fn fetch(mock: Builder, arguments: &[&str]) -> (Ended, tempfile::TempDir) {
    let mock = mock.tls(false).start().await.unwrap();
    let project = copy_of_project();
    let mut command = program(["fetch"]);
    command.args(arguments).current_dir(project.path());
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    let ended = ended(command).await;
    mock.stop().await;
    (ended, project)
}

fn small() -> Value {
    json!({ "actions": { "b": { "required_parameters": ["x"] }, "a": {} } })
}

#[tokio::test]
async fn the_committed_snapshot_is_what_comes_back_from_its_mock() {
    let mock = Mock::start().await;
    let project = copy_of_project();
    let committed = fs::read(root().join("schemas/agent-1.1.34.json")).unwrap();
    fs::remove_file(project.path().join("schemas/agent-1.1.34.json")).unwrap();
    for changed in [true, false] {
        let mut command = mock.client(["fetch", "--format", "json"]);
        command.current_dir(project.path());
        let fetched = ended(command).await.json();
        assert_eq!(
            fetched,
            json!({ "path": "schemas/agent-1.1.34.json", "actions": 114, "changed": changed })
        );
        assert_eq!(fs::read(project.path().join("schemas/agent-1.1.34.json")).unwrap(), committed);
    }
}

#[tokio::test]
async fn the_version_names_the_file_and_the_file_is_canonical() {
    let mock = MockAgent::builder(small()).version("2.0.0");
    let (ended, project) = fetch(mock, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = fs::read_to_string(project.path().join("schemas/agent-2.0.0.json")).unwrap();
    assert!(text.starts_with("{\n  \"actions\": {\n    \"a\""), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
}

#[tokio::test]
async fn a_version_that_is_no_part_of_a_name_writes_nothing() {
    let mock = MockAgent::builder(small()).version("../../evil");
    let (ended, project) = fetch(mock, &[]).await;
    assert!(ended.one_line(3).contains("--out FILE"), "{ended:?}");
    assert!(!project.path().join("../evil.json").exists());

    let mock = MockAgent::builder(small()).version("../../evil");
    let (ended, project) = fetch(mock, &["--out", "here.json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(project.path().join("here.json").exists());
}

#[tokio::test]
async fn a_reply_that_is_not_understood_is_kept_as_it_came() {
    let mock = MockAgent::builder(small()).handler("list_actions", |_, _| async {
        Ok(json!({ "actions": "none of your business" }))
    });
    let (ended, project) = fetch(mock, &["--out", "x.json", "--raw-out", "raw.json"]).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
    let raw = fs::read_to_string(project.path().join("raw.json")).unwrap();
    assert!(raw.contains("none of your business") && raw.contains("idempotence"), "{raw}");
    assert!(!project.path().join("x.json").exists());
}
