//! When to try again.

use std::time::Duration;

use tokio::time::Instant;

use crate::builder::FOREVER;

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
/// use agent_sdk::Reconnect;
///
/// let policy = Reconnect::default()
///     .first_wait(Duration::from_millis(100))
///     .longest_wait(Duration::from_secs(5))
///     .attempts(20);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    first: Duration,
    longest: Duration,
    attempts: Option<u32>,
}

impl Default for Reconnect {
    /// Waits of at most 250 ms at first and 30 s at last, without end.
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(30), attempts: None }
    }
}

impl Reconnect {
    /// Never: a lost connection is closed for good.
    ///
    /// # Examples
    ///
    /// ```
    /// let policy = agent_sdk::Reconnect::never();
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts(0)
    }

    /// The bound of the first wait; it doubles with each further one. The default is 250 ms.
    ///
    /// # Examples
    ///
    /// See [`Reconnect`].
    #[must_use]
    pub fn first_wait(mut self, bound: Duration) -> Self {
        self.first = bound.min(FOREVER);
        self
    }

    /// The bound that no wait exceeds. The default is 30 s.
    ///
    /// # Examples
    ///
    /// See [`Reconnect`].
    #[must_use]
    pub fn longest_wait(mut self, bound: Duration) -> Self {
        self.longest = bound.min(FOREVER);
        self
    }

    /// How many attempts are made each time a connection was lost. The default is no limit.
    ///
    /// # Examples
    ///
    /// See [`Reconnect`].
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Whether no attempt is left after this one.
    pub(crate) fn is_used_up(self, attempt: u32) -> bool {
        self.attempts.is_some_and(|limit| attempt >= limit)
    }

    pub(crate) fn is_never(self) -> bool {
        self.attempts == Some(0)
    }
}

/// How often within [`MEMORY`] a refusal may come that may have been a rejected login. The agent
/// bans after five, and somebody else at this address may have failed once or twice too.
const WARY_ATTEMPTS: usize = 3;
/// How long such a refusal is remembered.
const MEMORY: Duration = Duration::from_secs(600);

/// The state of a policy at work.
pub(crate) struct Backoff {
    policy: Reconnect,
    /// Waits since a connection stood for a while.
    waits: u32,
    /// When refusals came that may have been a rejected login.
    doubtful: Vec<Instant>,
}

impl Backoff {
    pub(crate) fn new(policy: Reconnect) -> Self {
        Self { policy, waits: 0, doubtful: Vec::new() }
    }

    /// A connection stood for `lifetime`. One that broke at once is no reason to begin anew with
    /// short waits.
    pub(crate) fn stood(&mut self, lifetime: Duration) {
        if lifetime >= self.policy.longest {
            self.waits = 0;
        }
    }

    /// How long to wait before the next attempt.
    pub(crate) fn wait(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.waits.min(31));
        let bound = self.policy.first.saturating_mul(factor).min(self.policy.longest);
        self.waits = self.waits.saturating_add(1);
        bound.mul_f64(rand::random::<f64>())
    }

    /// Notes a refusal that may have been a rejected login; whether it was one too many. Nothing
    /// but time clears it: what else happens in between proves nothing about the password.
    pub(crate) fn doubt(&mut self, now: Instant) -> bool {
        self.doubtful.retain(|then| now.duration_since(*then) < MEMORY);
        self.doubtful.push(now);
        self.doubtful.len() >= WARY_ATTEMPTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_are_spread_below_it() {
        let policy = Reconnect::default()
            .first_wait(Duration::from_secs(1))
            .longest_wait(Duration::from_secs(8));
        let mut sums = [Duration::ZERO; 6];
        for _ in 0..1000 {
            let mut backoff = Backoff::new(policy);
            for (sum, bound) in sums.iter_mut().zip([1, 2, 4, 8, 8, 8]) {
                let wait = backoff.wait();
                assert!(wait <= Duration::from_secs(bound), "{wait:?} > {bound} s");
                *sum += wait;
            }
        }
        // The mean of full jitter is half the bound; 1,000 draws stray by less than a tenth.
        for (sum, half) in sums.iter().zip([0.5, 1.0, 2.0, 4.0, 4.0, 4.0]) {
            let mean = sum.as_secs_f64() / 1000.0;
            assert!((mean / half - 1.0).abs() < 0.1, "{mean} is not near {half}");
        }
    }

    #[test]
    fn attempts_end_where_the_policy_says() {
        let twice = Reconnect::default().attempts(2);
        assert!(!twice.is_never() && !twice.is_used_up(1) && twice.is_used_up(2));
        assert!(Reconnect::never().is_never());
        assert!(!Reconnect::default().is_used_up(u32::MAX));
    }

    #[test]
    fn only_a_connection_that_stood_resets_the_waits() {
        let mut backoff = Backoff::new(Reconnect::default());
        backoff.wait();
        backoff.stood(Duration::from_secs(1));
        assert_eq!(backoff.waits, 1);
        backoff.stood(Duration::from_secs(31));
        assert_eq!(backoff.waits, 0);
    }

    #[test]
    fn doubt_is_final_before_the_ban_and_fades_with_time_alone() {
        let mut backoff = Backoff::new(Reconnect::default());
        let now = Instant::now();
        assert!(!backoff.doubt(now));
        assert!(!backoff.doubt(now));
        backoff.stood(Duration::from_secs(60));
        assert!(backoff.doubt(now));
        let mut backoff = Backoff::new(Reconnect::default());
        for round in 0..10 {
            assert!(!backoff.doubt(now + round * MEMORY / 2 + Duration::from_secs(1)));
        }
    }
}
