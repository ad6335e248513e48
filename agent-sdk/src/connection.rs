//! The life of a connection: made, used, lost, made again, closed.

mod dial;
mod driver;
mod endpoint;
mod frame;
mod keepalive;
mod outbox;
mod pending;
mod reconnect;
mod restore;
#[cfg(feature = "tls")]
mod secure;
mod shared;
mod state;
mod subscriptions;
mod ticket;
mod transport;
mod upgrade;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tracing::{Instrument, info, info_span, warn};

pub(crate) use self::{
    dial::{Dialed, Dialer},
    endpoint::{Credentials, Endpoint},
    pending::Ending,
    shared::Shared,
    subscriptions::Effect,
    ticket::{NewCall, Ticket},
};
use self::{
    driver::{Driver, Ended},
    reconnect::Backoff,
};
pub use self::{
    reconnect::Reconnect,
    state::{CloseReason, State},
};
use crate::error::{Retry, Unanswered};

#[cfg(feature = "parts")]
pub(crate) use self::frame::{Incoming, Reader, write_text};
#[cfg(feature = "tls")]
pub(crate) use self::secure::Trust;
#[cfg(any(feature = "tls", feature = "health", test))]
pub(crate) use self::transport::Transport;
#[cfg(feature = "health")]
pub(crate) use self::upgrade::shown;

/// What is needed to connect again.
pub(crate) struct Connector {
    pub(crate) dialer: Dialer,
    pub(crate) credentials: Credentials,
}

/// Drives one agent's connection, and those that follow it, to the end.
///
/// # Cancel safety
///
/// Dropping the future, even before its first poll, ends everything as if the runtime had ended.
pub(crate) fn run(
    shared: Arc<Shared>,
    connector: Connector,
    first: Dialed,
) -> impl Future<Output = ()> + Send {
    let end = EndWithRuntime(Arc::clone(&shared));
    async move {
        let why = live(&shared, &connector, first).await;
        info!(agent = %connector.dialer.endpoint, %why, "closed");
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

async fn live(shared: &Shared, connector: &Connector, mut dialed: Dialed) -> CloseReason {
    let mut backoff = Backoff::new(shared.options.reconnect);
    loop {
        let began = Instant::now();
        let number = shared.lock().figures.reconnects;
        let agent = &connector.dialer.endpoint;
        let span = info_span!("connection", %agent, number);
        span.in_scope(|| info!("connected"));
        let (ended, heard) = Driver::new(shared, dialed).run().instrument(span.clone()).await;
        let reason = match ended {
            Ended::Closed => return CloseReason::Requested,
            Ended::Lost(reason) => reason,
        };
        span.in_scope(|| warn!(%reason, lifetime = ?began.elapsed(), "connection lost"));
        shared.lost(&Unanswered::ConnectionLost(Arc::clone(&reason)));
        if shared.options.reconnect.is_never() {
            return CloseReason::Lost(reason);
        }
        backoff.stood(began.elapsed());
        // An agent that takes the login and ends the connection without a word may mean "no".
        let proved = heard || began.elapsed() >= PROOF;
        let doubt = !proved && backoff.doubt(Instant::now());
        let at_least = if doubt { SLOW } else { Duration::ZERO };
        // On the heap, so that a connection that stands does not hold the room for its login.
        dialed = match Box::pin(reconnect(shared, connector, &mut backoff, at_least)).await {
            Ok(dialed) => dialed,
            Err(why) => return why,
        };
        shared.lock().figures.reconnects += 1;
    }
}

/// A connection that stands this long has been accepted, even if the agent says nothing.
const PROOF: Duration = Duration::from_secs(5);

/// Tries until there is a connection, or no hope for one.
async fn reconnect(
    shared: &Shared,
    connector: &Connector,
    backoff: &mut Backoff,
    mut at_least: Duration,
) -> Result<Dialed, CloseReason> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let wait = backoff.wait().max(at_least);
        let next = Instant::now() + wait;
        shared.set_state(State::Reconnecting { attempt, next: next.into_std() });
        unless_closed(shared, sleep(wait)).await?;
        shared.set_state(State::Connecting);
        let login = connector.dialer.login(&connector.credentials);
        let error = match unless_closed(shared, login).await? {
            Ok(dialed) => return Ok(dialed),
            Err(error) => error,
        };
        warn!(agent = %connector.dialer.endpoint, attempt, %error, "reconnecting failed");
        at_least = match error.retry() {
            Retry::No => return Err(CloseReason::Refused(error)),
            Retry::Warily if backoff.doubt(Instant::now()) => {
                return Err(CloseReason::Refused(error));
            }
            Retry::Slowly => SLOW,
            Retry::Warily | Retry::Yes => Duration::ZERO,
        };
        if shared.options.reconnect.is_used_up(attempt) {
            return Err(CloseReason::GaveUp { attempts: attempt, last: error });
        }
    }
}

/// The wait where logins may have failed without anybody saying so: longer than a ban lasts, and
/// so than failures are likely to be counted together.
const SLOW: Duration = Duration::from_secs(75);

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

/// Ends what is due and waits for what comes next; whether somebody wants to close.
fn watch(shared: &Shared, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> bool {
    loop {
        let mut wakers = Vec::new();
        let mut table = shared.lock();
        let now = Instant::now();
        shared.admit(&mut table, cx, now);
        let expired = table.pending.expire(now, &mut wakers);
        table.figures.timed_out += expired;
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
