//! The connection at work, on a stream that says nothing or never pauses, and takes everything or nothing.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::{
    connection::{CallState, NewCall, frame::READ_SIZE},
    dial::Stream,
    options::Options,
};

/// What a stream was asked for.
#[derive(Default)]
struct Asked {
    reads: usize,
    /// After how many reads each write came.
    writes: Vec<usize>,
    /// How many bytes were written.
    size: usize,
}

/// A stream to an agent that repeats one frame without a pause, or says nothing if that is empty.
struct Peer {
    asked: Arc<Mutex<Asked>>,
    says: Vec<u8>,
    /// Whether it takes what is written.
    takes: bool,
}

/// An event that fills one read: a whole text message, with two bytes for its length.
fn event() -> Vec<u8> {
    let length = READ_SIZE - 4;
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    let mut event = vec![0x81, 126, high, low];
    event.extend(format!("{{{:1$}}}", "", length - 2).into_bytes());
    event
}

/// The longest ping.
fn ping() -> Vec<u8> {
    [&[0x89, 125][..], &[b'p'; 125]].concat()
}

impl Stream for Peer {}

impl AsyncRead for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.says.is_empty() {
            return Poll::Pending;
        }
        self.asked.lock().unwrap().reads += 1;
        // As many whole frames as there is room for.
        buffer.put_slice(&self.says.repeat(buffer.remaining() / self.says.len()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.takes {
            return Poll::Pending;
        }
        let asked = &mut *self.asked.lock().unwrap();
        asked.writes.push(asked.reads);
        asked.size += bytes.len();
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
fn connect<'a>(shared: &'a Shared, says: &[u8], takes: bool) -> (Driver<'a>, Arc<Mutex<Asked>>) {
    let asked = Arc::default();
    let peer = Peer { asked: Arc::clone(&asked), says: says.to_vec(), takes };
    let transport = Transport::Memory(Box::new(peer));
    (Driver::new(shared, Connection { transport, received: BytesMut::new() }), asked)
}

fn submit(shared: &Shared) {
    submit_for(shared, Duration::from_secs(60));
}

fn submit_for(shared: &Shared, timeout: Duration) {
    let request = Request::new("echo", &()).unwrap();
    let call = NewCall { request, timeout, fail_fast: false, goes_first: false, effect: None };
    assert!(shared.submit(call, Waker::noop().clone()).is_ok());
}

/// So many calls, half of what is written at a time each.
fn submit_large(shared: &Shared, count: usize) -> Vec<Arc<CallState>> {
    let timeout = Duration::from_secs(60);
    let large = || {
        let text = "x".repeat(write_buffer::FULL / 2);
        let request = Request::new("echo", &std::collections::BTreeMap::from([("text", text)]));
        let (request, fail_fast, goes_first) = (request.unwrap(), false, false);
        let call = NewCall { request, timeout, fail_fast, goes_first, effect: None };
        shared.submit(call, Waker::noop().clone()).unwrap()
    };
    std::iter::repeat_with(large).take(count).collect()
}

/// Lets a connection run as far as it can, so many times.
fn poll(driver: &mut Driver<'_>, times: usize) {
    for _ in 0..times {
        assert!(driver.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[tokio::test]
async fn one_write_takes_the_calls_of_all_tasks_that_are_ready() {
    let shared = Shared::new(Options::default());
    let (mut driver, asked) = connect(&shared, b"", true);
    let writes = || asked.lock().unwrap().writes.len();
    // It looks for calls, and waits for the first one.
    poll(&mut driver, 2);
    submit(&shared);
    poll(&mut driver, 1);
    assert_eq!(writes(), 0, "the other tasks that are ready come first");
    submit(&shared);
    poll(&mut driver, 1);
    assert_eq!(writes(), 1);
    poll(&mut driver, 1);
    assert_eq!(writes(), 1, "nothing is left");
}

#[tokio::test]
async fn a_flood_of_events_keeps_neither_calls_nor_other_tasks_waiting() {
    let shared = Shared::new(Options::default());
    let (mut driver, asked) = connect(&shared, &event(), true);
    let taken = || std::mem::take(&mut *asked.lock().unwrap());
    // What is read so far is more than the bytes that one round reads.
    poll(&mut driver, 3);
    taken();
    poll(&mut driver, 1);
    assert_eq!(taken().reads, ROUNDS * 16);
    submit(&shared);
    poll(&mut driver, 2);
    assert_eq!(taken().writes, [16], "the call goes out in the first round");
}

#[tokio::test]
async fn more_calls_than_one_write_takes_follow_at_once() {
    let shared = Shared::new(Options::default());
    let (mut driver, asked) = connect(&shared, b"", true);
    submit_large(&shared, 10);
    poll(&mut driver, 2);
    assert!(asked.lock().unwrap().size > 5 * write_buffer::FULL);
    assert_eq!(shared.lock().pending.queued(), 0);
}

#[tokio::test]
async fn calls_stay_unsent_while_the_agent_takes_nothing() {
    let shared = Shared::new(Options::default());
    let (mut driver, _) = connect(&shared, b"", false);
    submit_large(&shared, 10);
    poll(&mut driver, 3);
    assert_eq!(shared.lock().pending.queued(), 8);
    assert!(driver.write_buffer.waiting() < 2 * write_buffer::FULL);
}

#[tokio::test]
async fn pings_of_an_agent_that_takes_nothing_pile_up_no_answers() {
    let shared = Shared::new(Options::default());
    let (mut driver, _) = connect(&shared, &ping(), false);
    submit_large(&shared, 2);
    poll(&mut driver, 2);
    let waiting = driver.write_buffer.waiting();
    poll(&mut driver, 2);
    assert_eq!(driver.write_buffer.waiting(), waiting);
}

/// Calls made no difference to a watch over what arrives, but for what the socket had kept waiting.
#[tokio::test(start_paused = true)]
async fn an_agent_that_says_nothing_is_found_dead_however_many_calls_are_made() {
    const KEEPALIVE: Duration = Duration::from_secs(10);
    for takes in [true, false] {
        let options = Options { keepalive: Some(KEEPALIVE), ..Options::default() };
        let shared = Shared::new(options);
        let (mut driver, _) = connect(&shared, b"", takes);
        if !takes {
            submit_large(&shared, 2);
        }
        let calls = async {
            for _ in 0..60 {
                submit(&shared);
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        };
        let began = Instant::now();
        let ended = tokio::select! {
            (ended, _) = driver.run() => ended,
            () = calls => panic!("it is taken for alive"),
        };
        let silence = matches!(ended, Disconnect::Lost(DisconnectReason::Silence { .. }));
        assert!(silence, "{ended:?}");
        assert!(began.elapsed() < KEEPALIVE + Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_ends_no_close_early() {
    let shared = Shared::new(Options::default());
    let (mut driver, _) = connect(&shared, b"", true);
    // One while calls may still be answered, and one while the echo may still come.
    submit_for(&shared, Duration::from_secs(1));
    submit_for(&shared, Duration::from_millis(10_500));
    shared.request_close(Duration::from_secs(10));
    let began = Instant::now();
    let (ended, _) = driver.run().await;
    assert!(matches!(ended, Disconnect::Closed), "{ended:?}");
    assert_eq!(began.elapsed().as_secs(), 11);
}

#[tokio::test]
async fn an_idle_connection_keeps_no_room_for_what_went_through() {
    let shared = Shared::new(Options::default());
    let (mut driver, _) = connect(&shared, b"", true);
    let calls = submit_large(&shared, 2);
    poll(&mut driver, 2);
    assert!(driver.write_buffer.frames().capacity() > KEPT_IDLE.out, "there are calls in flight");
    for call in calls {
        shared.cancel(&call);
    }
    poll(&mut driver, 2);
    assert!(driver.write_buffer.frames().capacity() <= KEPT_IDLE.out);
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
