//! Figures of one agent's connection.

use std::time::Duration;

/// What has happened since the agent was connected; [`Agent::statistics`](crate::Agent::statistics)
/// takes it.
///
/// # Examples
///
/// ```no_run
/// # fn example(agent: agent_sdk::Agent) {
/// let stats = agent.statistics();
/// println!("{} calls, {} timed out", stats.calls, stats.timed_out);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Calls that were started.
    pub calls: u64,
    /// Calls that have not ended yet.
    pub pending: u64,
    /// Calls that the agent answered without rejecting them.
    pub succeeded: u64,
    /// Calls that the agent rejected.
    pub rejected: u64,
    /// Calls whose timeout passed, sent or not.
    pub timed_out: u64,
    /// Calls that were sent and lost their connection.
    pub lost: u64,
    /// Calls that waited to be sent when the connection was closed for good.
    pub closed: u64,
    /// Calls that were not sent when the connection was lost, and did not wait for the next one.
    pub failed_fast: u64,
    /// Calls that were not sent because of what a check of the catalogue has found; see
    /// [`Builder::check_catalogue_against`](crate::Builder::check_catalogue_against).
    pub refused: u64,
    /// Calls whose future was dropped before they ended.
    pub cancelled: u64,
    /// Replies to calls that had ended: timed out, cancelled, or answered before.
    pub late_replies: u64,
    /// Messages that answered no call: events.
    pub events: u64,
    /// Messages that are neither an answer nor a JSON object; they were ignored.
    pub unknown_messages: u64,
    /// Messages over the limit of [`Builder::max_message_size`](crate::Builder::max_message_size);
    /// they were skipped.
    pub oversized_messages: u64,
    /// Subscriptions that are kept, to be made again after a reconnect.
    pub subscriptions: u64,
    /// Those of them that do not hold now: all while there is no connection, later those that the
    /// agent has rejected or not answered yet.
    pub missing_subscriptions: u64,
    /// How often the connection was made anew.
    pub reconnects: u64,
    /// Bytes of WebSocket frames that were sent, without TLS.
    pub bytes_sent: u64,
    /// Bytes of WebSocket frames that were received, without TLS.
    pub bytes_received: u64,
    /// The median time from the start of a call, waiting for its turn included, until its answer
    /// arrived, over the last calls.
    pub latency_median: Option<Duration>,
    /// The 99th percentile of the same.
    pub latency_p99: Option<Duration>,
}

/// How many of the last calls the latencies are taken over.
const LATENCIES: usize = 256;

/// The last latencies, in microseconds: enough for hours, and little memory.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// Allocated before the first call: what a burst leaves behind above the memory that it used
    /// would keep an allocator from giving that back.
    ring: Vec<u32>,
    next: usize,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { ring: Vec::with_capacity(LATENCIES), next: 0 }
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        match self.ring.get_mut(self.next) {
            Some(place) => *place = micros,
            None => self.ring.push(micros),
        }
        self.next = (self.next + 1) % LATENCIES;
    }

    /// The latency that `percent` of the last calls did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.ring.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map(|micros| Duration::from_micros(u64::from(*micros)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_calls() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), None);
        let room = latencies.ring.capacity();
        latencies.record(Duration::from_secs(9));
        for micros in 1..=LATENCIES as u64 {
            latencies.record(Duration::from_micros(micros));
        }
        assert_eq!(latencies.percentile(50), Some(Duration::from_micros(128)));
        assert_eq!(latencies.percentile(99), Some(Duration::from_micros(254)));
        assert_eq!(latencies.percentile(100), Some(Duration::from_micros(256)));
        assert_eq!(latencies.ring.capacity(), room, "nothing is allocated after the first call");
    }
}
