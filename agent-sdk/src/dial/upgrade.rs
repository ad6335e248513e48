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
    let head = match response.parse(received) {
        Ok(httparse::Status::Complete(head)) if head <= limit => head,
        Ok(httparse::Status::Partial) if received.len() <= limit => return Ok(Head::Incomplete),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLong),
        Err(_) if is_tls(received) => return Err(Refusal::Tls),
        Err(_) => return Err(Refusal::NotHttp(lossy(received))),
    };
    let status = response.code.unwrap_or_default();
    let fields = Fields(response.headers);
    if (100..200).contains(&status) && status != 101 {
        return Ok(Head::Interim(head));
    }
    if status != 101 {
        return Err(Refusal::Status {
            status,
            location: fields.first("location").map(str::to_owned),
            reason: response.reason.unwrap_or_default().to_owned(),
            body: lossy(&received[head..]),
            // Without a length the body ends with the connection.
            whole: fields
                .first("content-length")
                .and_then(|length| length.parse().ok())
                .is_some_and(|length: usize| received.len() - head >= length),
        });
    }
    check_upgrade(&fields, key).map_err(Refusal::WrongUpgrade)?;
    Ok(Head::Accepted(head))
}

/// Whether a peer that was not spoken to in TLS answers in TLS: an alert, or a handshake.
fn is_tls(received: &[u8]) -> bool {
    matches!(received, [0x15 | 0x16, 0x03, ..])
}

/// RFC 6455, 4.1, but for the subprotocol: the agent may name `SMP1.0`, none, or all of the list.
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
    if fields.first("sec-websocket-extensions").is_some_and(|value| !value.is_empty()) {
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

    /// Whether a field whose value is a list has this word in it.
    fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(token))
    }
}

impl Refusal {
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
            Self::TooLong => {
                not_an_agent(endpoint, format!("its answer's head is over {MAX_HEAD} bytes"))
            }
            Self::WrongUpgrade(reason) => not_an_agent(endpoint, reason.to_owned()),
        }
    }
}

const NEEDS_TLS: &str = "; if it is an agent with TLS, its URL begins with `wss://`";

/// Why something that may well be the agent, or stands before it, answers the login in this way.
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

/// Whether a body is the JSON of an agent's health check, perhaps in chunks (`docs/protocol.md`,
/// documented).
fn is_health(body: &str) -> bool {
    let json = body.find('{').zip(body.rfind('}')).and_then(|(start, end)| body.get(start..=end));
    let json: Option<serde_json::Value> = json.and_then(|json| serde_json::from_str(json).ok());
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
mod tests {
    use super::*;
    use crate::text::{EXCERPT_LEN, is_unseen};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn credentials() -> Credentials {
        Credentials::new("root", "hunter2")
    }

    #[test]
    fn a_password_that_is_sent_back_is_not_shown() {
        let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
        let header = "Sec-WebSocket-Protocol: SMP1.0, root, hunter2";
        for text in [
            format!("HTTP/1.1 400 Bad Request\r\n\r\nbad header {header}"),
            format!("HTTP/1.1 401 {header}\r\n\r\n"),
            format!("HTTP/1.1 302 x\r\nLocation: https://x/?{header}\r\n\r\n"),
            format!("{}{header}", "x".repeat(EXCERPT_LEN - 50)),
        ] {
            let refusal = parse(text.as_bytes(), KEY).unwrap_err();
            let error = refusal.into_error(&endpoint, &credentials());
            assert!(!format!("{error}{error:?}").contains("hunter2"), "{error}");
            let is_hidden =
                ["***", "(not shown"].iter().any(|mark| error.to_string().contains(mark));
            assert!(is_hidden, "{error}");
        }
    }

    fn answer(fields: &str) -> String {
        // The pair of key and accept is that of RFC 6455, 1.3.
        format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{fields}\r\n"
        )
    }

    #[test]
    fn every_correct_upgrade_is_accepted() {
        for fields in [
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: SMP1.0\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "upgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\n",
            "Upgrade:websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: SMP1.0, u, p\r\n",
        ] {
            let text = answer(fields);
            let with_frame = format!("{text}\u{1}frame");
            assert_eq!(
                parse(with_frame.as_bytes(), KEY),
                Ok(Answer::Accepted { head: text.len() }),
                "{text}"
            );
            for end in 0..text.len() {
                assert_eq!(parse(&text.as_bytes()[..end], KEY), Ok(Answer::Incomplete), "{end}");
            }
        }
    }

    #[test]
    fn interim_answers_before_the_upgrade_are_skipped() {
        let upgrade = answer("Upgrade: websocket\r\nConnection: Upgrade\r\n");
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let text = format!("{interim}{upgrade}");
        assert_eq!(parse(text.as_bytes(), KEY), Ok(Answer::Accepted { head: text.len() }));
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end], KEY), Ok(Answer::Incomplete), "{end}");
        }
        let refused = format!("{interim}HTTP/1.1 401 no\r\n\r\n");
        let refusal = parse(refused.as_bytes(), KEY).unwrap_err();
        assert!(matches!(refusal, Refusal::Status { status: 401, .. }), "{refusal:?}");
        let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD);
        assert_eq!(parse(endless.as_bytes(), KEY), Err(Refusal::TooLong));
    }

    #[test]
    fn an_answer_that_is_no_upgrade_names_its_likely_cause() {
        let health = "{\"agent\":{\"version\":\"1.1.34\",\"ssl\":false},\"status\":\"running\"}";
        for (url, text, cause) in [
            (
                "wss://a",
                "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
                "drops the header `Upgrade`",
            ),
            ("wss://a", "HTTP/1.1 426 x\r\n\r\n".to_owned(), "drops the header `Upgrade`"),
            ("wss://a/x?y=z", "HTTP/1.1 404 x\r\n\r\n".to_owned(), "the path `/x` is wrong"),
            ("wss://a", format!("HTTP/1.1 200 OK\r\n\r\n{health}"), "the agent's health check"),
            ("wss://a", format!("HTTP/1.1 200 OK\r\n\r\n4d\r\n{health}\r\n0\r\n\r\n"), "health"),
            (
                "ws://localhost",
                "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
                    .to_owned(),
                "begins with `wss://`",
            ),
            ("ws://localhost", "\x15\x03\x03\0\x02\x02\x32".to_owned(), "begins with `wss://`"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let refusal = parse(text.as_bytes(), KEY).unwrap_err();
            let error = refusal.into_error(&endpoint, &credentials()).to_string();
            assert!(error.contains(cause), "{text:?}: {error}");
        }
    }

    /// Growing would leave parts of the password in memory that is given back.
    #[test]
    fn the_request_is_made_without_growing() {
        let endpoint = Endpoint::parse("wss://agent.example:1/ws").unwrap();
        let made = request(&endpoint, &credentials(), &generate_key());
        assert!(made.len() < REQUEST_LEN, "{}", made.len());
        assert!(made.ends_with("SMP1.0, root, hunter2\r\n\r\n"));
    }

    #[test]
    fn a_wrong_upgrade_is_refused() {
        for (fields, reason) in [
            ("Connection: Upgrade\r\n", "something else"),
            ("Upgrade: h2c\r\nConnection: Upgrade\r\n", "something else"),
            ("Upgrade: websocket\r\n", "Connection"),
            (
                "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate\r\n",
                "extension",
            ),
        ] {
            match parse(answer(fields).as_bytes(), KEY) {
                Err(Refusal::WrongUpgrade(why)) => assert!(why.contains(reason), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        let text = answer("Upgrade: websocket\r\nConnection: Upgrade\r\n");
        assert!(matches!(parse(text.as_bytes(), "other"), Err(Refusal::WrongUpgrade(_))));
    }

    #[test]
    fn each_status_has_its_error() {
        let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
        for (text, expected) in [
            ("HTTP/1.1 401 Unauthorized\r\n\r\nno", "rejected the credentials"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "bans an address for a minute"),
            ("HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n", "redirects to `https://x/`"),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "cannot serve now (HTTP 502 Bad Gateway)"),
            ("HTTP/1.1 200 OK\r\n\r\n<h1>\x1b[31mHi</h1>", "HTTP 200 OK: <h1> [31mHi</h1>"),
            ("HTTP/1.1 404 Not Found\r\n\r\n", "like an Architect agent: HTTP 404"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "it sent `SSH-2.0-OpenSSH_9.2`"),
        ] {
            let error = parse(text.as_bytes(), KEY)
                .unwrap_err()
                .into_error(&endpoint, &credentials())
                .to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("agent.example:1"), "{error}");
        }
    }

    #[test]
    fn the_head_has_a_limit() {
        let long = format!("HTTP/1.1 101 x\r\nA: {}", "x".repeat(MAX_HEAD));
        assert_eq!(parse(long.as_bytes(), KEY), Err(Refusal::TooLong));
        let whole = answer(&format!("A: {}\r\n", "x".repeat(MAX_HEAD)));
        assert_eq!(parse(whole.as_bytes(), KEY), Err(Refusal::TooLong));
        let many = answer(&"A: b\r\n".repeat(MAX_FIELDS + 1));
        assert_eq!(parse(many.as_bytes(), KEY), Err(Refusal::TooLong));
    }

    /// Whatever a stranger answers is an answer, a refusal, or not whole yet; its text is short and
    /// moves no cursor.
    #[test]
    fn fuzz_answer() {
        let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
        bolero::check!().for_each(|received: &[u8]| match parse(received, KEY) {
            Ok(Answer::Incomplete) => assert!(received.len() <= MAX_HEAD),
            Ok(Answer::Accepted { head }) => assert!(head <= received.len()),
            Err(refusal) => {
                let error = refusal.into_error(&endpoint, &credentials()).to_string();
                assert!(error.chars().count() < 2 * EXCERPT_LEN + 600, "{error}");
                assert!(!error.contains(|c| is_unseen(c) || char::is_control(c)), "{error:?}");
            }
        });
    }

    #[tokio::test]
    async fn a_reason_in_a_packet_of_its_own_is_read() {
        let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
        for (head, body) in [
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\n", "{\"error\":1}"),
            // Its end is not announced and does not come.
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", "{\"error\":1}"),
        ] {
            let (mut client, mut server) = tokio::io::duplex(4096);
            let answering = async {
                server.write_all(head.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                server.write_all(body.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            };
            let credentials = credentials();
            let error = tokio::select! {
                () = answering => unreachable!(),
                result = upgrade(&mut client, &endpoint, &credentials) => result.unwrap_err(),
            };
            assert!(error.to_string().contains("401 Unauthorized: {\"error\":1})"), "{error}");
        }
    }
}
