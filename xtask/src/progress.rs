//! A sign of life while something takes longer than a second, on a terminal only.

use std::{sync::LazyLock, time::Duration};

use agent_sdk::transfer::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::sleep;

/// What takes no longer than this needs no line.
const UNSHOWN: Duration = Duration::from_secs(1);

/// How often a line shows that time passes.
const TICK: Duration = Duration::from_millis(250);

/// All lines of this process: work with several agents has one for each. Where standard error is no
/// terminal, nothing is drawn.
static LINES: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

/// Writes something else to the terminal, while the lines are away.
pub fn suspended<T>(write: impl FnOnce() -> T) -> T {
    LINES.suspend(write)
}

/// Waits for the work; says what it is about if that takes long.
///
/// # Cancel safety
///
/// Dropping the future drops the work, and takes the line away.
pub async fn with_progress<T>(what: &str, work: impl IntoFuture<Output = T>) -> T {
    let mut work = std::pin::pin!(work.into_future());
    tokio::select! {
        done = &mut work => return done,
        () = sleep(UNSHOWN) => {}
    }
    let line = Bar::with_style(ProgressBar::new_spinner(), "{spinner} {wide_msg} {elapsed}");
    line.0.set_elapsed(UNSHOWN);
    line.0.set_message(what.to_owned());
    line.0.enable_steady_tick(TICK);
    work.await
}

/// A line that goes when this is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Shows bytes that move.
    pub fn of_bytes(what: &str) -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = Self::with_style(ProgressBar::no_length(), template);
        bar.0.set_message(what.to_owned());
        bar
    }

    /// Shows how many of several agents are done.
    pub fn of_agents(total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        Self::with_style(bar, "{wide_bar} {pos} of {len} agents")
    }

    fn with_style(bar: ProgressBar, template: &str) -> Self {
        let bar = LINES.add(bar);
        // The templates are constants; one that is wrong costs its looks alone.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// One more is done.
    pub fn advance(&self) {
        self.0.inc(1);
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
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        LINES.remove(&self.0);
    }
}
