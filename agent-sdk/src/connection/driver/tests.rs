//! The connection at work, on a stream that says nothing or never pauses.

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::{connection::NewCall, dial::Stream, options::Options};

/// What a stream was asked for.
#[derive(Default)]
struct Asked {
    reads: usize,
    /// After how many reads each write came.
    writes: Vec<usize>,
}

/// A stream that has nothing to read, or always events.
struct Peer {
    asked: Arc<Mutex<Asked>>,
    is_flood: bool,
}

impl Stream for Peer {}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_flood {
            return Poll::Pending;
        }
        self.asked.lock().unwrap().reads += 1;
        // As many whole events as there is room for.
        let event = b"\x81\x02{}";
        buffer.put_slice(&event.repeat(buffer.remaining() / event.len()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let asked = &mut *self.asked.lock().unwrap();
        asked.writes.push(asked.reads);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A connection to such a stream, and what it asks for.
fn connect(shared: &Shared, is_flood: bool) -> (Driver<'_>, Arc<Mutex<Asked>>) {
    let asked = Arc::default();
    let peer = Peer { asked: Arc::clone(&asked), is_flood };
    let transport = Transport::Memory(Box::new(peer));
    (Driver::new(shared, Connection { transport, received: BytesMut::new() }), asked)
}

fn submit(shared: &Shared) {
    let (request, timeout) = (Request::new("echo", &()).unwrap(), Duration::from_secs(60));
    let call = NewCall { request, timeout, fail_fast: false, goes_first: false, effect: None };
    assert!(shared.submit(call, Waker::noop().clone()).is_ok());
}

#[tokio::test]
async fn one_write_takes_the_calls_of_all_tasks_that_are_ready() {
    let shared = Shared::new(Options::default());
    let (mut driver, asked) = connect(&shared, false);
    let mut run = pin!(driver.run());
    let mut poll = || {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        asked.lock().unwrap().writes.len()
    };
    // It has looked for calls, and waits for the first one.
    assert_eq!((poll(), poll()), (0, 0));
    submit(&shared);
    assert_eq!(poll(), 0, "the other tasks that are ready come first");
    submit(&shared);
    assert_eq!(poll(), 1);
    assert_eq!(poll(), 1, "nothing is left");
}

#[tokio::test]
async fn a_flood_of_events_keeps_neither_calls_nor_other_tasks_waiting() {
    let shared = Shared::new(Options::default());
    let (mut driver, asked) = connect(&shared, true);
    let mut run = pin!(driver.run());
    let mut poll = || {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        std::mem::take(&mut *asked.lock().unwrap())
    };
    poll();
    submit(&shared);
    poll();
    // What was read so far is more than the bytes that one round reads.
    for _ in 0..2 {
        assert_eq!(poll().reads, ROUNDS * 16);
    }
    submit(&shared);
    poll();
    assert_eq!(poll().writes, [16], "the call goes out in the first round");
}

#[test]
fn much_room_is_given_back_once_nothing_is_in_it() {
    let mut list = Vec::with_capacity(20);
    release(&mut list, 20);
    assert_eq!(list.capacity(), 20, "it is no more than is kept");
    list.push(1);
    release(&mut list, 10);
    assert_eq!(list, [1]);
    list.clear();
    release(&mut list, 10);
    assert_eq!(list.capacity(), 0);
}
