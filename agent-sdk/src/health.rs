//! The health check: plain HTTP on the agent's port, without login.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, join, split},
    task::JoinSet,
    time::Instant,
};

use crate::{
    builder::Builder,
    dial::{Connector, NEEDS_TLS, Transport, on_runtime},
    error::{ConnectError, ConnectStage},
    text::Secrets,
};

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The most that is read of a connection, in bytes: interim answers (1xx) could go on for ever, and
/// keep the runtime from looking at the clock.
const MAX_READ: u64 = 4 * MAX_BODY as u64;

/// What an agent says of itself (`docs/protocol.md`, documented); [`Builder::health`] asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    whole: Value,
}

impl Health {
    /// The agent's version, such as `1.1.34`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.whole.pointer("/agent/version")?.as_str()
    }

    /// The name of the host that it runs on.
    #[must_use]
    pub fn hostname(&self) -> Option<&str> {
        self.whole.pointer("/system/hostname")?.as_str()
    }

    /// Its status, such as `running`.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        self.whole.get("status")?.as_str()
    }

    /// The whole answer.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.whole
    }
}

impl Builder {
    /// Asks the agent for its health, without login.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], also if the answer is not the JSON object of a health check.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), agent_sdk::ConnectError> {
    /// let health = agent_sdk::Agent::builder("wss://agent.example").health().await?;
    /// println!("{:?}", health.version());
    /// # Ok(()) }
    /// ```
    pub async fn health(self) -> Result<Health, ConnectError> {
        on_runtime(self.runtime.clone(), Box::pin(self.health_here())).await
    }

    async fn health_here(self) -> Result<Health, ConnectError> {
        // No credentials travel, so plain `ws` needs no permission.
        let builder = self.allow_plaintext(true);
        let (endpoint, secrets) = (builder.endpoint()?, builder.secrets());
        let connector = builder.connector(endpoint).await?;
        let deadline = Instant::now() + connector.timeout;
        let transport = connector.open(deadline).await?;
        connector
            .in_time(deadline, ConnectStage::Request, ask(transport, &connector, &secrets))
            .await
    }
}

async fn ask(
    transport: Transport,
    connector: &Connector,
    secrets: &Secrets,
) -> Result<Health, ConnectError> {
    let address = connector.endpoint.authority();
    let strange = |said: String| ConnectError::NotAnAgent { address: address.clone(), said };
    let http = |error: hyper::Error| {
        let hint = if error.is_parse() && !connector.endpoint.tls { NEEDS_TLS } else { "" };
        strange(format!("the health check failed: {error}{hint}"))
    };

    let (read_half, write_half) = split(transport);
    let stream = TokioIo::new(join(read_half.take(MAX_READ), write_half));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(http)?;
    // Dropping the set ends the connection with this function.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get("/")
        .header("host", connector.endpoint.host_header())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| strange(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(http)?;
    let status = response.status();
    let body = read(response.into_body()).await.map_err(strange)?;
    if !status.is_success() {
        return Err(strange(format!("HTTP {status}: {}", secrets.excerpt_unless_login(&body))));
    }
    let whole: Value =
        serde_json::from_slice(&body).ok().filter(Value::is_object).ok_or_else(|| {
            strange(format!("its health check is `{}`", secrets.excerpt_unless_login(&body)))
        })?;
    Ok(Health { whole })
}

async fn read(body: Incoming) -> Result<Bytes, String> {
    let collected = Limited::new(body, MAX_BODY).collect().await;
    Ok(collected.map_err(|error| format!("its health check cannot be read: {error}"))?.to_bytes())
}
