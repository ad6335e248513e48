//! Topics that are subscribed to only while a wait needs them.

use std::collections::BTreeMap;

use super::subscriptions::Subscriptions;
use crate::{error::Outcome, event::Subscription};

/// The topics of all waits on one connection.
#[derive(Default)]
pub(crate) struct Waits(BTreeMap<String, Topic>);

#[derive(Default)]
struct Topic {
    /// How many wait.
    waits: u32,
    /// Whether there was no subscription before the first of them.
    is_temporary: bool,
    /// How often they have subscribed: another subscription than theirs is to stay.
    made: u32,
    /// Whether the agent may have subscribed without an answer to it.
    in_doubt: bool,
}

impl Waits {
    /// Notes that one more waits for events of a topic.
    pub(super) fn begin(&mut self, topic: &str, subscriptions: &Subscriptions) {
        let is_missing = subscriptions.times_made(&key(topic)).is_none();
        let entry = self.0.entry(topic.to_owned()).or_default();
        if entry.waits == 0 {
            entry.is_temporary = is_missing;
        }
        entry.waits += 1;
    }

    /// Notes that one who waits is about to subscribe to a topic.
    pub(super) fn note_asking(&mut self, topic: &str) {
        if let Some(entry) = self.0.get_mut(topic) {
            entry.in_doubt = true;
        }
    }

    /// Notes how that ended; `None` is a success.
    pub(super) fn note_answer(&mut self, topic: &str, outcome: Option<Outcome>) {
        if let Some(entry) = self.0.get_mut(topic) {
            entry.made += u32::from(outcome.is_none());
            entry.in_doubt = outcome == Some(Outcome::Unknown);
        }
    }

    /// Notes that one waits no more; returns whether the agent has to be told `unsubscribe`. On this side
    /// the subscription ends at once.
    pub(super) fn end(&mut self, topic: &str, subscriptions: &mut Subscriptions) -> bool {
        let Some(entry) = self.0.get_mut(topic) else { return false };
        entry.waits -= 1;
        if entry.waits > 0 {
            return false;
        }
        let Topic { is_temporary, made, in_doubt, .. } = *entry;
        self.0.remove(topic);
        let is_ours = is_temporary
            && (made > 0 || in_doubt)
            && subscriptions.times_made(&key(topic)).unwrap_or(0) <= made;
        if is_ours {
            subscriptions.forget(&key(topic));
        }
        is_ours
    }
}

fn key(topic: &str) -> Subscription {
    Subscription::Topic(topic.to_owned())
}
