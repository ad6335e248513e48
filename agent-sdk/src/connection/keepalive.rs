//! Finds a connection that is open and dead: nothing arrives on it any more.

use std::time::Duration;

use tokio::time::Instant;

use crate::time_limit::PAUSE;

/// The watch over one connection: silence for half of the time is answered by a ping, and silence
/// after that for the other half is the end.
pub(super) struct Keepalive {
    /// Half of the time within which a dead connection is to be found; `None` never looks.
    half: Option<Duration>,
    received: Instant,
    /// When the ping was queued that nothing has followed yet.
    pinged: Option<Instant>,
    /// When the socket last took something that it had kept waiting. An agent that is slow to read
    /// a large request is not dead, and cannot answer a ping that waits behind it.
    unblocked: Instant,
}

/// What is to be done about the silence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// A ping is to be sent.
    Ping,
    /// Nothing came for so long, not even the answer to a ping.
    Dead(Duration),
}

impl Keepalive {
    pub(super) fn new(time: Option<Duration>, now: Instant) -> Self {
        Self { half: time.map(|time| time / 2), received: now, pinged: None, unblocked: now }
    }

    /// Notes that something has arrived.
    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
        self.pinged = None;
    }

    /// Returns when something arrived last.
    pub(super) fn last_received(&self) -> Instant {
        self.received
    }

    /// Notes that the socket has taken something that it had kept waiting.
    pub(super) fn unblocked(&mut self, now: Instant) {
        self.unblocked = now;
    }

    /// Returns when `look` is to be called next.
    pub(super) fn next(&self) -> Option<Instant> {
        let since = self.pinged.map_or(self.received, |pinged| pinged.max(self.unblocked));
        Some(since + self.half?)
    }

    /// Returns what is to be done now, if anything. A ping counts as sent.
    pub(super) fn look(&mut self, now: Instant) -> Option<Silence> {
        let due = self.next().filter(|due| *due <= now)?;
        // Silence proves nothing then. Half of a shorter time is enough.
        let was_paused = self.half.is_some_and(|half| now - due >= half.min(PAUSE));
        if self.pinged.is_some() && !was_paused {
            return Some(Silence::Dead(now - self.received));
        }
        self.pinged = Some(now);
        Some(Silence::Ping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Duration = Duration::from_secs(15);

    #[test]
    fn silence_is_answered_by_a_ping_and_then_is_the_end() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(Some(2 * HALF), now);
        assert_eq!(keepalive.look(now + HALF / 2), None);
        assert_eq!(keepalive.look(now + HALF), Some(Silence::Ping));
        assert_eq!(keepalive.look(now + HALF * 3 / 2), None);
        assert_eq!(keepalive.look(now + 2 * HALF), Some(Silence::Dead(2 * HALF)));
        keepalive.received(now + 2 * HALF);
        assert_eq!(keepalive.next(), Some(now + 3 * HALF));
    }

    #[test]
    fn a_ping_that_waits_behind_a_large_request_is_given_time() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(Some(2 * HALF), now);
        assert_eq!(keepalive.look(now + HALF), Some(Silence::Ping));
        keepalive.unblocked(now + HALF * 3 / 2);
        assert_eq!(keepalive.look(now + 2 * HALF), None);
        assert!(matches!(keepalive.look(now + HALF * 5 / 2), Some(Silence::Dead(_))));
    }

    /// A process that was stopped took six of six connections for dead.
    #[test]
    fn silence_while_this_side_was_paused_is_answered_by_a_new_ping() {
        let now = Instant::now();
        for half in [HALF, Duration::from_millis(50)] {
            let mut keepalive = Keepalive::new(Some(2 * half), now);
            assert_eq!(keepalive.look(now + half), Some(Silence::Ping));
            let back = now + 2 * half + 10 * HALF;
            assert_eq!(keepalive.look(back), Some(Silence::Ping));
            assert_eq!(keepalive.look(back + half / 2), None);
            assert!(matches!(keepalive.look(back + half), Some(Silence::Dead(_))));
        }
    }

    #[test]
    fn without_a_time_nobody_looks() {
        let now = Instant::now();
        let mut keepalive = Keepalive::new(None, now);
        assert_eq!(keepalive.next(), None);
        assert_eq!(keepalive.look(now + 100 * HALF), None);
    }
}
