//! Calls that are repeated: reads after anything, writes only if they were never sent.

use std::time::Duration;

use agent_sdk::{
    Action, Error, Outcome, Parameters, Reply,
    mock::{Fault, ReplyForm},
};

use crate::common::{LIMIT, client, is_connected, mock, pair, soon, until, until_requests};

const SHORT: Duration = Duration::from_millis(50);

/// A read.
struct Servers;

impl Action for Servers {
    const NAME: &'static str = "servers";
    const READS: bool = true;
    type Output = Reply;
}

/// A write.
struct ServerStart;

impl Action for ServerStart {
    const NAME: &'static str = "server_start";
    type Output = Reply;

    fn write_parameters(&self, parameters: &mut Parameters) {
        parameters.add("server", "survival");
    }
}

#[tokio::test]
async fn a_read_without_an_answer_is_repeated_until_there_is_one() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose().times(2));
    soon(agent.call(Servers).timeout(SHORT).retry(3)).await.unwrap();
    assert_eq!(mock.request_count(), 3);
    mock.inject(Fault::lose().times(9));
    let error = soon(agent.call(Servers).timeout(SHORT).retry(2)).await.unwrap_err();
    assert_eq!((error.outcome(), mock.request_count()), (Outcome::Unknown, 6));
}

#[tokio::test]
async fn a_write_without_an_answer_never_runs_twice() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose().times(2));
    let error = soon(agent.call(ServerStart).timeout(SHORT).retry(9)).await.unwrap_err();
    assert_eq!((error.outcome(), mock.request_count()), (Outcome::Unknown, 1));
    // What is called by its name may be a write.
    let error = soon(agent.call_raw("servers", ()).timeout(SHORT).retry(9)).await.unwrap_err();
    assert_eq!((error.outcome(), mock.request_count()), (Outcome::Unknown, 2));
}

#[tokio::test]
async fn a_read_is_repeated_on_the_next_connection_and_a_write_is_not() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::delay(LIMIT).times(2));
    let (read, write) =
        (agent.call(Servers).retry(3).owned(), agent.call(ServerStart).retry(3).owned());
    let (read, write) = (tokio::spawn(read), tokio::spawn(write));
    until_requests(&mock, 2).await;
    mock.cut_connections();
    soon(read).await.unwrap().unwrap();
    let error = soon(write).await.unwrap().unwrap_err();
    assert_eq!((error.outcome(), mock.request_count()), (Outcome::Unknown, 3));
}

#[tokio::test]
async fn a_write_that_was_never_sent_is_repeated_and_runs_once() {
    let started = |_, _| async { Ok(serde_json::json!({})) };
    let mock = mock().handler("server_start", started).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    for fail_fast in [true, false] {
        mock.go_down().await;
        until(&mut agent.state(), |state| !is_connected(state)).await;
        let call = || agent.call(ServerStart).timeout(SHORT).fail_fast(fail_fast);
        let error = soon(call().retry(1)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
        let running = tokio::spawn(call().retry(100).owned());
        mock.come_up().await.unwrap();
        soon(running).await.unwrap().unwrap();
    }
    assert_eq!(mock.request_count(), 2);
}

#[tokio::test]
async fn what_the_agent_answers_is_the_end() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::form(ReplyForm::Padded(100)));
    soon(agent.call(Servers).retry(3)).await.unwrap();
    let refused = |_, _| async { Err(serde_json::json!("no")) };
    let mock = self::mock().handler("servers", refused).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    let error = soon(agent.call(Servers).retry(3)).await.unwrap_err();
    assert_eq!((error.outcome(), mock.request_count()), (Outcome::Rejected, 1));
    soon(agent.close()).await;
    assert!(matches!(soon(agent.call(Servers).retry(3)).await, Err(Error::Closed { .. })));
}
