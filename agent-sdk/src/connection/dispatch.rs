//! What a message means to the table of calls.

use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

use super::{call_state::Completion, deferred_log::DeferredLog, shared::DriverState};
use crate::{
    event::Message,
    wire::{self, Envelope, Payload, Status},
};

/// A message and what it says of itself.
pub(super) struct Arrived {
    pub(super) message: Payload,
    pub(super) envelope: Option<Envelope>,
}

/// Ends the call that a message answers; gives the message back if it is an event.
pub(super) fn answer(
    table: &mut DriverState,
    message: Payload,
    envelope: &Envelope,
    arrived: Instant,
    wakers: &mut Vec<Waker>,
    log: &mut DeferredLog,
) -> Option<Bytes> {
    // A message without a token has been read as a whole, to look for one.
    let Some(token) = envelope.token else { return Some(message.into_bytes()) };
    if let Some(call) = table.pending.answered(token) {
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
        return None;
    }
    if table.pending.issued(token) {
        table.stats.late_replies += 1;
        if table.stats.late_replies == 1 {
            log.late = Some(token);
        }
        // News about what a call has begun may bear the call's token.
        Message::new(message.clone().into_bytes()).kind()?;
    }
    if wire::is_object(&message) {
        return Some(message.into_bytes());
    }
    log.unknown(table, message.len());
    None
}
