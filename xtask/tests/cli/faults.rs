//! `mock-agent --fault`: each fault as it is typed, seen by the SDK's own client.

use std::time::Duration;

use agent_sdk::{
    Agent, Builder, ConnectError, DisconnectReason, Error, Event, Outcome, Reply, State,
    Subscription, mock::LastingFault,
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::{LIMIT, Mock};

/// Shorter than a call that is answered takes on a busy machine, and no limit for one that is not.
const SILENCE: Duration = Duration::from_millis(500);

async fn start(faults: &[&str]) -> Mock {
    let faults = faults.iter().flat_map(|fault| ["--fault", fault]);
    Mock::start_with(["--no-tls"].into_iter().chain(faults)).await
}

fn client(mock: &Mock) -> Builder {
    Agent::builder(mock.url()).credentials("root", mock.password())
}

async fn pair(faults: &[&str]) -> (Mock, Agent) {
    let mock = start(faults).await;
    let agent = within(client(&mock).connect()).await.unwrap();
    (mock, agent)
}

async fn within<T>(work: impl IntoFuture<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("an end in time")
}

async fn whoami(agent: &Agent) -> Result<Reply, Error> {
    within(agent.call_raw("whoami", ())).await
}

async fn until(reached: impl Fn() -> bool) {
    within(async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Why the connection is being made again.
async fn cause(agent: &Agent) -> DisconnectReason {
    let mut states = agent.state();
    let lost = |state: &State| matches!(state, State::Reconnecting { .. });
    match &*within(states.wait_for(lost)).await.unwrap() {
        State::Reconnecting { cause, .. } => DisconnectReason::clone(cause),
        _ => unreachable!("it was waited for"),
    }
}

/// A call that gets no answer while the connection stays.
async fn call_without_answer(agent: &Agent) {
    let error = within(agent.call_raw("whoami", ()).timeout(SILENCE)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!(agent.statistics().reconnects, 0);
}

/// A fault that is added and not tested here fails this.
#[test]
fn each_fault_has_a_test_that_is_named_like_it() {
    for form in LastingFault::FORMS {
        let name = form.split(['=', '[']).next().unwrap().replace('-', "_");
        let test = format!("#[tokio::test]\nasync fn {name}()");
        assert!(include_str!("faults.rs").contains(&test), "{form}");
    }
}

#[tokio::test]
async fn delay() {
    let (_mock, agent) = pair(&["delay=300"]).await;
    let began = Instant::now();
    whoami(&agent).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn reorder() {
    let (_mock, agent) = pair(&["reorder"]).await;
    let call = async |number: u8| {
        whoami(&agent).await.unwrap();
        number
    };
    let mut calls: FuturesUnordered<_> = [call(1), call(2)].into_iter().collect();
    assert_eq!([calls.next().await, calls.next().await], [Some(2), Some(1)]);
}

#[tokio::test]
async fn drop_after() {
    let (mock, agent) = pair(&["drop-after=1"]).await;
    for reconnects in [1, 2] {
        whoami(&agent).await.unwrap();
        assert_eq!(whoami(&agent).await.unwrap_err().outcome(), Outcome::Unknown);
        until(|| agent.statistics().reconnects == reconnects).await;
    }
    drop(mock);
    for (fault, is_reset) in [("drop-after=0:once", false), ("drop-after=0:rst:once", true)] {
        let (_mock, agent) = pair(&[fault]).await;
        assert_eq!(whoami(&agent).await.unwrap_err().outcome(), Outcome::Unknown);
        let cause = cause(&agent).await;
        assert_eq!(matches!(cause, DisconnectReason::Broken { .. }), is_reset, "{cause}");
        whoami(&agent).await.unwrap();
        whoami(&agent).await.unwrap();
        assert_eq!(agent.statistics().reconnects, 1);
    }
}

#[tokio::test]
async fn half_open_after() {
    let (_mock, agent) = pair(&["half-open-after=1"]).await;
    whoami(&agent).await.unwrap();
    call_without_answer(&agent).await;
}

#[tokio::test]
async fn restart_after() {
    let (_mock, agent) = pair(&["restart-after=1,0.5"]).await;
    whoami(&agent).await.unwrap();
    let lost = Instant::now();
    assert_eq!(whoami(&agent).await.unwrap_err().outcome(), Outcome::Unknown);
    whoami(&agent).await.unwrap();
    assert!(lost.elapsed() >= Duration::from_millis(500), "nothing listens in between");
}

#[tokio::test]
async fn wrong_token() {
    let (_mock, agent) = pair(&["wrong-token"]).await;
    call_without_answer(&agent).await;
}

#[tokio::test]
async fn duplicate_reply() {
    let (_mock, agent) = pair(&["duplicate-reply"]).await;
    whoami(&agent).await.unwrap();
    until(|| agent.statistics().late_replies == 1).await;
}

#[tokio::test]
async fn garbage() {
    let (_mock, agent) = pair(&["garbage"]).await;
    whoami(&agent).await.unwrap();
    assert_eq!(agent.statistics().unknown_messages, 1);
}

#[tokio::test]
async fn error_status() {
    let (_mock, agent) = pair(&["error-status"]).await;
    assert!(matches!(whoami(&agent).await, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn no_status() {
    let (_mock, agent) = pair(&["no-status"]).await;
    let reply = whoami(&agent).await.unwrap();
    assert!(!String::from_utf8_lossy(reply.message()).contains("status"));
}

#[tokio::test]
async fn huge() {
    let (_mock, agent) = pair(&["huge=100000"]).await;
    assert!(whoami(&agent).await.unwrap().message().len() > 100_000);
}

#[tokio::test]
async fn fragment() {
    let mut sizes = Vec::new();
    for faults in [&[][..], &["fragment"], &["fragment=7"]] {
        let (_mock, agent) = pair(faults).await;
        whoami(&agent).await.unwrap();
        sizes.push(agent.statistics().bytes_received);
    }
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "each frame has a head: {sizes:?}");
}

#[tokio::test]
async fn slow_handshake() {
    let mock = start(&["slow-handshake=300"]).await;
    let began = Instant::now();
    within(client(&mock).connect()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn refuse_upgrade() {
    let mock = start(&["refuse-upgrade=503"]).await;
    let error = within(client(&mock).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::ServerError { status: 503, .. }), "{error}");
}

#[tokio::test]
async fn close_code() {
    let (_mock, agent) = pair(&["close-code=4400"]).await;
    whoami(&agent).await.unwrap();
    assert_eq!(cause(&agent).await.close_code(), Some(4400));
}

#[tokio::test]
async fn event_flood() {
    let (_mock, agent) = pair(&["event-flood=1000"]).await;
    until(|| agent.statistics().events == 1000).await;
}

#[tokio::test]
async fn ban() {
    let mock = start(&["ban"]).await;
    let error = within(client(&mock).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::LoginRejected { .. }), "{error}");
}

#[tokio::test]
async fn gateway() {
    let (_mock, agent) = pair(&["gateway=502", "restart-after=0,2"]).await;
    let mut states = agent.state();
    assert_eq!(whoami(&agent).await.unwrap_err().outcome(), Outcome::Unknown);
    let answered = |state: &State| match state {
        State::Reconnecting { failure: Some(ConnectError::ServerError { status, .. }), .. } => {
            *status == 502
        }
        _ => false,
    };
    within(states.wait_for(answered)).await.unwrap();
    whoami(&agent).await.unwrap();
}

#[tokio::test]
async fn freeze() {
    let (_mock, agent) = pair(&["freeze=0.5"]).await;
    let began = Instant::now();
    whoami(&agent).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn forget_subscriptions() {
    for (faults, has_events) in [(&[][..], true), (&["forget-subscriptions"], false)] {
        let (_mock, agent) = pair(faults).await;
        for (action, name) in [("subscribe", "topic"), ("server_start", "server")] {
            within(agent.call_raw(action, json!({ name: "survival" }))).await.unwrap();
        }
        whoami(&agent).await.unwrap();
        assert_eq!(agent.statistics().events > 0, has_events, "{faults:?}");
    }
}

#[tokio::test]
async fn reject_resubscribe() {
    let (_mock, agent) = pair(&["reject-resubscribe"]).await;
    let mut events = agent.events();
    within(agent.call_raw("subscribe", json!({ "topic": "survival" }))).await.unwrap();
    agent.reconnect();
    let missing = async {
        loop {
            if let Some(Event::SubscriptionMissing { subscription, .. }) = events.next().await {
                return subscription;
            }
        }
    };
    assert_eq!(within(missing).await, Subscription::Topic("survival".to_owned()));
}

#[tokio::test]
async fn several_at_once_and_the_counts_of_what_was_done() {
    let faults = ["duplicate-reply", "garbage", "fragment=2", "delay=20", "event-flood=3"];
    let (mock, agent) = pair(&faults).await;
    whoami(&agent).await.unwrap();
    let figures = || agent.statistics();
    until(|| figures().late_replies == 1 && figures().events == 3).await;
    assert_eq!(figures().unknown_messages, 1);

    let address = mock.url().trim_start_matches("ws://").trim_end_matches("/ws");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    let mut answer = String::new();
    within(tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let counts: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "connections": 1, "logins": 1, "refused_logins": 0, "requests": 1, "ignored_frames": 0,
        "actions": { "whoami": 1 },
    });
    assert_eq!(counts, expected);
}
