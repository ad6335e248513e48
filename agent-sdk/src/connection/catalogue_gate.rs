//! What a check of the agent's catalogue means for calls: until it has answered they may have to wait,
//! and those of some actions end unsent.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::wire::Request;

/// How long calls wait at most for the check: less than a call usually may take.
const CALLS_WAIT: Duration = Duration::from_secs(2);

/// Why calls of an action end unsent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The agent does not have it any more.
    Gone,
    /// It would not do what the SDK was made for; this is what has changed.
    Changed(Box<str>),
}

/// The refused actions, by their names on the wire.
pub(crate) type Refusals = BTreeMap<Box<str>, Refusal>;

/// The gate that calls pass on their way to the socket.
#[derive(Debug, Default)]
pub(crate) struct CatalogueGate {
    /// The number of the connection; what is found on one is worth nothing on the next.
    connection: u64,
    /// Until when calls wait for the check.
    closed_until: Option<Instant>,
    refusals: Refusals,
}

impl CatalogueGate {
    /// Begins a connection, which may lead to an agent with another catalogue. With `closed`, calls
    /// wait for the check of this one, but not for ever.
    pub(super) fn begin(
        &mut self,
        connection: u64,
        closed: bool,
        now: Instant,
        patience: Duration,
    ) {
        let closed_until = closed.then(|| now + patience.min(CALLS_WAIT));
        *self = Self { connection, closed_until, refusals: Refusals::new() };
    }

    /// Takes the result of a check of this connection.
    pub(super) fn open(&mut self, connection: u64, refusals: Refusals) {
        if connection == self.connection {
            self.closed_until = None;
            self.refusals = refusals;
        }
    }

    /// Returns until when calls have to wait: until [`CatalogueGate::lapse`] is called then.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        self.closed_until
    }

    /// Lets calls pass whose wait is over. It is judged after the socket has had its turn: a result that
    /// arrived while the process was stopped comes first.
    pub(super) fn lapse(&mut self, now: Instant) {
        self.closed_until = self.closed_until.filter(|until| now < *until);
    }

    /// Returns why a request is not to be sent, if so.
    pub(super) fn refuses(&self, request: &Request) -> Option<&Refusal> {
        if self.refusals.is_empty() {
            return None;
        }
        let action: Cow<'_, str> = request.action()?;
        self.refusals.get(&*action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn refuses(gate: &CatalogueGate, action: &str) -> bool {
        gate.refuses(&Request::new(action, &()).unwrap()).is_some()
    }

    fn gone(action: &str) -> Refusals {
        Refusals::from([(action.into(), Refusal::Gone)])
    }

    #[test]
    fn what_was_found_on_one_connection_says_nothing_of_the_next() {
        let (now, mut gate) = (Instant::now(), CatalogueGate::default());
        gate.begin(1, true, now, PATIENCE);
        gate.open(0, gone("stop"));
        assert!(gate.closed_until().is_some() && !refuses(&gate, "stop"));
        gate.open(1, gone("stop \"all\""));
        assert_eq!(gate.closed_until(), None);
        assert!(refuses(&gate, "stop \"all\"") && !refuses(&gate, "stop"));
        gate.begin(2, false, now, PATIENCE);
        assert!(gate.closed_until().is_none() && !refuses(&gate, "stop \"all\""));
    }

    #[test]
    fn calls_do_not_wait_for_ever() {
        let (now, mut gate) = (Instant::now(), CatalogueGate::default());
        gate.begin(1, true, now, PATIENCE);
        assert_eq!(gate.closed_until(), Some(now + CALLS_WAIT));
        gate.lapse(now);
        assert_eq!(gate.closed_until(), Some(now + CALLS_WAIT));
        gate.lapse(now + CALLS_WAIT);
        assert_eq!(gate.closed_until(), None);
        gate.begin(1, true, now, Duration::from_millis(5));
        assert_eq!(gate.closed_until(), Some(now + Duration::from_millis(5)));
        // What comes late counts all the same.
        gate.open(1, gone("stop"));
        assert!(refuses(&gate, "stop"));
    }
}
