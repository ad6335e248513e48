//! A small fast agent: it polls without sleeping and writes all replies of a read at once.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    time::{Duration, Instant},
};

use tungstenite::handshake::derive_accept_key;

use crate::process;

/// The argument that makes this program the server.
pub const SERVER: &str = "--serve";
/// It ends by itself after this, whatever happens.
const LIFE: Duration = Duration::from_secs(120);
const TOKEN: &[u8] = b"\"idempotence\":\"";
const DIGITS: usize = 32;

/// The order of the keys in a reply.
#[derive(Clone, Copy)]
pub enum Order {
    TokenFirst,
    TokenLast,
}

impl Order {
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenFirst => "first",
            Self::TokenLast => "last",
        }
    }

    fn reply(self, token: &[u8], out: &mut Vec<u8>) {
        const PARAMETERS: &[u8] = br#""parameters":{"server":"AxiomMain","players":42}"#;
        let length = 2 + TOKEN.len() + DIGITS + 1 + 1 + 13 + 1 + PARAMETERS.len();
        out.extend_from_slice(&[0x81, u8::try_from(length).expect("a short reply")]);
        out.push(b'{');
        match self {
            Self::TokenFirst => {
                out.extend_from_slice(TOKEN);
                out.extend_from_slice(token);
                out.extend_from_slice(br#"","status":"ok","#);
                out.extend_from_slice(PARAMETERS);
            }
            Self::TokenLast => {
                out.extend_from_slice(PARAMETERS);
                out.extend_from_slice(br#","status":"ok","#);
                out.extend_from_slice(TOKEN);
                out.extend_from_slice(token);
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
}

/// Whether this process is to be the server.
pub fn is_asked_for() -> bool {
    std::env::args().nth(1).is_some_and(|argument| argument == SERVER)
}

/// Serves one connection after the other until its time is over.
pub fn serve() {
    process::pin(1);
    let order = match std::env::args().nth(2).as_deref() {
        Some("last") => Order::TokenLast,
        _ => Order::TokenFirst,
    };
    let end = Instant::now() + LIFE;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("its address").port());
    listener.set_nonblocking(true).expect("a socket that can be polled");
    while Instant::now() < end {
        match listener.accept() {
            Ok((stream, _)) => {
                // A client that goes away is nothing to complain about.
                let _ = connection(stream, order, end);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn connection(mut stream: TcpStream, order: Order, end: Instant) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    upgrade(&mut stream)?;
    stream.set_nonblocking(true)?;
    let mut received = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut out = Vec::new();
    while Instant::now() < end {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(size) => received.extend_from_slice(&buffer[..size]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::hint::spin_loop();
                continue;
            }
            Err(error) => return Err(error),
        }
        let mut consumed = 0;
        while let Some(payload) = unmask(&mut received[consumed..]) {
            let request = &received[consumed..][payload.clone()];
            if let Some(token) = token(request) {
                order.reply(token, &mut out);
            }
            consumed += payload.end;
        }
        received.drain(..consumed);
        write(&mut stream, &mut out)?;
    }
    Ok(())
}

fn upgrade(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value)
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Protocol: SMP1.0\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Unmasks the first frame, of up to 64 KiB, in place; where its payload stands.
fn unmask(bytes: &mut [u8]) -> Option<Range<usize>> {
    let (length, start) = match *bytes.get(1)? & 0x7f {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = bytes.get(start..start + 4)?.try_into().ok()?;
    let payload = start + 4..start + 4 + length;
    for block in bytes.get_mut(payload.clone())?.chunks_mut(4) {
        for (byte, key) in block.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    Some(payload)
}

fn token(request: &[u8]) -> Option<&[u8]> {
    let start = request.windows(TOKEN.len()).position(|window| window == TOKEN)? + TOKEN.len();
    request.get(start..start + DIGITS)
}

fn write(stream: &mut TcpStream, out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut rest = &out[..];
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(size) => rest = &rest[size..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    out.clear();
    Ok(())
}
