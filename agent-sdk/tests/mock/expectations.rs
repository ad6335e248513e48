//! Typed expectations, by the SDK's own client.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
};

use agent_sdk::{
    Agent, Error, Outcome,
    actions::{CreateUser, ServerRconSend, ServerStart, ServerStop, Subscribe, Whoami, WriteFile},
    mock::{self, Fault, MockAgent, ReplyForm, Response, User},
};
use serde_json::json;

use crate::foreign::{catalogue, within};

async fn pair() -> (MockAgent, Agent) {
    let mock = MockAgent::builder(catalogue()).tls(false).start().await.unwrap();
    let agent = mock.client().connect().await.unwrap();
    (mock, agent)
}

/// The text with which a mock fails its test.
fn failure(mock: &MockAgent) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| mock.verify())).expect_err("it must fail");
    panic.downcast_ref::<String>().unwrap().clone()
}

/// Lets a test of this file run where it fails.
const FAILS: &str = "AGENT_SDK_TEST_FAILS";

/// Runs a test of this file once more, in a process in which it fails, and returns what it prints there;
/// `None` in that process itself.
fn output_of_failure(test: &str) -> Option<String> {
    if env::var_os(FAILS).is_some() {
        return None;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("expectations::{test}"), "--nocapture"])
        .env(FAILS, "1")
        .output()
        .unwrap();
    assert!(!output.status.success(), "it does not fail");
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Forgets a mock that has failed already, so that it does not fail this test.
fn leave(mock: MockAgent) {
    std::mem::forget(mock);
}

#[tokio::test]
async fn answers_come_in_their_order_and_the_last_one_stays() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>()
        .matching(|call| call.server.as_ref() == "survival")
        .times(4)
        .reject("out of memory")
        .then(Response::fault(Fault::form(ReplyForm::NotJson)))
        .then(Response::reply(json!({ "state": "server.starting" })));
    let start = || agent.server_start(ServerStart::new("survival"));
    let error = within(start()).await.unwrap_err();
    assert_eq!(error.to_string(), "the agent rejected `server_start`: out of memory");
    let short = start().timeout(std::time::Duration::from_millis(100));
    assert_eq!(within(short).await.unwrap_err().outcome(), Outcome::Unknown);
    for _ in 0..2 {
        let reply = within(start()).await.unwrap().parameters().unwrap();
        assert_eq!(reply, json!({ "state": "server.starting" }));
    }
    mock.verify();
    assert_eq!(mock.calls::<ServerStart>(), vec![ServerStart::new("survival"); 4]);
}

#[tokio::test]
async fn an_unexpected_call_shows_what_was_expected_against_what_came() {
    let (mock, agent) = pair().await;
    let expected = WriteFile::new().path("/server.cfg").content("max=10");
    mock.on::<WriteFile>().with(&expected).reply(json!({}));
    let other = WriteFile::new().path("/server.cfg").content("max=11");
    let error = within(agent.write_file(other)).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error}");
    within(agent.write_file(expected)).await.unwrap();
    let text = failure(&mock);
    assert!(text.contains("unexpected call of `write_file`"), "{text}");
    assert!(text.contains("-   \"content\": \"max=10\""), "{text}");
    assert!(text.contains("+   \"content\": \"max=11\""), "{text}");
    leave(mock);
}

#[tokio::test]
async fn a_missing_call_fails_the_test_with_its_place() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>().reply(json!({}));
    mock.on::<ServerRconSend>().times(2).reply(json!({}));
    within(agent.server_rcon_send(ServerRconSend::new("survival").payload("#lock"))).await.unwrap();
    let text = failure(&mock);
    assert!(text.contains(&format!("expected at {}", file!())), "{text}");
    assert!(text.contains("`server_start`, at least once; got it 0 time(s)"), "{text}");
    assert!(text.contains("`server_rcon_send`, 2 time(s); got it 1 time(s)"), "{text}");
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(mock)));
    assert!(dropped.is_err(), "dropping it fails as well");
}

#[tokio::test]
async fn a_call_too_many_is_unexpected() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>().times(1).reply(json!({}));
    within(agent.server_start(ServerStart::new("survival"))).await.unwrap();
    within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    let text = failure(&mock);
    assert!(text.contains("unexpected call of `server_start`: expected at "), "{text}");
    assert!(text.contains(" 1 time(s), and got (+):"), "{text}");
    assert!(text.contains("+   \"server\": \"survival\""), "{text}");
    leave(mock);
}

#[tokio::test]
async fn a_missing_call_shows_the_parameters_that_did_not_come() {
    let (mock, _agent) = pair().await;
    mock.on::<ServerStart>().with(&ServerStart::new("survival")).reply(json!({}));
    let text = failure(&mock);
    assert!(text.contains("-   \"server\": \"survival\""), "{text}");
    leave(mock);
}

#[tokio::test]
async fn an_unexpected_call_is_shown_beside_the_one_that_is_most_like_it() {
    let (mock, agent) = pair().await;
    let write = |path: &str, content: &str| WriteFile::new().path(path).content(content);
    mock.on::<WriteFile>().with(&write("/server.cfg", "max=10")).answer(Response::own());
    mock.on::<WriteFile>().with(&write("/whitelist", "none")).answer(Response::own());
    within(agent.write_file(write("/server.cfg", "max=11"))).await.unwrap_err();
    let text = failure(&mock);
    assert!(text.contains("    \"path\": \"/server.cfg\""), "{text}");
    assert!(!text.contains("+   \"path\""), "{text}");
    leave(mock);
}

/// The difference was shown with everything that was in the parameters.
#[tokio::test]
async fn the_failure_of_a_test_shows_no_password() {
    let (mock, agent) = pair().await;
    let user = |password: &str| CreateUser::new().username("ops").password(password).roles(vec![]);
    mock.on::<CreateUser>().with(&user("wanted-secret")).reply(json!({}));
    within(agent.create_user(user("other-secret"))).await.unwrap_err();
    let text = failure(&mock);
    assert!(text.contains("+   \"password\": \"*** (another one)\""), "{text}");
    assert!(!text.contains("secret"), "{text}");
    leave(mock);
}

/// The call was rejected, the test failed for that, and the mock was silent about what it had expected.
#[tokio::test]
async fn a_test_that_fails_for_another_reason_shows_the_unexpected_call_as_well() {
    let name = "a_test_that_fails_for_another_reason_shows_the_unexpected_call_as_well";
    if let Some(printed) = output_of_failure(name) {
        assert!(printed.contains("the mock agent was not called as expected"), "{printed}");
        assert!(printed.contains("-   \"content\": \"max=10\""), "{printed}");
        assert!(printed.contains("+   \"content\": \"max=11\""), "{printed}");
        return;
    }
    let (mock, agent) = pair().await;
    let write = |content| WriteFile::new().path("/server.cfg").content(content);
    mock.on::<WriteFile>().with(&write("max=10")).reply(json!({}));
    within(agent.write_file(write("max=11"))).await.unwrap();
}

/// Such a call was neither recorded nor missed: the agent's refusal came before it was compared.
#[tokio::test]
async fn a_call_that_the_agent_refuses_has_come_as_well() {
    let user = User::new("moderator", "secret").permissions(["server.view"]);
    let mock = MockAgent::builder(catalogue()).tls(false).user(user).start().await.unwrap();
    mock.on::<ServerStart>().times(1).reply(json!({}));
    mock.on::<ServerStop>().never();
    let moderator = mock.client().credentials("moderator", "secret").connect().await.unwrap();
    let error = within(moderator.server_start(ServerStart::new("survival"))).await.unwrap_err();
    assert!(error.to_string().contains("permission denied: `server.start`"), "{error}");
    assert_eq!(mock.calls::<ServerStart>(), [ServerStart::new("survival")]);
    mock.verify();
    // By its name, and without what the catalogue demands.
    let agent = mock.client().connect().await.unwrap();
    let error = within(agent.call_raw("server_stop", json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("missing required parameters: server"), "{error}");
    assert!(failure(&mock).contains("unexpected call of `server_stop`"));
    leave(mock);
}

#[tokio::test]
async fn a_call_by_a_name_that_is_unknown_is_unexpected_too() {
    let builder = MockAgent::builder(catalogue()).tls(false).only_expected(true);
    let mock = builder.start().await.unwrap();
    let agent = mock.client().connect().await.unwrap();
    let error = within(agent.call_raw("levitate", json!({ "height": 3 }))).await.unwrap_err();
    assert!(error.to_string().contains("unknown action `levitate`"), "{error}");
    let text = failure(&mock);
    assert!(text.contains("unexpected call of `levitate`, got (+):"), "{text}");
    assert!(text.contains("+   \"height\": 3"), "{text}");
    leave(mock);
}

/// A test whose second answer never came passed.
#[tokio::test]
async fn each_answer_of_a_sequence_has_to_be_given() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>().reject("not yet").then(Response::own()).then(Response::own());
    within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    within(agent.server_start(ServerStart::new("survival"))).await.unwrap();
    let text = failure(&mock);
    assert!(text.contains("at least 3 times, once for each answer; got it 2 time(s)"), "{text}");
    // It is started already, and the last answer stays.
    for _ in 0..2 {
        within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    }
    mock.verify();
}

/// The last of them alone counted.
#[tokio::test]
async fn all_that_is_demanded_of_a_call_counts() {
    let (mock, agent) = pair().await;
    let survival = ServerStart::new("survival");
    mock.on::<ServerStart>().matching(|_| false).with(&survival).times(0).reply(json!({}));
    mock.on::<ServerStart>()
        .matching(|call| call.server.as_ref().starts_with('s'))
        .matching(|call| call.server.as_ref().ends_with('l'))
        .times(1)
        .reply(json!({}));
    within(agent.server_start(survival)).await.unwrap();
    within(agent.server_start(ServerStart::new("creative"))).await.unwrap_err();
    within(agent.server_start(ServerStart::new("skyblock"))).await.unwrap_err();
    assert_eq!(failure(&mock).matches("unexpected call").count(), 2);
    leave(mock);
}

#[tokio::test]
async fn many_unexpected_calls_are_counted() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStop>().never();
    for _ in 0..25 {
        within(agent.server_stop(ServerStop::new("survival"))).await.unwrap_err();
    }
    let text = failure(&mock);
    assert_eq!(text.matches("unexpected call of").count(), 20, "{text}");
    assert!(text.ends_with("and 5 more unexpected calls\n"), "{text}");
    leave(mock);
}

#[tokio::test]
async fn a_sequence_may_lose_the_connection_in_place_of_an_answer() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>().times(2).answer(Response::fault(Fault::cut())).then(Response::own());
    let error = within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    // It was executed, and its answer lost.
    let error = within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    assert!(error.to_string().contains("already running"), "{error}");
    assert_eq!(mock.logins(), 2);
}

#[tokio::test]
async fn a_call_that_was_never_to_come_fails_the_test() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStop>().never();
    mock.verify();
    within(agent.server_stop(ServerStop::new("survival"))).await.unwrap_err();
    assert!(failure(&mock).contains("unexpected call of `server_stop`"));
    leave(mock);
}

#[tokio::test]
async fn a_mock_may_refuse_all_that_is_not_expected() {
    let builder = MockAgent::builder(catalogue()).tls(false).only_expected(true);
    let builder = builder.handler("servers", |_, _| async { Ok(json!({ "servers": [] })) });
    let mock = builder.start().await.unwrap();
    let agent = mock.client().connect().await.unwrap();
    within(agent.whoami()).await.unwrap();
    within(agent.call_raw("servers", ())).await.unwrap();
    mock.verify();
    within(agent.server_start(ServerStart::new("survival"))).await.unwrap_err();
    let text = failure(&mock);
    assert!(text.contains("unexpected call of `server_start`, got (+):"), "{text}");
    leave(mock);
}

#[tokio::test(start_paused = true)]
async fn events_follow_an_answer_as_the_test_has_written_them() {
    let (mock, agent) = pair().await;
    let event = |kind: &str| json!({ "action": kind, "topic": "survival" });
    let answer = Response::reply(json!({}));
    let answer = answer.event_after(std::time::Duration::from_secs(90), event("crashed"));
    let answer = answer.event_after(std::time::Duration::from_secs(60), event("starting"));
    mock.on::<ServerStart>().answer(answer);
    let mut events = agent.events();
    agent.subscribe(Subscribe::new().topic("survival")).await.unwrap();
    let began = tokio::time::Instant::now();
    agent.server_start(ServerStart::new("survival")).await.unwrap();
    for (kind, seconds) in [("starting", 60), ("crashed", 90)] {
        let Some(agent_sdk::Event::Message(message)) = events.next().await else {
            panic!("no event")
        };
        assert_eq!(message.kind(), Some(kind));
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}

#[tokio::test]
async fn what_is_not_expected_is_answered_as_always() {
    let (mock, agent) = pair().await;
    mock.on::<ServerStart>().answer(Response::own());
    let started = within(agent.server_start(ServerStart::new("survival"))).await.unwrap();
    assert_eq!(started.parameters().unwrap()["state"], "server.starting");
    assert_eq!(within(agent.whoami()).await.unwrap().username, "root");
    assert_eq!(mock.calls::<Whoami>().len(), 1);
}

#[tokio::test]
async fn parameters_of_every_type_are_read_back() {
    let (mock, agent) = pair().await;
    let user = CreateUser::new().username("ops").password("secret").roles(vec!["a".to_owned()]);
    mock.on::<CreateUser>().with(&user).times(1).reply(json!({}));
    within(agent.create_user(user.clone())).await.unwrap();
    assert_eq!(mock.calls::<CreateUser>(), [user]);
}

#[tokio::test]
async fn a_test_runs_with_each_snapshot_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let empty = mock::each_snapshot(folder.path(), |_| async {}).await.unwrap_err();
    assert!(empty.to_string().contains("has no snapshot"), "{empty}");
    for version in ["1.10.0", "1.9.0"] {
        let path = folder.path().join(format!("agent-{version}.json"));
        std::fs::write(path, catalogue().to_string()).unwrap();
    }
    std::fs::write(folder.path().join("overlay.toml"), "").unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    let test = async |mock: MockAgent| {
        let health = mock.client().health().await.unwrap();
        seen.borrow_mut().push(health.version().unwrap().to_owned());
    };
    mock::each_snapshot(folder.path(), test).await.unwrap();
    assert_eq!(*seen.borrow(), ["1.9.0", "1.10.0"], "the oldest first");
    let broken = folder.path().join("agent-1.2.0.json");
    std::fs::write(&broken, "[").unwrap();
    let error = mock::each_snapshot(folder.path(), |_| async {}).await.unwrap_err();
    assert!(error.to_string().contains("agent-1.2.0.json"), "{error}");
    let missing = folder.path().join("none");
    let error = mock::each_snapshot(&missing, |_| async {}).await.unwrap_err();
    assert!(error.to_string().contains("none`: "), "{error}");
}

#[tokio::test]
async fn a_test_that_fails_with_one_snapshot_names_its_version() {
    if let Some(printed) =
        output_of_failure("a_test_that_fails_with_one_snapshot_names_its_version")
    {
        assert!(printed.contains("agent-1.2.0.json"), "{printed}");
        assert!(!printed.contains("agent-1.1.0.json"), "{printed}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (version, actions) in [("1.1.0", catalogue()), ("1.2.0", json!({ "actions": {} }))] {
        let path = folder.path().join(format!("agent-{version}.json"));
        std::fs::write(path, actions.to_string()).unwrap();
    }
    let test = async |mock: MockAgent| {
        let agent = mock.client().connect().await.unwrap();
        within(agent.server_start(ServerStart::new("survival"))).await.unwrap();
    };
    mock::each_snapshot(folder.path(), test).await.unwrap();
}

/// While a handshake is under way, the paused clock does not reach its time limit.
#[tokio::test(start_paused = true)]
async fn a_paused_clock_hinders_no_login_over_tls() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    for _ in 0..3 {
        let agent = mock.client().connect().await.unwrap();
        agent.whoami().await.unwrap();
        agent.close().await;
    }
    assert_eq!((mock.logins(), mock.calls::<Whoami>().len()), (3, 3));
}
