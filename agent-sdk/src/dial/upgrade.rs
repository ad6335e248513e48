//! The upgrade from HTTP to WebSocket, which is the login.
//!
//! tungstenite has a handshake of its own; it refuses an answer without a subprotocol, which the
//! agent may give (`docs/protocol.md`, documented), and logs the request with the password in it.

use std::{fmt::Write, time::Duration};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tungstenite::handshake::{client::generate_key, derive_accept_key};
use zeroize::Zeroizing;

use super::endpoint::{Credentials, Endpoint};
use crate::error::{ConnectError, ConnectStage};

/// The largest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long the rest of a refusal is waited for: it is only words.
const BODY: Duration = Duration::from_millis(250);
/// More than a request has beside its path, host and credentials, in bytes.
const REQUEST_LEN: usize = 256;
/// Room for an answer, of which most fit into one packet.
const READ_SIZE: usize = 2048;
/// The largest number of header fields in it.
const MAX_FIELDS: usize = 128;

/// Logs in; what arrived behind the answer is returned, for it is the first frames.
pub(crate) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<BytesMut, ConnectError> {
    let broken = |cause| ConnectError::Broken {
        address: endpoint.authority(),
        stage: ConnectStage::Upgrade,
        cause: std::sync::Arc::new(cause),
    };
    let key = generate_key();
    stream.write_all(request(endpoint, credentials, &key).as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;

    let mut received = BytesMut::with_capacity(READ_SIZE);
    loop {
        let read = stream.read_buf(&mut received).await;
        // Some refuse by resetting the connection, some by closing it.
        if matches!(read, Ok(0) | Err(_)) {
            return Err(match (received.is_empty(), read) {
                (true, _) => ConnectError::ClosedWithoutAnswer { address: endpoint.authority() },
                (false, Err(error)) => broken(error),
                (false, Ok(_)) => {
                    let said = credentials.secrets().excerpt_unless_login(&received);
                    not_an_agent(endpoint, format!("it sent `{said}` and closed"))
                }
            });
        }
        match parse(&received, &key) {
            Ok(Answer::Incomplete) => {}
            Ok(Answer::Accepted { head }) => return Ok(received.split_off(head)),
            Err(refusal) => {
                let _ = timeout(BODY, read_body(stream, &mut received, &key)).await;
                let refusal = parse(&received, &key).err().unwrap_or(refusal);
                return Err(refusal.into_error(endpoint, credentials));
            }
        }
    }
}

/// Reads the rest of a refusal, whose reason often comes in a packet of its own.
async fn read_body<S: AsyncRead + Unpin>(stream: &mut S, received: &mut BytesMut, key: &str) {
    while matches!(parse(received, key), Err(Refusal::Status { whole: false, .. }))
        && received.len() < MAX_HEAD
    {
        if matches!(stream.read_buf(received).await, Ok(0) | Err(_)) {
            break;
        }
    }
}

/// The request. It holds the password: it is written to the socket and nowhere else, and wiped
/// afterwards.
fn request(endpoint: &Endpoint, credentials: &Credentials, key: &str) -> Zeroizing<String> {
    let (username, password) = (credentials.username.as_str(), credentials.password.as_str());
    let (path, host) = (&endpoint.path, endpoint.host_header());
    let length = REQUEST_LEN + path.len() + host.len() + username.len() + password.len();
    // With room for all: growing would leave copies behind.
    let mut request = Zeroizing::new(String::with_capacity(length));
    // Writing to a string cannot fail.
    let _ = write!(
        request,
        "GET {path} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: SMP1.0, {username}, {password}\r\n\
         \r\n"
    );
    request
}

/// An answer that is no refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// More has to be received.
    Incomplete,
    /// The upgrade is done; frames begin behind `head` bytes.
    Accepted { head: usize },
}

/// An answer that is no upgrade.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Status {
        status: u16,
        location: Option<String>,
        reason: String,
        body: String,
        whole: bool,
    },
    NotHttp(String),
    /// The peer speaks TLS, and this side did not.
    Tls,
    /// The peer speaks HTTP/2, whose upgrades are others.
    Http2,
    TooLong,
    WrongUpgrade(&'static str),
}

/// Reads an answer, as far as it has been received. Interim answers (1xx) before it are skipped:
/// RFC 9110, 15.2.
pub(crate) fn parse(received: &[u8], key: &str) -> Result<Answer, Refusal> {
    let mut skipped = 0;
    loop {
        match parse_one(received.get(skipped..).unwrap_or_default(), MAX_HEAD - skipped, key)? {
            Head::Interim(head) => skipped += head,
            Head::Incomplete => return Ok(Answer::Incomplete),
            Head::Accepted(head) => return Ok(Answer::Accepted { head: skipped + head }),
        }
    }
}

/// The head of one answer, with its length.
enum Head {
    Incomplete,
    Interim(usize),
    Accepted(usize),
}

fn parse_one(received: &[u8], limit: usize, key: &str) -> Result<Head, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = tolerant().parse_response(&mut response, received);
    let status = response.code.unwrap_or_default();
    let head = match parsed {
        Ok(httparse::Status::Complete(head)) if head <= limit => head,
        Ok(httparse::Status::Partial) if received.len() <= limit => return Ok(Head::Incomplete),
        // Its verdict counts, however it goes on.
        _ if status >= 200 => return Err(Refusal::of_status(&response, b"", true)),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLong),
        Err(_) => return begin_of_other(received),
    };
    let fields = Fields(response.headers);
    match status {
        101 => check_upgrade(&fields, key).map_err(Refusal::WrongUpgrade)?,
        100..200 => return Ok(Head::Interim(head)),
        _ => {
            let (body, whole) = fields.body(status, &received[head..]);
            return Err(Refusal::of_status(&response, &body, whole));
        }
    }
    Ok(Head::Accepted(head))
}

/// Takes what gateways write that RFC 9112 does not allow: what a status is worth does not depend on the
/// fields behind it.
fn tolerant() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

/// What begins otherwise than HTTP/1.
fn begin_of_other(received: &[u8]) -> Result<Head, Refusal> {
    match received {
        // An alert, or a handshake.
        [0x15 | 0x16] => Ok(Head::Incomplete),
        [0x15 | 0x16, 0x03, ..] => Err(Refusal::Tls),
        // Its first frame has to be one of settings: RFC 9113, 3.4.
        [0, _, _, 4, 0 | 1, ..] => Err(Refusal::Http2),
        _ => Err(Refusal::NotHttp(lossy(received))),
    }
}

/// Checks an upgrade by RFC 6455, 4.1, except for the subprotocol: the agent may name `SMP1.0`, none, or
/// all of the list.
fn check_upgrade(fields: &Fields<'_, '_>, key: &str) -> Result<(), &'static str> {
    if !fields.has_token("upgrade", "websocket") {
        return Err("its answer upgrades to something else than WebSocket");
    }
    if !fields.has_token("connection", "upgrade") {
        return Err("its answer does not say `Connection: Upgrade`");
    }
    if fields.first("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err("its answer does not belong to this request (Sec-WebSocket-Accept is wrong)");
    }
    if fields.all("sec-websocket-extensions").any(|value| !value.is_empty()) {
        return Err("its answer uses a WebSocket extension that was not offered");
    }
    Ok(())
}

/// The header fields of an answer.
struct Fields<'h, 'b>(&'h [httparse::Header<'b>]);

impl Fields<'_, '_> {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .filter_map(|field| str::from_utf8(field.value).ok())
            .map(str::trim)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The body, as far as it has been received, and whether that is all of it.
    fn body(&self, status: u16, received: &[u8]) -> (Vec<u8>, bool) {
        if self.has_token("transfer-encoding", "chunked") {
            return without_chunks(received);
        }
        // Without a length the body ends with the connection.
        let length = self.first("content-length").and_then(|length| length.parse().ok());
        let whole = length.is_some_and(|length: usize| received.len() >= length);
        (received.to_vec(), whole || matches!(status, 204 | 304))
    }

    /// Returns whether a field whose value is a list has this word in it.
    fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(token))
    }
}

/// What is in the chunks of a body, and whether the last one is there.
fn without_chunks(mut received: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(received) {
            Ok(httparse::Status::Complete((_, 0))) => return (body, true),
            Ok(httparse::Status::Complete(chunk)) => chunk,
            Ok(httparse::Status::Partial) => return (body, false),
            Err(_) => return ([&body, received].concat(), false),
        };
        let chunk = received.get(start..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(chunk.len());
        let (chunk, rest) = chunk.split_at(size);
        body.extend_from_slice(chunk);
        received = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
}

impl Refusal {
    fn of_status(response: &httparse::Response<'_, '_>, body: &[u8], whole: bool) -> Self {
        Self::Status {
            status: response.code.unwrap_or_default(),
            location: Fields(response.headers).first("location").map(str::to_owned),
            reason: response.reason.unwrap_or_default().to_owned(),
            body: lossy(body),
            whole,
        }
    }

    fn into_error(self, endpoint: &Endpoint, credentials: &Credentials) -> ConnectError {
        let address = endpoint.authority();
        let secrets = credentials.secrets();
        let shown = |text: &str| secrets.excerpt(text.as_bytes());
        let shown_body = |text: &str| secrets.excerpt_unless_login(text.as_bytes());
        match self {
            Self::Status { status, location, reason, body, .. } => {
                let said = said(&shown(&reason), &shown_body(&body));
                match (status, location) {
                    // 407 and 429 may come from a proxy or a ban; both must not be repeated either.
                    (401 | 403 | 407 | 429, _) => {
                        ConnectError::LoginRejected { address, status, said }
                    }
                    (300..=399, Some(location)) => {
                        ConnectError::Redirected { address, status, location: shown(&location) }
                    }
                    (500..=599, _) => ConnectError::ServerError { address, status, said },
                    _ => {
                        let cause = likely_cause(status, &body, endpoint).unwrap_or_default();
                        not_an_agent(endpoint, format!("HTTP {status}{said}{cause}"))
                    }
                }
            }
            Self::NotHttp(said) => {
                not_an_agent(endpoint, format!("it sent `{}`", shown_body(&said)))
            }
            Self::Tls => not_an_agent(endpoint, format!("it speaks TLS{NEEDS_TLS}")),
            Self::Http2 => not_an_agent(
                endpoint,
                "it speaks HTTP/2, where a login needs HTTP/1.1; perhaps a proxy in between has to be \
                 told so"
                    .to_owned(),
            ),
            Self::TooLong => {
                let said = format!("its answer's head is over {MAX_HEAD} bytes or {MAX_FIELDS} fields");
                not_an_agent(endpoint, said)
            }
            Self::WrongUpgrade(reason) => not_an_agent(endpoint, reason.to_owned()),
        }
    }
}

/// What to do where a peer without TLS was expected and does not speak HTTP.
pub(crate) const NEEDS_TLS: &str = "; if it is an agent with TLS, its URL begins with `wss://`";

/// Returns the likely cause of an answer by the agent itself, or by a gateway before it.
fn likely_cause(status: u16, body: &str, endpoint: &Endpoint) -> Option<String> {
    const PROXY: &str = "a proxy in between drops the header `Upgrade`, as many do unless they are \
                         told to pass WebSocket on";
    let path = endpoint.path.split('?').next().unwrap_or_default();
    if !endpoint.tls && status == 400 && body.contains("HTTPS") {
        return Some(NEEDS_TLS.to_owned());
    }
    if is_health(body) {
        return Some(format!(
            ". This is the agent's health check: perhaps {PROXY}, or the path `{path}` is wrong \
             (the agent's own is `/ws`)"
        ));
    }
    match status {
        400 | 426 => Some(format!(". Perhaps {PROXY}")),
        404 | 405 => {
            Some(format!(". Perhaps the path `{path}` is wrong (the agent's own is `/ws`)"))
        }
        _ => None,
    }
}

/// Returns whether a body is the JSON of an agent's health check (`docs/protocol.md`, documented).
fn is_health(body: &str) -> bool {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    json.is_some_and(|json| json.pointer("/agent/version").is_some())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn not_an_agent(endpoint: &Endpoint, said: String) -> ConnectError {
    ConnectError::NotAnAgent { address: endpoint.authority(), said }
}

/// Reason phrase and body, to be put behind a status.
fn said(reason: &str, body: &str) -> String {
    match (reason, body) {
        ("", "") => String::new(),
        (reason, "") => format!(" {reason}"),
        ("", body) => format!(": {body}"),
        (reason, body) => format!(" {reason}: {body}"),
    }
}

#[cfg(test)]
mod tests;
