//! Wipes.

use std::time::Duration;

use agent_sdk::{
    Agent,
    actions::ServerStop,
    mock::{Builder, Fault, MockAgent},
};
use tokio::time::sleep;

use crate::{
    common::{SERVER, Trouble, accept, builder, calls, ends, running, server, until},
    jobs::wipe::wipe,
};

const FILES: [&str; 2] = ["/storage/players.db", "/storage/vehicles.bin"];

/// A mock with the files, before they are deleted.
async fn with_files(trouble: Trouble, builder: Builder) -> (MockAgent, Agent) {
    let (mock, agent) = trouble.mock(builder).await;
    for file in FILES {
        mock.put_file(file, "x");
    }
    (mock, agent)
}

fn files() -> Vec<String> {
    FILES.map(str::to_owned).into()
}

/// The error of a wipe that fails, and how many files are left.
async fn failure(builder: Builder, fault: Option<Fault>) -> (String, usize) {
    let (mock, agent) = running(builder).await;
    for file in FILES {
        mock.put_file(file, "x");
    }
    if let Some(fault) = fault {
        mock.inject(fault);
    }
    let error = ends(wipe(&agent, SERVER, &files())).await.unwrap_err().to_string();
    let left = FILES.iter().filter(|file| mock.file(file).is_some()).count();
    mock.stop().await;
    (error, left)
}

#[tokio::test(start_paused = true)]
async fn a_server_is_wiped_in_order_whatever_is_lost() {
    for trouble in Trouble::ALL {
        let (mock, agent) = with_files(trouble, builder()).await;
        let begun = mock.requests().len();
        trouble.during(&mock, wipe(&agent, SERVER, &files())).await.unwrap();
        assert!(FILES.iter().all(|file| mock.file(file).is_none()), "{trouble:?}");
        let now = server(&agent).await;
        assert_eq!((&now["state"], &now["starts"]), (&"server.running".into(), &2.into()));
        let steps = ["server_stop", "create_backup", "delete_file", "server_start"];
        let requests = mock.requests().split_off(begun);
        let made: Vec<_> =
            requests.iter().map(|it| &*it.action).filter(|it| steps.contains(it)).collect();
        assert_eq!(
            made,
            ["server_stop", "create_backup", "delete_file", "delete_file", "server_start"],
            "{trouble:?}"
        );
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_already_is_wiped_as_well() {
    let (mock, agent) = with_files(Trouble::LostEvents, builder()).await;
    agent.server_stop(ServerStop::new(SERVER)).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    ends(wipe(&agent, SERVER, &files())).await.unwrap();
    assert_eq!(calls(&mock, "server_stop"), 1);
    mock.crash(SERVER);
    ends(wipe(&agent, SERVER, &[])).await.unwrap();
    assert_eq!(calls(&mock, "server_stop"), 1, "one that has crashed needs no stop");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_accepted_and_never_done_deletes_nothing() {
    let (error, left) = failure(builder().handler("server_stop", accept), None).await;
    assert_eq!(left, 2);
    assert!(error.contains("ended before the stop, nothing was deleted"), "{error}");
    assert!(error.contains("last seen: `server.running`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_backup_nothing_is_deleted() {
    let (error, left) = failure(builder().handler("create_backup", accept), None).await;
    assert_eq!(left, 2);
    assert!(error.contains("at the backup, nothing was deleted"), "{error}");
    assert!(error.contains("a new backup of `survival`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_between_two_files_is_told_with_what_was_done() {
    let (error, left) =
        failure(builder(), Some(Fault::lose().for_action("delete_file").times(1))).await;
    assert_eq!(left, 1);
    assert!(error.contains("at `/storage/players.db`, after 0 of 2 files were deleted"), "{error}");
    assert!(error.contains("may have executed it"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_never_done_says_that_the_files_are_deleted() {
    let (mock, agent) = with_files(Trouble::LostLink, builder()).await;
    mock.inject(Fault::lose().for_action("server_start"));
    let crashing = async {
        until(|| calls(&mock, "server_start") == 1).await;
        mock.crash(SERVER);
    };
    let files = files();
    let (wiped, ()) = tokio::join!(ends(wipe(&agent, SERVER, &files)), crashing);
    let error = wiped.unwrap_err().to_string();
    assert!(error.contains("at the start, all files were deleted"), "{error}");
    assert!(error.contains("last seen: `server.crashed`"), "{error}");
    assert!(error.contains("no answer to `server_start`"), "{error}");
    mock.stop().await;
}
