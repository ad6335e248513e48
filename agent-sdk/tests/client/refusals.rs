//! What becomes of a client whose gateway, agent or ban refuses the next login.

use std::{sync::Arc, time::Duration};

use agent_sdk::{Agent, CloseReason, ConnectError, Pace, ReconnectPolicy, State};
use serde_json::json;

use crate::{
    common::{is_closed, is_connected, mock, soon, until},
    gateway::{Gateway, Mode},
};

/// Longer than any quick wait of the tests' policy.
const BAN_DELAY: Duration = Duration::from_millis(300);

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(1))
        .max_backoff(Duration::from_millis(20))
        .ban_delay(BAN_DELAY)
}

fn status(line: &str) -> Mode {
    Mode::Answer(format!("HTTP/1.1 {line}\r\nContent-Length: 2\r\n\r\nno"))
}

/// Waits for an attempt that has failed, and whose successor has this pace.
async fn until_pace(agent: &Agent, wanted: Pace) -> (u32, Duration, ConnectError) {
    let failed_so = |state: &State| match state {
        State::Reconnecting { pace, failure: Some(_), .. } => *pace == wanted,
        state => is_closed(state),
    };
    match until(&mut agent.state(), failed_so).await {
        State::Reconnecting { attempt, delay, failure: Some(error), .. } => (attempt, delay, error),
        other => panic!("{other:?}"),
    }
}

async fn until_closed(agent: &Agent) -> Arc<CloseReason> {
    match until(&mut agent.state(), is_closed).await {
        State::Closed { why } => why,
        other => panic!("{other:?}"),
    }
}

/// Answers that something else than a willing agent gives, in the words of the documentation's table.
fn answers() -> Vec<(&'static str, Mode)> {
    let many = "any other HTTP status but 101, such as 200, 400 or 404";
    let ends = "the connection ends without an answer, by a close or a reset";
    vec![
        ("HTTP 500 to 599", status("500 Internal Server Error")),
        ("HTTP 500 to 599", status("502 Bad Gateway")),
        ("HTTP 500 to 599", status("503 Service Unavailable")),
        ("HTTP 500 to 599", status("504 Gateway Timeout")),
        (
            "HTTP 300 to 399",
            Mode::Answer("HTTP/1.1 302 Found\r\nLocation: https://x/\r\n\r\n".to_owned()),
        ),
        ("HTTP 300 to 399", status("304 Not Modified")),
        (many, status("200 OK")),
        (many, status("204 No Content")),
        (many, status("400 Bad Request")),
        (many, status("404 Not Found")),
        (many, status("405 Method Not Allowed")),
        (many, status("426 Upgrade Required")),
        ("an answer that is no HTTP, or a wrong upgrade", Mode::Answer("SSH-2.0-x\r\n".to_owned())),
        (
            "an answer that is no HTTP, or a wrong upgrade",
            Mode::Answer("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n".to_owned()),
        ),
        ("an answer that is no HTTP, or a wrong upgrade", Mode::Answer("HTTP/1.1 20".to_owned())),
        (ends, Mode::Close),
        (ends, Mode::CloseAtOnce),
        (ends, Mode::Reset),
    ]
}

/// The column of the documentation's table that says what follows after a success.
fn after_a_success(row: &str) -> Pace {
    let line = include_str!("../../src/options.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("/// | "))
        .find_map(|line| line.strip_prefix(row))
        .unwrap_or_else(|| panic!("`{row}` is not in the table"));
    match line.split('|').map(str::trim).nth(2) {
        Some("quick") => Pace::Quick,
        Some("slow") => Pace::Slow,
        other => panic!("{other:?}"),
    }
}

/// A gateway's answers during a restart of seconds closed every client for good: the third was final.
#[tokio::test]
async fn no_answer_of_a_gateway_is_the_end_of_a_client_that_had_worked() {
    for (row, answer) in answers() {
        let gateway = Gateway::new().await;
        let agent = gateway.connect(policy()).await;
        gateway.switch(answer.clone());
        // The third refusal is where it used to end.
        gateway.wait_for_visits(3).await;
        let wanted = after_a_success(row);
        let (_, delay, error) = until_pace(&agent, wanted).await;
        if wanted == Pace::Slow {
            assert!(delay >= BAN_DELAY, "{answer:?}: {delay:?}");
            assert_eq!(gateway.visits(), 3, "{answer:?}");
        }
        assert!(!matches!(error, ConnectError::LoginRejected { .. }), "{error}");
        gateway.switch(Mode::Forward);
        soon(agent.call_raw("echo", json!({}))).await.unwrap();
    }
}

/// In the TLS handshake no password has been sent yet, so that nothing has to slow down.
#[tokio::test]
async fn a_tls_handshake_that_fails_is_repeated_quickly() {
    let plain = Mode::AnswerAtOnce("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned());
    for answer in [Mode::CloseAtOnce, plain] {
        let gateway = Gateway::before(mock().tls(true).start().await.unwrap()).await;
        let agent = gateway.connect(policy().ban_delay(Duration::from_secs(3600))).await;
        gateway.switch(answer.clone());
        gateway.wait_for_visits(5).await;
        let (_, delay, _) = until_pace(&agent, Pace::Quick).await;
        assert!(delay <= Duration::from_millis(20), "{answer:?}: {delay:?}");
        assert_eq!(after_a_success("the TLS handshake fails or breaks off"), Pace::Quick);
        gateway.switch(Mode::Forward);
        soon(agent.call_raw("echo", json!({}))).await.unwrap();
    }
}

#[tokio::test]
async fn a_login_that_is_not_answered_is_repeated_slowly_and_works_in_the_end() {
    let gateway = Gateway::new().await;
    let client = gateway.client(policy()).connect_timeout(Duration::from_millis(100));
    let agent = client.connect().await.unwrap();
    gateway.switch(Mode::Silence);
    let (attempt, delay, _) = until_pace(&agent, Pace::Slow).await;
    assert!(attempt == 2 && delay >= BAN_DELAY, "{attempt}: {delay:?}");
    assert_eq!(after_a_success("a time limit, after the login was sent"), Pace::Slow);
    gateway.switch(Mode::Forward);
    soon(agent.call_raw("echo", json!({}))).await.unwrap();
}

/// The first login stays as it was: one attempt, whatever the answer.
#[tokio::test]
async fn the_first_login_is_tried_once() {
    for (_, answer) in answers() {
        let gateway = Gateway::new().await;
        gateway.switch(answer);
        gateway.client(policy()).connect().await.unwrap_err();
        assert_eq!(gateway.visits(), 1);
    }
}

/// A ban that somebody else behind the same address had brought about was final.
#[tokio::test]
async fn a_ban_is_waited_for_and_outlived() {
    for line in ["401 Unauthorized", "403 Forbidden", "407 Proxy", "429 Too Many Requests"] {
        let gateway = Gateway::new().await;
        let agent = gateway.connect(policy()).await;
        gateway.switch(status(line));
        let (attempt, delay, error) = until_pace(&agent, Pace::Banned).await;
        assert!(attempt == 2 && delay >= BAN_DELAY, "{line}: attempt {attempt}, {delay:?}");
        assert!(matches!(error, ConnectError::LoginRejected { .. }), "{error}");
        assert_eq!(gateway.visits(), 1, "one login at a time");
        gateway.switch(Mode::Forward);
        soon(agent.call_raw("echo", json!({}))).await.unwrap();
    }
}

#[tokio::test]
async fn rejected_logins_end_before_they_bring_a_ban_about() {
    for (retries, logins) in [(None, 4), (Some(1), 2), (Some(0), 1)] {
        let mut policy = policy().ban_delay(Duration::from_millis(20));
        if let Some(retries) = retries {
            policy = policy.ban_retries(retries);
        }
        let gateway = Gateway::new().await;
        let agent = gateway.connect(policy).await;
        gateway.switch(status("401 Unauthorized"));
        let why = until_closed(&agent).await;
        assert!(matches!(&*why, CloseReason::Refused(ConnectError::LoginRejected { .. })), "{why}");
        assert_eq!(gateway.visits(), logins);
    }
}

/// The waits between rejected logins grow, so that a ban that is longer than usual passes too.
#[tokio::test]
async fn each_wait_for_the_end_of_a_ban_is_twice_the_one_before() {
    let gateway = Gateway::new().await;
    let agent = gateway.connect(ReconnectPolicy::default()).await;
    gateway.switch(status("403 Forbidden"));
    let mut state = agent.state();
    tokio::time::pause();
    for (attempt, seconds) in [(2, 75), (3, 150), (4, 300)] {
        let next = |state: &State| matches!(state, State::Reconnecting { attempt: a, .. } if *a == attempt);
        let seen = state.wait_for(next).await.unwrap().clone();
        let State::Reconnecting { delay, pace: Pace::Banned, .. } = seen else {
            panic!("{seen:?}")
        };
        assert!((seconds..seconds * 5 / 4 + 31).contains(&delay.as_secs()), "{attempt}: {delay:?}");
    }
    state.wait_for(is_closed).await.unwrap();
}

/// Three attempts that each succeeded and were cut at once counted as three first attempts: 134 in 5 s.
#[tokio::test]
async fn attempts_count_until_a_connection_has_lasted() {
    let gateway = Gateway::new().await;
    let agent = gateway.connect(policy().max_attempts(3)).await;
    let mut state = agent.state();
    for attempt in 1..=3 {
        soon(agent.call_raw("echo", json!({}))).await.unwrap();
        gateway.switch(Mode::Forward);
        let seen = until(&mut state, |state| !is_connected(state)).await;
        assert!(
            matches!(seen, State::Reconnecting { attempt: seen, .. } if seen == attempt),
            "{attempt}: {seen:?}"
        );
        until(&mut state, is_connected).await;
    }
    gateway.switch(Mode::Forward);
    let why = until_closed(&agent).await;
    assert!(matches!(&*why, CloseReason::Unstable { attempts: 3, .. }), "{why}");
}

#[tokio::test]
async fn attempts_are_counted_anew_once_a_connection_has_lasted() {
    let gateway = Gateway::new().await;
    let agent = gateway.connect(policy().max_attempts(1)).await;
    let mut state = agent.state();
    for _ in 0..3 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        gateway.switch(Mode::Forward);
        let seen = until(&mut state, |state| !is_connected(state)).await;
        assert!(matches!(seen, State::Reconnecting { attempt: 1, .. }), "{seen:?}");
        until(&mut state, is_connected).await;
    }
}
