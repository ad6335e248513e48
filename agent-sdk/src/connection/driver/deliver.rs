//! From whole messages to those who wait for them.

use std::task::Waker;

use tokio::time::Instant;
use tracing::warn;

use super::Driver;
use crate::{
    connection::{
        call_state::Completion,
        deferred_log::DeferredLog,
        dispatch::{self, Arrived},
        frame::TooLarge,
        resubscribe::Answer,
        state::State,
    },
    error::Rejected,
    event::{Event, Message, Subscription},
    reply::Reply,
    wire::{self, Status},
};

impl Driver<'_> {
    /// Hands out what was read in this round: replies to their callers, the rest as events.
    pub(super) fn deliver(&mut self) {
        if self.inbox.is_empty() && self.wakers.is_empty() {
            return;
        }
        let held_calls = self.resubscribe.holds_calls();
        let arrived = self.keepalive.last_received();
        let mut log = DeferredLog::default();
        let mut resubscribed = Vec::new();
        self.wakers.reserve(self.inbox.len());
        let mut table = self.shared.lock();
        let has_topics = table.subscriptions.has_topics();
        for arrived_now in self.inbox.drain(..) {
            let (message, envelope) = match arrived_now {
                Arrived::Message { message, envelope } => (message, envelope),
                Arrived::Unreadable { size, tokens } => {
                    dispatch::ignore(&mut table, size, &tokens, &mut log);
                    continue;
                }
            };
            self.heard = true;
            if let Some(token) = envelope.token
                && let Some(answer) =
                    self.resubscribe.answered(token, envelope.status, &mut table, arrived)
            {
                let reply = Reply::new("subscribe".into(), message, envelope.parameters);
                resubscribed.push((answer, reply));
                continue;
            }
            let wakers = &mut self.wakers;
            let unclaimed =
                dispatch::answer(&mut table, message, &envelope, arrived, wakers, &mut log);
            self.unclaimed.extend(unclaimed);
        }
        drop(table);
        log.log();
        self.tell_resubscribed(resubscribed);
        self.publish(has_topics.then_some(arrived));
        self.tell_connected(held_calls);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Hands events to their consumers, and notes when something was heard of a topic if that is asked
    /// for. Whether a message is an event is found out here and not under the lock: it may be large.
    fn publish(&mut self, topics_heard: Option<Instant>) {
        if self.unclaimed.is_empty() {
            return;
        }
        let is_wanted = topics_heard.is_some() || self.shared.events.has_consumers();
        let mut count = 0;
        for message in self.unclaimed.drain(..) {
            if !is_wanted && message.is_event() {
                count += 1;
            } else if let Some(event) = message.into_event(&self.shared.options) {
                count += 1;
                self.events.push(event);
            }
        }
        if let Some(heard) = topics_heard {
            self.note_topics(heard);
        }
        self.shared.events.publish(&mut self.events);
        self.shared.lock().stats.events += count;
    }

    fn note_topics(&self, heard: Instant) {
        let topics: Vec<&str> = self.events.iter().filter_map(Message::topic).collect();
        let mut table = self.shared.lock();
        for topic in topics {
            table.subscriptions.heard(topic, heard);
        }
    }

    /// Publishes what became of repeated subscriptions.
    fn tell_resubscribed(&self, resubscribed: Vec<(Answer, Reply)>) {
        for (answer, reply) in resubscribed {
            match answer {
                Answer::Holds | Answer::Rejected { is_news: false, .. } => {}
                Answer::Restored(subscription) => {
                    self.shared.events.announce(&Event::SubscriptionRestored { subscription });
                }
                Answer::Rejected { subscription, .. } => {
                    let rejected = Rejected::by(&reply, &self.shared.options);
                    let reason = rejected.message().to_owned();
                    self.tell_missing(subscription, reason);
                }
            }
        }
    }

    pub(super) fn tell_missing(&self, subscription: Subscription, reason: String) {
        warn!(%subscription, %reason, "not subscribed again; it will be tried again");
        self.shared.events.announce(&Event::SubscriptionMissing { subscription, reason });
    }

    /// Publishes that the connection is ready, once calls no longer wait for subscriptions.
    pub(super) fn tell_connected(&self, held_calls: bool) {
        if held_calls && !self.resubscribe.holds_calls() && !self.closing.is_sent() {
            self.shared.set_state(State::Connected);
        }
    }

    /// Fails the call to which a message over the limit belongs.
    pub(super) fn oversized(&mut self, message: &TooLarge) {
        let mut table = self.shared.lock();
        table.stats.oversized_messages += 1;
        let is_first = table.stats.oversized_messages == 1;
        let held_calls = self.resubscribe.holds_calls();
        let now = self.keepalive.last_received();
        for token in [&message.head, &message.tail].into_iter().flat_map(|part| wire::tokens(part))
        {
            if self.resubscribe.answered(token, Status::Ok, &mut table, now).is_some() {
                break;
            }
            if let Some(call) = table.pending.answered(token) {
                table.stats.succeeded += 1;
                self.wakers.extend(call.state.end(Completion::TooLarge { size: message.size }));
                break;
            }
        }
        drop(table);
        if is_first {
            warn!(
                bytes = message.size,
                limit = self.shared.options.max_message_size,
                "a message over the limit was skipped; `Builder::max_message_size` raises it"
            );
        }
        self.tell_connected(held_calls);
    }
}
