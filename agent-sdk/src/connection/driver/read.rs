//! From the socket to whole messages.

use std::{
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    time::Instant,
};

use super::{CLOSE_PROTOCOL, Disconnect, Driver};
use crate::{
    connection::{
        dispatch::Arrived,
        frame::{self, Incoming, READ_SIZE},
    },
    error::DisconnectReason,
    wire::Envelope,
};

/// Reads in one round, so that a flood of events does not keep calls from being sent.
const READS_PER_ROUND: usize = 16;
/// Bytes that are read in one round before they are handed out, so that large messages do not pile up.
const BYTES_PER_ROUND: u64 = 1 << 20;

impl Driver<'_> {
    /// Reads what has arrived; returns whether there may be more.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        // What came together with the answer to the upgrade is there already.
        self.sort(&[])?;
        for _ in 0..READS_PER_ROUND {
            if !self.receive(cx)? {
                return Ok(false);
            }
            if self.bytes_received >= BYTES_PER_ROUND {
                break;
            }
        }
        Ok(true)
    }

    /// Reads once; returns whether there was anything.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        if let Some(buffer) = self.reader.large_frame() {
            let read = pin!(self.transport.read_buf(buffer)).poll(cx);
            let Poll::Ready(read) = read else { return Ok(false) };
            self.received(read)?;
            self.sort(&[])?;
            return Ok(true);
        }
        // On the stack, so that a connection that waits for something holds no buffer for it.
        let mut room = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut room);
        let read = Pin::new(&mut self.transport).poll_read(cx, &mut buffer);
        let Poll::Ready(read) = read else { return Ok(false) };
        let received = buffer.filled();
        self.received(read.map(|()| received.len()))?;
        self.sort(received)?;
        Ok(true)
    }

    /// Updates keepalive and byte counts after a read.
    fn received(&mut self, read: io::Result<usize>) -> Result<(), Disconnect> {
        match read {
            Ok(0) => Err(self.end_of_stream()),
            Ok(size) => {
                self.keepalive.received(Instant::now());
                self.bytes_received += size as u64;
                Ok(())
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Takes whole messages out of what was received.
    fn sort(&mut self, mut received: &[u8]) -> Result<(), Disconnect> {
        loop {
            match self.reader.next(&mut received) {
                Ok(None) => return Ok(()),
                Ok(Some(Incoming::Message(message))) => {
                    self.inbox.push(match Envelope::read(message) {
                        Some(envelope) => Arrived::Message {
                            message: self.buffers.hold(message, envelope.is_answer()),
                            envelope,
                        },
                        None => Arrived::unreadable(message),
                    });
                }
                Ok(Some(Incoming::Gathered(message))) => {
                    self.inbox.push(match Envelope::read(&message) {
                        Some(envelope) => Arrived::Message {
                            message: self.buffers.hold_or_keep(message, envelope.is_answer()),
                            envelope,
                        },
                        None => Arrived::unreadable(&message),
                    });
                }
                Ok(Some(Incoming::TooLarge(message))) => self.oversized(&message),
                Ok(Some(Incoming::Ping(payload))) => self.ping = Some(payload),
                Ok(Some(Incoming::Pong)) => {}
                Ok(Some(Incoming::Close(reason))) => return Err(self.closed_by_agent(reason)),
                Err(error) => {
                    frame::write_close(self.write_buffer.frames(), CLOSE_PROTOCOL);
                    let problem = error.to_string();
                    return Err(Disconnect::Lost(DisconnectReason::Protocol { problem }));
                }
            }
        }
    }
}
