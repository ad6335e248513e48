//! A client made of tokio-tungstenite alone.

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use agent_sdk::mock::MockAgent;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::{
    Message,
    client::IntoClientRequest,
    handshake::client::{Request, Response},
    protocol::WebSocketConfig,
};

/// Nothing on loopback takes this long.
const LIMIT: Duration = Duration::from_secs(60);

/// TCP, or TLS over it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One connection to the mock.
pub struct Client {
    pub socket: WebSocketStream<Box<dyn Stream>>,
    pub answer: Response,
}

/// Waits, but not forever: what is broken must show itself by a failure.
pub async fn within<F: Future>(future: F) -> F::Output {
    timeout(LIMIT, future).await.expect("an end in time")
}

/// A few actions, enough for a story.
pub fn catalogue() -> Value {
    json!({ "actions": {
        "servers": { "required_parameters": null },
        "server_start": { "required_parameters": { "server": "str" } },
        "server_stop": { "required_parameters": ["server"] },
        "echo": { "required_parameters": { "n": "int", "text": "str" } },
        "universe_status": { "required_parameters": null, "cloud_controller_only": true },
        "proxy": { "required_parameters": { "action": "str", "parameters": "map" } },
    } })
}

/// A mock without TLS, for what TLS has no part in.
pub async fn plain_mock() -> MockAgent {
    MockAgent::builder(catalogue()).tls(false).start().await.unwrap()
}

/// The upgrade request with the login header, or with another, or with none.
pub fn request(mock: &MockAgent, login: Option<&str>) -> Request {
    let mut request = mock.url().into_client_request().unwrap();
    if let Some(login) = login {
        request.headers_mut().insert("Sec-WebSocket-Protocol", login.parse().unwrap());
    }
    request
}

pub fn good_login(mock: &MockAgent) -> String {
    format!("SMP1.0, {}, {}", mock.username(), mock.password())
}

pub async fn tcp(mock: &MockAgent) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, mock.port())).await.unwrap()
}

/// TLS that trusts the mock's certificate as its own root, and checks the name in it.
pub async fn tls(mock: &MockAgent) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(mock.certificate_der().unwrap().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp(mock).await).await
}

/// Sends bytes and reads until the mock closes.
pub async fn exchange(mock: &MockAgent, bytes: &[u8]) -> io::Result<String> {
    let mut stream = tcp(mock).await;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The bytes of an upgrade request.
pub fn raw_upgrade(login: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{login}\r\n"
    )
}

impl Client {
    pub async fn login(mock: &MockAgent) -> Self {
        Self::dial(mock, Some(&good_login(mock))).await.expect("a good login is let in")
    }

    pub async fn dial(mock: &MockAgent, login: Option<&str>) -> tungstenite::Result<Self> {
        let stream: Box<dyn Stream> = if mock.certificate_der().is_some() {
            Box::new(tls(mock).await?)
        } else {
            Box::new(tcp(mock).await)
        };
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, answer) =
            client_async_with_config(request(mock, login), stream, Some(config)).await?;
        Ok(Self { socket, answer })
    }

    pub async fn send(&mut self, token: &str, action: &str, parameters: Value) {
        let request = json!({ "action": action, "parameters": parameters, "idempotence": token });
        self.socket.send(Message::text(request.to_string())).await.unwrap();
    }

    /// Sends requests without parameters, all in one packet.
    pub async fn send_together(&mut self, requests: &[(&str, &str)]) {
        for (token, action) in requests {
            let request = json!({ "action": action, "idempotence": token });
            self.socket.feed(Message::text(request.to_string())).await.unwrap();
        }
        self.socket.flush().await.unwrap();
    }

    /// The next frame, of any kind; `None` once the mock has closed.
    pub async fn frame(&mut self) -> Option<tungstenite::Result<Message>> {
        within(self.socket.next()).await
    }

    pub async fn next(&mut self) -> Value {
        let message = self.frame().await.expect("a message").unwrap();
        serde_json::from_slice(&message.into_data()).unwrap()
    }

    /// Sends a request and takes the next message, which has to be its reply.
    pub async fn call(&mut self, action: &str, parameters: Value) -> Value {
        self.send("the-token", action, parameters).await;
        let reply = self.next().await;
        assert_eq!(reply["idempotence"], "the-token", "{reply}");
        reply
    }

    /// Sends a request and takes its reply from among the events.
    pub async fn call_among_events(&mut self, action: &str, parameters: Value) -> Value {
        self.send("another-token", action, parameters).await;
        loop {
            let message = self.next().await;
            if message["idempotence"] == "another-token" {
                return message;
            }
        }
    }

    /// The next event of a kind.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["action"] == kind {
                return message;
            }
        }
    }

    /// Proves that nothing else has been sent up to now.
    pub async fn expect_silence(&mut self) {
        self.call("whoami", json!({})).await;
    }
}
