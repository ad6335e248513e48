//! At work: the life of a connection from login to loss, reconnect and close.

mod call_state;
mod catalogue_gate;
mod deferred_log;
mod dispatch;
mod driver;
mod frame;
mod handle;
mod keepalive;
mod pending;
mod reconnect;
mod resubscribe;
mod schedule;
mod shared;
mod state;
mod subscriptions;
mod waits;
pub(crate) mod watchdog;
mod write_buffer;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::SystemTime,
};

use tokio::time::{Instant, Sleep, sleep_until};
use tracing::{Instrument, info, info_span, warn};

pub use self::state::State;
pub(crate) use self::{
    call_state::{CallState, Completion, NewCall},
    catalogue_gate::{Refusal, Refusals},
    handle::Handle,
    reconnect::first_login,
    shared::{Refused, Shared},
    subscriptions::SubscriptionChange,
};
use self::{
    driver::{Disconnect, Driver},
    reconnect::Backoff,
};
use crate::{
    dial::{Connection, Door},
    error::{CloseReason, DisconnectReason, Pace, Unanswered},
};

#[cfg(feature = "tls")]
pub(crate) use self::reconnect::until_up;

#[cfg(feature = "__bench")]
pub(crate) use self::frame::{FrameDecoder, Incoming, write_text};

/// Drives one agent's connection, and those that follow it, to the end.
///
/// # Cancel safety
///
/// Dropping the future, even before its first poll, ends everything as if the runtime had ended.
pub(crate) fn run(
    shared: Arc<Shared>,
    door: Arc<Door>,
    first: Connection,
) -> impl Future<Output = ()> + Send {
    let end = EndWithRuntime(Arc::clone(&shared));
    async move {
        let why = live(&shared, &door, first).await;
        info!(agent = %door.connector.endpoint, %why, "closed");
        shared.finish(why);
        drop(end);
    }
}

/// Ends every call when the runtime drops the task.
struct EndWithRuntime(Arc<Shared>);

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        self.0.finish(CloseReason::RuntimeEnded);
    }
}

async fn live(shared: &Shared, door: &Door, mut connection: Connection) -> CloseReason {
    let mut backoff = Backoff::new(shared.options.reconnect.clone());
    loop {
        let began = Instant::now();
        let number = shared.lock().stats.reconnects;
        let agent = &door.connector.endpoint;
        let span = info_span!("connection", %agent, number);
        span.in_scope(|| info!("connected"));
        let (ended, was_heard) = {
            let mut driver = Driver::new(shared, connection);
            driver.run().instrument(span.clone()).await
        };
        let cause = match ended {
            Disconnect::Closed => return CloseReason::Requested,
            Disconnect::Lost(reason) => Arc::new(reason),
        };
        let lifetime = began.elapsed();
        span.in_scope(|| warn!(reason = %cause, ?lifetime, "connection lost"));
        shared.lost(&Unanswered::ConnectionLost(Arc::clone(&cause)));
        let pace = if matches!(*cause, DisconnectReason::Requested) {
            backoff.begin_anew()
        } else {
            backoff.after_loss(lifetime, was_heard, Instant::now())
        };
        if let Some(why) = final_loss(&backoff, &cause) {
            return why;
        }
        // On the heap, so that a connection that lasts does not hold the room for its login.
        let next = Box::pin(reconnect(shared, door, &mut backoff, pace, cause));
        connection = match next.await {
            Ok(connection) => connection,
            Err(why) => return why,
        };
        shared.lock().stats.reconnects += 1;
    }
}

/// Returns why a lost connection is not to be made again, if that is so.
fn final_loss(backoff: &Backoff, cause: &Arc<DisconnectReason>) -> Option<CloseReason> {
    if matches!(**cause, DisconnectReason::Requested) {
        return None;
    }
    let policy = backoff.policy();
    let attempts = backoff.attempts();
    if policy.is_never() {
        Some(CloseReason::Lost(Arc::clone(cause)))
    } else if cause.close_code().is_some_and(|code| policy.is_final(code)) {
        Some(CloseReason::FinalCloseCode(Arc::clone(cause)))
    } else if policy.is_used_up(attempts) {
        Some(CloseReason::Unstable { attempts, last: Arc::clone(cause) })
    } else {
        None
    }
}

/// Tries until there is a connection, or no hope for one.
async fn reconnect(
    shared: &Shared,
    door: &Door,
    backoff: &mut Backoff,
    mut pace: Pace,
    cause: Arc<DisconnectReason>,
) -> Result<Connection, CloseReason> {
    let mut failure = None;
    loop {
        let attempt = backoff.begin_attempt();
        let delay = backoff.delay(pace);
        let due = Instant::now() + delay;
        shared.set_state(State::Reconnecting {
            attempt,
            delay,
            next: SystemTime::now() + delay,
            pace,
            cause: Arc::clone(&cause),
            failure,
        });
        unless_closed(shared, wait(shared, due, pace)).await?;
        shared.set_state(State::Connecting);
        let login = door.enter();
        let error = match unless_closed(shared, login).await? {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        warn!(agent = %door.connector.endpoint, attempt, %error, "reconnecting failed");
        pace = match backoff.after_failure(&error, Instant::now()) {
            Some(pace) => pace,
            None => return Err(CloseReason::Refused(error)),
        };
        if backoff.policy().is_used_up(attempt) {
            return Err(CloseReason::GaveUp { attempts: attempt, last: error });
        }
        failure = Some(error);
    }
}

/// Waits until then, or until `Agent::reconnect` is called, which does not shorten a wait that is to
/// outlast a ban.
async fn wait(shared: &Shared, due: Instant, pace: Pace) {
    let mut sleep = pin!(sleep_until(due));
    poll_fn(|cx| {
        let hurry = pace == Pace::Quick && shared.lock().reconnect_requested;
        if hurry { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }
    })
    .await;
    shared.lock().reconnect_requested = false;
}

/// Does something while there is no connection, unless it is closed meanwhile. Calls time out as they
/// do while there is one.
async fn unless_closed<T>(
    shared: &Shared,
    work: impl Future<Output = T>,
) -> Result<T, CloseReason> {
    let mut work = pin!(work);
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        if watch(shared, timer.as_mut(), cx) {
            return Poll::Ready(Err(CloseReason::Requested));
        }
        work.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// Expires calls and arms the timer; returns whether the connection is closing.
fn watch(shared: &Shared, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> bool {
    loop {
        let mut wakers = Vec::new();
        let mut table = shared.lock();
        let now = Instant::now();
        shared.admit(&mut table, cx, now);
        let expired = table.pending.expire(now, &mut wakers);
        table.stats.timed_out += expired;
        shared.release(&mut table);
        let (closing, next) = (table.close_by.is_some(), table.pending.next_deadline());
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
        if closing {
            return true;
        }
        let Some(next) = next else { return false };
        timer.as_mut().reset(next);
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, F: Future>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// It had room for two, an eighth of what an idle connection takes.
    #[test]
    fn the_task_of_a_connection_has_room_for_one_driver() {
        let (task, driver) = (size_of_future(run), size_of::<Driver<'static>>());
        assert!(task < 2 * driver, "{task} bytes for a driver of {driver}");
    }
}
