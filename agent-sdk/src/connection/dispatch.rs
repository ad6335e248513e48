//! What a message means to the table of calls.

use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

use super::{call_state::Completion, deferred_log::DeferredLog, shared::DriverState};
use crate::{
    event::Message,
    options::Options,
    wire::{self, Envelope, Payload, Status, Token},
};

/// What has arrived, read before the table is locked.
pub(super) enum Arrived {
    Message {
        message: Payload,
        envelope: Envelope,
    },
    /// It is not one whole JSON object, and is not kept.
    Unreadable {
        size: usize,
        /// The tokens in it.
        tokens: Vec<Token>,
    },
}

impl Arrived {
    pub(super) fn unreadable(message: &[u8]) -> Self {
        Self::Unreadable { size: message.len(), tokens: wire::tokens_at_ends(message) }
    }
}

/// A message that ended no call: an event, unless it is no more than a late reply.
pub(super) struct Unclaimed {
    message: Bytes,
    is_late: bool,
}

impl Unclaimed {
    /// Returns whether it is an event for sure, without a look into it.
    pub(super) fn is_event(&self) -> bool {
        !self.is_late
    }

    /// Reads the event; `None` if it is a late reply. News about what a call has begun may bear the
    /// call's token, and names its kind.
    pub(super) fn into_event(self, options: &Options) -> Option<Message> {
        let message = Message::new(self.message, options);
        (!self.is_late || message.kind().is_some()).then_some(message)
    }
}

/// Ends the call that a message answers; gives the message back if it ended none.
pub(super) fn answer(
    table: &mut DriverState,
    message: Payload,
    envelope: &Envelope,
    arrived: Instant,
    wakers: &mut Vec<Waker>,
    log: &mut DeferredLog,
) -> Option<Unclaimed> {
    let call = envelope.token.and_then(|token| table.pending.answered(token));
    let Some(call) = call else {
        let late = envelope.token.filter(|token| table.pending.issued(*token));
        if let Some(token) = late {
            table.stats.late_replies += 1;
            if table.stats.late_replies == 1 {
                log.late = Some(token);
            }
        }
        return Some(Unclaimed { message: message.into_bytes(), is_late: late.is_some() });
    };
    let Envelope { status, parameters, .. } = *envelope;
    wakers.extend(call.state.end(Completion::Reply { message, status, parameters }));
    table.latencies.record(arrived - call.began);
    match status {
        Status::Ok => {
            table.stats.succeeded += 1;
            if let Some(effect) = call.effect {
                table.subscriptions.apply(*effect);
            }
        }
        Status::Error => {
            table.stats.rejected += 1;
            if let Some(effect) = &call.effect {
                table.subscriptions.rejected(effect);
            }
        }
    }
    None
}

/// Notes a message that is not one whole JSON object. The vendor's client ignores those, so the call
/// whose token is in it goes on waiting.
pub(super) fn ignore(
    table: &mut DriverState,
    size: usize,
    tokens: &[Token],
    log: &mut DeferredLog,
) {
    for token in tokens {
        table.pending.note_unreadable(*token, size);
    }
    log.unknown(table, size);
}
