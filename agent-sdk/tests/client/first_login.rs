//! The first login: who may repeat it, and what waits for an agent that is not up yet.

use std::time::Duration;

use agent_sdk::{
    Agent, Builder, ConnectError, ReconnectPolicy,
    mock::{MockAgent, Refusal},
};

use crate::{
    common::{client, mock, soon},
    gateway::{Gateway, Mode},
};

const BAN_DELAY: Duration = Duration::from_millis(200);

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(1))
        .max_backoff(Duration::from_millis(20))
        .ban_delay(BAN_DELAY)
}

/// The loop of the documentation of `ConnectError`, which waits longer.
async fn connect(builder: Builder, mut failed: impl AsyncFnMut()) -> Result<Agent, ConnectError> {
    loop {
        match builder.clone().connect().await {
            Err(error) if error.may_be_retried() => {
                failed().await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            result => return result,
        }
    }
}

fn wrong_password(mock: &MockAgent) -> Builder {
    client(mock).reconnect(policy()).credentials(mock.username(), "wrong")
}

/// There was no question to ask an error, and a newcomer's loop repeated a wrong password into a ban.
#[tokio::test]
async fn the_documented_loop_sends_a_wrong_password_once() {
    for refusal in [
        Refusal::Unauthorized,
        Refusal::Forbidden,
        Refusal::Redirect,
        Refusal::Html,
        Refusal::NotHttp,
        Refusal::Close,
        Refusal::Reset,
        Refusal::WrongAccept,
    ] {
        let mock = mock().refusal(refusal).start().await.unwrap();
        let error = soon(connect(wrong_password(&mock), async || {})).await.unwrap_err();
        assert_eq!((mock.logins(), mock.refused_logins()), (0, 1), "{refusal:?}: {error}");
        assert_eq!(
            error.is_login_rejected(),
            matches!(refusal, Refusal::Unauthorized | Refusal::Forbidden),
            "{refusal:?}: {error}"
        );
    }
}

#[tokio::test]
async fn the_documented_loop_waits_for_an_agent_that_is_down() {
    let mock = mock().start().await.unwrap();
    mock.go_down().await;
    let mut failures = 0;
    let come_up = async || {
        failures += 1;
        if failures == 3 {
            mock.come_up().await.unwrap();
        }
    };
    soon(connect(client(&mock), come_up)).await.unwrap();
    assert_eq!((failures, mock.logins()), (3, 1));
}

#[tokio::test]
async fn an_agent_that_is_not_up_yet_is_waited_for() {
    let gateway = Gateway::new().await;
    gateway.switch(Mode::Answer("HTTP/1.1 502 x\r\nContent-Length: 0\r\n\r\n".to_owned()));
    let builder = gateway.client(policy()).wait_for_agent(Duration::from_secs(60));
    let connecting = tokio::spawn(builder.connect());
    gateway.wait_for_visits(3).await;
    gateway.switch(Mode::Forward);
    let agent = soon(connecting).await.unwrap().unwrap();
    assert_eq!(agent.statistics().reconnects, 0);
}

/// It was asked for once, whatever the builder was told to wait.
#[tokio::test]
async fn a_certificate_is_waited_for_as_a_login_is() {
    let mock = mock().tls(true).start().await.unwrap();
    mock.go_down().await;
    let builder = Agent::builder(mock.url()).reconnect(policy());
    let waiting = builder.wait_for_agent(Duration::from_secs(60)).certificate();
    let mut waiting = std::pin::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err(), "{early:?}");
    mock.come_up().await.unwrap();
    let certificate = soon(waiting).await.unwrap();
    assert_eq!(Some(certificate.fingerprint().to_string()), mock.fingerprint());
}

#[tokio::test]
async fn waiting_for_an_agent_ends_with_the_last_error() {
    let mock = mock().start().await.unwrap();
    mock.go_down().await;
    let limit = Duration::from_millis(100);
    let builder = client(&mock).reconnect(policy()).wait_for_agent(limit);
    let error = soon(builder.connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn waiting_never_repeats_a_rejected_login() {
    for refusal in [Refusal::Unauthorized, Refusal::Forbidden] {
        let mock = mock().refusal(refusal).start().await.unwrap();
        let builder = wrong_password(&mock).wait_for_agent(Duration::from_secs(60));
        let error = soon(builder.connect()).await.unwrap_err();
        assert!(error.is_login_rejected(), "{error}");
        assert_eq!(mock.refused_logins(), 1);
    }
}

/// An agent may reject a login by closing without a word: five of those in a row are a ban.
#[tokio::test]
async fn waiting_repeats_what_may_have_been_a_rejected_login_only_after_a_ban() {
    let mock = mock().refusal(Refusal::Close).start().await.unwrap();
    let wait = 2 * BAN_DELAY + BAN_DELAY / 2;
    let began = std::time::Instant::now();
    soon(wrong_password(&mock).wait_for_agent(wait).connect()).await.unwrap_err();
    let most = 1 + began.elapsed().as_millis() / BAN_DELAY.as_millis();
    assert!(u128::from(mock.refused_logins()) <= most, "{}", mock.refused_logins());
    assert!(mock.refused_logins() >= 2, "it is repeated in the end");
    soon(wrong_password(&mock).wait_for_agent(BAN_DELAY / 2).connect()).await.unwrap_err();
}

#[tokio::test]
async fn waiting_does_not_repeat_what_other_options_have_to_mend() {
    let plain = Agent::builder("ws://192.0.2.1").credentials("root", "x");
    let error = soon(plain.wait_for_agent(Duration::from_secs(60)).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::PlaintextRefused { .. }), "{error}");
    let mock = mock().tls(true).start().await.unwrap();
    let pinned = agent_sdk::Tls::pinned(format!("sha256:{}", "0".repeat(64))).unwrap();
    let builder = client(&mock).tls(pinned).wait_for_agent(Duration::from_secs(60));
    let error = soon(builder.connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::CertificateChanged { .. }), "{error}");
    assert_eq!(mock.logins() + mock.refused_logins(), 0);
}
