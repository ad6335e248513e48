//! A sign of life while something takes longer than a second, on a terminal only.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use tokio::time::sleep;

/// Waits for the work; says what it is about if that takes long.
pub async fn with_progress<T>(what: &str, work: impl IntoFuture<Output = T>) -> T {
    let work = work.into_future();
    if !stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = sleep(Duration::from_secs(1)) => {}
    }
    // A line that nobody sees is no reason to fail, here and below.
    let _ = write!(stderr(), "{what} …");
    let done = work.await;
    // Back to the start of the line, and the line away.
    let _ = write!(stderr(), "\r\u{1b}[2K");
    done
}
