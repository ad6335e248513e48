//! From the queue of calls to the socket.

use std::task::{Context, Waker};

use tokio::time::Instant;

use super::{BATCH, CLOSE_ECHO, CLOSE_NORMAL, Disconnect, Driver, closing::Closing};
use crate::connection::{frame, pending::Turn, write_buffer};

impl Driver<'_> {
    /// Takes what is to be sent; returns whether there may be more once all is written.
    pub(super) fn fill(&mut self, cx: &Context<'_>) -> bool {
        let room = write_buffer::FULL.saturating_sub(self.write_buffer.waiting());
        if room > 0
            && let Some(payload) = self.ping.take()
        {
            frame::write_pong(self.write_buffer.frames(), &payload);
        }
        let is_idle = self.exchange(room, cx);
        self.wakers.drain(..).for_each(Waker::wake);
        let close = self.taken.is_empty() && self.closing.is_due(is_idle);
        let anything = close || !self.taken.is_empty();
        self.frame_requests();
        if close {
            frame::write_close(self.write_buffer.frames(), CLOSE_NORMAL);
            self.closing = Closing::Sent { echo_by: Instant::now() + CLOSE_ECHO };
        }
        // If the socket takes all of it in this round, there is room for what could not be taken.
        anything || room == 0
    }

    /// Takes requests for so much room, under the one lock of a round, with all else that callers and
    /// the connection have to tell each other; returns whether no call is left.
    fn exchange(&mut self, mut room: usize, cx: &Context<'_>) -> bool {
        let mut table = self.shared.lock();
        let table = &mut *table;
        let now = Instant::now();
        self.shared.admit(table, cx, now);
        table.stats.bytes_sent += std::mem::take(&mut self.bytes_sent);
        table.stats.bytes_received += std::mem::take(&mut self.bytes_received);
        table.last_heard = self.keepalive.last_received();
        self.reconnect = table.reconnect_requested;
        if let (Closing::No, Some(until)) = (&self.closing, table.close_by) {
            self.closing = Closing::Wanted { until };
        }
        self.calls_wait_until = table.gate.closed_until();
        let calls_wait = self.resubscribe.holds_calls() || self.calls_wait_until.is_some();
        self.taken.reserve(table.pending.queued().min(BATCH));
        while room > 0 && !self.closing.is_sent() {
            let next = if calls_wait {
                table.pending.take_first(now, &table.gate)
            } else {
                table.pending.take(now, &table.gate)
            };
            match next {
                None => break,
                Some(Turn::Send(request)) => {
                    room = room.saturating_sub(request.as_bytes().len());
                    self.taken.push(request);
                }
                Some(Turn::Refused(waker)) => {
                    table.stats.refused += 1;
                    self.wakers.extend(waker);
                }
            }
        }
        self.calls_due = table.pending.next_deadline();
        table.pending.is_idle()
    }

    fn frame_requests(&mut self) {
        let size = self.taken.iter().map(|request| frame::size(request.as_bytes())).sum();
        self.write_buffer.frames().reserve(size);
        for request in self.taken.drain(..) {
            frame::write_text(self.write_buffer.frames(), request.as_bytes());
            self.buffers.put(request.into_bytes());
        }
    }

    /// Writes as much as the socket takes; returns whether that was all.
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        let (size, written) = self.write_buffer.poll_write(&mut self.transport, cx);
        self.bytes_sent += size as u64;
        if self.blocked && size > 0 {
            self.keepalive.unblocked(Instant::now());
        }
        self.blocked = self.write_buffer.waiting() > 0;
        written.map_err(|error| self.broken(error))
    }
}
