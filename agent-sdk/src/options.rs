//! Options of a connection: durations, limits and the reconnect policy.

use std::time::Duration;

use crate::text::Secrets;

/// Longer durations are clamped to this, so that no deadline overflows.
pub(crate) const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Zero would stay zero however often it is doubled, and an agent that is down would be called without a
/// pause.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(1);

/// What a running connection has to know of the builder's options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) max_in_flight: usize,
    pub(crate) max_message_size: usize,
    pub(crate) max_request_size: usize,
    pub(crate) fail_fast: bool,
    /// Whether calls wait for the check of the catalogue on a connection that was made again.
    pub(crate) check_before_calls: bool,
    pub(crate) event_capacity: usize,
    pub(crate) reconnect: ReconnectPolicy,
    /// What is taken out of the agent's words.
    pub(crate) secrets: Secrets,
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
            max_request_size: 32 << 20,
            fail_fast: false,
            check_before_calls: false,
            event_capacity: 1024,
            reconnect: ReconnectPolicy::default(),
            secrets: Secrets::default(),
        }
    }
}

/// Whether and how a lost connection is made again.
///
/// # Waits
///
/// The waits grow exponentially up to a cap, and each is drawn anew between zero and that bound
/// ("full jitter"), so that a thousand clients of a restarted agent do not come back at once. Where a
/// login may have been rejected, [`ReconnectPolicy::ban_delay`] comes on top: the agent bans an address
/// after five rejected logins, for a minute (`docs/protocol.md`, documented).
///
/// # Refusals
///
/// What a failed login means for the next one depends on whether these credentials have worked before.
/// [`Builder::connect`](crate::Builder::connect) makes one attempt and returns its error, whatever it
/// is, unless it is to [wait for the agent](crate::Builder::wait_for_agent); the first column is what
/// [`ConnectError::pace`](crate::ConnectError::pace) says of it then. The second column is what a
/// connection does that was lost. There, only a certificate that is not the
/// expected one is final at once: whatever else a gateway, a ban or an agent in the middle of a restart
/// answers, credentials that have worked are likely to work again.
///
/// | refusal | before a success | after a success |
/// |---|---|---|
/// | the host's name cannot be resolved | quick | quick |
/// | no TCP connection | quick | quick |
/// | a time limit, before the login was sent | quick | quick |
/// | the TLS handshake fails or breaks off | quick | quick |
/// | the certificate is not trusted, or a trust file cannot be used | final | quick |
/// | the certificate is another one, or is shown without its key | final | final |
/// | HTTP 500 to 599 | quick | quick |
/// | HTTP 401, 403, 407 or 429 | final | banned |
/// | HTTP 300 to 399 | final | slow |
/// | any other HTTP status but 101, such as 200, 400 or 404 | final | slow |
/// | an answer that is no HTTP, or a wrong upgrade | final | slow |
/// | the connection ends without an answer, by a close or a reset | final | slow |
/// | a time limit, after the login was sent | slow | slow |
///
/// - *quick*: after the backoff.
/// - *slow*: after [`ReconnectPolicy::ban_delay`], up to a quarter of it and the backoff, so that the
///   clients of one agent do not come back in the same instant. But for the last row, that begins with
///   the third such refusal within ten minutes, so that a restart of seconds is not a loss of minutes;
///   three connections within ten minutes that ended at once and without a word count alike.
/// - *banned*: the credentials may have been changed, or another client behind the same address may have
///   brought a ban about. One login after [`ReconnectPolicy::ban_delay`], another one after twice that
///   time, and so on, [`ReconnectPolicy::ban_retries`] times; then it is final.
/// - *final*: it is closed for good with [`CloseReason::Refused`](crate::CloseReason::Refused).
///
/// [`State::Reconnecting`](crate::State::Reconnecting) tells which of these it is, and why.
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
///     .max_attempts(20)
///     .ban_delay(Duration::from_secs(660))
///     .ban_retries(1)
///     .final_close_codes([4400]);
/// # let _ = policy;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    pub(crate) initial_backoff: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) ban_delay: Duration,
    pub(crate) ban_retries: u32,
    max_attempts: Option<u32>,
    final_close_codes: Vec<u16>,
}

impl Default for ReconnectPolicy {
    /// Waits of at most 250 ms at first and 30 s at last, without end; 75 s where a ban is possible,
    /// and three logins after a rejected one.
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(30),
            ban_delay: Duration::from_secs(75),
            ban_retries: 3,
            max_attempts: None,
            final_close_codes: Vec::new(),
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

    /// Sets the bound of the first wait; it doubles with each further one. The default is 250 ms, the least
    /// 1 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let policy = agent_sdk::ReconnectPolicy::default().initial_backoff(Duration::from_millis(50));
    /// ```
    #[must_use]
    pub fn initial_backoff(mut self, bound: Duration) -> Self {
        self.initial_backoff = bound.clamp(SHORTEST_BACKOFF, FOREVER);
        self
    }

    /// Sets the bound that no backoff exceeds. The default is 30 s, the least 1 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let policy = agent_sdk::ReconnectPolicy::default().max_backoff(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn max_backoff(mut self, bound: Duration) -> Self {
        self.max_backoff = bound.clamp(SHORTEST_BACKOFF, FOREVER);
        self
    }

    /// Sets how many attempts are made until a connection has lasted for 5 s. The default is no limit.
    ///
    /// A connection that is lost sooner counts like an attempt that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// let policy = agent_sdk::ReconnectPolicy::default().max_attempts(20);
    /// ```
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Sets how long to wait at least where the agent may have counted a login as failed. The default is
    /// 75 s: the agent bans for 60 s unless it is configured otherwise, and its clock is not this one.
    ///
    /// # Examples
    ///
    /// For an agent that bans for ten minutes:
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let policy = agent_sdk::ReconnectPolicy::default().ban_delay(Duration::from_secs(660));
    /// ```
    #[must_use]
    pub fn ban_delay(mut self, delay: Duration) -> Self {
        self.ban_delay = delay.min(FOREVER);
        self
    }

    /// Sets how many logins are tried after one was rejected (HTTP 401, 403, 407 or 429) although these
    /// credentials had worked. The default is 3, whose waits of at least 75, 150 and 300 s
    /// outlive a ban of eight minutes; and should the password have been changed, four rejected logins are
    /// one fewer than the agent bans for. 0 makes the first rejection final.
    ///
    /// # Examples
    ///
    /// ```
    /// let policy = agent_sdk::ReconnectPolicy::default().ban_retries(0);
    /// ```
    #[must_use]
    pub fn ban_retries(mut self, logins: u32) -> Self {
        self.ban_retries = logins;
        self
    }

    /// Sets the codes of close frames after which the connection is closed for good, with
    /// [`CloseReason::FinalCloseCode`](crate::CloseReason::FinalCloseCode). The default is none: which
    /// codes the agent uses is not documented.
    ///
    /// # Examples
    ///
    /// ```
    /// let policy = agent_sdk::ReconnectPolicy::default().final_close_codes([1008, 4400]);
    /// ```
    #[must_use]
    pub fn final_close_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.final_close_codes = codes.into_iter().collect();
        self
    }

    /// Returns whether a close frame with this code is the end.
    pub(crate) fn is_final(&self, code: u16) -> bool {
        self.final_close_codes.contains(&code)
    }

    /// Returns whether no attempt is left after so many.
    pub(crate) fn is_used_up(&self, attempts: u32) -> bool {
        self.max_attempts.is_some_and(|limit| attempts >= limit)
    }

    pub(crate) fn is_never(&self) -> bool {
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
