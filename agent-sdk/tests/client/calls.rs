//! How calls end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::{
    Error, NotSent, Outcome, Unanswered,
    mock::{Fault, ReplyForm, ReplyKey},
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{LIMIT, client, holds, mock, pair, soon, until_requests};

/// Calls `echo` many times with so many in flight; each answer must be that of its request.
async fn storm(agent: &agent_sdk::Agent, calls: u32, in_flight: u32) {
    let mut tasks = JoinSet::new();
    for lane in 0..in_flight {
        let agent = agent.clone();
        tasks.spawn(async move {
            for number in (lane..calls).step_by(in_flight as usize) {
                let sent = json!({ "number": number });
                let reply = agent.call_raw("echo", &sent).await.unwrap();
                assert_eq!(reply.parameters().unwrap(), sent);
            }
        });
    }
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn each_of_10_000_calls_gets_its_own_answer() {
    let (mock, agent) = pair().await;
    storm(&agent, 10_000, 256).await;
    let figures = agent.statistics();
    assert_eq!((figures.calls, figures.succeeded), (10_000, 10_000));
    assert_eq!((figures.pending, figures.late_replies, figures.events), (0, 0, 0));
    assert!(figures.latency_median.unwrap() <= figures.latency_p99.unwrap());
    assert_eq!(mock.request_count(), 10_000);
}

#[tokio::test]
async fn replies_in_reverse_order_find_their_calls() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::reverse(256));
    storm(&agent, 10_000, 256).await;
    assert_eq!(agent.statistics().succeeded, 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_on_several_threads_share_a_connection() {
    let mock = mock().tls(true).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    storm(&agent, 5_000, 64).await;
    assert_eq!(agent.statistics().succeeded, 5_000);
}

#[tokio::test]
async fn the_keys_of_a_reply_may_come_in_any_order() {
    use ReplyKey::{Idempotence, Parameters, Status};
    for keys in [
        [Parameters, Status, Idempotence],
        [Status, Idempotence, Parameters],
        [Parameters, Idempotence, Status],
    ] {
        let mock = mock().reply_keys(keys).start().await.unwrap();
        let agent = client(&mock).connect().await.unwrap();
        storm(&agent, 100, 10).await;
        let error = soon(agent.call_raw("no_such_action", ())).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Rejected);
    }
}

#[tokio::test]
async fn a_rejection_keeps_the_words_of_the_agent() {
    let (_mock, agent) = pair().await;
    let error = soon(agent.call_raw("server_start", ())).await.unwrap_err();
    let Error::Rejected(rejected) = &error else { panic!("{error}") };
    assert_eq!(rejected.action(), "server_start");
    assert!(rejected.message().contains("server"), "{rejected}");
    assert!(rejected.detail().is_object());
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert_eq!(agent.statistics().rejected, 1);
}

#[tokio::test]
async fn a_rejection_in_any_shape_has_a_message() {
    for (detail, message) in [
        (json!({"error": "no"}), "no"),
        (json!({"message": "no"}), "no"),
        (json!({"reason": {"detail": "no"}}), "no"),
        (json!({"detail": "no", "code": 7}), "no"),
        (json!("no"), "no"),
        (json!(null), "it gave no reason"),
        (json!({"code": 7, "sent": {"password": "x"}}), "it gave only `code`, `sent`"),
        (json!({}), "it gave no reason"),
    ] {
        let answer = detail.clone();
        let mock = mock()
            .handler("refuse", move |_, _| {
                let answer = answer.clone();
                async move { Err(answer) }
            })
            .start()
            .await
            .unwrap();
        let agent = client(&mock).connect().await.unwrap();
        match soon(agent.call_raw("refuse", ())).await.unwrap_err() {
            Error::Rejected(rejected) => {
                assert_eq!(rejected.message(), message);
                assert_eq!(*rejected.detail(), detail);
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_call_without_an_answer_times_out_and_may_have_been_executed() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    let call = agent.call_raw("echo", ()).timeout(Duration::from_millis(50));
    let error = soon(call).await.unwrap_err();
    let Error::OutcomeUnknown { reason: Unanswered::TimedOut(after), .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*after, Duration::from_millis(50));
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.to_string().contains("may have executed"), "{error}");
    let figures = agent.statistics();
    assert_eq!((figures.timed_out, figures.pending), (1, 0));
}

#[tokio::test]
async fn a_late_reply_is_counted_and_is_no_event() {
    let (mock, agent) = pair().await;
    let mut events = agent.events();
    mock.inject(Fault::delay(Duration::from_millis(100)).times(1));
    let call = agent.call_raw("echo", ()).timeout(Duration::from_millis(10));
    soon(call).await.unwrap_err();
    holds(|| agent.statistics().late_replies > 0).await;
    assert_eq!(agent.statistics().events, 0);
    agent.close().await;
    assert!(soon(events.next()).await.is_none());
}

#[tokio::test]
async fn a_short_timeout_is_kept_while_long_ones_wait() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::lose());
    let long = agent.call_raw("echo", ()).timeout(Duration::from_secs(3600));
    let short = agent.call_raw("echo", ()).timeout(Duration::from_millis(20));
    tokio::select! {
        result = long => panic!("{result:?}"),
        result = short => {
            assert_eq!(result.unwrap_err().outcome(), Outcome::Unknown);
        }
    }
    // The other one was dropped.
    assert_eq!(agent.statistics().pending, 0);
    assert_eq!(agent.statistics().cancelled, 1);
}

#[tokio::test]
async fn the_longest_timeout_does_no_harm() {
    let (_mock, agent) = pair().await;
    soon(agent.call_raw("echo", ()).timeout(Duration::MAX)).await.unwrap();
}

#[tokio::test]
async fn a_call_whose_time_is_up_is_not_sent() {
    let (mock, agent) = pair().await;
    let error = soon(agent.call_raw("echo", ()).timeout(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::TimedOut(_), .. }), "{error}");
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(mock.request_count(), 1);
}

#[tokio::test]
async fn calls_over_the_limit_wait_their_turn_in_order() {
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let seeing = Arc::clone(&seen);
    let mock = mock()
        .handler("number", move |parameters, _| {
            seeing.lock().unwrap().push(parameters["number"].clone());
            async { Ok(json!({})) }
        })
        .start()
        .await
        .unwrap();
    let agent = client(&mock).max_in_flight(2).connect().await.unwrap();
    mock.inject(Fault::delay(Duration::from_millis(20)));
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let agent = agent.clone();
        tasks.spawn(async move { agent.call_raw("number", json!({"number": number})).await });
        tokio::task::yield_now().await;
    }
    until_requests(&mock, 2).await;
    assert_eq!(agent.statistics().pending, 10);
    // The agent holds both replies back for 20 ms; until then no third request may come.
    assert_eq!(mock.request_count(), 2);
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap().unwrap();
    }
    let numbers: Vec<_> = (0..10).map(|number| json!(number)).collect();
    assert_eq!(*seen.lock().unwrap(), numbers);
}

#[tokio::test]
async fn a_reply_that_is_not_what_was_expected_keeps_path_and_reply() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is never decoded")]
    struct Servers {
        servers: Vec<Server>,
    }
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is never decoded")]
    struct Server {
        id: String,
    }
    let (_mock, agent) = pair().await;
    let reply = soon(agent.call_raw("echo", json!({"servers": [{"id": "a"}, {"id": 7}]}))).await;
    let error = reply.unwrap().decode::<Servers>().unwrap_err();
    let Error::Decode(decode) = &error else { panic!("{error}") };
    assert_eq!(decode.path(), "servers[1].id");
    assert!(decode.reply().message().starts_with(b"{"));
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(error.to_string().contains("`echo`") && error.to_string().contains("servers[1].id"));
}

#[tokio::test]
async fn parameters_that_are_no_object_are_not_sent() {
    let (mock, agent) = pair().await;
    let error = soon(agent.call_raw("echo", [1, 2])).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::NotAnObject, .. }), "{error}");
    let odd_keys = std::collections::BTreeMap::from([(vec![1], 1)]);
    let error = soon(agent.call_raw("echo", odd_keys)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::Parameters(_), .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(mock.request_count(), 0);
}

#[tokio::test]
async fn no_token_is_used_twice() {
    let (mock, agent) = pair().await;
    storm(&agent, 1_000, 10).await;
    let mut tokens: Vec<_> = mock.requests().into_iter().map(|request| request.token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 1_000);
    assert!(tokens.iter().all(|token| token.len() == 32), "as the vendor's client writes them");
}

#[tokio::test]
async fn closing_lets_calls_in_flight_end() {
    let (mock, agent) = pair().await;
    mock.inject(Fault::delay(Duration::from_millis(50)));
    let agent = Arc::new(agent);
    let calling = Arc::clone(&agent);
    let call = tokio::spawn(async move { calling.call_raw("echo", ()).await });
    until_requests(&mock, 1).await;
    soon(agent.close()).await;
    soon(call).await.unwrap().unwrap();
    let error = soon(agent.call_raw("echo", ())).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    soon(mock.wait_for_connections(0)).await;
    soon(agent.close()).await;
}

#[tokio::test]
async fn closing_waits_no_longer_than_its_limit() {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).close_timeout(Duration::from_millis(50)).connect().await.unwrap();
    mock.inject(Fault::lose());
    let mut call = std::pin::pin!(agent.call_raw("echo", ()));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    soon(agent.close()).await;
    let error = soon(call).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn what_is_queued_is_sent_before_the_close() {
    let (mock, agent) = pair().await;
    let calls: Vec<_> = (0..100).map(|_| agent.call_raw("echo", ())).collect();
    let calls = futures_util::future::join_all(calls);
    let (results, ()) = soon(futures_util::future::join(calls, agent.close())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(mock.request_count(), 100);
}

#[tokio::test]
async fn dropping_the_last_handle_closes() {
    let (mock, agent) = pair().await;
    let clone = agent.clone();
    let mut events = agent.events();
    drop(agent);
    soon(clone.call_raw("echo", ())).await.unwrap();
    drop(clone);
    soon(mock.wait_for_connections(0)).await;
    assert!(soon(events.next()).await.is_none());
}

#[test]
fn no_call_hangs_when_the_runtime_ends() {
    let driver =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let caller = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mock, agent) = driver.block_on(async {
        let (mock, agent) = pair().await;
        mock.inject(Fault::lose());
        (mock, agent)
    });
    let mut call = std::pin::pin!(agent.call_raw("echo", ()));
    caller.block_on(async { assert!(futures_util::poll!(call.as_mut()).is_pending()) });
    drop(mock);
    driver.shutdown_background();
    let error = caller.block_on(soon(call)).unwrap_err();
    assert!(error.outcome() != Outcome::Answered, "{error}");
    let error = caller.block_on(soon(agent.call_raw("echo", ()))).unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_reply_in_any_form_is_understood_or_ignored() {
    for (form, understood) in [
        (ReplyForm::Binary, true),
        (ReplyForm::NoStatus, true),
        (ReplyForm::Twice, true),
        (ReplyForm::Fragmented(7), true),
        (ReplyForm::Padded(3 << 20), true),
        (ReplyForm::InvalidUtf8, true),
        (ReplyForm::NotJson, false),
        (ReplyForm::NotAnObject, false),
        (ReplyForm::UnknownToken, false),
    ] {
        let (mock, agent) = pair().await;
        mock.inject(Fault::form(form).times(1));
        let timeout = if understood { LIMIT } else { Duration::from_millis(100) };
        let call = agent.call_raw("echo", json!({"a": 1})).timeout(timeout);
        match (soon(call).await, understood) {
            (Ok(reply), true) => assert_eq!(reply.parameters().unwrap()["a"], 1, "{form:?}"),
            (Err(error), false) => assert_eq!(error.outcome(), Outcome::Unknown, "{form:?}"),
            (other, _) => panic!("{form:?}: {other:?}"),
        }
        soon(agent.call_raw("echo", ())).await.unwrap();
        let figures = agent.statistics();
        assert_eq!(figures.reconnects, 0, "{form:?} must not end the connection");
        let (unknown, late, events) = match form {
            ReplyForm::NotJson | ReplyForm::NotAnObject => (1, 0, 0),
            ReplyForm::Twice => (0, 1, 0),
            ReplyForm::UnknownToken => (0, 0, 1),
            _ => (0, 0, 0),
        };
        assert_eq!(
            (figures.unknown_messages, figures.late_replies, figures.events),
            (unknown, late, events),
            "{form:?}"
        );
    }
}
