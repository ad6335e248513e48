//! What the handles, the calls and the task that owns the socket have in common.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    call_state::{CallState, Completion, NewCall},
    catalogue_gate::{CatalogueGate, Refusals},
    pending::PendingCalls,
    state::State,
    subscriptions::Subscriptions,
    waits::Waits,
};
use crate::{
    error::{CloseReason, DisconnectReason, Outcome, Unanswered},
    event::{Hub, Subscription},
    options::Options,
    statistics::{Latencies, Statistics},
};

/// The state of one agent's connection, from the first attempt to the end.
///
/// Lock order: driver state, submission queue, call state.
pub(crate) struct Shared {
    queue: Mutex<SubmissionQueue>,
    table: Mutex<DriverState>,
    pub(crate) events: Arc<Hub>,
    state: watch::Sender<State>,
    /// Woken by each login, and by the end: what the check of the catalogue waits for.
    logged_in: Notify,
    pub(crate) options: Options,
}

/// Where callers on all threads leave their calls: as little as possible, since they all meet here.
#[derive(Default)]
#[repr(align(128))] // A cache line of its own: avoids false sharing.
struct SubmissionQueue {
    calls: Vec<Arc<CallState>>,
    /// So many of them were dropped by their callers.
    dropped: usize,
    /// The task that owns the socket, while it waits.
    driver: Option<Waker>,
    /// Once set, nothing is accepted.
    closed: Option<Arc<CloseReason>>,
    /// Whether a lost connection is being made again: what fails fast is not accepted.
    disconnected: bool,
    /// The watchdog's thread, if it has to be woken for the next call.
    watchdog: Option<Thread>,
}

/// What the task that owns the socket works with. It is locked shortly and never across an await.
pub(crate) struct DriverState {
    pub(crate) pending: PendingCalls,
    pub(super) gate: CatalogueGate,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) waits: Waits,
    pub(crate) stats: Statistics,
    pub(crate) latencies: Latencies,
    /// Set once the connection is to be closed: until then calls in flight may still be answered.
    pub(crate) close_by: Option<Instant>,
    /// Whether another connection was asked for.
    pub(crate) reconnect_requested: bool,
    /// When anything arrived last.
    pub(crate) last_heard: Instant,
    /// Whether everything has been ended.
    pub(super) finished: bool,
    /// How often the task has run: the watchdog's sign of life.
    pub(super) rounds: u64,
    /// What was in the queue; used again, empty in between.
    admitted: Vec<Arc<CallState>>,
}

/// The room that an empty queue keeps, in calls.
const QUEUE_KEPT: usize = 64;

/// Why a call was not accepted.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The connection is closed for good.
    Closed(Arc<CloseReason>),
    /// There is no connection at the moment, and the call fails fast.
    Disconnected,
}

impl SubmissionQueue {
    /// Counts a dropped call, purges dropped calls once they are the majority, and returns how many
    /// were purged.
    fn note_dropped(&mut self) -> usize {
        self.dropped += 1;
        if self.dropped <= QUEUE_KEPT || self.dropped <= self.calls.len() / 2 {
            return 0;
        }
        let before = self.calls.len();
        self.calls.retain(|state| state.is_new());
        self.dropped = 0;
        before - self.calls.len()
    }
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            queue: Mutex::default(),
            table: Mutex::new(DriverState {
                pending: PendingCalls::new(options.max_in_flight),
                gate: CatalogueGate::default(),
                subscriptions: Subscriptions::default(),
                waits: Waits::default(),
                stats: Statistics::default(),
                latencies: Latencies::default(),
                close_by: None,
                reconnect_requested: false,
                last_heard: Instant::now(),
                finished: false,
                rounds: 0,
                admitted: Vec::new(),
            }),
            events: Arc::default(),
            state: watch::Sender::new(State::Connecting),
            logged_in: Notify::new(),
            options,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, DriverState> {
        // Nothing panics while it is held, and nothing would be half done if it did.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, SubmissionQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a call into the queue and wakes the task that sends it.
    pub(crate) fn submit(&self, call: NewCall, waker: Waker) -> Result<Arc<CallState>, Refused> {
        let fail_fast = call.fail_fast;
        let state = Arc::new(CallState::new(call, waker));
        let mut queue = self.queue();
        if let Some(why) = &queue.closed {
            return Err(Refused::Closed(Arc::clone(why)));
        }
        if fail_fast && queue.disconnected {
            return Err(Refused::Disconnected);
        }
        queue.calls.push(Arc::clone(&state));
        let driver = queue.driver.take();
        let watchdog = queue.watchdog.take();
        drop(queue);
        wake(driver);
        watchdog.iter().for_each(Thread::unpark);
        Ok(state)
    }

    /// Takes over what is in the queue; from here on every call, and every wish to close, wakes
    /// the task again.
    pub(crate) fn admit(&self, table: &mut DriverState, cx: &Context<'_>, now: Instant) {
        table.rounds += 1;
        self.empty_queue(table, now, |queue| match &mut queue.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        });
    }

    /// Takes over what is in the queue in place of the task.
    pub(super) fn take_over(&self, table: &mut DriverState, now: Instant) {
        self.empty_queue(table, now, |_| {});
    }

    /// Moves what is in the queue to the table, and does `more` with the queue under the same lock.
    fn empty_queue(
        &self,
        table: &mut DriverState,
        now: Instant,
        more: impl FnOnce(&mut SubmissionQueue),
    ) {
        let mut queue = self.queue();
        mem::swap(&mut queue.calls, &mut table.admitted);
        queue.dropped = 0;
        more(&mut queue);
        drop(queue);
        table.stats.calls += table.admitted.len() as u64;
        table.pending.reserve(table.admitted.len());
        for state in table.admitted.drain(..) {
            table.pending.insert(state, now);
        }
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn release(&self, table: &mut DriverState) {
        let mut queue = self.queue();
        for calls in [&mut queue.calls, &mut table.admitted] {
            if calls.is_empty() && calls.capacity() > QUEUE_KEPT {
                *calls = Vec::new();
            }
        }
    }

    /// Returns whether a call, or the wish to close, has woken the task since it looked into the
    /// queue.
    pub(crate) fn was_woken(&self) -> bool {
        self.queue().driver.is_none()
    }

    /// Notes a login, for those who check the catalogue; on a connection that was made again, calls
    /// may have to wait for them.
    pub(super) fn begin_connection(&self, table: &mut DriverState, now: Instant) {
        let number = table.stats.reconnects;
        let closed = self.options.check_before_calls && number > 0;
        table.gate.begin(number, closed, now, self.options.connect_timeout);
        self.logged_in.notify_one();
    }

    /// Returns the number of the connection, beginning with 0; `None` once it is closed for good.
    pub(crate) fn connection_number(&self) -> Option<u64> {
        let table = self.lock();
        (!table.finished).then_some(table.stats.reconnects)
    }

    /// Waits for the next login, or for the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no login.
    pub(crate) async fn logged_in(&self) {
        self.logged_in.notified().await;
    }

    /// Takes the result of a check of the catalogue on the connection with this number: calls of these
    /// actions end unsent, and the others wait no more.
    pub(crate) fn open_gate(&self, connection: u64, refusals: Refusals) {
        self.lock().gate.open(connection, refusals);
        self.notify();
    }

    /// From now on the next call, and the wish to close, wake the watchdog's thread.
    pub(super) fn be_watched(&self, watchdog: Thread) {
        self.queue().watchdog = Some(watchdog);
    }

    /// Returns whether there is a call or a wish to close; if not, the next one wakes this thread.
    pub(super) fn has_work(&self, table: &DriverState) -> bool {
        let mut queue = self.queue();
        let work = !queue.calls.is_empty() || !table.pending.is_idle() || table.close_by.is_some();
        queue.watchdog = (!work).then(thread::current);
        work
    }

    /// Returns whether the task should run without waiting for its socket.
    pub(super) fn is_due(&self, table: &DriverState, now: Instant) -> bool {
        let overdue = table.pending.next_deadline().is_some_and(|deadline| deadline <= now);
        let must_close = table.close_by.is_some_and(|limit| limit <= now);
        overdue || must_close || !self.queue().calls.is_empty()
    }

    /// Wakes the task that owns the socket.
    pub(super) fn notify(&self) {
        let driver = self.queue().driver.take();
        wake(driver);
    }

    /// Forgets a call whose future was dropped.
    pub(crate) fn cancel(&self, state: &CallState) {
        let mut table = self.lock();
        let (alive, waker) = state.leave();
        if alive {
            table.stats.cancelled += 1;
            match state.token() {
                Some(token) => table.pending.remove(token),
                None => table.stats.calls += self.queue().note_dropped() as u64,
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
        let mut queue = self.queue();
        queue.closed.get_or_insert_with(|| Arc::new(CloseReason::Requested));
        let watchdog = queue.watchdog.take();
        drop(queue);
        self.notify();
        watchdog.iter().for_each(Thread::unpark);
    }

    /// Returns why no call is accepted any more, once that is so.
    pub(crate) fn close_reason(&self) -> Option<Arc<CloseReason>> {
        self.queue().closed.clone()
    }

    /// Asks the task for another connection.
    pub(crate) fn request_reconnect(&self) {
        self.lock().reconnect_requested = true;
        self.notify();
    }

    /// Returns when anything arrived last.
    pub(crate) fn last_heard(&self) -> Instant {
        self.lock().last_heard
    }

    /// Returns when an event of a topic arrived last.
    pub(crate) fn last_heard_of(&self, topic: &str) -> Option<Instant> {
        self.lock().subscriptions.last_heard_of(topic)
    }

    /// Ends the calls that were sent on a connection that is no more, and those that do not wait for
    /// the next one.
    pub(crate) fn lost(&self, why: &Unanswered) {
        let mut wakers = Vec::new();
        let mut table = self.lock();
        self.empty_queue(&mut table, Instant::now(), |queue| queue.disconnected = true);
        table.stats.lost += table.pending.lose(why, &mut wakers);
        table.stats.failed_fast += table.pending.fail_fast(&mut wakers);
        table.subscriptions.connection_lost();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        self.events.interrupt();
    }

    /// Ends everything. Only the first reason counts.
    pub(crate) fn finish(&self, why: CloseReason) {
        let why = Arc::new(why);
        let sent = match &*why {
            CloseReason::Requested => Unanswered::Closed,
            // Before any other end, the loss of the connection has ended what was sent on it.
            _ => Unanswered::ConnectionLost(Arc::new(DisconnectReason::RuntimeEnded)),
        };
        let mut wakers = Vec::new();
        let mut table = self.lock();
        if mem::replace(&mut table.finished, true) {
            return;
        }
        let (lost, unsent) = table.pending.close(&why, &sent, &mut wakers);
        table.stats.lost += lost;
        table.stats.closed += unsent;
        let mut queue = self.queue();
        queue.closed = Some(Arc::clone(&why));
        let calls = mem::take(&mut queue.calls);
        drop(queue);
        table.stats.calls += calls.len() as u64;
        for state in calls.iter().filter(|state| state.is_new()) {
            wakers.extend(state.end(Completion::Closed(Arc::clone(&why))));
            table.stats.closed += 1;
        }
        drop(table);
        // Published only after every call has ended.
        self.state.send_replace(State::Closed { why });
        wakers.into_iter().for_each(Waker::wake);
        self.events.close();
        self.logged_in.notify_one();
    }

    /// Notes that one more waits for events of a topic.
    pub(crate) fn begin_wait(&self, topic: &str) {
        let table = &mut *self.lock();
        table.waits.begin(topic, &table.subscriptions);
    }

    /// Returns whether a topic is not subscribed to.
    pub(crate) fn lacks_topic(&self, topic: &str) -> bool {
        self.lock().subscriptions.times_made(&Subscription::Topic(topic.to_owned())).is_none()
    }

    /// Notes that one who waits is about to subscribe to a topic.
    pub(crate) fn note_wait_asking(&self, topic: &str) {
        self.lock().waits.note_asking(topic);
    }

    /// Notes how that ended; `None` is a success.
    pub(crate) fn note_wait_answer(&self, topic: &str, outcome: Option<Outcome>) {
        self.lock().waits.note_answer(topic, outcome);
    }

    /// Notes that one waits no more; returns whether the agent has to be told `unsubscribe`.
    pub(crate) fn end_wait(&self, topic: &str) -> bool {
        let table = &mut *self.lock();
        table.waits.end(topic, &mut table.subscriptions)
    }

    /// Publishes how the connection is.
    pub(crate) fn set_state(&self, state: State) {
        self.queue().disconnected = !matches!(state, State::Connected);
        self.state.send_replace(state);
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let table = self.lock();
        let queue = self.queue();
        let waiting = queue.calls.iter().filter(|state| state.is_new()).count();
        let (subscriptions, missing_subscriptions) = table.subscriptions.count();
        Statistics {
            calls: table.stats.calls + queue.calls.len() as u64,
            pending: (table.pending.len() + waiting) as u64,
            subscriptions,
            missing_subscriptions,
            latency_median: table.latencies.percentile(50),
            latency_p99: table.latencies.percentile(99),
            ..table.stats
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
mod tests;
