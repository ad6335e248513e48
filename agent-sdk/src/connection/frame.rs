//! WebSocket messages out of bytes and bytes out of messages, without any input or output.
//!
//! The header of a frame is tungstenite's; what happens between frames is ours, for three reasons.
//! A message over the limit must not end the connection and with it every other call, so it is
//! skipped, not refused. tungstenite logs each frame's payload at level `trace`, and a payload may
//! hold a password. And a connection that is idle should hold no buffer at all.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// How much is read at a time: enough for a burst of replies, little enough for the stack.
pub(crate) const READ_SIZE: usize = 8 * 1024;
/// How much is kept of either end of a message that is too large, to find its token in.
const TOKEN_SEARCH_LEN: usize = 1024;
/// RFC 6455, 5.5: the payload of a control frame.
const MAX_CONTROL: u64 = 125;

/// Something that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// A whole message, text or binary, within what was received just now.
    Message(&'a [u8]),
    /// A message that came in parts, or before.
    Gathered(Bytes),
    /// A message over the limit, skipped.
    TooLarge(TooLarge),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// The answer to a ping.
    Pong,
    /// The agent ends the connection: code and reason.
    Close(Option<(u16, String)>),
}

/// What is left of a message that was too large.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct TooLarge {
    /// Its beginning.
    pub(crate) head: Vec<u8>,
    /// Its end.
    pub(crate) tail: Vec<u8>,
    /// Its size in bytes.
    pub(crate) size: u64,
}

impl TooLarge {
    fn add(&mut self, part: &[u8]) {
        self.size += part.len() as u64;
        let room = TOKEN_SEARCH_LEN - self.head.len();
        let (head, rest) = part.split_at(room.min(part.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(TOKEN_SEARCH_LEN)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TOKEN_SEARCH_LEN));
    }
}

/// A peer that does not speak WebSocket as RFC 6455 has it; the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame has an unknown opcode")]
    Opcode,
    #[error("a frame is masked, which only a client's may be")]
    Masked,
    #[error("a frame uses an extension that was not agreed on")]
    Reserved,
    #[error("a control frame is fragmented or too long")]
    Control,
    #[error("a fragment continues no message, or a message begins within another")]
    Fragment,
}

/// How long the header of an unmasked frame may be.
const MAX_HEADER: usize = 10;
/// The room for a message that comes in parts, at first.
const GATHERED: usize = 256;

/// Turns what was received into messages.
pub(crate) struct FrameDecoder {
    /// Received and not yet consumed: the beginning of a frame whose rest is to come.
    buffer: BytesMut,
    /// The frame whose payload is being received.
    frame: Option<(FrameHeader, u64)>,
    /// The message whose fragments are being received.
    message: Option<Partial>,
    limit: usize,
}

/// A message of which more is to come.
enum Partial {
    Kept(BytesMut),
    Skipped(TooLarge),
}

impl FrameDecoder {
    /// A reader that begins with what arrived together with the upgrade's answer.
    pub(crate) fn new(received: BytesMut, limit: usize) -> Self {
        // If nothing did, the room for it is not needed any more.
        let buffer = if received.is_empty() { BytesMut::new() } else { received };
        Self { buffer, frame: None, message: None, limit }
    }

    /// Where to put what is received next, if it is the rest of a large frame: with room for all of
    /// it and no more, so that it is never moved.
    pub(crate) fn large_frame(&mut self) -> Option<&mut BytesMut> {
        let (_, length) = self.frame.as_ref().filter(|(_, length)| !self.skips(*length))?;
        let missing = usize::try_from(*length).ok()?.checked_sub(self.buffer.len())?;
        if missing <= READ_SIZE {
            return None;
        }
        self.buffer.reserve(missing);
        Some(&mut self.buffer)
    }

    /// The next thing that has arrived as a whole, or `None` once nothing is left of what was
    /// received and more has to come.
    pub(crate) fn next<'a>(
        &mut self,
        received: &mut &'a [u8],
    ) -> Result<Option<Incoming<'a>>, FrameError> {
        loop {
            if let Some(message) = self.within(received)? {
                return Ok(Some(Incoming::Message(message)));
            }
            self.gather(received);
            if let Some(incoming) = self.gathered()? {
                return Ok(Some(incoming));
            }
            if received.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The message with which `received` begins, if all of it is there: it needs no memory here.
    fn within<'a>(&self, received: &mut &'a [u8]) -> Result<Option<&'a [u8]>, FrameError> {
        if !self.buffer.is_empty() || self.frame.is_some() || self.message.is_some() {
            return Ok(None);
        }
        let Some((header, length, start)) = self.parse(received)? else { return Ok(None) };
        let is_whole = header.is_final && matches!(header.opcode, OpCode::Data(_));
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let Some(end) = end.filter(|_| is_whole && !self.skips(length)) else { return Ok(None) };
        let Some(message) = received.get(start..end) else { return Ok(None) };
        *received = &received[end..];
        Ok(Some(message))
    }

    /// Takes over as much as the current frame lacks.
    fn gather(&mut self, received: &mut &[u8]) {
        let expected = self
            .frame
            .as_ref()
            .map_or(MAX_HEADER, |(_, length)| usize::try_from(*length).unwrap_or(usize::MAX));
        if self.buffer.is_empty() {
            // Enough for most messages, so that they grow no more.
            self.buffer.reserve(GATHERED);
        }
        let missing = expected.saturating_sub(self.buffer.len()).max(1);
        let (now, later) = received.split_at(missing.min(received.len()));
        self.buffer.extend_from_slice(now);
        *received = later;
    }

    /// What has been gathered as a whole.
    fn gathered(&mut self) -> Result<Option<Incoming<'static>>, FrameError> {
        loop {
            let Some((header, length)) = self.header()? else { return Ok(None) };
            let incoming = match header.opcode {
                OpCode::Control(control) => self.control(control, length),
                OpCode::Data(_) if self.skips(length) => {
                    if !self.skip() {
                        return Ok(None);
                    }
                    self.end_of_skipped()
                }
                OpCode::Data(_) => self.data(length),
            };
            match incoming {
                Step::Incomplete => return Ok(None),
                Step::Fragment => {}
                Step::Whole(incoming) => return Ok(Some(incoming)),
            }
        }
    }

    /// The header of the frame that is being received.
    fn header(&mut self) -> Result<Option<(FrameHeader, u64)>, FrameError> {
        if self.frame.is_none()
            && let Some((header, length, size)) = self.parse(&self.buffer)?
        {
            self.buffer.advance(size);
            self.frame = Some((header, length));
        }
        Ok(self.frame.clone())
    }

    /// The header with which some bytes begin, the length of the payload, and its own.
    fn parse(&self, bytes: &[u8]) -> Result<Option<(FrameHeader, u64, usize)>, FrameError> {
        let mut cursor = Cursor::new(bytes);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Opcode)?;
        let Some((header, length)) = parsed else { return Ok(None) };
        self.check(&header, length)?;
        Ok(Some((header, length, usize::try_from(cursor.position()).unwrap_or(0))))
    }

    fn check(&self, header: &FrameHeader, length: u64) -> Result<(), FrameError> {
        if header.mask.is_some() {
            return Err(FrameError::Masked);
        }
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(FrameError::Reserved);
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL => {
                Err(FrameError::Control)
            }
            OpCode::Data(Data::Continue) if self.message.is_none() => Err(FrameError::Fragment),
            OpCode::Data(Data::Text | Data::Binary) if self.message.is_some() => {
                Err(FrameError::Fragment)
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a data frame of this length belongs to a message that is too large.
    fn skips(&self, length: u64) -> bool {
        let before = match &self.message {
            None => 0,
            Some(Partial::Kept(part)) => part.len() as u64,
            Some(Partial::Skipped(_)) => return true,
        };
        before.saturating_add(length) > self.limit as u64
    }

    fn control(&mut self, control: Control, length: u64) -> Step {
        let Some(payload) = self.payload(length) else { return Step::Incomplete };
        self.frame = None;
        Step::Whole(match control {
            Control::Ping => Incoming::Ping(payload),
            Control::Close => Incoming::Close(close_reason(&payload)),
            // The header's parser lets no other control frame through.
            Control::Pong | Control::Reserved(_) => Incoming::Pong,
        })
    }

    fn data(&mut self, length: u64) -> Step {
        let Some(payload) = self.payload(length) else { return Step::Incomplete };
        let is_final = self.frame.take().is_none_or(|(header, _)| header.is_final);
        match (self.message.take(), is_final) {
            (None, true) => Step::Whole(Incoming::Gathered(payload)),
            (None, false) => {
                self.message = Some(Partial::Kept(BytesMut::from(payload)));
                Step::Fragment
            }
            (Some(Partial::Kept(mut part)), true) => {
                part.extend_from_slice(&payload);
                Step::Whole(Incoming::Gathered(part.freeze()))
            }
            (Some(Partial::Kept(mut part)), false) => {
                part.extend_from_slice(&payload);
                self.message = Some(Partial::Kept(part));
                Step::Fragment
            }
            // A frame of a skipped message is skipped, so this is not reached.
            (Some(Partial::Skipped(skipped)), _) => Step::Whole(Incoming::TooLarge(skipped)),
        }
    }

    /// The payload of the current frame, once all of it is there.
    fn payload(&mut self, length: u64) -> Option<Bytes> {
        let length = usize::try_from(length).ok().filter(|length| self.buffer.len() >= *length)?;
        if self.buffer.len() == length {
            // Nothing follows: no memory is shared, and none is kept while the connection is idle.
            return Some(std::mem::take(&mut self.buffer).freeze());
        }
        let payload = self.buffer.split_to(length).freeze();
        if length > READ_SIZE {
            // What follows must not keep the memory of a large message alive.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Some(payload)
    }

    /// Drops what has arrived of the current frame; returns whether that was all of it.
    fn skip(&mut self) -> bool {
        let mut skipped = match self.message.take() {
            None => TooLarge::default(),
            Some(Partial::Skipped(skipped)) => skipped,
            Some(Partial::Kept(part)) => {
                let mut skipped = TooLarge::default();
                skipped.add(&part);
                skipped
            }
        };
        let mut through = true;
        if let Some((_, remaining)) = &mut self.frame {
            let arrived = self.buffer.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
            skipped.add(&self.buffer[..arrived]);
            self.buffer.advance(arrived);
            *remaining -= arrived as u64;
            through = *remaining == 0;
        }
        self.message = Some(Partial::Skipped(skipped));
        through
    }

    /// Ends a skipped frame, and with the last one the message.
    fn end_of_skipped(&mut self) -> Step {
        let is_final = self.frame.take().is_none_or(|(header, _)| header.is_final);
        match self.message.take() {
            Some(Partial::Skipped(skipped)) if is_final => Step::Whole(Incoming::TooLarge(skipped)),
            message => {
                self.message = message;
                Step::Fragment
            }
        }
    }
}

/// What became of the frame at hand.
enum Step {
    Incomplete,
    Fragment,
    Whole(Incoming<'static>),
}

fn close_reason(payload: &[u8]) -> Option<(u16, String)> {
    let (code, reason) = payload.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned()))
}

/// How much room a message takes at most.
pub(crate) fn size(payload: &[u8]) -> usize {
    const MASK: usize = 4;
    MAX_HEADER + MASK + payload.len()
}

/// Appends a text message to `out`.
pub(crate) fn write_text(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, OpCode::Data(Data::Text), payload);
}

/// Appends a ping to `out`.
pub(crate) fn write_ping(out: &mut Vec<u8>) {
    write(out, OpCode::Control(Control::Ping), b"");
}

/// Appends the answer to a ping to `out`.
pub(crate) fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, OpCode::Control(Control::Pong), payload);
}

/// Appends a close frame to `out`.
pub(crate) fn write_close(out: &mut Vec<u8>, code: u16) {
    write(out, OpCode::Control(Control::Close), &code.to_be_bytes());
}

fn write(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    let mask: [u8; 4] = rand::random();
    let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
    let written = header.format(payload.len() as u64, out);
    debug_assert!(written.is_ok(), "writing to a vector cannot fail");
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], mask);
}

/// Masks a payload, eight bytes at a time.
fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
