//! When to try again.

use std::time::Duration;

/// Whether and how a lost connection is made again.
///
/// The waits grow exponentially up to a cap, and each is drawn anew between zero and that bound
/// ("full jitter"), so that a thousand clients of a restarted agent do not come back at once. The
/// first connection is never retried, and neither is a login that was rejected: the agent bans an
/// address after five (`PROTOCOL.md`, V). Refusals that may have been a rejected login, such as a
/// connection closed without an answer, are final after three in a row.
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
        self.first = bound;
        self
    }

    /// The bound that no wait exceeds. The default is 30 s.
    ///
    /// # Examples
    ///
    /// See [`Reconnect`].
    #[must_use]
    pub fn longest_wait(mut self, bound: Duration) -> Self {
        self.longest = bound;
        self
    }

    /// How many attempts are made after a connection was lost. The default is no limit.
    ///
    /// # Examples
    ///
    /// See [`Reconnect`].
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    pub(crate) fn is_never(self) -> bool {
        self.attempts == Some(0)
    }
}

/// How often in a row a refusal may come that may have been a rejected login. The agent bans after
/// five, and somebody else at this address may have failed once or twice too.
const WARY_ATTEMPTS: u32 = 3;

/// The state of a policy at work.
pub(crate) struct Backoff {
    policy: Reconnect,
    /// Attempts since the connection was lost.
    attempts: u32,
    /// Refusals in a row that may have been a rejected login.
    doubtful: u32,
}

impl Backoff {
    pub(crate) fn new(policy: Reconnect) -> Self {
        Self { policy, attempts: 0, doubtful: 0 }
    }

    /// A connection stood for `lifetime`. One that broke at once is no reason to begin anew with
    /// short waits.
    pub(crate) fn stood(&mut self, lifetime: Duration) {
        self.doubtful = 0;
        if lifetime >= self.policy.longest {
            self.attempts = 0;
        }
    }

    /// The number of the next attempt and how long to wait before it; `None` if there is none.
    pub(crate) fn next(&mut self) -> Option<(u32, Duration)> {
        if self.policy.attempts.is_some_and(|limit| self.attempts >= limit) {
            return None;
        }
        let factor = 2_u32.saturating_pow(self.attempts.min(31));
        let bound = self.policy.first.saturating_mul(factor).min(self.policy.longest);
        self.attempts = self.attempts.saturating_add(1);
        Some((self.attempts, bound.mul_f64(rand::random::<f64>())))
    }

    /// Notes a refusal that may have been a rejected login; whether it was one too many.
    pub(crate) fn doubt(&mut self) -> bool {
        self.doubtful += 1;
        self.doubtful >= WARY_ATTEMPTS
    }

    /// Notes a failure that was certainly no rejected login.
    pub(crate) fn no_doubt(&mut self) {
        self.doubtful = 0;
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
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
            for (attempt, (sum, bound)) in sums.iter_mut().zip([1, 2, 4, 8, 8, 8]).enumerate() {
                let (number, wait) = backoff.next().unwrap();
                assert_eq!(number as usize, attempt + 1);
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
        let mut backoff = Backoff::new(Reconnect::default().attempts(2));
        assert!(backoff.next().is_some());
        assert!(backoff.next().is_some());
        assert!(backoff.next().is_none());
        assert_eq!(backoff.attempts(), 2);
        assert!(Backoff::new(Reconnect::never()).next().is_none());
    }

    #[test]
    fn only_a_connection_that_stood_resets_the_waits() {
        let mut backoff = Backoff::new(Reconnect::default());
        backoff.next();
        backoff.stood(Duration::from_secs(1));
        assert_eq!(backoff.attempts(), 1);
        backoff.stood(Duration::from_secs(31));
        assert_eq!(backoff.attempts(), 0);
    }

    #[test]
    fn doubt_is_final_before_the_ban() {
        let mut backoff = Backoff::new(Reconnect::default());
        assert!(!backoff.doubt());
        assert!(!backoff.doubt());
        backoff.no_doubt();
        assert!(!backoff.doubt());
        assert!(!backoff.doubt());
        assert!(backoff.doubt());
    }
}
