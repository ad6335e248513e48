//! Waiting until work is done: whichever event is lost, the wait ends right.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::{
    Agent, KnownState, ServerState,
    mock::{self, Fault, MockAgent},
    wait::{Sight, WaitError},
};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::common::{self, holds, is_connected, soon, until, until_requests};

/// Longer than any test takes, so that nothing is found by asking again without a reason.
const NEVER: Duration = Duration::from_secs(3600);

/// What the agent answers for `server`.
#[derive(Clone)]
struct Server(Arc<Mutex<Value>>);

impl Server {
    fn new(state: &str) -> Self {
        Self(Arc::new(Mutex::new(json!({ "id": "alpha", "state": state }))))
    }

    fn set(&self, answer: Value) {
        *self.0.lock().unwrap() = answer;
    }

    fn is(&self, state: &str) {
        self.set(json!({ "server": { "id": "alpha", "state": state } }));
    }

    fn mock(&self) -> mock::Builder {
        let server = self.clone();
        common::mock().handler("server", move |_, _| {
            let answer = server.0.lock().unwrap().clone();
            async move { Ok(answer) }
        })
    }
}

async fn pair(state: &str) -> (Server, MockAgent, Agent) {
    let server = Server::new(state);
    let mock = server.mock().start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    (server, mock, agent)
}

fn requests(mock: &MockAgent, action: &str) -> usize {
    mock.requests().iter().filter(|request| request.action == action).count()
}

/// Waits until the wait has asked so many times.
async fn until_asked(mock: &MockAgent, times: usize) {
    holds(|| requests(mock, "server") >= times).await;
}

fn running(agent: &Agent) -> agent_sdk::wait::Wait<ServerState> {
    agent.wait_for_state("alpha", KnownState::Running).poll_every(NEVER)
}

fn changed(state: &str) -> Value {
    json!({ "action": "server.changed_state", "parameters": { "server": "alpha", "after": state } })
}

#[tokio::test]
async fn what_is_so_already_ends_the_wait_at_once() {
    let (_server, mock, agent) = pair("server.running").await;
    assert_eq!(soon(running(&agent)).await.unwrap().as_str(), "server.running");
    assert_eq!(requests(&mock, "server"), 1);
}

#[tokio::test]
async fn an_event_ends_the_wait_whichever_word_it_uses() {
    for word in ["server.running", "RUNNING", "server.started"] {
        let (_server, mock, agent) = pair("server.starting").await;
        let waiting = tokio::spawn(running(&agent));
        until_asked(&mock, 1).await;
        mock.push_event_to("alpha", &changed("server.stopping")).await;
        mock.push_event_to("alpha", &changed(word)).await;
        assert_eq!(soon(waiting).await.unwrap().unwrap().as_str(), word);
    }
}

/// The server was up before the subscription held: no event of it came any more.
#[tokio::test]
async fn an_event_before_the_subscription_is_made_up_for_by_asking_after_it() {
    let (server, mock, agent) = pair("server.starting").await;
    mock.inject(Fault::delay(Duration::from_millis(50)).for_action("subscribe"));
    let waiting = tokio::spawn(running(&agent));
    until_requests(&mock, 1).await;
    server.is("server.running");
    soon(waiting).await.unwrap().unwrap();
    let seen: Vec<_> = mock.requests().into_iter().map(|request| request.action).collect();
    assert_eq!(seen[..2], ["subscribe", "server"]);
}

#[tokio::test]
async fn an_event_that_is_lost_with_the_connection_is_made_up_for() {
    let (server, mock, agent) = pair("server.starting").await;
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    mock.go_down().await;
    until(&mut agent.state(), |state| !is_connected(state)).await;
    server.is("server.running");
    mock.come_up().await.unwrap();
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_event_that_a_lag_dropped_is_made_up_for() {
    let server = Server::new("server.starting");
    let mock = server.mock().start().await.unwrap();
    let agent = common::client(&mock).event_capacity(1).connect().await.unwrap();
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    server.is("server.running");
    // They arrive in one turn, so that only the last is kept.
    let noise = json!({ "action": "stdout", "server": "alpha", "line": "x" });
    for event in [changed("server.running"), noise.clone(), noise] {
        mock.push_event_to("alpha", &event).await;
    }
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn without_any_event_asking_every_now_and_then_finds_it() {
    let server = Server::new("server.starting");
    let denied = |_, _| async { Err(json!({"error": "permission denied"})) };
    let mock = server.mock().handler("subscribe", denied).start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let waiting = tokio::spawn(running(&agent).poll_every(Duration::from_millis(250)));
    until_asked(&mock, 2).await;
    server.is("server.running");
    soon(waiting).await.unwrap().unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 0, "there was no subscription");
}

/// An answer that was asked for and lost.
#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let (server, mock, agent) = pair("server.starting").await;
    mock.inject(Fault::delay(NEVER).for_action("server").times(1));
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    server.is("server.running");
    mock.cut_connections();
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_accepted_and_never_done_ends_in_time_with_the_last_state() {
    let (_server, _mock, agent) = pair("server.stopping").await;
    let limit = Duration::from_millis(100);
    let error = soon(running(&agent).timeout(limit)).await.unwrap_err();
    let WaitError::TimedOut { last, after, .. } = &error else { panic!("{error}") };
    assert_eq!((last.as_deref(), *after), (Some("`server.stopping`"), limit));
    let text = error.to_string();
    assert!(text.contains("`alpha` to be `running`") && text.contains("server.stopping"), "{text}");
    assert!(std::error::Error::source(&error).is_none(), "no cause is printed twice");
}

#[tokio::test]
async fn a_server_that_does_not_exist_is_told_at_the_end() {
    let unknown = |_, _| async { Err(json!({ "error": "there is no such server" })) };
    let mock = common::mock().handler("server", unknown).start().await.unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let error = soon(running(&agent).timeout(Duration::from_millis(100))).await.unwrap_err();
    assert!(error.to_string().contains("there is no such server"), "{error}");
}

#[tokio::test]
async fn the_subscription_ends_with_the_last_wait_and_not_before() {
    let (_server, mock, agent) = pair("server.starting").await;
    let first = tokio::spawn(running(&agent));
    let second = tokio::spawn(agent.wait_for_state("alpha", "stopped").poll_every(NEVER));
    until_asked(&mock, 2).await;
    mock.push_event_to("alpha", &changed("running")).await;
    soon(first).await.unwrap().unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 0);
    mock.push_event_to("alpha", &changed("stopped")).await;
    soon(second).await.unwrap().unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 1);
    assert_eq!(agent.statistics().cancelled, 0);
}

#[tokio::test]
async fn a_subscription_that_was_there_before_stays() {
    let (_server, mock, agent) = pair("server.running").await;
    soon(agent.call_raw("subscribe", json!({"topic": "alpha"}))).await.unwrap();
    soon(running(&agent)).await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!((requests(&mock, "subscribe"), requests(&mock, "unsubscribe")), (1, 0));
}

#[tokio::test]
async fn a_subscription_that_the_application_makes_meanwhile_stays() {
    let (_server, mock, agent) = pair("server.starting").await;
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    soon(agent.call_raw("subscribe", json!({"topic": "alpha"}))).await.unwrap();
    mock.push_event_to("alpha", &changed("running")).await;
    soon(waiting).await.unwrap().unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 0);
}

#[tokio::test]
async fn a_wait_that_is_dropped_gives_its_subscription_back() {
    let (_server, mock, agent) = pair("server.starting").await;
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    waiting.abort();
    assert!(soon(waiting).await.unwrap_err().is_cancelled());
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 1);
    // And it is not made again by a reconnect.
    mock.cut_connections();
    until(&mut agent.state(), |state| !is_connected(state)).await;
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "subscribe"), 1);
}

#[tokio::test]
async fn a_wait_that_is_dropped_before_the_answer_to_its_subscription_leaves_none() {
    let (_server, mock, agent) = pair("server.starting").await;
    mock.inject(Fault::lose().for_action("subscribe"));
    let waiting = tokio::spawn(running(&agent));
    until_requests(&mock, 1).await;
    waiting.abort();
    assert!(soon(waiting).await.unwrap_err().is_cancelled());
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(requests(&mock, "unsubscribe"), 1);
}

#[tokio::test]
async fn a_wait_ends_with_the_connection() {
    let (_server, mock, agent) = pair("server.starting").await;
    let waiting = tokio::spawn(running(&agent));
    until_asked(&mock, 1).await;
    soon(agent.close()).await;
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, WaitError::Closed { .. }), "{error}");
}

/// It asked in a circle for the reason of the end, which a question that is too large does not tell.
#[tokio::test]
async fn a_wait_whose_questions_cannot_be_sent_ends_with_the_connection() {
    let mock = Server::new("server.stopped").mock().start().await.unwrap();
    let agent = common::client(&mock).max_request_size(10).connect().await.unwrap();
    let waiting = tokio::spawn(running(&agent));
    tokio::task::yield_now().await;
    soon(agent.close()).await;
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, WaitError::Closed { .. }), "{error}");
    assert!(error.to_string().contains("closed from this side"), "{error}");
}

#[tokio::test]
async fn a_server_is_empty_when_it_says_so_and_not_when_it_says_nothing() {
    let (server, mock, agent) = pair("server.running").await;
    let limit = Duration::from_secs(1);
    let unknown = agent.wait_until_empty("alpha").timeout(limit);
    let error = soon(unknown).await.unwrap_err().to_string();
    assert!(error.ends_with("last seen: an answer without a number of players"), "{error}");
    server.set(json!({ "state": "running", "players": 3 }));
    let waiting = agent.wait_until_empty("alpha").poll_every(NEVER);
    let waiting = tokio::spawn(waiting);
    until_asked(&mock, 2).await;
    mock.push_event_to("alpha", &json!({ "action": "players", "server": "alpha", "players": [] }))
        .await;
    soon(waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_check_of_ones_own_sees_events_and_answers() {
    let (_server, mock, agent) = pair("server.starting").await;
    let mut answers = 0;
    let waiting = agent.wait_until("alpha", move |sight| match sight {
        Sight::Snapshot(_) => {
            answers += 1;
            None
        }
        Sight::Event(message) => Some((answers, message.kind()?.to_owned())),
        _ => None,
    });
    let waiting = tokio::spawn(waiting.poll_every(NEVER));
    until_asked(&mock, 1).await;
    soon(agent.call_raw("echo", ())).await.unwrap();
    mock.push_event_to("alpha", &json!({ "action": "wiped", "topic": "alpha" })).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap(), (1, "wiped".to_owned()));
}

#[tokio::test]
async fn a_backup_is_there_when_it_is_listed_as_finished() {
    let backups = Server::new("");
    backups.set(json!({ "backups": [{ "id": "old" }] }));
    let list = backups.clone();
    let mock = common::mock()
        .handler("query_backups", move |_, _| {
            let answer = list.0.lock().unwrap().clone();
            async move { Ok(answer) }
        })
        .start()
        .await
        .unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let before = soon(agent.known_backups("alpha")).await.unwrap();
    backups.set(json!({ "backups": [{ "id": "old" }, { "id": "new", "status": "creating" }] }));
    let waiting = tokio::spawn(agent.wait_for_backup(before.clone()).poll_every(NEVER));
    holds(|| requests(&mock, "query_backups") >= 2).await;
    backups.set(json!({ "backups": [{ "id": "new", "status": "done" }] }));
    mock.push_event_to("alpha", &json!({ "action": "backup.created", "server": "alpha" })).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap()["id"], "new");
    // The same wait again, after it is there.
    assert_eq!(soon(agent.wait_for_backup(before)).await.unwrap()["id"], "new");
}

#[tokio::test]
async fn a_download_is_over_when_the_list_has_lost_it() {
    let downloads = Server::new("");
    downloads.set(json!({ "downloads": [{ "id": "7", "progress": 12 }] }));
    let list = downloads.clone();
    let mock = common::mock()
        .handler("steam_list_downloads", move |_, _| {
            let answer = list.0.lock().unwrap().clone();
            async move { Ok(answer) }
        })
        .start()
        .await
        .unwrap();
    let agent = common::client(&mock).connect().await.unwrap();
    let waiting = tokio::spawn(agent.wait_for_download("7").poll_every(NEVER));
    until_requests(&mock, 1).await;
    soon(agent.call_raw("echo", ())).await.unwrap();
    downloads.set(json!({ "downloads": [] }));
    mock.push_event(&json!({ "action": "download_progress", "id": "7" })).await;
    soon(waiting).await.unwrap().unwrap();
    // One that was over before the first look.
    let over = |id| agent.wait_for_download(id).poll_every(Duration::from_millis(250));
    let (seven, eight) = (over("7"), over("8"));
    let (seven, eight) = soon(join(seven, eight)).await;
    seven.and(eight).unwrap();
}
