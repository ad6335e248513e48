//! What the tests share.

use std::time::Duration;

use agent_sdk::{
    Agent, Builder, ReconnectPolicy, State, Tls,
    mock::{self, MockAgent},
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A mock without TLS that answers `echo` with its parameters.
pub fn mock() -> mock::Builder {
    MockAgent::builder(catalogue())
        .tls(false)
        .handler("echo", |parameters, _| async move { Ok(parameters) })
}

pub fn catalogue() -> Value {
    json!({ "actions": {
        "whoami": {}, "servers": {}, "server_start": { "required_parameters": ["server"] },
        "subscribe": { "required_parameters": { "topic": "str" } },
        "unsubscribe": { "required_parameters": { "topic": "str" } },
        "enable_stdout": {}, "restart": { "required_parameters": { "server": "str" } },
        "server_stop": { "required_parameters": { "server": "str" } },
    } })
}

/// A client of the mock that trusts its certificate and reconnects at once.
pub fn client(mock: &MockAgent) -> Builder {
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(1))
        .max_backoff(Duration::from_millis(20));
    let builder =
        Agent::builder(mock.url()).credentials(mock.username(), mock.password()).reconnect(policy);
    match mock.fingerprint() {
        Some(fingerprint) => builder.tls(Tls::pinned(fingerprint).unwrap()),
        None => builder,
    }
}

/// A mock and a client that is connected to it.
pub async fn pair() -> (MockAgent, Agent) {
    let mock = mock().start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    (mock, agent)
}

/// Waits until the state is as wanted, and returns it.
pub async fn until(
    state: &mut watch::Receiver<State>,
    mut wanted: impl FnMut(&State) -> bool,
) -> State {
    let found = timeout(LIMIT, state.wait_for(|state| wanted(state))).await;
    found.expect("the state was not reached in time").unwrap().clone()
}

pub fn is_connected(state: &State) -> bool {
    matches!(state, State::Connected)
}

pub fn is_closed(state: &State) -> bool {
    matches!(state, State::Closed { .. })
}

/// Fails the test instead of letting it hang.
pub async fn soon<T>(work: impl IntoFuture<Output = T>) -> T {
    timeout(LIMIT, work.into_future()).await.expect("it hangs")
}

/// Waits for what nothing announces, such as a counter.
pub async fn holds(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the mock has seen so many requests.
pub async fn until_requests(mock: &MockAgent, requests: u64) {
    holds(|| mock.request_count() >= requests).await;
}

/// Begins a call without waiting for its end; it is sent once the connection gets its turn.
pub async fn begin(call: &mut (impl Future<Output: std::fmt::Debug> + Unpin)) {
    let polled = futures_util::poll!(call);
    assert!(polled.is_pending(), "{polled:?}");
}
