//! One connection: the upgrade, and frames in and out.

use std::{
    io::{self, Read, Write},
    ops::Range,
};

use tungstenite::handshake::derive_accept_key;

use super::{
    Service,
    replies::{Events, Replies, TEXT, Threes},
};

/// How much is read before it is answered: some 35 requests.
const PIECE: usize = 4096;
/// RFC 6455, 5.2: a whole close frame.
const CLOSE: u8 = 0x88;

/// Serves one connection to its end.
pub fn connection(mut stream: impl Read + Write, service: &Service) -> io::Result<()> {
    // A large text takes its time to be made, which no call must wait for.
    let mut threes = service.large.map(Threes::new);
    upgrade(&mut stream)?;
    let mut replies = Replies::new(service);
    let mut events = service.events.map(Events::new);
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
                TEXT => match &mut threes {
                    None => replies.answer(request, &mut out),
                    Some(threes) => threes.answer(&mut replies, request, &mut out, &mut stream)?,
                },
                CLOSE => out.extend_from_slice(&[CLOSE, 0]),
                _ => {}
            }
            read += payload.end;
        }
        buffer.copy_within(read..filled, 0);
        filled -= read;
        if let Some(events) = &mut events {
            events.write(&mut out);
        }
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

/// Unmasks the first frame in place: its first byte, and where its payload is.
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
