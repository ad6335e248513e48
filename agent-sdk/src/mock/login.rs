//! Who may log in, and who is banned.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The subprotocol of the API.
pub(super) const PROTOCOL: &str = "SMP1.0";
/// The header that carries the login.
pub(super) const LOGIN_HEADER: &str = "Sec-WebSocket-Protocol";
/// Addresses whose failures are remembered; the mock has one peer, its own host.
const MAX_ADDRESSES: usize = 1024;

/// Counts bad logins per address, and bans.
pub(super) struct LoginLimiter {
    /// How many bad logins ban an address; 0: none ever does.
    after: u32,
    lasting: Duration,
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

/// The bad logins of one address.
struct Failures {
    count: u32,
    /// When they are forgotten; a ban ends then, too.
    until: Instant,
}

impl LoginLimiter {
    pub(super) fn new(after: u32, lasting: Duration) -> Self {
        Self { after, lasting, addresses: Mutex::default() }
    }

    fn is_banned(&self, address: IpAddr) -> bool {
        let addresses = self.addresses();
        addresses.get(&address).is_some_and(|failures| {
            self.after > 0 && failures.count >= self.after && Instant::now() < failures.until
        })
    }

    /// Returns whether a login is let in. Bad credentials may ban the address; further attempts of a
    /// banned address do not prolong the ban.
    pub(super) fn admit(&self, address: IpAddr, good: bool) -> bool {
        let banned = self.is_banned(address);
        if !good && !banned {
            self.add(address, 1);
        }
        good && !banned
    }

    /// Bans an address at once.
    pub(super) fn ban(&self, address: IpAddr) {
        self.add(address, self.after);
    }

    /// Forgets all failures and bans.
    pub(super) fn clear_bans(&self) {
        self.addresses().clear();
    }

    fn add(&self, address: IpAddr, failures: u32) {
        let now = Instant::now();
        let mut addresses = self.addresses();
        addresses.retain(|_, known| now < known.until);
        if addresses.len() >= MAX_ADDRESSES {
            return;
        }
        let known = addresses.entry(address).or_insert(Failures { count: 0, until: now });
        known.count = known.count.saturating_add(failures);
        known.until = now + self.lasting;
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        // Nothing can panic while it is held.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn the_last_allowed_failure_bans_until_the_time_is_over() {
        let limiter = LoginLimiter::new(5, Duration::from_secs(60));
        for _ in 0..5 {
            assert!(limiter.admit(HERE, true), "not yet");
            assert!(!limiter.admit(HERE, false));
        }
        assert!(!limiter.admit(HERE, true));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!limiter.admit(HERE, true));
        assert!(!limiter.admit(HERE, false), "which makes it no longer");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(limiter.admit(HERE, true));
        limiter.admit(HERE, false);
        assert!(limiter.admit(HERE, true), "the count starts again after a ban");
    }

    #[tokio::test(start_paused = true)]
    async fn zero_bans_nobody() {
        let limiter = LoginLimiter::new(0, Duration::from_secs(60));
        limiter.admit(HERE, false);
        limiter.ban(HERE);
        assert!(limiter.admit(HERE, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_ban_can_be_had_at_once_and_lifted() {
        let limiter = LoginLimiter::new(5, Duration::from_secs(60));
        limiter.ban(HERE);
        assert!(!limiter.admit(HERE, true));
        limiter.clear_bans();
        assert!(limiter.admit(HERE, true));
    }
}
