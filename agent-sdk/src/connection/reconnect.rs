//! When to try again: the table at [`ReconnectPolicy`], at work.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::{
    dial::{Connection, Door, Endpoint},
    error::{ConnectError, Pace, Retry},
    options::{FOREVER, ReconnectPolicy},
};

/// A connection that lasts this long has been accepted, even if the agent says nothing.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(5);
/// From this refusal within [`REFUSAL_WINDOW`] on, those that may have been a rejected login slow down.
/// The agent bans after five, and another client at this address may have failed once or twice too.
const SLOW_FROM: usize = 3;
/// How long such a refusal is remembered.
const REFUSAL_WINDOW: Duration = Duration::from_secs(600);

/// Logs in for the first time, by [`until_up`].
pub(crate) async fn first_login(
    door: &Door,
    policy: &ReconnectPolicy,
    wait: Duration,
) -> Result<Connection, ConnectError> {
    until_up(&door.connector.endpoint, policy, wait, || door.enter()).await
}

/// Makes a first attempt. With a `wait`, an agent that is not up yet is tried again: by the policy's
/// waits, and until that time has passed.
///
/// Credentials that have never worked are treated with more care than others: whatever may have been a
/// rejected login is not repeated before a ban would have passed.
pub(crate) async fn until_up<T, F: Future<Output = Result<T, ConnectError>>>(
    endpoint: &Endpoint,
    policy: &ReconnectPolicy,
    wait: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, ConnectError> {
    let deadline = Instant::now() + wait;
    let mut backoff = Backoff::new(policy.clone());
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let pace = match error.retry() {
            Retry::Quick => Pace::Quick,
            Retry::Slow | Retry::Doubtful => Pace::Slow,
            Retry::Untrusted | Retry::Rejected | Retry::Final => return Err(error),
        };
        let next = Instant::now() + backoff.delay(pace);
        if next > deadline {
            return Err(error);
        }
        info!(agent = %endpoint, %error, "the agent is not up yet");
        sleep_until(next).await;
    }
}

/// The state of a policy at work.
pub(super) struct Backoff {
    policy: ReconnectPolicy,
    /// Waits since a connection lasted for a while.
    waits: u32,
    /// Attempts since a connection was stable.
    attempts: u32,
    /// Rejected logins since one was accepted.
    rejections: u32,
    /// When refusals came that may have been a rejected login.
    doubtful: Vec<Instant>,
}

impl Backoff {
    pub(super) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, waits: 0, attempts: 0, rejections: 0, doubtful: Vec::new() }
    }

    /// Records how long a connection lasted, and returns the pace of the first attempt to replace it.
    ///
    /// One that broke at once is no reason to begin anew with short waits. An agent that takes the
    /// login and ends the connection without a word may mean "no".
    pub(super) fn after_loss(&mut self, lifetime: Duration, was_heard: bool, now: Instant) -> Pace {
        let is_stable = lifetime >= STABLE_AFTER;
        if is_stable {
            self.attempts = 0;
        }
        if lifetime >= self.policy.max_backoff {
            self.waits = 0;
        }
        if was_heard || is_stable {
            self.rejections = 0;
            return Pace::Quick;
        }
        self.after_doubt(now)
    }

    /// Returns the pace of the first attempt after another connection was asked for.
    pub(super) fn begin_anew(&mut self) -> Pace {
        self.attempts = 0;
        Pace::Quick
    }

    /// Returns the pace of the next attempt after one has failed; `None` if there is to be none.
    pub(super) fn after_failure(&mut self, error: &ConnectError, now: Instant) -> Option<Pace> {
        match error.retry() {
            Retry::Quick | Retry::Untrusted => Some(Pace::Quick),
            Retry::Slow => Some(Pace::Slow),
            Retry::Doubtful => Some(self.after_doubt(now)),
            Retry::Rejected => {
                self.rejections += 1;
                (self.rejections <= self.policy.ban_retries).then_some(Pace::Banned)
            }
            Retry::Final => None,
        }
    }

    /// Records a refusal that may have been a rejected login. Nothing but time clears it: what else
    /// happens in between proves nothing about what the agent has counted.
    fn after_doubt(&mut self, now: Instant) -> Pace {
        self.doubtful.retain(|then| now.duration_since(*then) < REFUSAL_WINDOW);
        self.doubtful.push(now);
        if self.doubtful.len() < SLOW_FROM { Pace::Quick } else { Pace::Slow }
    }

    /// Returns how long to wait before the next attempt.
    pub(super) fn delay(&mut self, pace: Pace) -> Duration {
        let at_least = match pace {
            Pace::Quick => Duration::ZERO,
            Pace::Slow => self.policy.ban_delay,
            Pace::Banned => doubled(self.policy.ban_delay, self.rejections.saturating_sub(1)),
        };
        let bound = doubled(self.policy.initial_backoff, self.waits).min(self.policy.max_backoff);
        self.waits = self.waits.saturating_add(1);
        // So that those who wait for the end of the same ban do not come back in the same instant.
        let spread = at_least / 4 + bound;
        at_least.saturating_add(spread.mul_f64(rand::random::<f64>())).min(FOREVER)
    }

    /// Counts an attempt and returns its number.
    pub(super) fn begin_attempt(&mut self) -> u32 {
        self.attempts = self.attempts.saturating_add(1);
        self.attempts
    }

    /// Returns how many attempts were made since a connection was stable.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(super) fn policy(&self) -> &ReconnectPolicy {
        &self.policy
    }
}

fn doubled(duration: Duration, times: u32) -> Duration {
    duration.saturating_mul(2_u32.saturating_pow(times.min(31)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ConnectStage;

    #[test]
    fn waits_grow_to_the_cap_and_are_spread_below_it() {
        let policy = ReconnectPolicy::default()
            .initial_backoff(Duration::from_secs(1))
            .max_backoff(Duration::from_secs(8));
        let mut sums = [Duration::ZERO; 6];
        for _ in 0..1000 {
            let mut backoff = Backoff::new(policy.clone());
            for (sum, bound) in sums.iter_mut().zip([1, 2, 4, 8, 8, 8]) {
                let wait = backoff.delay(Pace::Quick);
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

    /// Zero stayed zero, and 10,000 attempts were made in a second.
    #[test]
    fn a_backoff_that_begins_with_nothing_grows() {
        let policy = ReconnectPolicy::default().initial_backoff(Duration::ZERO);
        let wait = |policy: &ReconnectPolicy| -> Duration {
            let mut backoff = Backoff::new(policy.clone());
            (0..20).map(|_| backoff.delay(Pace::Quick)).sum()
        };
        assert!(wait(&policy) > Duration::from_secs(10));
        assert!(wait(&policy.max_backoff(Duration::ZERO)) > Duration::from_millis(1));
    }

    #[test]
    fn only_a_connection_that_lasted_resets_the_waits_and_the_attempts() {
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        let now = Instant::now();
        backoff.delay(Pace::Quick);
        assert_eq!(backoff.begin_attempt(), 1);
        backoff.after_loss(Duration::from_secs(1), true, now);
        assert_eq!((backoff.waits, backoff.begin_attempt()), (1, 2));
        backoff.after_loss(STABLE_AFTER, true, now);
        assert_eq!((backoff.waits, backoff.begin_attempt()), (1, 1));
        backoff.after_loss(Duration::from_secs(31), true, now);
        assert_eq!((backoff.waits, backoff.begin_attempt()), (0, 1));
    }

    #[test]
    fn doubt_slows_down_before_the_ban_and_fades_with_time_alone() {
        let error = ConnectError::ClosedWithoutAnswer { address: "host:1".to_owned() };
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        let now = Instant::now();
        assert_eq!(backoff.after_failure(&error, now), Some(Pace::Quick));
        assert_eq!(backoff.after_loss(Duration::ZERO, false, now), Pace::Quick);
        assert_eq!(backoff.after_loss(Duration::from_secs(60), true, now), Pace::Quick);
        assert_eq!(backoff.after_failure(&error, now), Some(Pace::Slow));
        let delay = backoff.delay(Pace::Slow);
        assert!(delay >= Duration::from_secs(75) && delay <= Duration::from_secs(125), "{delay:?}");
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        for round in 0..10 {
            let then = now + round * REFUSAL_WINDOW / 2 + Duration::from_secs(1);
            assert_eq!(backoff.after_failure(&error, then), Some(Pace::Quick));
        }
    }

    /// Two hundred clients that the same restart had slowed down came back in the same instant.
    #[test]
    fn slow_waits_are_spread() {
        let delays = [(); 200].map(|()| {
            let seconds = Backoff::new(ReconnectPolicy::default()).delay(Pace::Slow).as_secs_f64();
            assert!((75.0..94.0).contains(&seconds), "{seconds}");
            seconds
        });
        let later = delays.iter().filter(|delay| **delay > 84.5).count();
        assert!((50..150).contains(&later), "{later} of 200 in the later half");
    }

    #[test]
    fn rejected_logins_are_few_and_far_between() {
        let error = ConnectError::LoginRejected {
            address: "host:1".to_owned(),
            status: 403,
            said: String::new(),
        };
        let mut backoff = Backoff::new(ReconnectPolicy::default());
        let now = Instant::now();
        for at_least in [75, 150, 300] {
            assert_eq!(backoff.after_failure(&error, now), Some(Pace::Banned));
            let delay = backoff.delay(Pace::Banned).as_secs();
            assert!((at_least..at_least * 5 / 4 + 31).contains(&delay), "{delay}");
        }
        assert_eq!(backoff.after_failure(&error, now), None);
        // A login that was accepted proves the credentials good again.
        backoff.after_loss(Duration::from_secs(1), true, now);
        assert_eq!(backoff.after_failure(&error, now), Some(Pace::Banned));
    }

    /// The errors of each row of the documentation's table, in its order.
    fn rows() -> Vec<Vec<ConnectError>> {
        use ConnectError as E;
        let address = || "host:1".to_owned();
        let io = || std::sync::Arc::new(std::io::Error::other("x"));
        let timed_out = |stage| E::TimedOut { address: address(), after: Duration::ZERO, stage };
        let broken = |stage| E::Broken { address: address(), stage, cause: io() };
        let rejected = |status| E::LoginRejected { address: address(), status, said: address() };
        let other = || E::NotAnAgent { address: address(), said: address() };
        vec![
            vec![E::Resolve { host: address(), cause: io() }],
            vec![E::Unreachable { address: address(), cause: io() }],
            [ConnectStage::Resolving, ConnectStage::Connecting, ConnectStage::Tls]
                .map(timed_out)
                .into(),
            vec![E::Tls { address: address(), reason: address() }, broken(ConnectStage::Tls)],
            vec![
                E::CertificateUntrusted {
                    address: address(),
                    fingerprint: address(),
                    reason: address(),
                },
                E::CertificateUnsupported {
                    address: address(),
                    fingerprint: address(),
                    problem: address(),
                },
                E::TrustFile { path: address(), reason: address() },
            ],
            vec![
                E::CertificateChanged {
                    address: address(),
                    expected: address(),
                    found: address(),
                    remedy: address(),
                },
                E::Impostor { address: address(), fingerprint: address() },
            ],
            vec![E::ServerError { address: address(), status: 503, said: address() }],
            [401, 403, 407, 429].map(rejected).into(),
            vec![E::Redirected { address: address(), status: 302, location: address() }],
            vec![other()],
            vec![other()],
            vec![E::ClosedWithoutAnswer { address: address() }, broken(ConnectStage::Upgrade)],
            vec![timed_out(ConnectStage::Upgrade)],
        ]
    }

    fn word(pace: Option<Pace>) -> &'static str {
        match pace {
            Some(Pace::Quick) => "quick",
            Some(Pace::Slow) => "slow",
            Some(Pace::Banned) => "banned",
            None => "final",
        }
    }

    #[test]
    fn the_table_of_refusals_in_the_documentation_is_true() {
        let table: Vec<Vec<&str>> = include_str!("../options.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("/// | ")?.strip_suffix(" |"))
            .map(|line| line.split(" | ").collect())
            .skip(1)
            .collect();
        let rows = rows();
        assert_eq!(table.len(), rows.len());
        for (row, errors) in table.iter().zip(rows) {
            for error in errors {
                let mut backoff = Backoff::new(ReconnectPolicy::default());
                // Doubt slows down from the third time on.
                let paces = [(); SLOW_FROM].map(|()| backoff.after_failure(&error, Instant::now()));
                let found = [word(error.pace()), word(paces[SLOW_FROM - 1])];
                assert_eq!(row[1..], found, "{}: {error}", row[0]);
            }
        }
    }
}
