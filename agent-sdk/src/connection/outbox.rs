//! Frames on their way to the socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::transport::Transport;

/// No more requests are taken while this much waits to be written, in bytes. What has not been taken
/// is known not to have been sent, so little is taken at a time.
pub(super) const FULL: usize = 16 * 1024;

/// Frames in the order in which they are to be written.
#[derive(Default)]
pub(super) struct Outbox {
    /// The first `written` bytes have been written.
    frames: Vec<u8>,
    written: usize,
    /// Whether the transport may hold back what was written to it.
    unflushed: bool,
}

impl Outbox {
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
        transport: &mut Transport,
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

    fn write(&mut self, transport: &mut Transport, cx: &mut Context<'_>) -> io::Result<bool> {
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

    fn flush(&mut self, transport: &mut Transport, cx: &mut Context<'_>) -> io::Result<bool> {
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
