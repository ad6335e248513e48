//! Frames on their way to the socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

/// No more requests are taken while this much waits to be written, in bytes. What has not been taken
/// is known not to have been sent, so little is taken at a time.
pub(super) const FULL: usize = 16 * 1024;

/// Frames in the order in which they are to be written.
#[derive(Default)]
pub(super) struct WriteBuffer {
    /// The first `written` bytes have been written.
    frames: Vec<u8>,
    written: usize,
    /// Whether the transport may hold back what was written to it.
    unflushed: bool,
}

impl WriteBuffer {
    /// An outbox with these frames in it.
    pub(super) fn new(frames: Vec<u8>) -> Self {
        Self { frames, ..Self::default() }
    }

    /// Where frames are appended.
    pub(super) fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.frames
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.frames.len() - self.written
    }

    /// Writes as much as the socket takes: how many bytes, and whether nothing waits any more.
    pub(super) fn poll_write(
        &mut self,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> (usize, io::Result<bool>) {
        let before = self.written;
        let written = self.write(transport, cx);
        let size = self.written - before;
        if self.waiting() == 0 {
            self.frames.clear();
            self.written = 0;
        } else if self.written > FULL {
            self.frames.drain(..self.written);
            self.written = 0;
        }
        let flushed = written.and_then(|all| self.flush(transport, cx).map(|done| all && done));
        (size, flushed)
    }

    fn write(
        &mut self,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        while self.waiting() > 0 {
            match Pin::new(&mut *transport).poll_write(cx, &self.frames[self.written..]) {
                Poll::Ready(Ok(0)) => {
                    return Err(io::Error::new(
                        io::ErrorKind::WriteZero,
                        "the socket takes no more",
                    ));
                }
                Poll::Ready(Ok(size)) => {
                    self.written += size;
                    self.unflushed = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    fn flush(
        &mut self,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        if !self.unflushed {
            return Ok(true);
        }
        match Pin::new(transport).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, BufWriter, DuplexStream, duplex};

    use super::*;

    fn poll(outbox: &mut WriteBuffer, transport: &mut (impl AsyncWrite + Unpin)) -> (usize, bool) {
        let mut cx = Context::from_waker(Waker::noop());
        let (size, written) = outbox.poll_write(transport, &mut cx);
        (size, written.unwrap())
    }

    async fn read(theirs: &mut DuplexStream, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        theirs.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn what_the_socket_does_not_take_at_once_follows_in_order() {
        const SOCKET: usize = FULL / 2;
        let frames: Vec<u8> = (0..=250).cycle().take(3 * FULL).collect();
        let (mut ours, mut theirs) = duplex(SOCKET);
        let mut outbox = WriteBuffer::new(frames.clone());
        let (mut seen, mut gone) = (Vec::new(), 0);
        while seen.len() + SOCKET < frames.len() {
            assert_eq!(poll(&mut outbox, &mut ours), (SOCKET, false));
            assert_eq!(poll(&mut outbox, &mut ours), (0, false));
            seen.extend(read(&mut theirs, SOCKET).await);
            assert_eq!(outbox.waiting(), frames.len() - seen.len());
            gone += SOCKET;
            if gone > FULL {
                gone = 0;
            }
            assert_eq!(outbox.written, gone, "what is gone is kept, or moved too often");
        }
        assert_eq!(poll(&mut outbox, &mut ours), (SOCKET, true));
        seen.extend(read(&mut theirs, SOCKET).await);
        assert_eq!((outbox.waiting(), outbox.frames().len()), (0, 0));
        assert!(seen == frames, "the bytes came out otherwise than they went in");
    }

    #[tokio::test]
    async fn what_a_transport_holds_back_is_flushed_once() {
        let (ours, mut theirs) = duplex(4);
        let mut transport = BufWriter::new(ours);
        let mut outbox = WriteBuffer::new(b"frames".to_vec());
        assert_eq!(poll(&mut outbox, &mut transport), (6, false), "four of them are out");
        assert_eq!(read(&mut theirs, 4).await, b"fram");
        assert_eq!(poll(&mut outbox, &mut transport), (0, true));
        assert_eq!(read(&mut theirs, 2).await, b"es");
        assert!(!outbox.unflushed);
    }

    #[test]
    fn a_socket_that_is_gone_or_takes_nothing_is_an_error() {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut ours, theirs) = duplex(4);
        drop(theirs);
        let mut outbox = WriteBuffer::new(b"frames".to_vec());
        assert!(outbox.poll_write(&mut ours, &mut cx).1.is_err());
        let (size, written) =
            outbox.poll_write(&mut io::Cursor::new(vec![0; 2].into_boxed_slice()), &mut cx);
        assert_eq!((size, written.unwrap_err().kind()), (2, io::ErrorKind::WriteZero));
    }
}
