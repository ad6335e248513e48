//! What the handles, the calls and the task that owns the socket have in common.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    pending::{Ending, Key, NewCall, Pending},
    state::{CloseReason, State},
    subscriptions::Subscriptions,
};
use crate::{
    builder::Options,
    error::Unanswered,
    event::Hub,
    statistics::{Latencies, Statistics},
};

/// The state of one agent's connection, from the first attempt to the end.
pub(crate) struct Shared {
    table: Mutex<Table>,
    pub(crate) events: Arc<Hub>,
    state: watch::Sender<State>,
    pub(crate) options: Options,
}

/// What is locked, always shortly and never across an await.
pub(crate) struct Table {
    pub(crate) pending: Pending,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) figures: Statistics,
    pub(crate) latencies: Latencies,
    /// Set once somebody wants to close: until then calls in flight may still be answered.
    pub(crate) close_by: Option<Instant>,
    /// The task that owns the socket, while it waits.
    driver: Option<Waker>,
}

impl Table {
    /// Lets the task be woken by the next call, deadline or wish to close.
    pub(crate) fn park(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Whether a call, or the wish to close, has woken the task since it was parked.
    pub(crate) fn was_woken(&self) -> bool {
        self.driver.is_none()
    }
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            table: Mutex::new(Table {
                pending: Pending::new(options.max_in_flight),
                subscriptions: Subscriptions::default(),
                figures: Statistics::default(),
                latencies: Latencies::default(),
                close_by: None,
                driver: None,
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

    /// Puts a call into the queue and sees to it that it is sent.
    pub(crate) fn submit(&self, call: NewCall, waker: Waker) -> Result<Key, Arc<CloseReason>> {
        let mut table = self.lock();
        let key = table.pending.insert(call, waker)?;
        table.figures.calls += 1;
        let driver = table.driver.take();
        drop(table);
        wake(driver);
        Ok(key)
    }

    /// The end of a call, once it has come.
    pub(crate) fn poll_call(&self, key: Key, cx: &Context<'_>) -> Poll<Ending> {
        self.lock().pending.poll(key, cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }

    /// Forgets a call whose future was dropped.
    pub(crate) fn cancel(&self, key: Key) {
        let mut table = self.lock();
        if table.pending.remove(key) {
            table.figures.cancelled += 1;
        }
        // It may have made room for the next call, or have been the last one before a close.
        let driver = table.driver.take();
        drop(table);
        wake(driver);
    }

    /// Asks the task to close: what is queued is sent, and what is in flight may be answered until
    /// the limit.
    pub(crate) fn request_close(&self, limit: Duration) {
        let mut table = self.lock();
        table.close_by.get_or_insert(Instant::now() + limit);
        table.pending.refuse(Arc::new(CloseReason::Requested));
        let driver = table.driver.take();
        drop(table);
        wake(driver);
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
        let first = self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Closed { .. });
            if open {
                *state = State::Closed { why: Arc::clone(&why) };
            }
            open
        });
        if !first {
            return;
        }
        let sent = match &*why {
            CloseReason::Requested => Unanswered::Closed,
            other => Unanswered::ConnectionLost(other.to_string().into()),
        };
        let mut wakers = Vec::new();
        let mut table = self.lock();
        let (lost, unsent) = table.pending.close(&why, &sent, &mut wakers);
        table.figures.lost += lost;
        table.figures.closed += unsent;
        drop(table);
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
        Statistics {
            pending: table.pending.len() as u64,
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
