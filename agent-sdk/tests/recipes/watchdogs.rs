//! The watchdog of a server.

use std::time::Duration;

use agent_sdk::{
    Agent,
    actions::{ServerStart, ServerStop},
    mock::MockAgent,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    common::{SERVER, Trouble, accept, builder, calls, ends, running, server},
    jobs::watchdog::keep_up,
};

/// Runs what happens while the watchdog is at work; returns how often it has started the server.
async fn starts_by_watchdog(mock: &MockAgent, agent: &Agent, happens: impl Future) -> usize {
    let before = calls(mock, "server_start");
    let happening = async {
        // The server may be starting or stopping before and after.
        sleep(Duration::from_secs(30)).await;
        happens.await;
        sleep(Duration::from_secs(600)).await;
    };
    tokio::select! {
        error = keep_up(agent, SERVER) => panic!("{error}"),
        () = ends(happening) => calls(mock, "server_start") - before,
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_crashed_is_started_whatever_is_lost() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(builder()).await;
        let happens = trouble.during(&mock, async {
            sleep(Duration::from_secs(11)).await;
            mock.crash(SERVER);
        });
        let starts = starts_by_watchdog(&mock, &agent, happens).await;
        assert_eq!(starts, 1, "{trouble:?}");
        assert_eq!(server(&agent).await["state"], "server.running", "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_stopped_on_purpose_stays_so() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(builder()).await;
        let stop = async { agent.server_stop(ServerStop::new(SERVER)).await.unwrap() };
        let happens = trouble.during(&mock, stop);
        assert_eq!(starts_by_watchdog(&mock, &agent, happens).await, 0, "{trouble:?}");
        assert_eq!(server(&agent).await["state"], "server.stopped", "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_crash_that_is_none_starts_nothing() {
    let (mock, agent) = running(builder()).await;
    let event = json!({ "action": "server.crashed", "server": SERVER });
    let happens = mock.push_event_to(SERVER, &event);
    assert_eq!(starts_by_watchdog(&mock, &agent, happens).await, 0);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_the_agent_starts_by_itself_is_not_started_twice() {
    let (mock, agent) = running(builder()).await;
    let other = mock.client().connect().await.unwrap();
    let happens = async {
        mock.crash(SERVER);
        sleep(Duration::from_secs(10)).await;
        other.server_start(ServerStart::new(SERVER)).await.unwrap();
    };
    assert_eq!(starts_by_watchdog(&mock, &agent, happens).await, 1, "that of the agent");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_crashes_again_and_again_is_left_to_a_human() {
    let (mock, agent) = running(builder()).await;
    let before = calls(&mock, "server_start");
    let crashing = async {
        loop {
            mock.crash(SERVER);
            sleep(Duration::from_secs(120)).await;
        }
    };
    let error = tokio::select! {
        error = ends(keep_up(&agent, SERVER)) => error.to_string(),
        () = crashing => unreachable!(),
    };
    assert_eq!(error, "`survival` is down after 3 starts within 3600s");
    assert_eq!(calls(&mock, "server_start") - before, 3);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_accepted_and_never_done_is_tried_a_bounded_number_of_times() {
    let crashed = |_, _| async { Ok(json!({ "state": "server.crashed" })) };
    let builder = builder().handler("server", crashed).handler("server_start", accept);
    let (mock, agent) = running(builder).await;
    let error = ends(keep_up(&agent, SERVER)).await.to_string();
    assert!(error.contains("is down after 3 starts"), "{error}");
    assert_eq!(calls(&mock, "server_start"), 3);
    mock.stop().await;
}
