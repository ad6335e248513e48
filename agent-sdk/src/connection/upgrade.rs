//! The upgrade from HTTP to WebSocket, which is the login.
//!
//! tungstenite has a handshake of its own; it refuses an answer without a subprotocol, which the
//! agent may give (`PROTOCOL.md`, V), and logs the request with the password in it.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::endpoint::{Credentials, Endpoint};
use crate::error::{ConnectError, Stage};

/// The largest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The largest number of header fields in it.
const MAX_FIELDS: usize = 128;
/// How much of a wrong answer is shown, in characters.
const SHOWN: usize = 200;

/// Logs in; what arrived behind the answer is returned, for it is the first frames.
pub(crate) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<BytesMut, ConnectError> {
    let broken = |source| ConnectError::Broken {
        address: endpoint.authority(),
        stage: Stage::Upgrade,
        source: std::sync::Arc::new(source),
    };
    let key = generate_key();
    stream.write_all(request(endpoint, credentials, &key).as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;

    let mut received = BytesMut::new();
    loop {
        let read = stream.read_buf(&mut received).await;
        // Some refuse by resetting the connection, some by closing it.
        if matches!(read, Ok(0) | Err(_)) {
            return Err(match (received.is_empty(), read) {
                (true, _) => ConnectError::ClosedWithoutAnswer { address: endpoint.authority() },
                (false, Err(error)) => broken(error),
                (false, Ok(_)) => not_an_agent(endpoint, format!("{} …", shown(&received))),
            });
        }
        match parse(&received, &key) {
            Ok(Answer::Incomplete) => {}
            Ok(Answer::Accepted { head }) => return Ok(received.split_off(head)),
            Err(refusal) => return Err(refusal.into_error(endpoint)),
        }
    }
}

/// The request. It holds the password: it is written to the socket and nowhere else.
fn request(endpoint: &Endpoint, credentials: &Credentials, key: &str) -> String {
    let Credentials { username, password } = credentials;
    let (path, host) = (&endpoint.path, endpoint.authority());
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: SMP1.0, {username}, {password}\r\n\
         \r\n"
    )
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
    Status { status: u16, location: Option<String>, said: String },
    NotHttp(String),
    TooLong,
    WrongUpgrade(&'static str),
}

/// Reads an answer, as far as it has been received.
pub(crate) fn parse(received: &[u8], key: &str) -> Result<Answer, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let head = match response.parse(received) {
        Ok(httparse::Status::Complete(head)) if head <= MAX_HEAD => head,
        Ok(httparse::Status::Partial) if received.len() <= MAX_HEAD => {
            return Ok(Answer::Incomplete);
        }
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLong),
        Err(_) => return Err(Refusal::NotHttp(shown(received))),
    };
    let status = response.code.unwrap_or_default();
    let fields = Fields(response.headers);
    if status != 101 {
        return Err(Refusal::Status {
            status,
            location: fields.first("location").map(str::to_owned),
            said: said(response.reason.unwrap_or_default(), &received[head..]),
        });
    }
    check_upgrade(&fields, key).map_err(Refusal::WrongUpgrade)?;
    Ok(Answer::Accepted { head })
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
    fn into_error(self, endpoint: &Endpoint) -> ConnectError {
        let address = endpoint.authority();
        match self {
            // 407 and 429 may come from a proxy or a ban; both must not be repeated either.
            Self::Status { status: status @ (401 | 403 | 407 | 429), said, .. } => {
                ConnectError::LoginRejected { address, status, said }
            }
            Self::Status { status: status @ 300..=399, location: Some(location), .. } => {
                let location = shown(location.as_bytes());
                ConnectError::Redirected { address, status, location }
            }
            Self::Status { status: status @ 500..=599, said, .. } => {
                ConnectError::ServerError { address, status, said }
            }
            Self::Status { status, said, .. } => {
                not_an_agent(endpoint, format!("HTTP {status}{said}"))
            }
            Self::NotHttp(said) => not_an_agent(endpoint, format!("it sent `{said}`")),
            Self::TooLong => {
                not_an_agent(endpoint, format!("its answer's head is over {MAX_HEAD} bytes"))
            }
            Self::WrongUpgrade(reason) => not_an_agent(endpoint, reason.to_owned()),
        }
    }
}

fn not_an_agent(endpoint: &Endpoint, said: String) -> ConnectError {
    ConnectError::NotAnAgent { address: endpoint.authority(), said }
}

/// Reason phrase and the beginning of the body, to be put behind a status.
fn said(reason: &str, body: &[u8]) -> String {
    let body = shown(body);
    match (reason.trim(), body.as_str()) {
        ("", "") => String::new(),
        (reason, "") => format!(" {reason}"),
        ("", body) => format!(": {body}"),
        (reason, body) => format!(" {reason}: {body}"),
    }
}

/// The beginning of what a stranger said, on one line and without anything that moves a cursor.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * SHOWN)]);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Marks that change the direction of text or take no place: they could make it read otherwise.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

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
            let error = parse(text.as_bytes(), KEY).unwrap_err().into_error(&endpoint).to_string();
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
                let error = refusal.into_error(&endpoint).to_string();
                assert!(error.chars().count() < 2 * SHOWN + 300, "{error}");
                assert!(!error.contains(|c| is_invisible(c) || char::is_control(c)), "{error:?}");
            }
        });
    }
}
