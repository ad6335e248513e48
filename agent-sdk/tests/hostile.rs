//! How much memory an agent can make a client take: a stated multiple of the limit of a message.

use agent_sdk::{Agent, Event, Events, Message};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// The limit of a message, in bytes.
const LIMIT: usize = 2 << 20;
/// What a connection takes at most, in limits of a message (`Builder::max_message_size`).
const PER_CONNECTION: u64 = 4;
/// What each stream of events may hold on top of that.
const PER_STREAM: u64 = 1;
/// What has nothing to do with the size of messages.
const BASE: u64 = 1 << 20;

/// An agent on a thread of its own, so that only the client's memory is counted.
struct HostileAgent {
    server: Runtime,
    client: Runtime,
    agent: Agent,
    socket: TcpStream,
}

impl HostileAgent {
    fn new() -> Self {
        let server = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let accepted = server.spawn(accept(listener));
        let agent = Agent::builder(url).credentials("root", "x").max_message_size(LIMIT).connect();
        let agent = client.block_on(agent).unwrap();
        let socket = client.block_on(accepted).unwrap();
        Self { server, client, agent, socket }
    }

    /// Begins a call that ends before it is answered; its token.
    fn abandoned_call(&mut self) -> String {
        let Self { server, client, agent, socket } = self;
        let call = agent.call_raw("echo", ()).timeout(std::time::Duration::from_millis(50));
        client.block_on(call).unwrap_err();
        let request = server.block_on(read_frame(socket));
        request["idempotence"].as_str().unwrap().to_owned()
    }

    /// Sends frames, and returns the most memory that the client took, in bytes, until all of them
    /// had come.
    fn taken_by(mut self, frames: &[Vec<u8>]) -> u64 {
        let Self { client, agent, socket, .. } = &mut self;
        let counted = allocation_counter::measure(|| {
            client.block_on(async {
                let before = agent.statistics().bytes_received;
                let size: usize = frames.iter().map(Vec::len).sum();
                let write = async {
                    for frame in frames {
                        socket.write_all(frame).await.unwrap();
                    }
                };
                let read = async {
                    while agent.statistics().bytes_received < before + size as u64 {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::join!(write, read);
            });
        });
        counted.bytes_max
    }
}

async fn accept(listener: TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket
}

/// Reads a short request.
async fn read_frame(socket: &mut TcpStream) -> Value {
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    let length = match head[1] & 0x7f {
        126 => usize::from(socket.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    socket.read_exact(&mut mask).await.unwrap();
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).await.unwrap();
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    serde_json::from_slice(&payload).unwrap()
}

/// A frame of an agent; `kind` is its first byte.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_be_bytes();
    [&[kind, 127], &length[..], payload].concat()
}

fn text(payload: &[u8]) -> Vec<u8> {
    frame(0x81, payload)
}

/// A message in many frames.
fn fragments(payload: &[u8]) -> Vec<u8> {
    let parts = payload.chunks(payload.len().div_ceil(50));
    let last = parts.len() - 1;
    let frames = parts.enumerate().map(|(index, part)| {
        let last = if index == last { 0x80 } else { 0 };
        frame(last | u8::from(index == 0), part)
    });
    frames.collect::<Vec<_>>().concat()
}

/// An object with these fields first, that fills the limit with what takes most memory as a tree.
fn object(fields: &str) -> Vec<u8> {
    let room = LIMIT - 200 - fields.len();
    let list = r#"{"":0},"#.repeat(room / 7);
    format!(r#"{{{fields}"list":[{}]}}"#, list.trim_end_matches(',')).into_bytes()
}

/// The reply was parsed into a tree of values under the table's lock, to look at its kind: 8 MiB took
/// 779 MiB.
#[test]
fn a_reply_that_comes_late_takes_no_more_than_a_multiple_of_its_size() {
    for kind in [String::new(), r#""action":"x","#.to_owned(), r#""event":{"a":1},"#.to_owned()] {
        for send in [text, fragments] {
            let mut hostile = HostileAgent::new();
            let token = hostile.abandoned_call();
            let reply = object(&format!(r#"{kind}"idempotence":"{token}","status":"ok","#));
            let memory = hostile.taken_by(&[send(&reply)]);
            assert!(memory < PER_CONNECTION * LIMIT as u64 + BASE, "{memory} bytes");
        }
    }
}

fn is_message(event: Option<Event>) -> Option<Message> {
    match event {
        Some(Event::Message(message)) => Some(message),
        _ => None,
    }
}

#[test]
fn events_for_filters_take_no_more_than_a_multiple_of_their_size() {
    let fields = r#""action":"tick","server":"A","#;
    let kinds: [fn(&Agent) -> Vec<Events>; 3] = [
        |agent| vec![agent.events()],
        |agent| vec![agent.events().kind("other")],
        |agent| vec![agent.events().kind("tick").topic("A"), agent.events().topic("B")],
    ];
    for listen in kinds {
        let hostile = HostileAgent::new();
        let streams = listen(&hostile.agent);
        let events = [text(&object(fields)), fragments(&object(fields)), text(&object(fields))];
        let taken = hostile.taken_by(&events);
        let limit = (PER_CONNECTION + PER_STREAM * streams.len() as u64) * LIMIT as u64 + BASE;
        assert!(taken < limit, "{taken} bytes for {} streams", streams.len());
    }
}

/// An event counted by its text and was kept as a tree, once for all consumers.
#[test]
fn an_event_stays_as_small_as_its_text_after_it_was_read() {
    let hostile = HostileAgent::new();
    let mut events = hostile.agent.events();
    let message = object(r#""action":"tick","server":"A","#);
    let client = &hostile.client;
    let mut socket = hostile.socket;
    let message = client.block_on(async {
        let frame = text(&message);
        let write = socket.write_all(&frame);
        is_message(tokio::join!(write, events.next()).1).unwrap()
    });
    let counted = allocation_counter::measure(|| {
        assert_eq!((message.kind(), message.topic()), (Some("tick"), Some("A")));
        assert_eq!(message.known(), None);
        message.json().expect_err("its value would take 800 MiB");
    });
    assert!(counted.bytes_max < BASE, "{} bytes", counted.bytes_max);
}
