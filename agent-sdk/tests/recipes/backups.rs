//! Backups that are copied away.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::{
    Agent,
    mock::{Builder, MockAgent},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    common::{SERVER, Trouble, builder, calls, ends, running},
    jobs::backup::back_up,
};

const FILE: &str = "/backups/survival-2.zip";

/// A mock whose backup is listed after so long.
fn with_backup(time: Duration, path: &'static str) -> Builder {
    let begun: Arc<Mutex<Option<Instant>>> = Arc::default();
    let created = Arc::clone(&begun);
    let create = move |_, _| {
        created.lock().unwrap().get_or_insert_with(Instant::now);
        async { Ok(json!({})) }
    };
    let list = move |_, _| {
        let mut backups = vec![json!({ "id": 1, "path": "/backups/survival-1.zip" })];
        if let Some(begun) = *begun.lock().unwrap() {
            let state = if begun.elapsed() < time { "creating" } else { "finished" };
            backups.push(json!({ "id": 2, "path": path, "state": state }));
        }
        async move { Ok(json!({ "backups": backups })) }
    };
    builder().handler("create_backup", create).handler("query_backups", list)
}

/// Backs up into a folder; returns the error, if it failed, and then finds the folder empty.
async fn failure(mock: &MockAgent, agent: &Agent) -> String {
    mock.put_file("/backups/survival-1.zip", "the old one");
    let folder = TempDir::new().unwrap();
    let error = ends(back_up(agent, SERVER, folder.path())).await.unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_copied_once_it_is_there_whatever_is_lost() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(with_backup(Duration::from_secs(120), FILE)).await;
        mock.put_file(FILE, "all that the players have built");
        let folder = TempDir::new().unwrap();
        let copied = trouble.during(&mock, back_up(&agent, SERVER, folder.path())).await.unwrap();
        assert_eq!(copied, folder.path().join("survival-2.zip"));
        assert_eq!(fs::read_to_string(copied).unwrap(), "all that the players have built");
        assert_eq!(calls(&mock, "create_backup"), 1, "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_accepted_and_never_done_is_not_copied() {
    let (mock, agent) = running(with_backup(Duration::from_secs(1 << 40), FILE)).await;
    let error = failure(&mock, &agent).await;
    assert!(error.contains("a new backup of `survival`"), "{error}");
    assert!(error.contains("last seen: 1 finished backups"), "{error}");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_cannot_be_copied_is_told_to_be_there() {
    let (mock, agent) = running(with_backup(Duration::from_secs(20), FILE)).await;
    let error = failure(&mock, &agent).await;
    assert!(error.contains("`/backups/survival-2.zip` is made and was not copied"), "{error}");
    mock.stop().await;
}

/// The agent's own words decide neither the folder nor more than a name in it.
#[tokio::test(start_paused = true)]
async fn a_path_of_the_agent_does_not_lead_out_of_the_folder() {
    for (path, name) in [("C:\\backups\\two.zip", Some("two.zip")), ("/backups/..", None)] {
        let (mock, agent) = running(with_backup(Duration::ZERO, path)).await;
        mock.put_file(path, "x");
        let folder = TempDir::new().unwrap();
        let copied = ends(back_up(&agent, SERVER, folder.path())).await;
        assert_eq!(copied.ok(), name.map(|name| folder.path().join(name)), "{path}");
        mock.stop().await;
    }
}
