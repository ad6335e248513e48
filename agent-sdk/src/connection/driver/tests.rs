//! The connection at work, on a stream that says nothing.

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::{connection::NewCall, dial::Stream, options::Options};

/// A stream that notes the size of each write.
struct Silent(Arc<Mutex<Vec<usize>>>);

impl Stream for Silent {}

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Silent {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn submit(shared: &Shared) {
    let (request, timeout) = (Request::new("echo", &()).unwrap(), Duration::from_secs(60));
    let call = NewCall { request, timeout, fail_fast: false, goes_first: false, effect: None };
    assert!(shared.submit(call, Waker::noop().clone()).is_ok());
}

#[tokio::test]
async fn one_write_takes_the_calls_of_all_tasks_that_are_ready() {
    let (shared, writes) = (Shared::new(Options::default()), Arc::default());
    let transport = Transport::Memory(Box::new(Silent(Arc::clone(&writes))));
    let connection = Connection { transport, received: BytesMut::new() };
    let mut driver = Driver::new(&shared, connection);
    let mut run = pin!(driver.run());
    let mut poll = || {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        writes.lock().unwrap().len()
    };
    // It has looked for calls, and waits for the first one.
    assert_eq!((poll(), poll()), (0, 0));
    submit(&shared);
    assert_eq!(poll(), 0, "the other tasks that are ready come first");
    submit(&shared);
    assert_eq!(poll(), 1);
    assert_eq!(poll(), 1, "nothing is left");
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
