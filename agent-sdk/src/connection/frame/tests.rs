//! The frame decoder against hand-written frames and a reference decoder.

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
    let mut reader = FrameDecoder::new(BytesMut::new(), LIMIT);
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
            assert_eq!(skipped.head, large[..TOKEN_SEARCH_LEN]);
            assert_eq!(skipped.tail, large[5000 - TOKEN_SEARCH_LEN..]);
            assert_eq!(messages(seen), [b"next"]);
        }
    }
}

#[test]
fn a_message_as_large_as_the_limit_is_read() {
    let bytes = text(&[b'x'; LIMIT]);
    let (seen, _) = read_in_pieces(&bytes, 64);
    assert_eq!(messages(seen), [vec![b'x'; LIMIT]]);
    let bytes = text(&[b'x'; LIMIT + 1]);
    let (seen, _) = read_in_pieces(&bytes, 64);
    assert!(matches!(&seen[..], [Incoming::TooLarge(TooLarge { size: 301, .. })]), "{seen:?}");
}

#[test]
fn control_frames_are_told() {
    let longest = vec![b'p'; usize::try_from(MAX_CONTROL).unwrap()];
    let mut bytes = frame(OpCode::Control(Control::Ping), b"hi", true);
    bytes.extend(frame(OpCode::Control(Control::Ping), &longest, true));
    bytes.extend(frame(OpCode::Control(Control::Pong), b"", true));
    bytes.extend(frame(OpCode::Control(Control::Close), b"\x03\xe9gone", true));
    bytes.extend(frame(OpCode::Control(Control::Close), b"", true));
    let (seen, error) = read_in_pieces(&bytes, 3);
    assert_eq!(error, None);
    assert_eq!(
        seen,
        [
            Incoming::Ping(Bytes::from_static(b"hi")),
            Incoming::Ping(Bytes::from(longest)),
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
        (b"\xa1\x00", FrameError::Reserved),
        (b"\x91\x00", FrameError::Reserved),
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
    let mut reader = FrameDecoder::new(BytesMut::from(&bytes[..]), 1 << 20);
    let large = reader.next(&mut &[][..]);
    assert!(matches!(large, Ok(Some(Incoming::Gathered(large))) if large.len() == 1 << 19));
    // The large message is gone; if its memory were still there, it could be used again.
    assert!(!reader.buffer.try_reclaim(1 << 18));
    let next = reader.next(&mut &[][..]);
    assert_eq!(next, Ok(Some(Incoming::Gathered(Bytes::from_static(b"{}")))));
}

#[test]
fn a_large_frame_is_received_in_place() {
    let mut reader = FrameDecoder::new(BytesMut::new(), 1 << 20);
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
    let mut reader = FrameDecoder::new(BytesMut::new(), LIMIT);
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
    let reader = FrameDecoder::new(BytesMut::with_capacity(2048), LIMIT);
    assert_eq!(reader.buffer.capacity(), 0);
}

/// Neither a message nor what stands around it is copied.
#[test]
fn messages_that_came_as_a_whole_are_left_where_they_are() {
    let mut reader = FrameDecoder::new(BytesMut::new(), LIMIT);
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
        if self.0.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(buffer) }
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

#[test]
fn pings_pongs_and_the_close_are_read_by_tungstenite() {
    let mut out = Vec::new();
    write_ping(&mut out);
    write_pong(&mut out, b"p");
    write_close(&mut out, 1002);
    let mut context = WebSocketContext::new(Role::Server, None);
    let mut stream = Arrived(&out);
    let mut next = || context.read(&mut stream).unwrap();
    assert_eq!(next(), Message::Ping(Bytes::new()));
    assert_eq!(next(), Message::Pong(Bytes::from_static(b"p")));
    let Message::Close(Some(close)) = next() else { panic!("it is a close frame") };
    assert_eq!(u16::from(close.code), 1002);
}

/// Less room would be made larger while a request is written, more would be left over.
#[test]
fn the_room_for_a_message_is_what_the_largest_header_leaves_full() {
    for length in [0, 125, 126, 0xffff, 0x1_0000] {
        let payload = vec![b'x'; length];
        let mut out = Vec::new();
        write_text(&mut out, &payload);
        assert!(out.len() <= size(&payload), "{length}");
        assert_eq!(out.len() == size(&payload), length > 0xffff, "{length}");
    }
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
        let (size, bytes) = bytes.split_first().map_or((1, bytes), |(s, b)| (usize::from(*s), b));
        let (seen, _) = read_in_pieces(bytes, size);
        let total: usize = messages(seen).iter().map(Vec::len).sum();
        assert!(total <= bytes.len());
    });
}
