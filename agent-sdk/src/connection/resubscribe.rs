//! Subscribes again after a reconnect.

use tokio::time::Instant;

use super::{frame, shared::DriverState, subscriptions::Subscription};
use crate::wire::{Envelope, Status, Token};

/// Requests that were repeated and not yet answered; nothing else is sent until they are.
pub(super) struct Resubscribe {
    waiting: Vec<(Token, Subscription)>,
    deadline: Instant,
}

/// The answer to a repeated request.
pub(super) enum Restored {
    Accepted,
    /// It is to be given up.
    Rejected(Subscription),
}

impl Resubscribe {
    /// Writes the requests that have to be repeated; they have to be answered by `deadline`.
    pub(super) fn begin(table: &mut DriverState, out: &mut Vec<u8>, deadline: Instant) -> Self {
        let mut waiting = Vec::new();
        for (subscription, request) in table.subscriptions.iter() {
            let token = table.pending.internal_token();
            let mut request = request.clone();
            request.set_token(token);
            frame::write_text(out, request.as_bytes());
            waiting.push((token, subscription.clone()));
        }
        Self { waiting, deadline }
    }

    /// Whether everything is answered.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// By when the answers have to be there; `None` if they are.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.is_done()).then_some(self.deadline)
    }

    /// Ends the wait for an answer; to what, if it was waited for.
    pub(super) fn answered(&mut self, token: Token) -> Option<Subscription> {
        let place = self.waiting.iter().position(|(waiting, _)| *waiting == token)?;
        Some(self.waiting.swap_remove(place).1)
    }

    /// Takes the answer to a repeated request; `None` if it is something else.
    pub(super) fn take(&mut self, envelope: &Envelope) -> Option<Restored> {
        let subscription = self.answered(envelope.token?)?;
        Some(match envelope.status {
            Status::Ok => Restored::Accepted,
            Status::Error => Restored::Rejected(subscription),
        })
    }
}
