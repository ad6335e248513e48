//! One HTTP request, over the same trust and login as the WebSocket.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    client::conn::http1,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
        HeaderValue, TRANSFER_ENCODING,
    },
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};
use zeroize::Zeroizing;

use super::TransferError;
use crate::{agent::Agent, dial::Door, error::ConnectError, text::Secrets};

/// The most of a refusal's body that is read, in bytes: it is only words.
const MAX_REFUSAL: usize = 16 * 1024;

/// A request that is to be made.
pub(super) struct Post<'a> {
    /// `/upload` or `/download`.
    pub(super) target: &'static str,
    pub(super) content_type: String,
    pub(super) content_length: u64,
    /// The path on the agent's machine, for errors.
    pub(super) path: &'a str,
}

/// An answer that was begun; its connection ends with it.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    _connection: JoinSet<Result<(), hyper::Error>>,
}

impl Post<'_> {
    /// Connects and sends; returns the head of a successful answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the connection; the agent may have received anything or nothing.
    pub(super) async fn send<B>(&self, agent: &Agent, body: B) -> Result<Answer, TransferError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let door = agent.door();
        let authorization = door.authorization(self)?;
        let transport = door.connector.open(Instant::now() + door.connector.timeout).await?;
        let handshake = http1::handshake(TokioIo::new(transport)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        // Dropping the set ends the connection.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::post(self.target)
            .header(HOST, door.connector.endpoint.host_header())
            .header(AUTHORIZATION, authorization)
            .header(CONNECTION, "close")
            .header(CONTENT_TYPE, &self.content_type)
            .header(CONTENT_LENGTH, self.content_length)
            .body(body)
            .map_err(|error| self.broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response, &door.credentials.secrets()).await);
        }
        Ok(Answer { response, _connection: driver })
    }

    /// Refuses an answer that may be something else than the whole file, as it is on the agent's machine.
    pub(super) fn check_whole(&self, answer: &Answer) -> Result<(), TransferError> {
        let Answer { response, .. } = answer;
        let has = |name| response.headers().contains_key(name);
        let reason = if response.status() != StatusCode::OK {
            format!("HTTP {} is no answer with a whole file", response.status().as_u16())
        } else if response.headers().get(CONTENT_ENCODING).is_some_and(|it| it != "identity") {
            "it was compressed on its way, perhaps by a proxy, which was not asked for".to_owned()
        } else if !has(CONTENT_LENGTH) && !has(TRANSFER_ENCODING) {
            "the answer does not say where it ends, so that a part cannot be told from the whole"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(TransferError::Broken { path: self.path.to_owned(), bytes: 0, reason })
    }

    pub(super) fn broken(&self, error: &dyn std::error::Error) -> TransferError {
        // hyper's own text rarely says why.
        let reason = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        TransferError::Broken { path: self.path.to_owned(), bytes: 0, reason }
    }

    async fn refused(&self, response: Response<Incoming>, secrets: &Secrets) -> TransferError {
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
        let said =
            body.map(|body| secrets.excerpt_unless_login(&body.to_bytes())).unwrap_or_default();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        TransferError::Refused { path: self.path.to_owned(), status, said }
    }
}

impl Door {
    /// The login as HTTP Basic, which no log shows.
    ///
    /// # Errors
    ///
    /// The username has a colon, which ends it there: the login would be a bad one, and counted.
    fn authorization(&self, post: &Post<'_>) -> Result<HeaderValue, TransferError> {
        let (username, password) = (&self.credentials.username, &self.credentials.password);
        if username.contains(':') {
            let reason = "it contains a colon, with which no transfer of files can log in";
            return Err(ConnectError::InvalidCredentials { which: "username", reason }.into());
        }
        let login = Zeroizing::new([username.as_str(), ":", password.as_str()].concat());
        let login = Zeroizing::new(data_encoding::BASE64.encode(login.as_bytes()));
        let login = Zeroizing::new(["Basic ", login.as_str()].concat());
        let mut value = HeaderValue::from_str(&login).map_err(|error| post.broken(&error))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Opens a transfer by its action, and finds the token in the answer, wherever it is.
pub(super) async fn open(
    agent: &Agent,
    action: &'static str,
    path: &str,
    parameters: Value,
) -> Result<String, TransferError> {
    let reply = agent.call_raw(action, parameters).await?;
    let parameters = reply.parameters()?;
    token(&parameters).ok_or_else(|| TransferError::NoToken { action, path: path.to_owned() })
}

/// Finds the token: the answer itself, or a field of that name at any depth, and else one that may be a
/// token.
fn token(answer: &Value) -> Option<String> {
    const NAMES: [&str; 3] = ["token", "upload_token", "download_token"];
    const OTHER_NAMES: [&str; 2] = ["id", "uuid"];
    scalar(answer).or_else(|| named(answer, &NAMES)).or_else(|| named(answer, &OTHER_NAMES))
}

fn named(answer: &Value, names: &[&str]) -> Option<String> {
    let fields = answer.as_object()?;
    let own = names.iter().find_map(|name| scalar(fields.get(*name)?));
    own.or_else(|| fields.values().find_map(|value| named(value, names)))
}

/// A text that is not empty, or a number.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::token;

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        for answer in [
            json!("t"),
            json!({ "token": "t", "size": 3 }),
            json!({ "id": "t" }),
            json!({ "upload": { "token": "t" } }),
            json!({ "upload_token": "t", "id": 7 }),
            json!({ "id": "alpha", "transfer": { "upload": { "token": "t" } } }),
        ] {
            assert_eq!(token(&answer).as_deref(), Some("t"), "{answer}");
        }
        assert_eq!(token(&json!({ "token": 7 })).as_deref(), Some("7"));
        for answer in [json!({}), json!(null), json!({ "token": "" }), json!({ "path": "t" })] {
            assert_eq!(token(&answer), None, "{answer}");
        }
    }
}
