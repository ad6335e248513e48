//! When to try again.

use std::time::Duration;

use tokio::time::Instant;

use crate::options::ReconnectPolicy;

/// How often within [`REFUSAL_WINDOW`] a refusal may come that may have been a rejected login. The agent
/// bans after five, and somebody else at this address may have failed once or twice too.
const WARY_ATTEMPTS: usize = 3;
/// How long such a refusal is remembered.
const REFUSAL_WINDOW: Duration = Duration::from_secs(600);

/// The state of a policy at work.
pub(crate) struct Backoff {
    policy: ReconnectPolicy,
    /// Waits since a connection stood for a while.
    waits: u32,
    /// When refusals came that may have been a rejected login.
    doubtful: Vec<Instant>,
}

impl Backoff {
    pub(crate) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, waits: 0, doubtful: Vec::new() }
    }

    /// A connection stood for `lifetime`. One that broke at once is no reason to begin anew with
    /// short waits.
    pub(crate) fn record_lifetime(&mut self, lifetime: Duration) {
        if lifetime >= self.policy.max_backoff {
            self.waits = 0;
        }
    }

    /// How long to wait before the next attempt.
    pub(crate) fn wait(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.waits.min(31));
        let bound = self.policy.initial_backoff.saturating_mul(factor).min(self.policy.max_backoff);
        self.waits = self.waits.saturating_add(1);
        bound.mul_f64(rand::random::<f64>())
    }

    /// Notes a refusal that may have been a rejected login; whether it was one too many. Nothing
    /// but time clears it: what else happens in between proves nothing about the password.
    pub(crate) fn record_refusal(&mut self, now: Instant) -> bool {
        self.doubtful.retain(|then| now.duration_since(*then) < REFUSAL_WINDOW);
        self.doubtful.push(now);
        self.doubtful.len() >= WARY_ATTEMPTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_are_spread_below_it() {
        let policy = ReconnectPolicy::default()
            .initial_backoff(Duration::from_secs(1))
            .max_backoff(Duration::from_secs(8));
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
    fn only_a_connection_that_stood_resets_the_waits() {
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        backoff.wait();
        backoff.record_lifetime(Duration::from_secs(1));
        assert_eq!(backoff.waits, 1);
        backoff.record_lifetime(Duration::from_secs(31));
        assert_eq!(backoff.waits, 0);
    }

    #[test]
    fn doubt_is_final_before_the_ban_and_fades_with_time_alone() {
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        let now = Instant::now();
        assert!(!backoff.record_refusal(now));
        assert!(!backoff.record_refusal(now));
        backoff.record_lifetime(Duration::from_secs(60));
        assert!(backoff.record_refusal(now));
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        for round in 0..10 {
            assert!(
                !backoff.record_refusal(now + round * REFUSAL_WINDOW / 2 + Duration::from_secs(1))
            );
        }
    }
}
