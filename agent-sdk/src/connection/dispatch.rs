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

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        task::{Context, Poll},
        time::Duration,
    };

    use super::*;
    use crate::{
        connection::{CallState, NewCall, Shared},
        error::Unanswered,
        options::Options,
        wire::Request,
    };

    /// A connection with one call that was sent, and its token.
    fn sent() -> (Shared, Arc<CallState>, Token) {
        let shared = Shared::new(Options::default());
        let call = NewCall {
            request: Request::new("echo", &()).unwrap(),
            timeout: Duration::from_secs(1),
            fail_fast: false,
            goes_first: false,
            effect: None,
        };
        let call = shared.submit(call, Waker::noop().clone()).unwrap();
        take(&shared);
        let token = call.token().unwrap();
        (shared, call, token)
    }

    fn take(shared: &Shared) {
        let table = &mut *shared.lock();
        let now = Instant::now();
        shared.admit(table, &Context::from_waker(Waker::noop()), now);
        assert!(table.pending.take(now, &table.gate).is_some());
    }

    /// Hands a message to the table; returns what it was if it ended no call, and what is logged.
    fn arrive(table: &mut DriverState, message: &str) -> (Option<Unclaimed>, DeferredLog) {
        let envelope = Envelope::read(message.as_bytes()).unwrap();
        let message = Payload::Copied(message.as_bytes().to_vec());
        let mut log = DeferredLog::default();
        let now = Instant::now();
        (answer(table, message, &envelope, now, &mut Vec::new(), &mut log), log)
    }

    fn event(unclaimed: Option<Unclaimed>) -> Option<Message> {
        unclaimed?.into_event(&Options::default())
    }

    #[test]
    fn a_late_reply_is_no_event_unless_it_names_its_kind() {
        let (shared, _call, token) = sent();
        let table = &mut *shared.lock();
        let reply = format!(r#"{{"idempotence":"{token}","status":"ok"}}"#);
        assert!(arrive(table, &reply).0.is_none(), "it ends the call");
        let (late, log) = arrive(table, &reply);
        assert_eq!(log.late, Some(token));
        assert_eq!(late.as_ref().map(Unclaimed::is_event), Some(false));
        assert!(event(late).is_none());
        let news = format!(r#"{{"idempotence":"{token}","action":"progress"}}"#);
        let (news, log) = arrive(table, &news);
        assert_eq!(log.late, None, "the first one is logged alone");
        assert_eq!(news.as_ref().map(Unclaimed::is_event), Some(false), "that takes a look");
        assert_eq!(event(news).unwrap().kind(), Some("progress"));
        assert_eq!((table.stats.succeeded, table.stats.late_replies), (1, 2));
        let foreign = r#"{"idempotence":"00000000000040008000000000000001"}"#;
        for message in ["{}", foreign] {
            let (other, _) = arrive(table, message);
            assert_eq!(other.as_ref().map(Unclaimed::is_event), Some(true), "{message}");
            assert_eq!(event(other).unwrap().kind(), None, "{message}");
        }
        assert_eq!(table.stats.late_replies, 2);
    }

    #[test]
    fn a_message_that_is_no_json_is_counted_and_its_call_ends_in_time_with_its_size() {
        let (shared, call, token) = sent();
        let table = &mut *shared.lock();
        let message = format!(r#"{{"idempotence":"{token}","sta"#);
        for expected in [Some(message.len()), None] {
            let Arrived::Unreadable { size, tokens } = Arrived::unreadable(message.as_bytes())
            else {
                panic!("it is cut off");
            };
            let mut log = DeferredLog::default();
            ignore(table, size, &tokens, &mut log);
            assert_eq!(log.unknown, expected, "the first one is logged alone");
        }
        assert_eq!((table.stats.unknown_messages, table.pending.len()), (2, 1));
        let later = Instant::now() + Duration::from_secs(2);
        assert_eq!(table.pending.expire(later, &mut Vec::new()), 1);
        let ended = call.poll(&Context::from_waker(Waker::noop()));
        let Poll::Ready(Completion::Unanswered(Unanswered::Unreadable { bytes, .. })) = ended
        else {
            panic!("{ended:?}");
        };
        assert_eq!(bytes, message.len());
    }
}
