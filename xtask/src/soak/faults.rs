//! What goes wrong, and when.

use std::{sync::Arc, time::Duration};

use agent_sdk::mock::MockAgent;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};

use super::proxy::{Cut, Flow, Proxy};

/// Faults at random, drawn from a seed.
pub struct Faults {
    random: StdRng,
    mock: Arc<MockAgent>,
    count: u64,
}

impl Faults {
    pub fn new(seed: u64, mock: Arc<MockAgent>) -> Self {
        Self { random: StdRng::seed_from_u64(seed), mock, count: 0 }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Puts faults in the way until the end, and takes all of them away then.
    pub async fn until(&mut self, end: Instant, proxies: &[Proxy]) {
        tokio::select! {
            () = sleep_until(end) => {}
            () = self.forever(proxies) => {}
        }
        for proxy in proxies {
            proxy.set_flow(Flow::Free);
        }
        // It may have been down just now; that it is up already is no error here.
        let _ = self.mock.come_up().await;
    }

    async fn forever(&mut self, proxies: &[Proxy]) {
        loop {
            sleep(self.milliseconds(20, 300)).await;
            let Some(proxy) = proxies.get(self.random.random_range(0..proxies.len())) else {
                return;
            };
            self.count += 1;
            match self.random.random_range(0..20) {
                0..6 => proxy.cut(Cut::Close),
                6..12 => proxy.cut(Cut::Reset),
                12..15 => {
                    proxy.set_flow(Flow::Slow(self.milliseconds(1, 50)));
                    sleep(self.milliseconds(100, 500)).await;
                    proxy.set_flow(Flow::Free);
                }
                15..18 => {
                    proxy.set_flow(Flow::Frozen);
                    sleep(self.milliseconds(100, 3_000)).await;
                    proxy.set_flow(Flow::Free);
                }
                18 => {
                    self.mock.go_down().await;
                    sleep(self.milliseconds(0, 1_500)).await;
                    // It fails only if another process took the port; the next turn tries again.
                    let _ = self.mock.come_up().await;
                }
                _ => self.mock.cut_connections(),
            }
        }
    }

    fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.random.random_range(least..most))
    }
}
