//! The answers to a login: every one that an agent, or a proxy before it, may give.

use std::{io, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::sleep,
};
use tungstenite::handshake::derive_accept_key;

use super::{
    http::{Head, Transport, answer, finish},
    login::{LOGIN_HEADER, PROTOCOL},
};

/// Between two pieces of a head that comes in pieces: long enough for each to be read alone.
const PAUSE: Duration = Duration::from_millis(5);

/// What the answer to a good login says of the subprotocol. Default: [`Subprotocol::Named`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subprotocol {
    /// `SMP1.0`.
    #[default]
    Named,
    /// Nothing, as when a proxy strips the header.
    Absent,
    /// The client's whole list, name and password included.
    Echoed,
}

/// A correct answer to a login that careless clients stumble over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeQuirk {
    /// `Connection: keep-alive, Upgrade`.
    KeepAlive,
    /// The names of the headers, and the word `websocket`, in odd case.
    OddCase,
    /// The head comes in several packets.
    SplitHead,
    /// The [greeting](super::Builder::greeting) comes in the same packet as the head.
    FramesInHead,
}

/// How a login is refused. Default: [`Refusal::Unauthorized`].
///
/// What the real agent does is not known, so a client has to understand all of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Status 401.
    #[default]
    Unauthorized,
    /// Status 403.
    Forbidden,
    /// This status, from 200 to 599, as a gateway in front of the agent answers.
    Status(u16),
    /// Status 302, to another place.
    Redirect,
    /// Status 500.
    ServerError,
    /// Status 200 with a page: a web server, not an agent.
    Html,
    /// The first line of another protocol.
    NotHttp,
    /// The connection is closed without a word.
    Close,
    /// The connection is reset without a word.
    Reset,
    /// Status 101 with a wrong `Sec-WebSocket-Accept`: something that has not read the request.
    WrongAccept,
    /// Status 101 with a head that never ends.
    EndlessHead,
    /// A head that comes one byte at a time and never ends.
    Trickle,
    /// Nothing at all, and the connection stays open.
    Silence,
}

/// The head that accepts a login.
pub(super) fn accepted(head: &Head, subprotocol: Subprotocol, quirks: &[UpgradeQuirk]) -> String {
    let key = head.header("Sec-WebSocket-Key").unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let odd = quirks.contains(&UpgradeQuirk::OddCase);
    let keep_alive = quirks.contains(&UpgradeQuirk::KeepAlive);
    let name = |plain: &str| if odd { swap_case(plain) } else { plain.to_owned() };
    let mut lines = vec![
        "HTTP/1.1 101 Switching Protocols".to_owned(),
        format!("{}: {}", name("Upgrade"), name("websocket")),
        format!(
            "{}: {}",
            name("Connection"),
            if keep_alive { "keep-alive, Upgrade" } else { "Upgrade" }
        ),
        format!("{}: {accept}", name("Sec-WebSocket-Accept")),
    ];
    match subprotocol {
        Subprotocol::Named => lines.push(format!("{}: {PROTOCOL}", name(LOGIN_HEADER))),
        Subprotocol::Echoed => {
            let offered = head.header(LOGIN_HEADER).unwrap_or_default();
            lines.push(format!("{}: {offered}", name(LOGIN_HEADER)));
        }
        Subprotocol::Absent => {}
    }
    lines.join("\r\n") + "\r\n\r\n"
}

/// `Upgrade` becomes `uPGRADE`.
fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().map(swap).collect()
}

/// Sends an accepting head and the frames that are to come with it.
pub(super) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    quirks: &[UpgradeQuirk],
) -> io::Result<()> {
    let pieces = if quirks.contains(&UpgradeQuirk::SplitHead) { 4 } else { 1 };
    for (index, piece) in bytes.chunks(bytes.len().div_ceil(pieces)).enumerate() {
        if index > 0 {
            sleep(PAUSE).await;
        }
        stream.write_all(piece).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Refuses a login and closes the connection.
pub(super) async fn refuse(stream: impl Transport, refusal: Refusal) -> io::Result<()> {
    let detail = |text: &str| json!({ "error": text }).to_string();
    let json = "application/json";
    let answer = match refusal {
        Refusal::Unauthorized => {
            answer("401 Unauthorized", "", json, &detail("invalid credentials"))
        }
        Refusal::Forbidden => answer("403 Forbidden", "", json, &detail("access denied")),
        Refusal::Status(code) => {
            answer(&format!("{code} Refused"), "", "text/plain", "refused by the mock agent")
        }
        Refusal::Redirect => {
            answer("302 Found", "Location: https://agent.invalid/ws\r\n", "text/plain", "moved")
        }
        Refusal::ServerError => {
            answer("500 Internal Server Error", "", json, &detail("internal error"))
        }
        Refusal::Html => {
            answer("200 OK", "", "text/html", "<!doctype html><title>It works!</title>")
        }
        Refusal::NotHttp => "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        Refusal::WrongAccept => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
            .to_owned(),
        Refusal::Close => String::new(),
        Refusal::Reset => return stream.tcp().set_zero_linger(),
        Refusal::EndlessHead => return never_end(stream, &[b'x'; 1024], Duration::ZERO).await,
        Refusal::Trickle => return never_end(stream, b"x", Duration::from_millis(100)).await,
        Refusal::Silence => return wait_for_end(stream).await,
    };
    finish(stream, answer.as_bytes()).await
}

/// Adds to one header until the peer leaves.
async fn never_end(mut stream: impl Transport, piece: &[u8], pause: Duration) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX-Endless: ").await?;
    loop {
        stream.write_all(piece).await?;
        stream.flush().await?;
        sleep(pause).await;
    }
}

/// Says nothing until the peer leaves.
async fn wait_for_end(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
