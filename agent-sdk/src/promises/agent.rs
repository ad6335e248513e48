//! An agent in memory that does what a test says, and keeps every byte that it was sent.

use std::{
    io::{self, Cursor},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
};
use tokio_tungstenite::accept_hdr_async;
use tungstenite::{
    Message,
    handshake::server::{ErrorResponse, Request, Response},
    protocol::{CloseFrame, frame::FrameHeader},
};

use crate::dial::{Stream, Transport};

/// How the agent receives the next logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    LetIn,
    /// It lets the client in, and reads no more.
    Ignore,
    /// Nothing listens.
    Unreachable,
    /// The connection ends without an answer.
    HangUp,
    /// An HTTP status.
    Status(u16),
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Success,
    Rejection,
    /// A success that comes twice.
    Twice,
}

/// What a session is to do.
pub(super) enum Order {
    Answer(Asked, Answer),
    /// An event, an answer to no call, and what is not JSON.
    Noise,
    /// Whether to read.
    Read(bool),
    /// Ends with this close code.
    Close(u16),
    /// Ends without a word.
    Cut,
}

/// A request that was read and is not answered.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) id: u64,
    token: Value,
}

/// A request among the bytes of a connection.
pub(super) struct Sent {
    pub(super) id: u64,
    pub(super) token: String,
    /// Whether it subscribes: subscriptions are repeated on each connection.
    pub(super) subscribes: bool,
}

/// One connection that was asked for.
pub(super) struct Session {
    orders: UnboundedSender<Order>,
    asked: Mutex<Vec<Asked>>,
    reads: AtomicBool,
    /// All bytes that the client has sent.
    wire: Arc<Mutex<Vec<u8>>>,
}

/// The agent.
pub(super) struct Agent {
    welcome: Mutex<Welcome>,
    sessions: Mutex<Vec<Arc<Session>>>,
    /// How many bytes the other side may be ahead of the one that reads.
    window: usize,
}

impl Agent {
    pub(super) fn new(window: usize) -> Arc<Self> {
        Arc::new(Self { welcome: Mutex::new(Welcome::LetIn), sessions: Mutex::default(), window })
    }

    pub(super) fn receive_logins(&self, welcome: Welcome) {
        *lock(&self.welcome) = welcome;
    }

    /// The client's next connection.
    pub(super) fn dial(&self) -> io::Result<Transport> {
        let welcome = *lock(&self.welcome);
        if welcome == Welcome::Unreachable {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, stream) = tokio::io::duplex(self.window);
        let (orders, to_do) = mpsc::unbounded_channel();
        let session = Session {
            orders,
            asked: Mutex::default(),
            reads: AtomicBool::new(welcome != Welcome::Ignore),
            wire: Arc::default(),
        };
        let wire = Arc::clone(&session.wire);
        let session = Arc::new(session);
        lock(&self.sessions).push(Arc::clone(&session));
        tokio::spawn(async move {
            // However it ends, the test sees what was asked and what the client makes of it.
            let _ = serve(stream, welcome, &session, to_do).await;
        });
        Ok(Transport::Memory(Box::new(Tapped { stream: client, wire })))
    }

    /// The connection that was made last.
    pub(super) fn session(&self) -> Arc<Session> {
        lock(&self.sessions).last().cloned().expect("the first connection was made")
    }

    /// What was ever sent, on one connection after the other.
    pub(super) fn sent(&self) -> Vec<Vec<Sent>> {
        lock(&self.sessions).iter().map(|session| requests(&lock(&session.wire))).collect()
    }
}

impl Session {
    pub(super) fn order(&self, order: Order) {
        // A session that has ended takes any.
        let _ = self.orders.send(order);
    }

    pub(super) fn is_open(&self) -> bool {
        !self.orders.is_closed()
    }

    /// Returns whether it is open and reads.
    pub(super) fn is_reading(&self) -> bool {
        self.is_open() && self.reads.load(Relaxed)
    }

    /// Takes a request out that is to be answered.
    pub(super) fn take(&self, which: impl FnOnce(usize) -> usize) -> Option<Asked> {
        let mut asked = lock(&self.asked);
        (!asked.is_empty()).then(|| which(asked.len())).map(|index| asked.remove(index))
    }
}

async fn serve(
    mut stream: DuplexStream,
    welcome: Welcome,
    session: &Session,
    mut to_do: UnboundedReceiver<Order>,
) -> Result<(), tungstenite::Error> {
    match welcome {
        Welcome::LetIn | Welcome::Ignore => {}
        Welcome::Unreachable | Welcome::HangUp => return Ok(()),
        Welcome::Status(code) => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let answer = format!("HTTP/1.1 {code} No\r\nContent-Length: 0\r\n\r\n");
            return Ok(stream.write_all(answer.as_bytes()).await?);
        }
    }
    let mut socket = accept_hdr_async(stream, name_protocol).await?;
    loop {
        tokio::select! {
            Some(message) = socket.next(), if session.reads.load(Relaxed) => {
                let Message::Text(text) = message? else { continue };
                let request: Value = serde_json::from_str(&text).expect("requests are JSON");
                let asked = Asked { id: id(&request), token: request["idempotence"].clone() };
                if subscribes(&request) {
                    socket.send(Message::text(texts(&asked, Answer::Success).concat())).await?;
                } else {
                    lock(&session.asked).push(asked);
                }
            }
            Some(order) = to_do.recv() => match order {
                Order::Read(whether) => session.reads.store(whether, Relaxed),
                Order::Cut => return Ok(()),
                Order::Close(code) => {
                    let frame = CloseFrame { code: code.into(), reason: "".into() };
                    return socket.close(Some(frame)).await;
                }
                Order::Answer(asked, answer) => {
                    for text in texts(&asked, answer) {
                        socket.send(Message::text(text)).await?;
                    }
                }
                Order::Noise => {
                    for text in [r#"{"action":"tick"}"#, r#"{"idempotence":"x"}"#, "not JSON"] {
                        socket.send(Message::text(text)).await?;
                    }
                }
            },
            else => return Ok(()),
        }
    }
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the handshake wants it")]
fn name_protocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let name = "SMP1.0".parse().expect("a header value");
    response.headers_mut().insert("Sec-WebSocket-Protocol", name);
    Ok(response)
}

fn texts(asked: &Asked, answer: Answer) -> Vec<String> {
    let Asked { id, token } = asked;
    let status = if answer == Answer::Rejection { "error" } else { "ok" };
    let reply = json!({ "idempotence": token, "status": status, "parameters": { "id": id } });
    vec![reply.to_string(); if answer == Answer::Twice { 2 } else { 1 }]
}

fn id(request: &Value) -> u64 {
    request["parameters"]["id"].as_u64().expect("each call has a number")
}

fn subscribes(request: &Value) -> bool {
    request["action"] == "subscribe"
}

/// The whole requests among the bytes of one connection.
fn requests(wire: &[u8]) -> Vec<Sent> {
    let mut requests = Vec::new();
    let Some(mut at) = memchr::memmem::find(wire, b"\r\n\r\n").map(|head| head + 4) else {
        return requests;
    };
    loop {
        let mut cursor = Cursor::new(&wire[at..]);
        let Some((header, size)) = FrameHeader::parse(&mut cursor).expect("frames are right")
        else {
            return requests;
        };
        at += usize::try_from(cursor.position()).unwrap();
        let Some(payload) = wire.get(at..at + usize::try_from(size).unwrap()) else {
            return requests;
        };
        at += payload.len();
        let mask = header.mask.expect("clients mask").into_iter().cycle();
        let payload: Vec<u8> = payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        if let Ok(request) = serde_json::from_slice::<Value>(&payload) {
            let token = request["idempotence"].to_string();
            requests.push(Sent { id: id(&request), token, subscribes: subscribes(&request) });
        }
    }
}

/// The client's end of a connection, which keeps what was written.
struct Tapped {
    stream: DuplexStream,
    wire: Arc<Mutex<Vec<u8>>>,
}

impl Stream for Tapped {}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(size)) = written {
            lock(&self.wire).extend_from_slice(&bytes[..size]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under a lock")
}
