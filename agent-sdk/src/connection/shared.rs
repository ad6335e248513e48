//! What the handles, the calls and the task that owns the socket have in common.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    pending::{Ending, Pending},
    state::{CloseReason, State},
    subscriptions::Subscriptions,
    ticket::{NewCall, Ticket},
};
use crate::{
    builder::Options,
    error::Unanswered,
    event::Hub,
    statistics::{Latencies, Statistics},
};

/// The state of one agent's connection, from the first attempt to the end.
///
/// Whoever holds more than one of the locks has taken them in this order: the table, the intake, a
/// ticket.
pub(crate) struct Shared {
    intake: Mutex<Intake>,
    table: Mutex<Table>,
    pub(crate) events: Arc<Hub>,
    state: watch::Sender<State>,
    pub(crate) options: Options,
}

/// Where callers on all threads leave their calls: as little as possible, since they all meet here.
#[derive(Default)]
#[repr(align(128))] // On lines of the caches that nothing else is on.
struct Intake {
    calls: Vec<Arc<Ticket>>,
    /// So many of them were dropped by their callers.
    dropped: usize,
    /// The task that owns the socket, while it waits.
    driver: Option<Waker>,
    /// Once set, nothing is accepted.
    closed: Option<Arc<CloseReason>>,
}

/// What the task that owns the socket works with. It is locked shortly and never across an await.
pub(crate) struct Table {
    pub(crate) pending: Pending,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) figures: Statistics,
    pub(crate) latencies: Latencies,
    /// Set once somebody wants to close: until then calls in flight may still be answered.
    pub(crate) close_by: Option<Instant>,
    /// Whether everything has been ended.
    finished: bool,
    /// What was in the intake; used again, empty in between.
    admitted: Vec<Arc<Ticket>>,
}

/// The room that an empty intake keeps, in calls.
const INTAKE_KEPT: usize = 64;

impl Intake {
    /// Notes that one of the calls was dropped, and lets no more of those be in here than of others;
    /// how many were thrown out.
    fn note_dropped(&mut self) -> usize {
        self.dropped += 1;
        if self.dropped <= INTAKE_KEPT || self.dropped <= self.calls.len() / 2 {
            return 0;
        }
        let before = self.calls.len();
        self.calls.retain(|ticket| ticket.is_new());
        self.dropped = 0;
        before - self.calls.len()
    }
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            intake: Mutex::default(),
            table: Mutex::new(Table {
                pending: Pending::new(options.max_in_flight),
                subscriptions: Subscriptions::default(),
                figures: Statistics::default(),
                latencies: Latencies::default(),
                close_by: None,
                finished: false,
                admitted: Vec::new(),
            }),
            events: Arc::default(),
            state: watch::Sender::new(State::Connecting),
            options,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is held, and nothing would be half done if it did.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a call into the intake and sees to it that it is sent.
    pub(crate) fn submit(
        &self,
        call: NewCall,
        waker: Waker,
    ) -> Result<Arc<Ticket>, Arc<CloseReason>> {
        let ticket = Arc::new(Ticket::new(call, waker));
        let mut intake = self.intake();
        if let Some(why) = &intake.closed {
            return Err(Arc::clone(why));
        }
        intake.calls.push(Arc::clone(&ticket));
        let driver = intake.driver.take();
        drop(intake);
        wake(driver);
        Ok(ticket)
    }

    /// Takes over what is in the intake; from here on every call, and every wish to close, wakes
    /// the task again.
    pub(crate) fn admit(&self, table: &mut Table, cx: &Context<'_>, now: Instant) {
        let mut intake = self.intake();
        mem::swap(&mut intake.calls, &mut table.admitted);
        intake.dropped = 0;
        match &mut intake.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        drop(intake);
        table.figures.calls += table.admitted.len() as u64;
        table.pending.reserve(table.admitted.len());
        for ticket in table.admitted.drain(..) {
            table.pending.insert(ticket, now);
        }
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn release(&self, table: &mut Table) {
        let mut intake = self.intake();
        for calls in [&mut intake.calls, &mut table.admitted] {
            if calls.is_empty() && calls.capacity() > INTAKE_KEPT {
                *calls = Vec::new();
            }
        }
    }

    /// Whether a call, or the wish to close, has woken the task since it looked into the intake.
    pub(crate) fn was_woken(&self) -> bool {
        self.intake().driver.is_none()
    }

    /// Wakes the task that owns the socket.
    fn notify(&self) {
        let driver = self.intake().driver.take();
        wake(driver);
    }

    /// Forgets a call whose future was dropped.
    pub(crate) fn cancel(&self, ticket: &Ticket) {
        let mut table = self.lock();
        let (alive, waker) = ticket.leave();
        if alive {
            table.figures.cancelled += 1;
            match ticket.token() {
                Some(token) => table.pending.remove(token),
                None => table.figures.calls += self.intake().note_dropped() as u64,
            }
        }
        drop(table);
        drop(waker);
        // It may have made room for the next call, or have been the last one before a close.
        self.notify();
    }

    /// Asks the task to close: what is queued is sent, and what is in flight may be answered until
    /// the limit.
    pub(crate) fn request_close(&self, limit: Duration) {
        let mut table = self.lock();
        table.close_by.get_or_insert(Instant::now() + limit);
        drop(table);
        self.intake().closed.get_or_insert_with(|| Arc::new(CloseReason::Requested));
        self.notify();
    }

    /// Ends the calls that were sent on a connection that is no more.
    pub(crate) fn lost(&self, why: &Unanswered) {
        let mut wakers = Vec::new();
        let mut table = self.lock();
        table.figures.lost += table.pending.lose(why, &mut wakers);
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        self.events.interrupt();
    }

    /// Ends everything. Only the first reason counts.
    pub(crate) fn finish(&self, why: CloseReason) {
        let why = Arc::new(why);
        let sent = match &*why {
            CloseReason::Requested => Unanswered::Closed,
            other => Unanswered::ConnectionLost(other.to_string().into()),
        };
        let mut wakers = Vec::new();
        let mut table = self.lock();
        if mem::replace(&mut table.finished, true) {
            return;
        }
        let (lost, unsent) = table.pending.close(&why, &sent, &mut wakers);
        table.figures.lost += lost;
        table.figures.closed += unsent;
        let mut intake = self.intake();
        intake.closed = Some(Arc::clone(&why));
        let calls = mem::take(&mut intake.calls);
        drop(intake);
        table.figures.calls += calls.len() as u64;
        for ticket in calls.iter().filter(|ticket| ticket.is_new()) {
            wakers.extend(ticket.end(Ending::Closed(Arc::clone(&why))));
            table.figures.closed += 1;
        }
        drop(table);
        // Whoever waits for this may rely on it that nothing is pending any more.
        self.state.send_replace(State::Closed { why });
        wakers.into_iter().for_each(Waker::wake);
        self.events.close();
    }

    /// Tells everybody how the connection is.
    pub(crate) fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let table = self.lock();
        let intake = self.intake();
        let waiting = intake.calls.iter().filter(|ticket| ticket.is_new()).count();
        Statistics {
            calls: table.figures.calls + intake.calls.len() as u64,
            pending: (table.pending.len() + waiting) as u64,
            latency_median: table.latencies.percentile(50),
            latency_p99: table.latencies.percentile(99),
            ..table.figures
        }
    }
}

/// Wakes the task, after the lock was released.
fn wake(driver: Option<Waker>) {
    if let Some(waker) = driver {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;
    use crate::wire::Request;

    fn call() -> NewCall {
        let request = Request::new("echo", &()).unwrap();
        NewCall { request, timeout: Duration::from_secs(1), effect: None }
    }

    fn submit(shared: &Shared) -> Arc<Ticket> {
        shared.submit(call(), Waker::noop().clone()).unwrap()
    }

    #[test]
    fn dropped_calls_do_not_pile_up_before_they_are_taken_over() {
        let shared = Shared::new(Options::default());
        let kept: Vec<_> = (0..10).map(|_| submit(&shared)).collect();
        for _ in 0..10_000 {
            shared.cancel(&submit(&shared));
            assert!(shared.intake().calls.len() <= 2 * INTAKE_KEPT + 2);
        }
        let figures = shared.statistics();
        assert_eq!((figures.calls, figures.cancelled, figures.pending), (10_010, 10_000, 10));
        assert!(kept.iter().all(|ticket| ticket.is_new()));
    }

    #[test]
    fn the_end_reaches_calls_that_nobody_has_taken_over_yet() {
        let shared = Shared::new(Options::default());
        let tickets: Vec<_> = (0..3).map(|_| submit(&shared)).collect();
        shared.cancel(&tickets[0]);
        shared.finish(CloseReason::Requested);
        let figures = shared.statistics();
        assert_eq!((figures.calls, figures.cancelled, figures.closed), (3, 1, 2));
        assert_eq!(figures.pending, 0);
        for ticket in &tickets[1..] {
            let ending = ticket.poll(&Context::from_waker(Waker::noop()));
            assert!(matches!(ending, Poll::Ready(Ending::Closed(_))), "{ending:?}");
        }
        // Only the first reason counts, and nothing is accepted any more.
        shared.finish(CloseReason::RuntimeEnded);
        let state = shared.watch_state();
        assert!(
            matches!(&*state.borrow(), State::Closed { why } if matches!(**why, CloseReason::Requested))
        );
        assert!(shared.submit(call(), Waker::noop().clone()).is_err());
    }

    #[test]
    fn room_is_given_back_and_calls_are_not() {
        const CALLS: usize = 4 * INTAKE_KEPT;
        let shared = Shared::new(Options::default());
        let tickets: Vec<_> = (0..CALLS).map(|_| submit(&shared)).collect();
        let mut table = shared.lock();
        shared.release(&mut table);
        assert_eq!(shared.intake().calls.len(), CALLS);
        shared.admit(&mut table, &Context::from_waker(Waker::noop()), Instant::now());
        assert_eq!(table.pending.len(), CALLS);
        assert!(tickets.iter().all(|ticket| ticket.token().is_some()));
        assert!(table.admitted.capacity() >= CALLS);
        shared.release(&mut table);
        assert_eq!(table.admitted.capacity(), 0);
    }
}
