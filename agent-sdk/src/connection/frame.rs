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
const KEPT: usize = 1024;
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
        let room = KEPT - self.head.len();
        let (head, rest) = part.split_at(room.min(part.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(KEPT)..]);
        self.tail.drain(..self.tail.len().saturating_sub(KEPT));
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
pub(crate) struct Reader {
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

impl Reader {
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

    /// Whether a data frame of this length belongs to a message that is too large.
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

    /// Drops what has arrived of the current frame; whether the frame is through.
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
mod tests {
    use std::io;

    use proptest::prelude::*;
    use tungstenite::{
        Message,
        protocol::{Role, WebSocketContext, frame::Frame},
    };

    use super::*;

    const LIMIT: usize = 300;

    /// A frame as the agent sends it: not masked.
    fn frame(opcode: OpCode, payload: &[u8], is_final: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = FrameHeader { opcode, is_final, ..FrameHeader::default() };
        Frame::from_payload(header, Bytes::copy_from_slice(payload)).format(&mut bytes).unwrap();
        bytes
    }

    fn text(payload: &[u8]) -> Vec<u8> {
        frame(OpCode::Data(Data::Text), payload, true)
    }

    /// A message in frames of at most `size` bytes, with a ping between each two.
    fn fragmented(payload: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = payload.len().div_ceil(size).max(1);
        for (index, part) in payload.chunks(size).enumerate() {
            let kind = if index == 0 { Data::Text } else { Data::Continue };
            bytes.extend(frame(OpCode::Data(kind), part, index + 1 == count));
            if index + 1 < count {
                bytes.extend(frame(OpCode::Control(Control::Ping), b"p", true));
            }
        }
        bytes
    }

    /// Everything that comes out when `bytes` arrive in pieces of `size`.
    fn read_in_pieces(bytes: &[u8], size: usize) -> (Vec<Incoming<'_>>, Option<FrameError>) {
        let mut reader = Reader::new(BytesMut::new(), LIMIT);
        let mut seen = Vec::new();
        for piece in bytes.chunks(size.max(1)) {
            let mut received = piece;
            loop {
                match reader.next(&mut received) {
                    Ok(Some(incoming)) => seen.push(incoming),
                    Ok(None) => break,
                    Err(error) => return (seen, Some(error)),
                }
            }
            assert!(reader.buffer.capacity() <= 2 * (READ_SIZE + LIMIT) + piece.len());
        }
        (seen, None)
    }

    fn messages(incoming: Vec<Incoming<'_>>) -> Vec<Vec<u8>> {
        incoming
            .into_iter()
            .filter_map(|incoming| match incoming {
                Incoming::Message(message) => Some(message.to_vec()),
                Incoming::Gathered(message) => Some(message.to_vec()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_message_comes_out_as_it_went_in_however_it_is_cut() {
        let payload: Vec<u8> = (0..=250).collect();
        for bytes in [text(&payload), fragmented(&payload, 7), fragmented(&payload, 250)] {
            for size in [1, 2, 3, 100, bytes.len()] {
                let (seen, error) = read_in_pieces(&bytes, size);
                assert_eq!(error, None);
                assert_eq!(messages(seen), std::slice::from_ref(&payload));
            }
        }
    }

    #[test]
    fn a_message_over_the_limit_is_skipped_and_the_next_one_read() {
        let large: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for mut bytes in [text(&large), fragmented(&large, 100), fragmented(&large, 400)] {
            bytes.extend(text(b"next"));
            for size in [1, 99, bytes.len()] {
                let (mut seen, error) = read_in_pieces(&bytes, size);
                assert_eq!(error, None);
                seen.retain(|incoming| !matches!(incoming, Incoming::Ping(_)));
                let Some(Incoming::TooLarge(skipped)) = seen.first() else { panic!("{seen:?}") };
                assert_eq!(skipped.size, 5000);
                assert_eq!(skipped.head, large[..KEPT]);
                assert_eq!(skipped.tail, large[5000 - KEPT..]);
                assert_eq!(messages(seen), [b"next"]);
            }
        }
    }

    #[test]
    fn a_message_of_the_limit_s_size_is_read() {
        let bytes = text(&[b'x'; LIMIT]);
        let (seen, _) = read_in_pieces(&bytes, 64);
        assert_eq!(messages(seen), [vec![b'x'; LIMIT]]);
        let bytes = text(&[b'x'; LIMIT + 1]);
        let (seen, _) = read_in_pieces(&bytes, 64);
        assert!(matches!(&seen[..], [Incoming::TooLarge(TooLarge { size: 301, .. })]), "{seen:?}");
    }

    #[test]
    fn control_frames_are_told() {
        let mut bytes = frame(OpCode::Control(Control::Ping), b"hi", true);
        bytes.extend(frame(OpCode::Control(Control::Pong), b"", true));
        bytes.extend(frame(OpCode::Control(Control::Close), b"\x03\xe9gone", true));
        bytes.extend(frame(OpCode::Control(Control::Close), b"", true));
        let (seen, error) = read_in_pieces(&bytes, 3);
        assert_eq!(error, None);
        assert_eq!(
            seen,
            [
                Incoming::Ping(Bytes::from_static(b"hi")),
                Incoming::Pong,
                Incoming::Close(Some((1001, "gone".to_owned()))),
                Incoming::Close(None),
            ]
        );
    }

    #[test]
    fn what_is_no_websocket_is_an_error() {
        for (bytes, expected) in [
            (&b"\x81\x81\0\0\0\0x"[..], FrameError::Masked),
            (b"\xc1\x00", FrameError::Reserved),
            (b"\x83\x00", FrameError::Opcode),
            (b"\x8b\x00", FrameError::Opcode),
            (b"\x09\x00", FrameError::Control),
            (b"\x89\x7e\x00\x7e", FrameError::Control),
            (b"\x80\x00", FrameError::Fragment),
            (b"\x01\x00\x81\x00", FrameError::Fragment),
        ] {
            assert_eq!(read_in_pieces(bytes, 100).1, Some(expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_follows_a_large_message_does_not_keep_its_memory() {
        let mut bytes = text(&vec![b'x'; 1 << 19]);
        bytes.extend(text(b"{}"));
        let mut reader = Reader::new(BytesMut::from(&bytes[..]), 1 << 20);
        let large = reader.next(&mut &[][..]);
        assert!(matches!(large, Ok(Some(Incoming::Gathered(large))) if large.len() == 1 << 19));
        // The large message is gone; if its memory were still there, it could be used again.
        assert!(!reader.buffer.try_reclaim(1 << 18));
        let next = reader.next(&mut &[][..]);
        assert_eq!(next, Ok(Some(Incoming::Gathered(Bytes::from_static(b"{}")))));
    }

    #[test]
    fn a_large_frame_is_received_in_place() {
        let mut reader = Reader::new(BytesMut::new(), 1 << 20);
        let bytes = text(&vec![b'x'; 1 << 19]);
        let (mut first, rest) = bytes.split_at(100);
        assert_eq!(reader.large_frame(), None, "its header has not been read");
        assert_eq!(reader.next(&mut first), Ok(None));
        let mut place = std::ptr::null();
        for piece in rest.chunks(100_000) {
            let buffer = reader.large_frame().unwrap();
            buffer.extend_from_slice(piece);
            place = buffer.as_ptr();
        }
        let Ok(Some(Incoming::Gathered(message))) = reader.next(&mut &[][..]) else {
            panic!("it is whole")
        };
        assert_eq!((message.len(), message.as_ptr()), (1 << 19, place));
    }

    #[test]
    fn an_idle_reader_holds_no_memory() {
        let mut reader = Reader::new(BytesMut::new(), LIMIT);
        let bytes = text(b"hello");
        for size in [bytes.len(), 3] {
            let mut seen = 0;
            for mut piece in bytes.chunks(size) {
                seen += usize::from(reader.next(&mut piece).unwrap().is_some());
            }
            assert_eq!((seen, reader.buffer.capacity()), (1, 0));
        }
    }

    #[test]
    fn the_room_for_the_upgrade_is_given_back_if_nothing_followed() {
        let reader = Reader::new(BytesMut::with_capacity(2048), LIMIT);
        assert_eq!(reader.buffer.capacity(), 0);
    }

    /// Neither a message nor what stands around it is copied.
    #[test]
    fn messages_that_came_as_a_whole_are_left_where_they_are() {
        let mut reader = Reader::new(BytesMut::new(), LIMIT);
        let mut bytes = text(b"the first");
        bytes.extend(frame(OpCode::Control(Control::Ping), b"", true));
        bytes.extend(text(b"the second"));
        bytes.extend(&text(b"the third")[..4]);
        let mut received = &bytes[..];
        assert_eq!(reader.next(&mut received), Ok(Some(Incoming::Message(b"the first"))));
        assert_eq!(reader.next(&mut received), Ok(Some(Incoming::Ping(Bytes::new()))));
        // The ping was gathered, and with it the beginning of what follows.
        let second = Bytes::from_static(b"the second");
        assert_eq!(reader.next(&mut received), Ok(Some(Incoming::Gathered(second))));
        assert_eq!(reader.next(&mut received), Ok(None));
        let rest = text(b"the third");
        let third = Bytes::from_static(b"the third");
        assert_eq!(reader.next(&mut &rest[4..]), Ok(Some(Incoming::Gathered(third))));
    }

    /// A stream that has arrived, for tungstenite as a server and as a client.
    struct Arrived<'a>(&'a [u8]);

    impl io::Read for Arrived<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                self.0.read(buffer)
            }
        }
    }

    impl io::Write for Arrived<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The messages that tungstenite reads, until it wants more or gives up.
    fn by_tungstenite(bytes: &[u8], role: Role) -> (Vec<Vec<u8>>, bool) {
        let mut context = WebSocketContext::new(role, None);
        let mut stream = Arrived(bytes);
        let mut seen = Vec::new();
        loop {
            match context.read(&mut stream) {
                Ok(Message::Text(text)) => seen.push(text.as_bytes().to_vec()),
                Ok(Message::Binary(bytes)) => seen.push(bytes.to_vec()),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) => {
                    return (seen, error.kind() == io::ErrorKind::WouldBlock);
                }
                Err(_) => return (seen, false),
            }
        }
    }

    #[test]
    fn what_is_written_is_read_by_tungstenite() {
        let payloads = [vec![], b"{}".to_vec(), vec![b'x'; 126], vec![b'y'; 70_000]];
        let mut out = Vec::new();
        for payload in &payloads {
            write_text(&mut out, payload);
            write_ping(&mut out);
            write_pong(&mut out, b"p");
        }
        assert_eq!(by_tungstenite(&out, Role::Server), (payloads.to_vec(), true));
    }

    proptest! {
        /// tungstenite reads the same messages out of the same bytes, valid or not.
        #[test]
        fn tungstenite_reads_the_same(
            frames in prop::collection::vec(
                (any::<bool>(), 0_u8..=3, prop::collection::vec(32_u8..127, 0..40)), 0..12),
            garbage in prop::collection::vec(any::<u8>(), 0..8),
            size in 1_usize..50,
        ) {
            let mut bytes = Vec::new();
            for (is_final, kind, payload) in frames {
                let opcode = match kind {
                    0 => OpCode::Data(Data::Continue),
                    1 => OpCode::Data(Data::Text),
                    2 => OpCode::Data(Data::Binary),
                    _ => OpCode::Control(Control::Ping),
                };
                bytes.extend(frame(opcode, &payload, is_final || kind == 3));
            }
            bytes.extend(garbage);
            let (seen, error) = read_in_pieces(&bytes, size);
            let closed = seen.iter().position(|incoming| matches!(incoming, Incoming::Close(_)));
            let too_large = seen.iter().any(|incoming| matches!(incoming, Incoming::TooLarge(_)));
            let (theirs, alive) = by_tungstenite(&bytes, Role::Client);
            // Text that is not UTF-8 is left to the JSON parser here, and after a close frame the
            // driver stops reading.
            prop_assume!(closed.is_none() && !too_large);
            let ours = messages(seen);
            prop_assume!(ours.iter().all(|message| str::from_utf8(message).is_ok()));
            prop_assert_eq!(ours, theirs);
            // Ours refuses a frame as soon as its header has arrived.
            prop_assert!(alive || error.is_some());
        }
    }

    /// Whatever arrives, the reader neither panics nor holds much more than the limit. `.ci/fuzz` runs
    /// it for longer.
    #[test]
    fn fuzz_reader() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let (size, bytes) =
                bytes.split_first().map_or((1, bytes), |(s, b)| (usize::from(*s), b));
            let (seen, _) = read_in_pieces(bytes, size);
            let total: usize = messages(seen).iter().map(Vec::len).sum();
            assert!(total <= bytes.len());
        });
    }
}
