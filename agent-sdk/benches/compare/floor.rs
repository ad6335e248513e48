//! The floor: a plain loop on tokio-tungstenite that does what each call needs, and nothing else.

use std::{
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::{Sink, SinkExt, Stream, StreamExt, poll};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tungstenite::{Error, Message, client::IntoClientRequest, protocol::WebSocketConfig};
use uuid::Uuid;

use crate::{
    job::Ready,
    measure::{Latencies, Load, Measured, Stop, Watch},
    process::Server,
    work::{ACTION, Metrics, PARAMETERS, Parameters},
};

#[derive(Serialize)]
struct Request<'a> {
    action: &'a str,
    parameters: Parameters,
    idempotence: &'a str,
}

#[derive(Deserialize)]
struct Reply<'a, P> {
    idempotence: &'a str,
    parameters: P,
}

/// A request with such a number.
pub fn request(number: usize) -> Message {
    request_for(ACTION, number)
}

/// A request for such an action.
pub fn request_for(action: &str, number: usize) -> Message {
    let mut token = Uuid::encode_buffer();
    let idempotence = &*Uuid::from_u128(number as u128).simple().encode_lower(&mut token);
    let mut text = Vec::with_capacity(256);
    let request = Request { action, parameters: PARAMETERS, idempotence };
    serde_json::to_writer(&mut text, &request).expect("a request can be written");
    Message::text(String::from_utf8(text).expect("JSON is UTF-8"))
}

/// The number of the request that this answers, and the result.
pub fn reply<P: DeserializeOwned>(message: Option<Result<Message, Error>>) -> (usize, P) {
    let message = message.expect("the server stays").expect("the server writes frames");
    let Message::Text(text) = message else { panic!("the server writes text") };
    let reply: Reply<'_, P> = serde_json::from_str(&text).expect("a good reply");
    (usize::from_str_radix(reply.idempotence, 16).expect("our token"), reply.parameters)
}

/// The number of the request that this answers, once the result is checked.
pub fn number(message: Option<Result<Message, Error>>) -> usize {
    let (number, metrics) = reply::<Metrics>(message);
    metrics.check();
    number
}

/// Runs the client under a load.
pub async fn run(server: &Server, load: Load) -> Measured {
    match &server.ready.certificate {
        None => under(connect(&server.ready, None).await, load).await,
        Some(_) => under(connect_securely(&server.ready).await, load).await,
    }
}

/// Connects without TLS.
pub async fn connect(
    server: &Ready,
    config: Option<WebSocketConfig>,
) -> impl Socket + Send + use<> {
    upgrade(tcp(server).await, config).await
}

/// Connects with TLS.
pub async fn connect_securely(server: &Ready) -> impl Socket {
    let certificate = server.certificate.as_ref().expect("the server speaks TLS");
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into()).expect("a good certificate");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("127.0.0.1").expect("a good name");
    let stream = connector.connect(name, tcp(server).await).await;
    upgrade(stream.expect("the server speaks TLS"), None).await
}

async fn tcp(server: &Ready) -> TcpStream {
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).await.expect("the server listens");
    tcp.set_nodelay(true).expect("an option of every socket");
    tcp
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Option<WebSocketConfig>,
) -> WebSocketStream<S> {
    let mut login = "ws://127.0.0.1/ws".into_client_request().expect("a good URL");
    let list = "SMP1.0, root, secret".parse().expect("a good header");
    login.headers_mut().insert("Sec-WebSocket-Protocol", list);
    client_async_with_config(login, stream, config).await.expect("the server accepts").0
}

/// A connection of the floor.
pub trait Socket:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin
{
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket for WebSocketStream<S> {}

async fn under(socket: impl Socket, load: Load) -> Measured {
    match load {
        Load::InFlight(in_flight, time) => keep_in_flight(socket, in_flight, time).await,
        Load::Alternately(time) => alternate(socket, time).await,
    }
}

/// Keeps so many requests in flight.
async fn keep_in_flight(mut socket: impl Socket, in_flight: usize, time: Duration) -> Measured {
    let stop = Stop::after(time);
    let watch = Watch::of_this_thread();
    let mut waiting = vec![true; in_flight];
    for number in 0..in_flight {
        socket.feed(request(number)).await.expect("the server reads");
    }
    let mut calls = 0;
    while !stop.is_set() {
        socket.flush().await.expect("the server reads");
        let mut next = socket.next().await;
        // All that has arrived, then one flush.
        loop {
            let number = number(next);
            assert!(std::mem::replace(&mut waiting[number], false));
            calls += 1;
            waiting[number] = true;
            socket.feed(request(number)).await.expect("the server reads");
            match poll!(socket.next()) {
                Poll::Ready(message) => next = message,
                Poll::Pending => break,
            }
        }
    }
    watch.measured(calls)
}

/// Makes one call after the other.
async fn alternate(mut socket: impl Socket, time: Duration) -> Measured {
    let stop = Stop::after(time);
    let mut latencies = Latencies::new();
    let watch = Watch::of_this_thread();
    let mut calls = 0;
    while !stop.is_set() {
        let began = Instant::now();
        socket.send(request(calls)).await.expect("the server reads");
        assert_eq!(number(socket.next().await), calls);
        latencies.add(began.elapsed());
        calls += 1;
    }
    watch.measured(calls).with(latencies)
}
