//! The little HTTP that a mock needs: one request head in, one answer out.

use std::{io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Larger heads are answered with 431: a login has a few hundred bytes.
const MAX_HEAD: usize = 16 * 1024;
/// More headers than any client sends.
const MAX_HEADERS: usize = 64;
/// How long an answer may take to be read by the peer before the socket is dropped.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is made of: TCP, or TLS over it.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket underneath.
    fn tcp(&self) -> &TcpStream;
}

impl Transport for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Transport for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The head of a request. It has no `Debug`: the password is in it.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    /// What came after the head in the same packets.
    pub(super) rest: Vec<u8>,
}

/// Why there is no head to act upon.
pub(super) enum BadHead {
    /// The peer left, or the socket failed: there is no one to answer.
    Gone,
    /// Not a request that can be read; the status to answer with.
    Refused(&'static str),
}

impl Head {
    /// The values of a header, in every line that has it, joined as one list.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let lines = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let values: Vec<_> = lines.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Returns whether a header's list holds a word, in any case.
    pub(super) fn header_has(&self, name: &str, word: &str) -> bool {
        let list = self.header(name).unwrap_or_default();
        list.split(',').any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

/// Reads up to the end of the head; what follows is kept in [`Head::rest`].
pub(super) async fn read_head(stream: &mut impl Transport) -> Result<Head, BadHead> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Err(BadHead::Gone),
            Ok(_) => {}
        }
        if let Some(head) = parse(&bytes)? {
            return Ok(head);
        }
        if bytes.len() > MAX_HEAD {
            return Err(BadHead::Refused("431 Request Header Fields Too Large"));
        }
    }
}

/// The head, `None` while more of it is to come.
fn parse(bytes: &[u8]) -> Result<Option<Head>, BadHead> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(BadHead::Refused("400 Bad Request")),
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Ok(Some(Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        headers: request.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect(),
        rest: bytes[length..].to_vec(),
    }))
}

/// Reads a request's body, of at most `limit` bytes; the status to answer with if it cannot be read.
pub(super) async fn read_body(
    stream: &mut impl Transport,
    head: &mut Head,
    limit: usize,
) -> Result<Vec<u8>, &'static str> {
    let length = head.header("Content-Length").and_then(|length| length.parse().ok());
    let length: usize = length.ok_or("411 Length Required")?;
    if length > limit {
        return Err("413 Content Too Large");
    }
    let mut body = std::mem::take(&mut head.rest);
    while body.len() < length {
        match stream.read_buf(&mut body).await {
            Ok(0) | Err(_) => return Err("400 Bad Request"),
            Ok(_) => {}
        }
    }
    Ok(body)
}

/// The health check, as the agent answers `GET /` without a login.
pub(super) fn health(version: &str, ssl: bool) -> Value {
    json!({
        "agent": { "version": version, "ssl": ssl },
        "system": { "hostname": "mock-agent" },
        "status": "running",
    })
}

/// A file as an answer that ends the connection.
pub(super) fn file(content: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// An answer that ends the connection.
pub(super) fn answer(status: &str, headers: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// Writes the last bytes of a connection, and waits a moment for the peer to take them.
pub(super) async fn finish(mut stream: impl Transport, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    // A socket dropped with unread bytes is reset, and the peer loses the answer.
    let mut nowhere = tokio::io::sink();
    let drained = tokio::io::copy(&mut stream, &mut nowhere);
    // A peer that keeps talking after the answer is cut off.
    let _ = tokio::time::timeout(LINGER, drained).await;
    Ok(())
}
