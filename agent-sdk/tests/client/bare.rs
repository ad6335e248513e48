//! An agent that is hardly more than a socket: a test sees and says each frame itself.

use std::time::Duration;

use agent_sdk::{Agent, Builder, ReconnectPolicy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::common::soon;

/// RFC 6455, 11.8.
pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The port of an agent.
pub struct Bare {
    listener: TcpListener,
}

impl Bare {
    pub async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.listener.local_addr().unwrap())
    }

    /// A client that reconnects at once.
    pub fn client(&self) -> Builder {
        client_of(self.url())
    }

    /// Waits for a client and lets it in.
    pub async fn accept(&self) -> Session {
        self.accept_with(&[]).await
    }

    /// Lets a client in, with the first bytes of the session in the same packet.
    pub async fn accept_with(&self, first: &[u8]) -> Session {
        self.login().await.accept_with(first).await
    }

    /// Waits for a client and reads its login.
    pub async fn login(&self) -> Login {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let welcome = welcome(&read_head(&mut stream).await);
        Login { stream, welcome }
    }

    /// Answers a login with this, and closes.
    pub async fn refuse(&self, answer: &[u8]) {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
    }

    /// A client and its session.
    pub async fn pair(&self, client: Builder) -> (Agent, Session) {
        let (agent, session) = tokio::join!(client.connect(), self.accept());
        (agent.unwrap(), session)
    }
}

/// A login that waits for its answer.
pub struct Login {
    stream: TcpStream,
    welcome: String,
}

impl Login {
    /// Lets the client in, with the first bytes of the session in the same packet.
    pub async fn accept_with(self, first: &[u8]) -> Session {
        let Self { mut stream, welcome } = self;
        stream.write_all(&[welcome.as_bytes(), first].concat()).await.unwrap();
        Session { stream, received: 0, sent: first.len() as u64 }
    }
}

/// A client of such an agent, which may be in another process.
pub fn client_of(url: String) -> Builder {
    let policy = ReconnectPolicy::default().initial_backoff(Duration::from_millis(1));
    Agent::builder(url).credentials("root", "x").reconnect(policy)
}

/// Reads a request without a body.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The answer to a login that lets the client in.
pub fn welcome(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// One connection after its login.
pub struct Session {
    stream: TcpStream,
    /// Bytes of frames that were read.
    pub received: u64,
    /// Bytes of frames that were written.
    pub sent: u64,
}

impl Session {
    /// The next frame, its opcode and payload; `None` at the end of the connection.
    pub async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        if soon(self.stream.read_exact(&mut head)).await.is_err() {
            return None;
        }
        assert_eq!(head[0] & 0xf0, 0x80, "each frame is a whole message");
        assert_eq!(head[1] & 0x80, 0x80, "a client masks what it sends");
        let (length, extra) = match head[1] & 0x7f {
            126 => (usize::from(soon(self.stream.read_u16()).await.unwrap()), 2),
            127 => panic!("the tests send no frame as long as this"),
            short => (usize::from(short), 0),
        };
        let mut mask = [0; 4];
        soon(self.stream.read_exact(&mut mask)).await.unwrap();
        let mut payload = vec![0; length];
        soon(self.stream.read_exact(&mut payload)).await.unwrap();
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        self.received += (head.len() + extra + mask.len() + length) as u64;
        Some((head[0] & 0x0f, payload))
    }

    /// The next request, which has to be the next frame.
    pub async fn request(&mut self) -> Value {
        let (opcode, payload) = self.read().await.expect("a request");
        assert_eq!(opcode, TEXT);
        serde_json::from_slice(&payload).unwrap()
    }

    pub async fn write(&mut self, opcode: u8, payload: &[u8]) {
        self.write_raw(&frame(opcode, payload)).await;
    }

    pub async fn write_raw(&mut self, bytes: &[u8]) {
        self.sent += bytes.len() as u64;
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    pub async fn event(&mut self, event: &Value) {
        self.write(TEXT, event.to_string().as_bytes()).await;
    }

    /// Rejects a request with this detail.
    pub async fn reject(&mut self, request: &Value, detail: &Value) {
        let token = &request["idempotence"];
        self.event(&json!({"idempotence": token, "status": "error", "parameters": detail})).await;
    }

    /// Answers a request.
    pub async fn reply(&mut self, request: &Value) {
        let token = &request["idempotence"];
        self.event(&json!({"idempotence": token, "status": "ok", "parameters": {}})).await;
    }

    /// Agrees to the end of the connection as a good peer does, and waits for it.
    pub async fn see_off(&mut self) {
        while let Some((opcode, payload)) = self.read().await {
            if opcode == CLOSE {
                self.write(CLOSE, &payload).await;
            }
        }
    }
}

/// A frame of an agent.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..126 => frame.push(u8::try_from(short).unwrap()),
        medium @ 126..0x1_0000 => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
