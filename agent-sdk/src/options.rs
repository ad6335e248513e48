//! Options of a connection: durations, limits and the reconnect policy.

use std::time::Duration;

/// Longer durations are clamped to this, so that no deadline overflows.
pub(crate) const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What a running connection has to know of the builder's options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) max_in_flight: usize,
    pub(crate) max_message_size: usize,
    pub(crate) event_capacity: usize,
    pub(crate) reconnect: ReconnectPolicy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            keepalive: Some(Duration::from_secs(30)),
            max_in_flight: 1024,
            max_message_size: 64 << 20,
            event_capacity: 1024,
            reconnect: ReconnectPolicy::default(),
        }
    }
}

/// Whether and how a lost connection is made again.
///
/// The waits grow exponentially up to a cap, and each is drawn anew between zero and that bound
/// ("full jitter"), so that a thousand clients of a restarted agent do not come back at once. The
/// first connection is never retried, and neither is a login that was rejected: the agent bans an
/// address after five (`PROTOCOL.md`, V). Refusals that may have been a rejected login, such as a
/// connection closed without an answer, are final after three within ten minutes. Where it is less
/// likely, but possible (a login that was not answered at all; three connections within ten minutes
/// that ended at once and without a word), the wait is at least 75 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use agent_sdk::ReconnectPolicy;
///
/// let policy = ReconnectPolicy::default()
///     .initial_backoff(Duration::from_millis(100))
///     .max_backoff(Duration::from_secs(5))
///     .max_attempts(20);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    pub(crate) initial_backoff: Duration,
    pub(crate) max_backoff: Duration,
    max_attempts: Option<u32>,
}

impl Default for ReconnectPolicy {
    /// Waits of at most 250 ms at first and 30 s at last, without end.
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(30),
            max_attempts: None,
        }
    }
}

impl ReconnectPolicy {
    /// Never: a lost connection is closed for good.
    ///
    /// # Examples
    ///
    /// ```
    /// let policy = agent_sdk::ReconnectPolicy::never();
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self::default().max_attempts(0)
    }

    /// The bound of the first wait; it doubles with each further one. The default is 250 ms.
    ///
    /// # Examples
    ///
    /// See [`ReconnectPolicy`].
    #[must_use]
    pub fn initial_backoff(mut self, bound: Duration) -> Self {
        self.initial_backoff = bound.min(FOREVER);
        self
    }

    /// The bound that no wait exceeds. The default is 30 s.
    ///
    /// # Examples
    ///
    /// See [`ReconnectPolicy`].
    #[must_use]
    pub fn max_backoff(mut self, bound: Duration) -> Self {
        self.max_backoff = bound.min(FOREVER);
        self
    }

    /// How many attempts are made each time a connection was lost. The default is no limit.
    ///
    /// # Examples
    ///
    /// See [`ReconnectPolicy`].
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Whether no attempt is left after this one.
    pub(crate) fn is_used_up(self, attempt: u32) -> bool {
        self.max_attempts.is_some_and(|limit| attempt >= limit)
    }

    pub(crate) fn is_never(self) -> bool {
        self.max_attempts == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_end_where_the_policy_says() {
        let twice = ReconnectPolicy::default().max_attempts(2);
        assert!(!twice.is_never() && !twice.is_used_up(1) && twice.is_used_up(2));
        assert!(ReconnectPolicy::never().is_never());
        assert!(!ReconnectPolicy::default().is_used_up(u32::MAX));
    }
}
