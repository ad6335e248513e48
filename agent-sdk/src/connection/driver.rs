//! One connection at work: the only code that reads from and writes to the socket.
//!
//! Each round reads what has arrived, wakes the callers whose replies were in it, takes what is
//! queued and writes it. Nothing is awaited in between: a writer that waited for the agent to read
//! while the agent waits for us to read would wait for ever.
//!
//! Here is the round; its steps are in `read`, `deliver`, `write` and `time`, its end in `closing`.

mod closing;
mod deliver;
mod read;
mod time;
mod write;

use std::{
    future::poll_fn,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout},
};

use self::closing::Closing;
use super::{
    dispatch::{Arrived, Unclaimed},
    frame::{self, FrameDecoder},
    keepalive::Keepalive,
    resubscribe::Resubscribe,
    schedule::{Busy, Schedule},
    shared::Shared,
    state::State,
    write_buffer::{self, WriteBuffer},
};
use crate::{
    dial::{Connection, Transport},
    error::DisconnectReason,
    event::Message,
    wire::{BufferPool, Request},
};

/// Rounds before other tasks of the runtime get their turn.
const ROUNDS: usize = 16;
/// The room for what passes through in one round that is kept for the next one.
struct Kept {
    /// For outgoing frames, in bytes.
    out: usize,
    /// For each of the lists, in items.
    items: usize,
}
/// As many items as a round usually has at most.
const BATCH: usize = 256;
/// While calls are in flight.
const KEPT_BUSY: Kept = Kept { out: 2 * write_buffer::FULL, items: 2 * BATCH };
/// While the connection is idle.
const KEPT_IDLE: Kept = Kept { out: 4 * 1024, items: 16 };
/// How long the agent may take to echo a close frame.
const CLOSE_ECHO: Duration = Duration::from_secs(1);
/// RFC 6455, 7.4.1: normal closure.
const CLOSE_NORMAL: u16 = 1000;
/// RFC 6455, 7.4.1: protocol error.
const CLOSE_PROTOCOL: u16 = 1002;

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Disconnect {
    /// As this side wanted.
    Closed,
    /// Otherwise.
    Lost(DisconnectReason),
}

/// A connection at work.
pub(crate) struct Driver<'a> {
    shared: &'a Shared,
    transport: Transport,
    reader: FrameDecoder,
    write_buffer: WriteBuffer,
    /// Whether the socket has kept something waiting.
    blocked: bool,
    /// Whether the agent has said anything: then it has accepted the login.
    heard: bool,
    /// The payload of the last ping that has not been answered; an earlier one needs no answer.
    ping: Option<Bytes>,
    keepalive: Keepalive,
    resubscribe: Resubscribe,
    closing: Closing,
    /// What has arrived in this round.
    inbox: Vec<Arrived>,
    /// Of requests that were written.
    buffers: BufferPool,
    /// Used again in each round, empty in between.
    taken: Vec<Request>,
    unclaimed: Vec<Unclaimed>,
    events: Vec<Message>,
    wakers: Vec<Waker>,
    /// Whether ready tasks had their turn since the last wake-up.
    turn: Turn,
    schedule: Schedule,
    /// When calls have to be ended next.
    calls_due: Option<Instant>,
    /// Until when they wait for the check of the catalogue.
    calls_wait_until: Option<Instant>,
    /// Whether another connection is wanted in place of this one.
    reconnect: bool,
    /// Not yet added to the statistics.
    bytes_sent: u64,
    bytes_received: u64,
}

/// Yields once to ready tasks, so that one write batches their calls.
#[derive(PartialEq)]
enum Turn {
    /// The tasks that are ready: they may make calls as well, and one write takes all.
    Others,
    /// The connection.
    Ours,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(shared: &'a Shared, connection: Connection) -> Self {
        let now = Instant::now();
        let mut out = Vec::new();
        let patience = shared.options.connect_timeout;
        let mut table = shared.lock();
        // A request for another connection is met by this one.
        table.reconnect_requested = false;
        let resubscribe = Resubscribe::begin(&mut table, &mut out, now, patience);
        shared.begin_connection(&mut table, now);
        drop(table);
        if !resubscribe.holds_calls() {
            shared.set_state(State::Connected);
        }
        Self {
            shared,
            bytes_received: connection.received.len() as u64,
            transport: connection.transport,
            reader: FrameDecoder::new(connection.received, shared.options.max_message_size),
            write_buffer: WriteBuffer::new(out),
            blocked: false,
            heard: false,
            ping: None,
            keepalive: Keepalive::new(shared.options.keepalive, now),
            resubscribe,
            closing: Closing::No,
            inbox: Vec::new(),
            taken: Vec::new(),
            buffers: BufferPool::default(),
            unclaimed: Vec::new(),
            events: Vec::new(),
            wakers: Vec::new(),
            turn: Turn::Ours,
            schedule: Schedule::new(now),
            calls_due: None,
            calls_wait_until: None,
            reconnect: false,
            bytes_sent: 0,
        }
    }

    /// Drives the connection to its end; returns how it ended, and whether the agent had said anything. A
    /// future that took the driver itself would have room for it twice.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no close frame is sent.
    pub(crate) async fn run(&mut self) -> (Disconnect, bool) {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        if matches!(ended, Disconnect::Closed) {
            // For TLS, the goodbye of that layer; nothing depends on it.
            let _ = timeout(CLOSE_ECHO, self.transport.shutdown()).await;
        }
        (ended, self.heard)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        if self.turn == Turn::Ours && self.shared.was_woken() {
            self.turn = Turn::Others;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.turn = Turn::Ours;
        for _ in 0..ROUNDS {
            match self.round(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(ended) => {
                    self.deliver();
                    // A close frame may have to go out; if the socket does not take it, so be it.
                    let _ = self.write(cx);
                    self.count_bytes();
                    return Poll::Ready(ended);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Makes one round; returns whether there may be more to do at once.
    fn round(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        let more_to_read = self.read(cx)?;
        self.deliver();
        let more_to_send = self.fill(cx);
        if self.reconnect && !self.closing.is_sent() {
            frame::write_close(self.write_buffer.frames(), CLOSE_NORMAL);
            return Err(Disconnect::Lost(DisconnectReason::Requested));
        }
        let all_written = self.write(cx)?;
        if more_to_read || (more_to_send && all_written) {
            // An agent that never pauses must not keep the timer from its turn.
            self.keep_time(Busy::Yes, cx)?;
            return Ok(true);
        }
        self.rest();
        self.keep_time(Busy::No, cx)
    }

    fn count_bytes(&mut self) {
        let mut table = self.shared.lock();
        table.stats.bytes_sent += std::mem::take(&mut self.bytes_sent);
        table.stats.bytes_received += std::mem::take(&mut self.bytes_received);
    }

    /// Gives back what is not needed for long.
    fn rest(&mut self) {
        let mut table = self.shared.lock();
        let idle = table.pending.is_idle();
        if idle {
            self.shared.release(&mut table);
        }
        drop(table);
        let kept = if idle { KEPT_IDLE } else { KEPT_BUSY };
        release(self.write_buffer.frames(), kept.out);
        release(&mut self.inbox, kept.items);
        release(&mut self.taken, kept.items);
        release(&mut self.unclaimed, kept.items);
        release(&mut self.events, kept.items);
        release(&mut self.wakers, kept.items);
        if idle {
            self.buffers.release(kept.items);
        }
    }
}

/// Gives back the memory of what is empty, if it is much.
fn release<T>(list: &mut Vec<T>, kept: usize) {
    if list.is_empty() && list.capacity() > kept {
        *list = Vec::new();
    }
}

#[cfg(test)]
mod tests;
