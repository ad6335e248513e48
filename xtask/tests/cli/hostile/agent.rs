//! An agent that means harm, hardly more than a socket.

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, DnType, KeyPair, SanType, string::Ia5String};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    net::TcpListener,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::{TlsAcceptor, rustls};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role},
    },
};

use super::words::Words;

/// How an agent behaves.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Lets everybody in, and answers everything.
    Answer,
    /// As [`Manner::Answer`], and tells a version and a host that are no such things.
    AnswerOddly,
    /// Lets everybody in, and rejects each call.
    Reject,
    /// Lets everybody in, and closes at the first call.
    Close,
    /// Refuses the login with such a status.
    Refuse(u16),
    /// Answers with its words alone.
    Babble,
    /// Lets everybody in, and answers without an end.
    Endless,
}

impl Manner {
    /// All but the one that takes time.
    pub const ALL: [Self; 8] = [
        Self::Answer,
        Self::AnswerOddly,
        Self::Reject,
        Self::Close,
        Self::Refuse(401),
        Self::Refuse(302),
        Self::Refuse(503),
        Self::Babble,
    ];
}

/// An agent at work; dropping it ends it.
pub struct HostileAgent {
    url: String,
    _tasks: JoinSet<()>,
}

impl HostileAgent {
    pub async fn start(manner: Manner, words: &Words) -> Self {
        Self::serve(manner, words, None).await
    }

    /// With a certificate whose names are the words; it is written to a file.
    pub async fn start_with_tls(words: &Words, certificate: &Path) -> Self {
        Self::serve(Manner::Answer, words, Some(acceptor(words, certificate))).await
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    async fn serve(manner: Manner, words: &Words, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let words = Arc::new(words.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (words, tls) = (Arc::clone(&words), tls.clone());
                connections.spawn(async move {
                    // A client that goes away is no failure of the test.
                    let _ = match tls {
                        None => Connection { stream, manner, words }.run().await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Connection { stream, manner, words }.run().await,
                            Err(_) => None,
                        },
                    };
                });
            }
        });
        Self { url, _tasks: tasks }
    }
}

/// One connection of a client; a function of it is `None` where the client is gone.
struct Connection<S> {
    stream: S,
    manner: Manner,
    words: Arc<Words>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(mut self) -> Option<()> {
        let head = self.head().await?;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        match (key, self.manner) {
            (None, Manner::Endless) => self.trickle(b"HTTP/1.1 102 x\r\n\r\n").await,
            (_, Manner::Babble) => {
                self.stream.write_all(self.words.text().as_bytes()).await.ok()?;
                self.end().await
            }
            (Some(_), Manner::Refuse(status)) => self.refuse(status).await,
            (Some(key), _) => {
                let accept = derive_accept_key(key.as_bytes());
                let fields = "Upgrade: websocket\r\nConnection: Upgrade";
                let head =
                    format!("HTTP/1.1 101 x\r\n{fields}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
                self.stream.write_all(head.as_bytes()).await.ok()?;
                self.talk().await
            }
            (None, _) => self.answer_http(&head).await,
        }
    }

    async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        String::from_utf8(head).ok()
    }

    async fn refuse(&mut self, status: u16) -> Option<()> {
        let (field, body) = (self.words.field(), self.words.text());
        let head = format!(
            "HTTP/1.1 {status} {field}\r\nLocation: wss://{field}\r\nServer: {field}\r\n\
             WWW-Authenticate: {field}\r\nSec-WebSocket-Protocol: {field}\r\n\r\n"
        );
        // As bytes: fields are not always text.
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.ok()?;
        self.end().await
    }

    /// The health check, and transfers.
    async fn answer_http(&mut self, head: &str) -> Option<()> {
        let words = self.words.json();
        let body = match self.manner {
            Manner::Reject | Manner::Close => return self.refuse(500).await,
            _ if head.starts_with("POST") => self.words.text().to_owned(),
            Manner::AnswerOddly => format!(
                r#"{{"agent":{{"version":{words},"ssl":false}},"system":{{"hostname":{words}}},"status":{words}}}"#
            ),
            _ => format!(r#"{{"agent":{{"version":"9.9.9"}},"system":{{"hostname":{words}}}}}"#),
        };
        let (field, length) = (self.words.field(), body.len());
        let head = format!(
            "HTTP/1.1 200 {field}\r\nContent-Disposition: attachment; filename=\"{field}\"\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.ok()?;
        self.end().await
    }

    /// Ends it once the client has: what it still sends must not reset what was said.
    async fn end(&mut self) -> Option<()> {
        self.stream.shutdown().await.ok()?;
        copy(&mut self.stream, &mut sink()).await.ok()?;
        Some(())
    }

    async fn trickle(&mut self, part: &[u8]) -> Option<()> {
        loop {
            self.stream.write_all(part).await.ok()?;
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn talk(mut self) -> Option<()> {
        if matches!(self.manner, Manner::Endless) {
            // A text of 16 MiB, without an end in sight.
            self.stream.write_all(&[0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0]).await.ok()?;
            return self.trickle(b" ").await;
        }
        let Self { stream, manner, words } = self;
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(request) = message else { continue };
            let request: Value = serde_json::from_str(&request).ok()?;
            if matches!(manner, Manner::Close) {
                let reason = words.beginning(120).to_owned().into();
                let frame = CloseFrame { code: 4000.into(), reason };
                socket.close(Some(frame)).await.ok()?;
                return None;
            }
            for message in [words.text().to_owned(), event(&words), reply(&request, manner, &words)]
            {
                socket.send(Message::text(message)).await.ok()?;
            }
        }
        None
    }
}

fn event(words: &Words) -> String {
    let words = words.json();
    format!(
        r#"{{"action":"server.changed_state","parameters":{{"server":{words},"after":{words},"line":{words}}},{words}:{words}}}"#
    )
}

fn reply(request: &Value, manner: Manner, words: &Words) -> String {
    let token = &request["idempotence"];
    let json = words.json();
    if matches!(manner, Manner::Reject) {
        return format!(
            r#"{{"idempotence":{token},"status":"error","parameters":{{"error":{json},{json}:[{json}]}}}}"#
        );
    }
    let parameters = match request["action"].as_str().unwrap_or_default() {
        "list_actions" => words.catalogue(),
        "servers" => {
            format!(
                r#"{{"servers":{{{json}:{{"state":{json},"name":{json}}},"a":{{"state":1}}}}}}"#
            )
        }
        _ => format!(
            r#"{{"token":"a","username":{json},"permissions":["*",{json}],{json}:{{"x":[{json},1]}}}}"#
        ),
    };
    format!(r#"{{"idempotence":{token},"status":{json},"parameters":{parameters}}}"#).replacen(
        &format!(r#""status":{json},"#),
        r#""status":"ok","#,
        1,
    )
}

/// TLS with a certificate that names the words as far as its fields hold them.
fn acceptor(words: &Words, file: &Path) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    let ascii: String = words.text().chars().filter(|c| (' '..'~').contains(c)).take(200).collect();
    let acting: String = words.text().chars().filter(char::is_ascii).take(200).collect();
    parameters.subject_alt_names = vec![
        SanType::DnsName(Ia5String::try_from(acting).unwrap()),
        SanType::URI(Ia5String::try_from(ascii.clone()).unwrap()),
        SanType::Rfc822Name(Ia5String::try_from(ascii).unwrap()),
    ];
    let name: String = words.text().chars().take(4000).collect();
    parameters.distinguished_name.push(DnType::CommonName, name.as_str());
    parameters.distinguished_name.push(DnType::OrganizationName, name.as_str());
    let certificate = parameters.self_signed(&key).unwrap();
    fs::write(file, certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
