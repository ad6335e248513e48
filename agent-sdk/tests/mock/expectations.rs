//! Typed expectations, by the SDK's own client.

use std::panic::{AssertUnwindSafe, catch_unwind};

use agent_sdk::{
    Agent, Error, Outcome,
    actions::{CreateUser, ServerRconSend, ServerStart, Whoami, WriteFile},
    mock::{self, Fault, MockAgent, ReplyForm, Response},
};
use serde_json::json;

use crate::foreign::{catalogue, within};

async fn pair() -> (MockAgent, Agent) {
    let mock = MockAgent::builder(catalogue()).tls(false).start().await.unwrap();
    let agent = Agent::builder(mock.url()).credentials(mock.username(), mock.password());
    (mock, agent.connect().await.unwrap())
}

/// The text with which a mock fails its test.
fn failure(mock: &MockAgent) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| mock.verify())).expect_err("it must fail");
    panic.downcast_ref::<String>().unwrap().clone()
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
    assert!(failure(&mock).contains("unexpected call of `server_start`"));
    leave(mock);
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
    for version in ["1.1.34", "1.2.0"] {
        let path = folder.path().join(format!("agent-{version}.json"));
        std::fs::write(path, catalogue().to_string()).unwrap();
    }
    std::fs::write(folder.path().join("overlay.toml"), "").unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    let test = async |mock: MockAgent| seen.borrow_mut().push(mock.certificate_pem().is_some());
    mock::each_snapshot(folder.path(), test).await.unwrap();
    assert_eq!(*seen.borrow(), [true, true]);
}
