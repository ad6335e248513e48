//! What goes wrong, and when.

use std::{fmt, sync::Arc, time::Duration};

use agent_sdk::mock::{Fault, MockAgent, ReplyForm};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::proxy::{Cut, Flow, Gate, Proxy};

/// Faults at random, drawn from a seed.
pub struct Faults {
    random: StdRng,
    mock: Arc<MockAgent>,
    counts: Counts,
}

/// How many there were.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    cuts: u64,
    slow: u64,
    frozen: u64,
    restarts: u64,
    /// Times in which logins of a connection met no agent.
    closed_gates: u64,
    odd_replies: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, slow, frozen, restarts, closed_gates, odd_replies } = self;
        write!(
            f,
            "{cuts} cuts, {slow} slow and {frozen} frozen links, {restarts} restarts, \
             {closed_gates} times no login, {odd_replies} kinds of odd replies"
        )
    }
}

impl Faults {
    pub fn new(seed: u64, mock: Arc<MockAgent>) -> Self {
        Self { random: StdRng::seed_from_u64(seed), mock, counts: Counts::default() }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Puts faults in the way until the end, and takes all of them away then.
    pub async fn until(&mut self, end: Instant, proxies: &[Proxy]) {
        tokio::select! {
            () = sleep_until(end) => {}
            () = self.forever(proxies) => {}
        }
        for proxy in proxies {
            proxy.set_flow(Flow::Free);
            proxy.set_gate(Gate::Open);
        }
        self.mock.clear_faults();
        // It may have been down just now; that it is up already is no error here.
        let _ = self.mock.come_up().await;
    }

    async fn forever(&mut self, proxies: &[Proxy]) {
        loop {
            sleep(self.milliseconds(20, 300)).await;
            let Some(proxy) = proxies.get(self.random.random_range(0..proxies.len())) else {
                return;
            };
            match self.random.random_range(0..20) {
                0..8 => self.cut(proxy),
                8..10 => self.slow_down(proxy).await,
                10..13 => self.freeze(proxy).await,
                13..17 => self.close_gate(proxy).await,
                17 => self.restart().await,
                _ => self.answer_oddly(),
            }
        }
    }

    /// Cuts a connection, at times while it logs in.
    fn cut(&mut self, proxy: &Proxy) {
        self.counts.cuts += 1;
        proxy.cut(if self.random.random() { Cut::Close } else { Cut::Reset });
    }

    async fn slow_down(&mut self, proxy: &Proxy) {
        self.counts.slow += 1;
        proxy.set_flow(Flow::Slow(self.milliseconds(1, 50)));
        sleep(self.milliseconds(100, 500)).await;
        proxy.set_flow(Flow::Free);
    }

    async fn freeze(&mut self, proxy: &Proxy) {
        self.counts.frozen += 1;
        proxy.set_flow(Flow::Frozen);
        sleep(self.milliseconds(100, 3_000)).await;
        proxy.set_flow(Flow::Free);
    }

    /// Cuts a connection, and lets none of its logins through for a while.
    async fn close_gate(&mut self, proxy: &Proxy) {
        self.counts.closed_gates += 1;
        proxy.set_gate(Gate::closed(&mut self.random));
        self.cut(proxy);
        sleep(self.milliseconds(50, 1_500)).await;
        proxy.set_gate(Gate::Open);
    }

    async fn restart(&mut self) {
        self.counts.restarts += 1;
        self.mock.go_down().await;
        sleep(self.milliseconds(0, 1_500)).await;
        // It fails only if another process took the port; the next turn tries again.
        let _ = self.mock.come_up().await;
    }

    /// Lets the agent answer the next calls in an odd way, or not at all.
    fn answer_oddly(&mut self) {
        self.counts.odd_replies += 1;
        let fault = match self.random.random_range(0..5) {
            0 => Fault::lose(),
            1 => Fault::form(ReplyForm::Twice),
            2 => Fault::form(ReplyForm::NotJson),
            3 => Fault::form(ReplyForm::UnknownToken),
            _ => Fault::delay(self.milliseconds(1, 300)),
        };
        self.mock.inject(fault.times(self.random.random_range(1..10)));
    }

    fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.random.random_range(least..most))
    }
}
