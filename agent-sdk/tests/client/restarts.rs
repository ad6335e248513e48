//! Waits that make the call themselves: nothing is too quick for them, or taken for done too early.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use agent_sdk::{
    Agent, KnownState, ServerState,
    mock::{self, Fault, MockAgent, Pace},
    wait::{Wait, WaitError},
};
use serde_json::{Value, json};

use crate::common::{self, LIMIT, is_connected, soon, until};

/// Longer than any test takes, so that nothing is found by asking again without a reason.
const NEVER: Duration = Duration::from_secs(3600);

fn alpha() -> Value {
    json!({ "server": "alpha" })
}

fn builder() -> mock::Builder {
    let mut catalogue = common::catalogue();
    catalogue["actions"]["server"] = json!({});
    let echo = |parameters, _| async move { Ok(parameters) };
    MockAgent::builder(catalogue).tls(false).servers(["alpha"]).handler("echo", echo)
}

/// A mock with a server that runs, and a client that is connected to it.
async fn running(builder: mock::Builder) -> (MockAgent, Agent) {
    let mock = builder.start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let start = agent.call_raw("server_start", alpha());
    agent.wait_for_state("alpha", KnownState::Running).after(start).await.unwrap();
    (mock, agent)
}

fn restart(agent: &Agent) -> Wait<ServerState> {
    agent.wait_for_restart("alpha").after(agent.call_raw("restart", alpha()))
}

async fn starts(agent: &Agent) -> u64 {
    let server = soon(agent.call_raw("server", alpha())).await.unwrap().parameters().unwrap();
    server["starts"].as_u64().unwrap()
}

async fn until_called(mock: &MockAgent, action: &str) {
    soon(async {
        while !mock.requests().iter().any(|request| request.action == action) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_restart_that_is_quicker_than_any_question_is_seen() {
    let (_mock, agent) = running(builder()).await;
    soon(restart(&agent).poll_every(NEVER)).await.unwrap();
    assert_eq!(starts(&agent).await, 2);
}

#[tokio::test]
async fn a_restart_without_any_event_is_told_by_the_number_of_starts() {
    let denied = |_, _| async { Err(json!({ "error": "permission denied" })) };
    let (_mock, agent) = running(builder().handler("subscribe", denied)).await;
    soon(restart(&agent).poll_every(NEVER)).await.unwrap();
    assert_eq!(starts(&agent).await, 2);
}

/// `wait_for_state` ends at once here: the server runs.
#[tokio::test(start_paused = true)]
async fn a_server_that_runs_on_during_its_countdown_has_not_restarted() {
    let (mock, agent) = running(builder().pace(Pace::realistic().console(None))).await;
    restart(&agent).await.unwrap();
    assert_eq!(starts(&agent).await, 2);
    mock.stop().await;
}

#[tokio::test]
async fn a_call_that_the_agent_rejects_ends_the_wait_at_once() {
    let (_mock, agent) = running(builder()).await;
    let unknown = agent.call_raw("restart", json!({ "server": "Nowhere" }));
    let error = soon(agent.wait_for_restart("alpha").after(unknown)).await.unwrap_err();
    let WaitError::Call { .. } = &error else { panic!("{error}") };
    let text = error.to_string();
    assert!(text.contains("there is no server `Nowhere`") && text.contains("restart"), "{text}");
}

#[tokio::test]
async fn what_was_so_before_the_call_does_not_end_the_wait() {
    let (_mock, agent) = running(builder()).await;
    let again = agent.call_raw("server_start", alpha());
    let waiting = agent.wait_for_state("alpha", KnownState::Running).after(again);
    let error = soon(waiting).await.unwrap_err();
    assert!(matches!(&error, WaitError::Call { .. }), "{error}");
    assert!(error.to_string().contains("already running"), "{error}");
}

#[tokio::test]
async fn a_link_that_is_lost_before_the_answer_to_the_call_leaves_it_to_the_wait() {
    let (mock, agent) = running(builder()).await;
    mock.inject(Fault::lose().for_action("restart"));
    let waiting = tokio::spawn(restart(&agent).poll_every(NEVER));
    until_called(&mock, "restart").await;
    mock.cut_connections();
    soon(waiting).await.unwrap().unwrap();
    assert_eq!(starts(&agent).await, 2, "it was called once");
}

#[tokio::test]
async fn a_question_that_is_never_answered_keeps_no_call_from_being_made() {
    let (mock, agent) = running(builder()).await;
    mock.inject(Fault::lose().for_action("server").times(1));
    tokio::time::pause();
    restart(&agent).await.unwrap();
    assert_eq!(starts(&agent).await, 2);
}

/// The work was done, and the wait ended with the time limit of the call's answer.
#[tokio::test(start_paused = true)]
async fn work_that_is_done_ends_the_wait_though_its_call_is_never_answered() {
    let (mock, agent) = running(builder().pace(Pace::realistic().console(None))).await;
    mock.inject(Fault::lose().for_action("restart"));
    let call = agent.call_raw("restart", alpha()).timeout(NEVER);
    agent.wait_for_restart("alpha").after(call).timeout(LIMIT * 3).await.unwrap();
    assert_eq!(starts(&agent).await, 2);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_comes_late_ends_the_wait() {
    let (mock, agent) = running(builder()).await;
    mock.inject(Fault::delay(Duration::from_secs(30)).for_action("restart"));
    let call = agent.call_raw("restart", json!({ "server": "Nowhere" })).timeout(NEVER);
    let error = agent.wait_for_restart("alpha").after(call).await.unwrap_err();
    assert!(matches!(error, WaitError::Call { .. }), "{error}");
    mock.stop().await;
}

#[tokio::test]
async fn a_wait_that_is_dropped_before_its_call_makes_none() {
    let (mock, agent) = running(builder()).await;
    mock.inject(Fault::delay(NEVER).for_action("server"));
    let asked = mock.requests().len();
    let waiting = tokio::spawn(restart(&agent));
    soon(async {
        while mock.requests()[asked..].iter().all(|request| request.action != "server") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waiting.abort();
    assert!(soon(waiting).await.unwrap_err().is_cancelled());
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert!(mock.requests().iter().all(|request| request.action != "restart"));
}

#[tokio::test]
async fn a_restart_that_was_accepted_and_never_done_says_that_the_server_runs_on() {
    let accepted = |_, _| async { Ok(json!({ "state": "server.stopping" })) };
    let (_mock, agent) = running(builder().handler("restart", accepted)).await;
    let limit = Duration::from_secs(1);
    let error = soon(restart(&agent).timeout(limit)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "waiting for `alpha` to restart took longer than 1s; last seen: `server.running`, and it was \
         not seen to stop"
    );
}

#[tokio::test]
async fn a_call_that_was_never_answered_is_told_with_the_last_state() {
    let accepted = |_, _| async { Ok(json!({})) };
    let (mock, agent) = running(builder().handler("restart", accepted)).await;
    mock.inject(Fault::lose().for_action("restart"));
    let error = soon(restart(&agent).timeout(Duration::from_millis(500))).await.unwrap_err();
    let WaitError::TimedOut { call: Some(call), .. } = &error else { panic!("{error}") };
    assert_eq!(call.action(), "restart");
    assert!(error.to_string().contains("before that, no answer to `restart`"), "{error}");
}

/// Its time was up while the agent was away, and nothing asked again.
#[tokio::test]
async fn a_question_that_was_never_sent_is_asked_once_the_agent_is_back() {
    let mock = builder().start().await.unwrap();
    let short = Duration::from_millis(50);
    let agent = common::client(&mock).call_timeout(short).connect().await.unwrap();
    let waiting = agent.wait_for_state("alpha", KnownState::Running).poll_every(NEVER);
    let waiting = tokio::spawn(waiting);
    until_called(&mock, "server").await;
    soon(agent.call_raw("server_start", alpha())).await.unwrap();
    drop(waiting);
    mock.go_down().await;
    until(&mut agent.state(), |state| !is_connected(state)).await;
    let waiting = agent.wait_for_state("alpha", KnownState::Running).poll_every(NEVER);
    let waiting = tokio::spawn(waiting);
    soon(async {
        while agent.statistics().timed_out < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    mock.come_up().await.unwrap();
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_that_was_lost_on_a_good_link_is_asked_for_again() {
    let mock = builder().start().await.unwrap();
    let short = Duration::from_millis(50);
    let agent = common::client(&mock).call_timeout(short).connect().await.unwrap();
    mock.inject(Fault::lose().for_action("server").times(2));
    soon(agent.wait_for_state("alpha", "stopped").poll_every(NEVER)).await.unwrap();
}

#[tokio::test]
async fn the_states_of_a_server_are_told_once_each_from_the_present_one_on() {
    let (_mock, agent) = running(builder()).await;
    let mut states = agent.watch_state("alpha").poll_every(NEVER);
    let first = soon(states.next()).await.unwrap();
    assert_eq!((first.before, first.state.word()), (None, "running"));
    soon(agent.call_raw("restart", alpha())).await.unwrap();
    for (before, state) in
        [("running", "stopping"), ("stopping", "starting"), ("starting", "running")]
    {
        let change = soon(states.next()).await.unwrap();
        assert_eq!((change.before.unwrap().word(), change.state.word()), (before, state));
    }
}

#[tokio::test]
async fn a_change_of_state_that_falls_into_a_gap_is_told_after_it() {
    let (mock, agent) = running(builder()).await;
    let mut states = agent.watch_state("alpha").poll_every(NEVER);
    soon(states.next()).await.unwrap();
    let other = common::client(&mock).connect().await.unwrap();
    let deaf = json!({ "topic": "alpha" });
    soon(agent.call_raw("unsubscribe", deaf)).await.unwrap();
    soon(other.call_raw("server_stop", alpha())).await.unwrap();
    mock.cut_connections();
    assert_eq!(soon(states.next()).await.unwrap().state, KnownState::Stopped);
    soon(agent.close()).await;
    assert_eq!(soon(states.next()).await, None);
}

#[tokio::test]
async fn the_subscription_ends_with_the_states_that_are_watched() {
    let (mock, agent) = running(builder()).await;
    let mut states = agent.watch_state("alpha");
    soon(states.next()).await.unwrap();
    let before = mock.requests().len();
    drop(states);
    soon(agent.call_raw("echo", ())).await.unwrap();
    let requests = mock.requests();
    let last: Vec<_> = requests[before..].iter().map(|seen| &*seen.action).collect();
    assert_eq!(last, ["unsubscribe", "echo"]);
}

/// A download that begins late was taken for one that was over.
#[tokio::test(start_paused = true)]
async fn a_download_that_was_never_listed_is_missing_from_two_polls() {
    let none = |_, _| async { Ok(json!({ "downloads": [] })) };
    let mock = builder().handler("steam_list_downloads", none).start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let begun = tokio::time::Instant::now();
    agent.wait_for_download("7").timeout(LIMIT).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_mod_that_failed_is_not_there_and_what_is_listed_of_it_is_told() {
    let failed = |_, _| async { Ok(json!({ "mods": [{ "entity_id": "7", "state": "failed" }] })) };
    let mock = builder().handler("mods", failed).start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let error = agent.wait_for_mod("7").timeout(LIMIT).await.unwrap_err().to_string();
    assert!(error.contains("the mod `7`"), "{error}");
    assert!(error.ends_with("last seen: it is listed as `failed`"), "{error}");
    let missing = agent.wait_for_mod("8").timeout(LIMIT).await.unwrap_err().to_string();
    assert!(missing.ends_with("last seen: it is not listed"), "{missing}");
    mock.stop().await;
}

/// It was taken for the one that was asked for.
#[tokio::test(start_paused = true)]
async fn a_backup_that_was_under_way_before_is_not_the_new_one() {
    let asked = AtomicU64::new(0);
    let list = move |_, _| {
        let state = if asked.fetch_add(1, Relaxed) == 0 { "creating" } else { "finished" };
        async move { Ok(json!({ "backups": [{ "id": "other", "state": state }] })) }
    };
    let mock = builder().handler("query_backups", list).start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let before = agent.known_backups("alpha").await.unwrap();
    let error = agent.wait_for_backup(before).timeout(LIMIT).await.unwrap_err().to_string();
    assert!(error.ends_with("last seen: 1 finished backups"), "{error}");
    mock.stop().await;
}

/// A mock whose second answer about its server is older than the event that comes before it.
fn with_old_answer(event: &'static str) -> mock::Builder {
    let asked = AtomicU64::new(0);
    builder().handler("restart", |_, _| async { Ok(json!({})) }).handler(
        "server",
        move |_, context| {
            let asked = asked.fetch_add(1, Relaxed);
            async move {
                if asked == 1 {
                    let detail = json!({ "server": "alpha", "after": event });
                    let event = json!({ "action": "server.changed_state", "parameters": detail });
                    context.push_event(&event).await;
                }
                Ok(json!({ "state": if asked < 2 { "server.running" } else { event } }))
            }
        },
    )
}

/// It was told as a change back, and a crash as over.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_older_than_an_event_is_no_change_of_state() {
    let mock = with_old_answer("server.crashed").start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let mut states = agent.watch_state("alpha");
    for state in ["running", "crashed"] {
        assert_eq!(states.next().await.unwrap().state.word(), state);
    }
    let further = tokio::time::timeout(Duration::from_secs(60), states.next()).await;
    assert!(further.is_err(), "{further:?}");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_older_than_an_event_proves_no_restart() {
    let mock = with_old_answer("server.stopped").start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let error = restart(&agent).timeout(LIMIT).await.unwrap_err().to_string();
    assert!(error.ends_with("last seen: `server.stopped`"), "{error}");
    mock.stop().await;
}
