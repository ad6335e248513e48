//! How long things take on the machine that the mock pretends to be.

use std::time::Duration;

use crate::options::FOREVER;

/// How long the mock's servers take for what they have accepted.
///
/// All of it runs on tokio's clock: with `#[tokio::test(start_paused = true)]` minutes pass in
/// milliseconds. The default is [`Pace::immediate`]. Times of more than a year are taken for one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use agent_sdk::mock::{MockAgent, Pace};
/// use serde_json::json;
///
/// let pace = Pace::realistic().countdown(Duration::from_secs(60)).console(None);
/// let builder = MockAgent::builder(json!({ "actions": {} })).pace(pace);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub(super) countdown: Duration,
    pub(super) stopping: Duration,
    pub(super) starting: Duration,
    pub(super) work: Duration,
    pub(super) console: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::immediate()
    }
}

/// The shortest time between two lines of a console.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// A time that can be added to any other.
const fn bounded(time: Duration) -> Duration {
    if time.as_secs() < FOREVER.as_secs() { time } else { FOREVER }
}

impl Pace {
    /// Everything is done as soon as it is accepted, and the console is quiet.
    #[must_use]
    pub const fn immediate() -> Self {
        Self {
            countdown: Duration::ZERO,
            stopping: Duration::ZERO,
            starting: Duration::ZERO,
            work: Duration::ZERO,
            console: None,
        }
    }

    /// As on a small host: a countdown of 10 s before a stop, 3 s to stop, 20 s to start, 30 s for a
    /// backup, an update or a mod, and a line of each running server's console every 5 s.
    #[must_use]
    pub const fn realistic() -> Self {
        Self {
            countdown: Duration::from_secs(10),
            stopping: Duration::from_secs(3),
            starting: Duration::from_secs(20),
            work: Duration::from_secs(30),
            console: Some(Duration::from_secs(5)),
        }
    }

    /// How long players are warned before a stop or a restart. `server_stop_cancel` ends it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use agent_sdk::mock::Pace;
    /// let pace = Pace::realistic().countdown(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn countdown(mut self, time: Duration) -> Self {
        self.countdown = bounded(time);
        self
    }

    /// How long a server is `stopping`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use agent_sdk::mock::Pace;
    /// let pace = Pace::realistic().stopping(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub const fn stopping(mut self, time: Duration) -> Self {
        self.stopping = bounded(time);
        self
    }

    /// How long a server is `starting`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use agent_sdk::mock::Pace;
    /// let pace = Pace::realistic().starting(Duration::from_secs(90));
    /// ```
    #[must_use]
    pub const fn starting(mut self, time: Duration) -> Self {
        self.starting = bounded(time);
        self
    }

    /// How long a backup, an update or a mod takes after it was accepted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use agent_sdk::mock::Pace;
    /// let pace = Pace::realistic().work(Duration::from_secs(600));
    /// ```
    #[must_use]
    pub const fn work(mut self, time: Duration) -> Self {
        self.work = bounded(time);
        self
    }

    /// After what time each running server writes one more line to its console, 1 ms at least; `None`
    /// never.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use agent_sdk::mock::Pace;
    /// let pace = Pace::realistic().console(Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub const fn console(mut self, interval: Option<Duration>) -> Self {
        self.console = match interval {
            Some(interval) if interval.is_zero() => Some(SHORTEST_INTERVAL),
            Some(interval) => Some(bounded(interval)),
            None => None,
        };
        self
    }
}

/// How the mock writes the states of servers. Default: [`StateWords::Prefixed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateWords {
    /// `server.running`, and the event `server.changed_state` with `before` and `after`, as agents
    /// have been seen to do.
    #[default]
    Prefixed,
    /// `running`, and the event `server_state` with `state`.
    Bare,
}
