//! When the deadlines of a connection are judged.
//!
//! One that has passed is not judged at once. While the process was stopped, the machine asleep or the
//! runtime busy, the answer may have arrived, and the runtime tells of time before it tells of sockets.
//! So the socket gets a turn first, and what it has brought is delivered.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// The turn of the socket: the runtime's shortest timer. Before it fires, the runtime has asked the
/// system which sockets are ready.
const TURN: Duration = Duration::from_millis(1);
/// The turn of a socket that always has more to read or to write: an agent that never pauses must not
/// keep calls from timing out.
const TURN_WHILE_BUSY: Duration = Duration::from_millis(100);

/// Whether there may be more to read or to write at once. If so, the task comes again without being
/// woken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    Yes,
    No,
}

/// The one timer of a connection.
pub(super) struct Schedule {
    timer: Pin<Box<Sleep>>,
    /// When it was noticed that a deadline has passed.
    noticed: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(now: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(now)), noticed: None }
    }

    /// Waits for the next deadline and, once it has passed, for the socket's turn. Ready with the
    /// time up to which deadlines are to be judged.
    pub(super) fn poll(
        &mut self,
        next: Option<Instant>,
        busy: Busy,
        cx: &mut Context<'_>,
    ) -> Poll<Instant> {
        let Some(next) = next else { return Poll::Pending };
        if Instant::now() < next {
            self.noticed = None;
            if busy == Busy::Yes {
                return Poll::Pending;
            }
            ready!(self.poll_timer(next, cx));
        }
        let now = Instant::now();
        let noticed = *self.noticed.get_or_insert(now);
        ready!(self.poll_timer(noticed + TURN, cx));
        if busy == Busy::Yes && now < noticed + TURN_WHILE_BUSY {
            return Poll::Pending;
        }
        self.noticed = None;
        Poll::Ready(noticed)
    }

    /// Waits until then. A later deadline than the timer's needs no new timer: it fires once for
    /// nothing.
    fn poll_timer(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if until < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(until);
            }
            ready!(self.timer.as_mut().poll(cx));
            if until <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_judged_after_the_turn_of_the_socket() {
        let began = Instant::now();
        let mut schedule = Schedule::new(began);
        let next = began + Duration::from_secs(1);
        let judged = poll_fn(|cx| schedule.poll(Some(next), Busy::No, cx)).await;
        assert!(judged >= next && judged < next + 3 * TURN, "{:?}", judged - next);
        assert!(Instant::now() >= judged + TURN, "the socket had no turn");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_noticed_late_is_judged_as_of_then() {
        let began = Instant::now();
        let mut schedule = Schedule::new(began);
        let next = began + Duration::from_secs(1);
        tokio::time::advance(Duration::from_secs(100)).await;
        let noticed = Instant::now();
        let judged = poll_fn(|cx| schedule.poll(Some(next), Busy::No, cx)).await;
        assert_eq!(judged, noticed);
        assert!(Instant::now() >= noticed + TURN);
        // What was due is done; nothing is left of it.
        let later = Instant::now() + Duration::from_secs(1);
        let judged = poll_fn(|cx| schedule.poll(Some(later), Busy::No, cx)).await;
        assert!(judged >= later);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_always_has_more_to_read_delays_no_deadline_for_long() {
        let began = Instant::now();
        let mut schedule = Schedule::new(began);
        let next = Some(began + TURN);
        loop {
            let judged = poll_fn(|cx| Poll::Ready(schedule.poll(next, Busy::Yes, cx))).await;
            if judged.is_ready() {
                break;
            }
            tokio::time::advance(TURN).await;
        }
        assert_eq!(began.elapsed(), TURN + TURN_WHILE_BUSY);
    }
}
