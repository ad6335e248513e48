//! Time limits that are judged after the sockets have had their turn.
//!
//! While the process was stopped, the machine asleep or the runtime busy, what is waited for may have
//! arrived, and the runtime tells of time before it tells of sockets.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

/// The turn of the sockets: the runtime asks which are ready, and a task between a socket and the work
/// gets to run.
pub(crate) const LAST_TURN: Duration = Duration::from_millis(5);

/// What is noticed so much later than it was due follows a pause, as of a stopped process or a machine
/// that slept: the time that has passed tells nothing of the peer.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Does work until a deadline; `None` if it was not done by then. It is pinned by the caller, since a future
/// that is moved in here would take its room twice.
///
/// # Cancel safety
///
/// Dropping the future leaves the work where it is.
pub(crate) async fn until<T>(
    deadline: Instant,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    match timeout_at(deadline, work.as_mut()).await {
        Ok(done) => Some(done),
        Err(_) => timeout(LAST_TURN, work).await.ok(),
    }
}

/// Does work for so long; `None` if it was not done by then.
///
/// # Cancel safety
///
/// As that of [`until`].
#[cfg(any(feature = "transfer", test))]
pub(crate) async fn within<T>(
    limit: Duration,
    work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    until(Instant::now() + limit, work).await
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use tokio::{sync::mpsc, task::yield_now, time::advance};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_another_task_brings_after_a_pause_is_in_time() {
        let (sender, mut receiver) = mpsc::channel(1);
        let deadline = Instant::now() + LIMIT;
        advance(100 * LIMIT).await;
        // It runs after the deadline was noticed, as a task does that reads a socket.
        tokio::spawn(async move {
            yield_now().await;
            sender.send(()).await
        });
        assert_eq!(until(deadline, pin!(receiver.recv())).await, Some(Some(())));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_is_given_up() {
        let began = Instant::now();
        assert_eq!(within(LIMIT, pin!(pending::<()>())).await, None);
        assert!(began.elapsed() < LIMIT + 2 * LAST_TURN, "{:?}", began.elapsed());
    }
}
