//! A sign of life while something takes longer than a second, on a terminal only.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use agent_sdk::transfer::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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
    // A line that cannot be written is no reason to fail, here and below.
    let _ = write!(stderr(), "{what} …");
    let done = work.await;
    // Back to the start of the line, and the line away.
    let _ = write!(stderr(), "\r\u{1b}[2K");
    done
}

/// A bar for bytes that move; on a terminal only.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // indicatif draws nothing where standard error is no terminal.
        let style =
            ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// What a transfer calls as it proceeds.
    pub fn show(&self) -> impl Fn(Progress) + Send + Sync + use<> {
        let bar = self.0.clone();
        move |progress| {
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
            bar.set_position(progress.bytes);
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
