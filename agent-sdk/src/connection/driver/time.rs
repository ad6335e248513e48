//! What is due, and what follows from that.

use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::{Disconnect, Driver, closing::Closing};
use crate::{
    connection::{frame, keepalive::Silence, schedule::Busy},
    error::DisconnectReason,
};

impl Driver<'_> {
    /// Waits for what is due next and does it; returns whether something was due.
    pub(super) fn keep_time(
        &mut self,
        busy: Busy,
        cx: &mut Context<'_>,
    ) -> Result<bool, Disconnect> {
        let Poll::Ready(now) = self.schedule.poll(self.next_deadline(), busy, cx) else {
            return Ok(false);
        };
        self.on_time(now)?;
        Ok(true)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let close = match self.closing {
            Closing::Wanted { until } => Some(until),
            Closing::Sent { echo_by } => Some(echo_by),
            Closing::No | Closing::Due => None,
        };
        let resubscribe = self.resubscribe.next().filter(|_| !self.closing.is_sent());
        let others = [self.calls_due, self.calls_wait_until, self.keepalive.next()];
        others.into_iter().chain([close, resubscribe]).flatten().min()
    }

    /// Does what is due at this time, after the socket has had its turn.
    fn on_time(&mut self, now: Instant) -> Result<(), Disconnect> {
        self.expire_calls(now);
        if self.calls_wait_until.is_some_and(|until| until <= now) {
            self.shared.lock().gate.lapse(now);
        }
        match self.closing {
            Closing::Sent { echo_by } if echo_by <= now => return Err(Disconnect::Closed),
            Closing::Wanted { until } if until <= now => self.closing = Closing::Due,
            _ => {}
        }
        self.resubscribe_on_time(now);
        match self.keepalive.look(now) {
            None => {}
            Some(Silence::Ping) => frame::write_ping(self.write_buffer.frames()),
            Some(Silence::Dead(time)) => {
                return Err(Disconnect::Lost(DisconnectReason::Silence { duration: time }));
            }
        }
        Ok(())
    }

    fn expire_calls(&mut self, now: Instant) {
        let mut table = self.shared.lock();
        let expired = table.pending.expire(now, &mut self.wakers);
        table.stats.timed_out += expired;
        self.calls_due = table.pending.next_deadline();
        drop(table);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Asks again for subscriptions that are missing, and waits no longer for those that are late.
    fn resubscribe_on_time(&mut self, now: Instant) {
        if self.closing.is_sent() {
            return;
        }
        let held_calls = self.resubscribe.holds_calls();
        let out = self.write_buffer.frames();
        let unanswered = self.resubscribe.on_time(&mut self.shared.lock(), out, now);
        for subscription in unanswered {
            self.tell_missing(subscription, "the agent did not answer".to_owned());
        }
        self.tell_connected(held_calls);
    }
}
