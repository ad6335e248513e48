//! Keeps the promise that every call ends, where the connection's task cannot.
//!
//! The task lives on the runtime that connected. A runtime of one thread runs only inside of its
//! own `block_on`, and work that blocks can keep any runtime from its tasks: a call from elsewhere
//! then finds a task that neither sends nor keeps time. One thread of the process looks after the
//! connections, and only while they have calls or are to be closed: where something is due, it
//! wakes the task, and if that has not run by the next look, does it itself.

use std::{
    sync::{Arc, MutexGuard, OnceLock, Weak, mpsc},
    task::Waker,
    thread::{self, Thread},
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

use super::shared::{DriverState, Shared};
use crate::error::CloseReason;

/// How long a task that was woken may take to run. A call ends at most three of these late.
const PATIENCE: Duration = Duration::from_millis(100);

/// None if the thread could not be started.
static WATCHDOG: OnceLock<Option<Watchdog>> = OnceLock::new();

struct Watchdog {
    thread: Thread,
    connections: mpsc::Sender<Weak<Shared>>,
}

/// Looks after a connection from now on.
pub(crate) fn register(shared: &Arc<Shared>) {
    if let Some(watchdog) = WATCHDOG.get_or_init(start)
        && watchdog.connections.send(Arc::downgrade(shared)).is_ok()
    {
        shared.be_watched(watchdog.thread.clone());
    }
}

fn start() -> Option<Watchdog> {
    let (connections, registered) = mpsc::channel();
    let thread = thread::Builder::new().name("agent-sdk-watchdog".to_owned());
    match thread.spawn(move || run(&registered)) {
        Ok(thread) => Some(Watchdog { thread: thread.thread().clone(), connections }),
        Err(error) => {
            warn!(%error, "no thread for the watchdog: calls end only while their runtime runs");
            None
        }
    }
}

fn run(registered: &mpsc::Receiver<Weak<Shared>>) {
    let mut connections = Vec::new();
    loop {
        connections.extend(registered.try_iter().map(|shared| Watched { shared, woken_at: None }));
        if look(&mut connections) {
            thread::sleep(PATIENCE);
        } else {
            thread::park();
        }
    }
}

/// A connection, and what the last look at it found.
struct Watched {
    shared: Weak<Shared>,
    /// How often its task had run, if it was woken then.
    woken_at: Option<u64>,
}

/// Looks at every connection; returns whether one has something to do.
fn look(connections: &mut Vec<Watched>) -> bool {
    let mut busy = false;
    connections.retain_mut(|watched| {
        let Some(shared) = watched.shared.upgrade() else { return false };
        match inspect(&shared, watched.woken_at) {
            Found::Finished => return false,
            Found::Idle => watched.woken_at = None,
            Found::Busy { woken_at } => {
                watched.woken_at = woken_at;
                busy = true;
            }
        }
        true
    });
    busy
}

/// What a look at a connection found.
#[derive(Debug, PartialEq)]
enum Found {
    /// Neither a call nor a wish to close.
    Idle,
    /// Some of either; `woken_at` is how often the task had run when it was woken for them.
    Busy { woken_at: Option<u64> },
    /// It has ended for good.
    Finished,
}

fn inspect(shared: &Shared, woken_at: Option<u64>) -> Found {
    let table = shared.lock();
    if table.finished {
        return Found::Finished;
    }
    if !shared.has_work(&table) {
        return Found::Idle;
    }
    let now = Instant::now();
    if !shared.is_due(&table, now) {
        return Found::Busy { woken_at: None };
    }
    let rounds = table.rounds;
    if woken_at == Some(rounds) {
        stand_in(shared, table, now);
    } else {
        drop(table);
        shared.notify();
    }
    Found::Busy { woken_at: Some(rounds) }
}

/// Does what the connection's task would do without its socket.
fn stand_in(shared: &Shared, mut table: MutexGuard<'_, DriverState>, now: Instant) {
    let mut wakers = Vec::new();
    shared.take_over(&mut table, now);
    let expired = table.pending.expire(now, &mut wakers);
    table.stats.timed_out += expired;
    let closed = table.close_by.is_some_and(|limit| limit <= now);
    drop(table);
    wakers.into_iter().for_each(Waker::wake);
    if closed {
        shared.finish(CloseReason::Requested);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;
    use crate::{
        connection::{CallState, Completion, NewCall},
        options::Options,
        wire::Request,
    };

    fn submit(shared: &Shared, timeout: Duration) -> Arc<CallState> {
        let request = Request::new("echo", &()).unwrap();
        let (fail_fast, goes_first) = (false, false);
        let call = NewCall { request, timeout, fail_fast, goes_first, effect: None };
        shared.submit(call, Waker::noop().clone()).unwrap()
    }

    /// Looks at a connection that has something to do.
    fn look_again(shared: &Shared, woken_at: Option<u64>) -> Option<u64> {
        match inspect(shared, woken_at) {
            Found::Busy { woken_at } => woken_at,
            found => panic!("{found:?}"),
        }
    }

    #[test]
    fn a_task_that_runs_is_woken_and_does_its_work_itself() {
        let shared = Shared::new(Options::default());
        assert_eq!(inspect(&shared, None), Found::Idle);
        let cx = Context::from_waker(Waker::noop());
        let mut woken_at = None;
        for round in 0..3 {
            let call = submit(&shared, Duration::from_secs(60));
            woken_at = look_again(&shared, woken_at);
            assert_eq!(woken_at, Some(round));
            assert_eq!(call.token(), None, "that is for the task, which has run since");
            shared.admit(&mut shared.lock(), &cx, Instant::now());
            assert_eq!(look_again(&shared, woken_at), None, "nothing is due");
        }
    }

    #[test]
    fn a_task_that_does_not_run_is_stood_in_for_at_the_second_look() {
        let shared = Shared::new(Options::default());
        let call = submit(&shared, Duration::ZERO);
        let woken_at = look_again(&shared, None);
        assert_eq!(call.token(), None);
        assert_eq!(look_again(&shared, woken_at), woken_at);
        assert_eq!(inspect(&shared, woken_at), Found::Idle, "the call was the only work");
        let ended = call.poll(&Context::from_waker(Waker::noop()));
        assert!(matches!(ended, Poll::Ready(Completion::NotSent)), "{ended:?}");
        assert_eq!(shared.statistics().timed_out, 1);
    }

    #[test]
    fn a_close_ends_at_its_limit_and_not_before() {
        let shared = Shared::new(Options::default());
        shared.request_close(Duration::from_secs(60));
        assert_eq!(look_again(&shared, None), None, "it is not due");
        // An overdue call makes the watchdog stand in.
        let shared = Shared::new(Options::default());
        submit(&shared, Duration::ZERO);
        shared.request_close(Duration::from_secs(60));
        let woken_at = look_again(&shared, None);
        look_again(&shared, woken_at);
        assert!(!shared.lock().finished);
        let shared = Shared::new(Options::default());
        shared.request_close(Duration::ZERO);
        let woken_at = look_again(&shared, None);
        assert!(!shared.lock().finished, "that is for the task");
        look_again(&shared, woken_at);
        assert!(shared.lock().finished);
        assert_eq!(inspect(&shared, woken_at), Found::Finished);
    }
}
