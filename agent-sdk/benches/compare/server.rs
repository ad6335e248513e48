//! A small fast agent: it answers every request from a template, and looks at no more of it than
//! the token.
//!
//! It has to be much faster than the clients, or they would wait for it and all look alike:
//! - it finds the token where the last request had it, and searches only if it is not there, so
//!   that clients may write their keys in any order;
//! - a reply is two copies of prepared bytes with the token in between;
//! - it reads no more than a piece at a time and answers that at once, so that the client is at
//!   work again while the rest is being read;
//! - it asks for more without sleeping, unless it is told to sleep.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::Arc,
    thread,
    time::Duration,
};

use clap::Parser;
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tungstenite::handshake::derive_accept_key;

use crate::process;

/// The argument that makes this program the server.
const SERVER: &str = "--serve";
/// It ends by itself after this, whatever happens; clients fail then, and so does the program.
const LIFE: Duration = Duration::from_secs(120);
/// What stands for the token in the template of a reply.
pub const TOKEN: &str = "TOKEN";
/// How much is read before it is answered: some 35 requests.
const PIECE: usize = 4096;
/// RFC 6455, 5.2: a whole text message, and a whole close frame.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// What the server is to do.
#[derive(Clone, Parser)]
pub struct Service {
    /// What stands before the token in each request.
    #[arg(long)]
    pub key: String,
    /// The reply, with `TOKEN` where the token is to stand; at most 125 bytes.
    #[arg(long)]
    pub reply: String,
    /// Speak TLS.
    #[arg(long)]
    pub tls: bool,
    /// Sleep until something arrives, instead of asking all the time.
    #[arg(long)]
    pub sleep: bool,
    /// The processor to stay on.
    #[arg(long)]
    pub core: Option<usize>,
}

impl Service {
    /// The arguments that start such a server.
    pub fn arguments(&self) -> Vec<String> {
        let mut list = vec![SERVER.to_owned()];
        list.push(format!("--key={}", self.key));
        list.push(format!("--reply={}", self.reply));
        list.extend(self.tls.then(|| "--tls".to_owned()));
        list.extend(self.sleep.then(|| "--sleep".to_owned()));
        list.extend(self.core.map(|core| format!("--core={core}")));
        list
    }
}

/// What the server says when it is ready.
#[derive(Serialize, Deserialize)]
pub struct Ready {
    pub port: u16,
    /// With TLS.
    pub certificate: Option<Vec<u8>>,
}

/// What this process is to serve, if it is to be the server.
pub fn asked_for() -> Option<Service> {
    let mut arguments = std::env::args().skip(1).peekable();
    (arguments.peek()? == SERVER).then(|| Service::parse_from(arguments))
}

/// Serves one connection after the other until its time is over.
///
/// Its first line is a [`Ready`].
pub fn serve(service: &Service) {
    thread::spawn(|| {
        thread::sleep(LIFE);
        std::process::exit(1);
    });
    if let Some(core) = service.core {
        process::pin(core);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let tls = service.tls.then(certified);
    let ready = Ready { port, certificate: tls.as_ref().map(|(_, der)| der.clone()) };
    println!("{}", serde_json::to_string(&ready).expect("it can be written"));
    for stream in listener.incoming() {
        let stream = stream.and_then(|stream| Socket::new(stream, service.sleep));
        // A client that goes away is nothing to complain about.
        let _ = stream.and_then(|stream| match &tls {
            None => connection(stream, service),
            Some((config, _)) => {
                let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                connection(StreamOwned::new(tls, stream), service)
            }
        });
    }
}

/// A certificate of its own for this machine.
fn certified() -> (Arc<ServerConfig>, Vec<u8>) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a good name");
    let der = own.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![der.clone()], key.into()).expect("a good key");
    (Arc::new(config), der.to_vec())
}

/// A socket that waits in its own way.
struct Socket(TcpStream);

impl Socket {
    fn new(stream: TcpStream, sleep: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(!sleep)?;
        Ok(Self(stream))
    }
}

/// Asks again until there is an answer; at once with a socket that sleeps.
fn ask<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            answer => return answer,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        ask(|| self.0.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ask(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connection(mut stream: impl Read + Write, service: &Service) -> io::Result<()> {
    upgrade(&mut stream)?;
    let mut replies = Replies::new(service);
    let mut buffer = [0; PIECE];
    let mut filled = 0;
    let mut out = Vec::new();
    loop {
        let size = stream.read(&mut buffer[filled..])?;
        if size == 0 {
            return Ok(());
        }
        filled += size;
        let mut read = 0;
        while let Some((kind, payload)) = unmask(&mut buffer[read..filled]) {
            let request = &buffer[read..][payload.clone()];
            match kind {
                TEXT => replies.answer(request, &mut out),
                CLOSE => out.extend_from_slice(&[CLOSE, 0]),
                _ => {}
            }
            read += payload.end;
        }
        buffer.copy_within(read..filled, 0);
        filled -= read;
        stream.write_all(&out)?;
        out.clear();
    }
}

/// Accepts whatever is asked for.
fn upgrade(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    let accept = derive_accept_key(header("sec-websocket-key").unwrap_or_default().as_bytes());
    let protocol = header("sec-websocket-protocol").map(|_| "Sec-WebSocket-Protocol: SMP1.0\r\n");
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         {}Sec-WebSocket-Accept: {accept}\r\n\r\n",
        protocol.unwrap_or_default()
    );
    stream.write_all(answer.as_bytes())
}

/// Unmasks the first frame in place: its first byte, and where its payload stands.
fn unmask(bytes: &mut [u8]) -> Option<(u8, Range<usize>)> {
    let kind = *bytes.first()?;
    let (length, start) = match *bytes.get(1)? & 0x7f {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = bytes.get(start..start + 4)?.try_into().ok()?;
    let range = start + 4..start + 4 + length;
    let payload = bytes.get_mut(range.clone())?;
    // Eight bytes at a time: byte by byte it took as long as all the rest.
    let key = u64::from(u32::from_ne_bytes(mask));
    let key = key << 32 | key;
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Some((kind, range))
}

/// Makes replies.
struct Replies<'a> {
    key: &'a [u8],
    before: &'a [u8],
    after: &'a [u8],
    /// Where the key stood last.
    place: usize,
}

impl<'a> Replies<'a> {
    fn new(service: &'a Service) -> Self {
        let (before, after) = service.reply.split_once(TOKEN).expect("a place for the token");
        let [key, before, after] = [&service.key, before, after].map(str::as_bytes);
        Self { key, before, after, place: 0 }
    }

    fn answer(&mut self, request: &[u8], out: &mut Vec<u8>) {
        let Some(token) = self.token(request) else { return };
        let length = self.before.len() + token.len() + self.after.len();
        out.extend_from_slice(&[TEXT, u8::try_from(length).expect("a short reply")]);
        out.extend_from_slice(self.before);
        out.extend_from_slice(token);
        out.extend_from_slice(self.after);
    }

    fn token<'r>(&mut self, request: &'r [u8]) -> Option<&'r [u8]> {
        if request.get(self.place..).is_none_or(|rest| !rest.starts_with(self.key)) {
            self.place = request.windows(self.key.len()).position(|part| part == self.key)?;
        }
        let token = &request[self.place + self.key.len()..];
        let end = token.iter().position(|byte| matches!(byte, b'"' | b',' | b'}'))?;
        Some(&token[..end])
    }
}
