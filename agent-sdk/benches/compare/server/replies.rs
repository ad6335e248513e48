//! What the server says: replies, some of them large, and events.

use std::{
    io::{self, Write},
    time::Instant,
};

use super::{LARGE, Service, TOKEN};

/// RFC 6455, 5.2: a whole text message.
pub const TEXT: u8 = 0x81;
/// An event of some hundred bytes.
const EVENT: &str = r#"{"action":"stdout","parameters":{"server":"survival","line":"[12:34:56] [Server] Steve joined"}}"#;
/// What follows the text in a large reply.
const TAIL: &[u8] = br#""}}"#;
/// At most so many events at once; what was missed by more than that stays missed.
const EVENTS_AT_ONCE: u128 = 1000;

/// Makes replies.
pub struct Replies<'a> {
    key: &'a [u8],
    before: &'a [u8],
    after: &'a [u8],
    /// Where the key stood last.
    place: usize,
}

impl<'a> Replies<'a> {
    pub fn new(service: &'a Service) -> Self {
        let (before, after) = service.reply.split_once(TOKEN).expect("a place for the token");
        let [key, before, after] = [&service.key, before, after].map(str::as_bytes);
        Self { key, before, after, place: 0 }
    }

    pub fn answer(&mut self, request: &[u8], out: &mut Vec<u8>) {
        if let Some(token) = self.token(request) {
            self.write(token, out);
        }
    }

    fn write(&self, token: &[u8], out: &mut Vec<u8>) {
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

/// Answers three requests at a time: a small reply, a large one, a small one.
pub struct Threes {
    text: String,
    large: Option<Vec<u8>>,
    small: Vec<Vec<u8>>,
}

impl Threes {
    pub fn new(size: usize) -> Self {
        Self { text: "x".repeat(size), large: None, small: Vec::new() }
    }

    /// Answers if this is the third request. The large text is not copied: that would take as long
    /// as sending it.
    pub fn answer(
        &mut self,
        replies: &mut Replies<'_>,
        request: &[u8],
        out: &mut Vec<u8>,
        stream: &mut impl Write,
    ) -> io::Result<()> {
        let Some(token) = replies.token(request).map(<[u8]>::to_vec) else { return Ok(()) };
        if request.windows(LARGE.len()).any(|part| part == LARGE.as_bytes()) {
            self.large = Some(token);
        } else {
            self.small.push(token);
        }
        if let (Some(large), [before, behind]) = (&self.large, &self.small[..]) {
            replies.write(before, out);
            self.write_head(large, out);
            stream.write_all(out)?;
            stream.write_all(self.text.as_bytes())?;
            out.clear();
            out.extend_from_slice(TAIL);
            replies.write(behind, out);
            self.large = None;
            self.small.clear();
        }
        Ok(())
    }

    fn write_head(&self, token: &[u8], out: &mut Vec<u8>) {
        let token = String::from_utf8_lossy(token);
        let head = format!(r#"{{"idempotence":"{token}","status":"ok","parameters":{{"text":""#);
        let length = head.len() + self.text.len() + TAIL.len();
        // RFC 6455, 5.2: 127 says that the length follows in eight bytes.
        out.extend_from_slice(&[TEXT, 127]);
        out.extend_from_slice(&(length as u64).to_be_bytes());
        out.extend_from_slice(head.as_bytes());
    }
}

/// Events at an even rate, as long as there are replies to go with.
pub struct Events {
    rate: u32,
    began: Instant,
    sent: u128,
}

impl Events {
    pub fn new(rate: u32) -> Self {
        Self { rate, began: Instant::now(), sent: 0 }
    }

    /// Writes the events that are due.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        let due = self.began.elapsed().as_micros() * u128::from(self.rate) / 1_000_000;
        for _ in 0..(due - self.sent).min(EVENTS_AT_ONCE) {
            out.extend_from_slice(&[TEXT, u8::try_from(EVENT.len()).expect("a short event")]);
            out.extend_from_slice(EVENT.as_bytes());
        }
        self.sent = due;
    }
}
