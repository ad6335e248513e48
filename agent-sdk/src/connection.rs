//! At work: the life of a connection from login to loss, reconnect and close.

mod call_state;
mod deferred_log;
mod dispatch;
mod driver;
mod frame;
mod handle;
mod keepalive;
mod pending;
mod reconnect;
mod resubscribe;
mod shared;
mod state;
mod subscriptions;
pub(crate) mod watchdog;
mod write_buffer;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tracing::{Instrument, info, info_span, warn};

pub use self::state::State;
pub(crate) use self::{
    call_state::{CallState, Completion, NewCall},
    handle::Handle,
    shared::Shared,
    subscriptions::SubscriptionChange,
};
use self::{
    driver::{Disconnect, Driver},
    reconnect::Backoff,
};
use crate::{
    dial::{Connection, Connector, Credentials},
    error::{CloseReason, Retry, Unanswered},
};

#[cfg(feature = "__bench")]
pub(crate) use self::frame::{FrameDecoder, Incoming, write_text};

/// Drives one agent's connection, and those that follow it, to the end.
///
/// # Cancel safety
///
/// Dropping the future, even before its first poll, ends everything as if the runtime had ended.
pub(crate) fn run(
    shared: Arc<Shared>,
    connector: Connector,
    credentials: Credentials,
    first: Connection,
) -> impl Future<Output = ()> + Send {
    let end = EndWithRuntime(Arc::clone(&shared));
    async move {
        let why = live(&shared, &connector, &credentials, first).await;
        info!(agent = %connector.endpoint, %why, "closed");
        shared.finish(why);
        drop(end);
    }
}

/// Sees to it that no call hangs when the runtime drops the task.
struct EndWithRuntime(Arc<Shared>);

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        self.0.finish(CloseReason::RuntimeEnded);
    }
}

async fn live(
    shared: &Shared,
    connector: &Connector,
    credentials: &Credentials,
    mut connection: Connection,
) -> CloseReason {
    let mut backoff = Backoff::new(shared.options.reconnect);
    loop {
        let began = Instant::now();
        let number = shared.lock().stats.reconnects;
        let agent = &connector.endpoint;
        let span = info_span!("connection", %agent, number);
        span.in_scope(|| info!("connected"));
        let (ended, heard) = Driver::new(shared, connection).run().instrument(span.clone()).await;
        let reason = match ended {
            Disconnect::Closed => return CloseReason::Requested,
            Disconnect::Lost(reason) => reason,
        };
        span.in_scope(|| warn!(%reason, lifetime = ?began.elapsed(), "connection lost"));
        shared.lost(&Unanswered::ConnectionLost(Arc::clone(&reason)));
        if shared.options.reconnect.is_never() {
            return CloseReason::Lost(reason);
        }
        backoff.record_lifetime(began.elapsed());
        // An agent that takes the login and ends the connection without a word may mean "no".
        let proved = heard || began.elapsed() >= STABLE_AFTER;
        let doubt = !proved && backoff.record_refusal(Instant::now());
        let at_least = if doubt { BAN_SAFE_DELAY } else { Duration::ZERO };
        // On the heap, so that a connection that stands does not hold the room for its login.
        connection =
            match Box::pin(reconnect(shared, connector, credentials, &mut backoff, at_least)).await
            {
                Ok(connection) => connection,
                Err(why) => return why,
            };
        shared.lock().stats.reconnects += 1;
    }
}

/// A connection that stands this long has been accepted, even if the agent says nothing.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// Tries until there is a connection, or no hope for one.
async fn reconnect(
    shared: &Shared,
    connector: &Connector,
    credentials: &Credentials,
    backoff: &mut Backoff,
    mut at_least: Duration,
) -> Result<Connection, CloseReason> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let wait = backoff.wait().max(at_least);
        let next = Instant::now() + wait;
        shared.set_state(State::Reconnecting { attempt, next: next.into_std() });
        unless_closed(shared, sleep(wait)).await?;
        shared.set_state(State::Connecting);
        let login = connector.login(credentials);
        let error = match unless_closed(shared, login).await? {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        warn!(agent = %connector.endpoint, attempt, %error, "reconnecting failed");
        at_least = match error.retry() {
            Retry::No => return Err(CloseReason::Refused(error)),
            Retry::Warily if backoff.record_refusal(Instant::now()) => {
                return Err(CloseReason::Refused(error));
            }
            Retry::Slowly => BAN_SAFE_DELAY,
            Retry::Warily | Retry::Yes => Duration::ZERO,
        };
        if shared.options.reconnect.is_used_up(attempt) {
            return Err(CloseReason::GaveUp { attempts: attempt, last: error });
        }
    }
}

/// The wait where logins may have failed without anybody saying so: longer than a ban lasts, and
/// so than failures are likely to be counted together.
const BAN_SAFE_DELAY: Duration = Duration::from_secs(75);

/// Does something while there is no connection, unless somebody closes meanwhile. Calls time out
/// as they do while there is one.
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
