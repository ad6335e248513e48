//! Restarts: with a warning, when empty, and one host after the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use agent_sdk::{actions::ServerRconSend, mock::Fault};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    common::{LIMIT, SERVER, Trouble, accept, builder, calls, ends, running, server},
    jobs::{
        restart::restart, restart_when_empty::restart_when_empty,
        rolling_restart::restart_one_by_one,
    },
};

const COUNTDOWN: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn the_players_are_warned_before_the_restart_and_the_server_is_up_after_it() {
    let (mock, agent) = running(builder()).await;
    let begun = Instant::now();
    ends(restart(&agent, SERVER, COUNTDOWN)).await.unwrap();
    assert!(begun.elapsed() > COUNTDOWN, "{:?}", begun.elapsed());
    assert_eq!(server(&agent).await["starts"], 2);
    let said: Vec<_> = mock.calls::<ServerRconSend>().into_iter().map(|it| it.payload).collect();
    let expected = [600, 300, 60, 10].map(|left| format!("say -1 Restart in {left} seconds"));
    assert_eq!(said, expected);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_proved_whatever_is_lost_during_it() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(builder()).await;
        let job = restart(&agent, SERVER, Duration::from_secs(10));
        trouble.during(&mock, job).await.unwrap();
        assert_eq!(server(&agent).await["starts"], 2, "{trouble:?}");
        assert_eq!(calls(&mock, "restart"), 1, "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn players_who_cannot_be_warned_keep_no_server_from_its_restart() {
    let deaf = |_, _| async { Err(json!({ "error": "RCON is off" })) };
    let (mock, agent) = running(builder().handler("server_rcon_send", deaf)).await;
    ends(restart(&agent, SERVER, COUNTDOWN)).await.unwrap();
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_accepted_and_never_done_is_told_with_the_last_state() {
    let (mock, agent) = running(builder().handler("restart", accept)).await;
    let error = ends(restart(&agent, SERVER, Duration::ZERO)).await.unwrap_err().to_string();
    assert!(error.contains("`server.running`, and it was not seen to stop"), "{error}");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_whose_answer_is_lost_and_that_is_never_done_says_both() {
    let (mock, agent) = running(builder().handler("restart", accept)).await;
    mock.inject(Fault::lose().for_action("restart"));
    let error = ends(restart(&agent, SERVER, Duration::ZERO)).await.unwrap_err().to_string();
    for known in ["last seen: `server.running`", "no answer to `restart`", "may have executed it"] {
        assert!(error.contains(known), "{error}");
    }
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_crashes_while_it_comes_up_is_told() {
    let (mock, agent) = running(builder()).await;
    let crashing = async {
        sleep(Duration::from_secs(20)).await;
        mock.crash(SERVER);
    };
    let (restarted, ()) = tokio::join!(ends(restart(&agent, SERVER, Duration::ZERO)), crashing);
    let error = restarted.unwrap_err().to_string();
    assert!(error.contains("last seen: `server.crashed`"), "{error}");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_is_restarted_when_the_last_player_has_left_and_not_before() {
    for trouble in Trouble::ALL {
        let players = Arc::new(AtomicU64::new(3));
        let told = Arc::clone(&players);
        let metrics = move |_, _| {
            let players = told.load(Relaxed);
            async move { Ok(json!({ "players": { "online": players, "max": 60 } })) }
        };
        let (mock, agent) = trouble.mock(builder().handler("server_metrics", metrics)).await;
        let leaving = async {
            sleep(Duration::from_secs(300)).await;
            assert_eq!(calls(&mock, "restart"), 0);
            players.store(0, Relaxed);
        };
        let job = trouble.during(&mock, restart_when_empty(&agent, SERVER, LIMIT));
        let (restarted, ()) = tokio::join!(job, leaving);
        restarted.unwrap();
        assert_eq!(server(&agent).await["starts"], 2, "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_players_are_unknown_is_not_restarted() {
    let (mock, agent) = running(builder()).await;
    let hour = Duration::from_secs(3600);
    let error = ends(restart_when_empty(&agent, SERVER, hour)).await.unwrap_err();
    assert!(error.to_string().ends_with("an answer without a number of players"), "{error}");
    assert_eq!(calls(&mock, "restart"), 0);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn many_hosts_are_restarted_one_after_the_other_whatever_is_lost() {
    for trouble in Trouble::ALL {
        let (one, first) = trouble.mock(builder()).await;
        let (two, second) = running(builder()).await;
        let hosts = [("eu-1".to_owned(), first), ("eu-2".to_owned(), second)];
        let looking = async {
            sleep(Duration::from_secs(11)).await;
            assert_eq!((calls(&one, "restart"), calls(&two, "restart")), (1, 0), "{trouble:?}");
        };
        let job = trouble.during(&one, restart_one_by_one(&hosts, SERVER));
        let (restarted, ()) = tokio::join!(job, looking);
        restarted.unwrap();
        for (_, agent) in &hosts {
            assert_eq!(server(agent).await["starts"], 2, "{trouble:?}");
        }
        one.stop().await;
        two.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_come_up_leaves_the_others_alone() {
    let (one, first) = running(builder()).await;
    let (two, second) = running(builder().handler("restart", accept)).await;
    let (three, third) = running(builder()).await;
    let hosts =
        [("a", first), ("b", second), ("c", third)].map(|(name, agent)| (name.into(), agent));
    let error = ends(restart_one_by_one(&hosts, SERVER)).await.unwrap_err().to_string();
    assert!(error.starts_with("b: waiting for `survival` to restart"), "{error}");
    assert!(error.ends_with("Restarted before: a. Not touched: c"), "{error}");
    assert_eq!(calls(&three, "restart"), 0);
    for mock in [one, two, three] {
        mock.stop().await;
    }
}
