//! Events that a test has planned.

use std::{mem, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use crate::options::FOREVER;

/// The most events that can wait; further ones are due at once.
const MAX_WAITING: usize = 10_000;

/// Events that wait for their time, the next one first.
#[derive(Default)]
pub(super) struct Script(Vec<(Instant, Value)>);

impl Script {
    /// Plans an event; those of the same time keep their order.
    pub(super) fn plan(&mut self, after: Duration, event: Value) {
        let after = if self.0.len() < MAX_WAITING { after.min(FOREVER) } else { Duration::ZERO };
        let at = Instant::now() + after;
        let place = self.0.partition_point(|(planned, _)| *planned <= at);
        self.0.insert(place, (at, event));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out the events that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> impl Iterator<Item = Value> {
        let due = self.0.partition_point(|(at, _)| *at <= now);
        let later = self.0.split_off(due);
        mem::replace(&mut self.0, later).into_iter().map(|(_, event)| event)
    }
}
