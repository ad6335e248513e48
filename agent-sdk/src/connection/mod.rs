//! The life of a connection: made, used, lost, made again, closed.

mod dial;
mod driver;
mod endpoint;
mod frame;
mod pending;
mod reconnect;
#[cfg(feature = "tls")]
mod secure;
mod shared;
mod state;
mod subscriptions;
mod transport;
mod upgrade;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tracing::{info, warn};

pub(crate) use self::{
    dial::{Dialed, Dialer},
    endpoint::{Credentials, Endpoint},
    pending::{Ending, Key, NewCall},
    shared::Shared,
    subscriptions::Effect,
};
use self::{
    driver::{Driver, Ended},
    reconnect::Backoff,
};
pub use self::{
    reconnect::Reconnect,
    state::{CloseReason, State},
};
use crate::error::{ConnectError, Retry, Unanswered};

#[cfg(feature = "tls")]
pub(crate) use self::secure::Trust;
#[cfg(any(feature = "tls", feature = "health"))]
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
/// Dropping the future ends everything as if the runtime had ended.
pub(crate) async fn run(shared: Arc<Shared>, connector: Connector, first: Dialed) {
    let _end = EndWithRuntime(&shared);
    let why = live(&shared, &connector, first).await;
    info!(agent = %connector.dialer.endpoint, %why, "closed");
    shared.finish(why);
}

/// Sees to it that no call hangs when the runtime drops the task.
struct EndWithRuntime<'a>(&'a Shared);

impl Drop for EndWithRuntime<'_> {
    fn drop(&mut self) {
        self.0.finish(CloseReason::RuntimeEnded);
    }
}

async fn live(shared: &Shared, connector: &Connector, mut dialed: Dialed) -> CloseReason {
    let mut backoff = Backoff::new(shared.options.reconnect);
    loop {
        let began = Instant::now();
        let ended = Driver::new(shared, dialed).run().await;
        let reason = match ended {
            Ended::Closed => return CloseReason::Requested,
            Ended::Lost(reason) => reason,
        };
        warn!(agent = %connector.dialer.endpoint, %reason, "connection lost");
        shared.lost(&Unanswered::ConnectionLost(Arc::clone(&reason)));
        if shared.options.reconnect.is_never() {
            return CloseReason::Lost(reason);
        }
        backoff.stood(began.elapsed());
        dialed = match reconnect(shared, connector, &mut backoff).await {
            Ok(dialed) => dialed,
            Err(why) => return why,
        };
        shared.lock().figures.reconnects += 1;
    }
}

/// Tries until there is a connection, or no hope for one.
async fn reconnect(
    shared: &Shared,
    connector: &Connector,
    backoff: &mut Backoff,
) -> Result<Dialed, CloseReason> {
    let mut last = None;
    loop {
        let Some((attempt, wait)) = backoff.next() else {
            return Err(gave_up(backoff, last));
        };
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
        match error.retry() {
            Retry::No => return Err(CloseReason::Refused(error)),
            Retry::Warily if backoff.doubt() => return Err(CloseReason::Refused(error)),
            Retry::Warily => {}
            Retry::Yes => backoff.no_doubt(),
        }
        last = Some(error);
    }
}

fn gave_up(backoff: &Backoff, last: Option<ConnectError>) -> CloseReason {
    match last {
        Some(last) => CloseReason::GaveUp { attempts: backoff.attempts(), last },
        None => CloseReason::Lost("again and again".into()),
    }
}

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
        table.park(cx);
        let expired = table.pending.expire(Instant::now(), &mut wakers);
        table.figures.timed_out += expired;
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
