//! The subscriptions to make again on a new connection.
//!
//! `subscribe` and `enable_stdout` hold for one connection only (`docs/protocol.md`, assumed). The
//! request of each that the agent accepted is kept and repeated after a reconnect; `unsubscribe`
//! ends that.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::{event::Subscription, wire::Request};

/// What a successful reply changes.
#[derive(Clone, Debug)]
pub(crate) enum SubscriptionChange {
    /// The request is to be repeated after a reconnect.
    Keep(Subscription, Request),
    /// It is not any more.
    Forget(Subscription),
}

impl SubscriptionChange {
    /// What a success of this call will change, if anything.
    pub(crate) fn of(action: &str, request: &Request) -> Option<Self> {
        match action {
            "subscribe" => Some(Self::Keep(topic(request)?, request.clone())),
            "unsubscribe" => Some(Self::Forget(topic(request)?)),
            "enable_stdout" => Some(Self::Keep(Subscription::Stdout, request.clone())),
            _ => None,
        }
    }
}

fn topic(request: &Request) -> Option<Subscription> {
    #[derive(Deserialize)]
    struct Message {
        parameters: Parameters,
    }
    #[derive(Deserialize)]
    struct Parameters {
        topic: Value,
    }
    let message: Message = serde_json::from_slice(request.as_bytes()).ok()?;
    match message.parameters.topic {
        Value::String(topic) => Some(Subscription::Topic(topic)),
        Value::Number(topic) => Some(Subscription::Topic(topic.to_string())),
        _ => None,
    }
}

/// The requests to repeat.
#[derive(Default)]
pub(crate) struct Subscriptions(BTreeMap<Subscription, Kept>);

struct Kept {
    request: Request,
    /// Whether the agent has made it on the present connection.
    holds: bool,
    /// Whether consumers of events were told that it is missing.
    is_told: bool,
    /// When an event of it arrived last.
    last_heard: Option<Instant>,
    /// How often callers have asked for it.
    times_made: u32,
}

impl Subscriptions {
    /// Makes the change of a call that has succeeded.
    pub(crate) fn apply(&mut self, effect: SubscriptionChange) {
        match effect {
            SubscriptionChange::Keep(subscription, request) => {
                let former = self.0.get(&subscription);
                let last_heard = former.and_then(|kept| kept.last_heard);
                let times_made = former.map_or(0, |kept| kept.times_made).saturating_add(1);
                let kept = Kept { request, holds: true, is_told: false, last_heard, times_made };
                self.0.insert(subscription, kept);
            }
            SubscriptionChange::Forget(subscription) => {
                self.0.remove(&subscription);
            }
        }
    }

    /// Returns how often callers have asked for a subscription that is kept.
    pub(crate) fn times_made(&self, subscription: &Subscription) -> Option<u32> {
        self.0.get(subscription).map(|kept| kept.times_made)
    }

    /// Ends a subscription on this side.
    pub(crate) fn forget(&mut self, subscription: &Subscription) {
        self.0.remove(subscription);
    }

    /// Notes that the agent has rejected a call that would have made a change: what is to end and does
    /// not hold is over all the same.
    pub(crate) fn rejected(&mut self, effect: &SubscriptionChange) {
        if let SubscriptionChange::Forget(subscription) = effect
            && self.0.get(subscription).is_some_and(|kept| !kept.holds)
        {
            self.0.remove(subscription);
        }
    }

    /// Notes that the connection is gone, on which they held.
    pub(crate) fn connection_lost(&mut self) {
        self.0.values_mut().for_each(|kept| kept.holds = false);
    }

    /// Notes that the agent did not make a subscription, and that an event says so.
    pub(crate) fn note_missing(&mut self, subscription: &Subscription) {
        if let Some(kept) = self.0.get_mut(subscription) {
            kept.is_told = true;
        }
    }

    /// Notes that the agent has made a subscription; returns whether it was told to be missing.
    pub(crate) fn note_restored(&mut self, subscription: &Subscription) -> bool {
        let Some(kept) = self.0.get_mut(subscription) else { return false };
        kept.holds = true;
        std::mem::take(&mut kept.is_told)
    }

    /// Returns the request by which to make a subscription that is kept and does not hold.
    pub(crate) fn request_of_missing(&self, subscription: &Subscription) -> Option<Request> {
        self.0.get(subscription).filter(|kept| !kept.holds).map(|kept| kept.request.clone())
    }

    /// Returns those that do not hold.
    pub(crate) fn missing(&self) -> Vec<Subscription> {
        let missing = self.0.iter().filter(|(_, kept)| !kept.holds);
        missing.map(|(subscription, _)| subscription.clone()).collect()
    }

    /// Returns whether there are topics to listen for.
    pub(crate) fn has_topics(&self) -> bool {
        self.0.keys().any(|subscription| matches!(subscription, Subscription::Topic(_)))
    }

    /// Notes that an event of a topic has arrived.
    pub(crate) fn heard(&mut self, topic: &str, now: Instant) {
        if let Some(kept) = self.0.get_mut(&Subscription::Topic(topic.to_owned())) {
            kept.last_heard = Some(now);
        }
    }

    /// Returns when an event of a topic arrived last.
    pub(crate) fn last_heard_of(&self, topic: &str) -> Option<Instant> {
        self.0.get(&Subscription::Topic(topic.to_owned()))?.last_heard
    }

    /// Returns how many are kept, and how many of them do not hold.
    pub(crate) fn count(&self) -> (u64, u64) {
        let missing = self.0.values().filter(|kept| !kept.holds).count();
        (self.0.len() as u64, missing as u64)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(subscriptions: &mut Subscriptions, action: &str, parameters: &serde_json::Value) {
        let request = Request::new(action, parameters).unwrap();
        if let Some(effect) = SubscriptionChange::of(action, &request) {
            subscriptions.apply(effect);
        }
    }

    #[test]
    fn what_was_subscribed_and_not_unsubscribed_is_kept() {
        let mut subscriptions = Subscriptions::default();
        apply(&mut subscriptions, "subscribe", &json!({"topic": "A"}));
        apply(&mut subscriptions, "subscribe", &json!({"topic": "B"}));
        apply(&mut subscriptions, "enable_stdout", &json!({}));
        apply(&mut subscriptions, "unsubscribe", &json!({"topic": "A"}));
        apply(&mut subscriptions, "server_start", &json!({"topic": "C"}));
        // A number used to be subscribed to until the connection was lost.
        apply(&mut subscriptions, "subscribe", &json!({"topic": 7}));
        apply(&mut subscriptions, "subscribe", &json!({"topic": 8}));
        apply(&mut subscriptions, "unsubscribe", &json!({"topic": "8"}));
        assert_eq!(subscriptions.count(), (3, 0));
        subscriptions.connection_lost();
        let topic = |topic: &str| Subscription::Topic(topic.to_owned());
        let missing = [topic("7"), topic("B"), Subscription::Stdout];
        assert_eq!(subscriptions.missing(), missing);
    }

    #[test]
    fn a_topic_that_is_subscribed_to_again_was_still_heard() {
        let (mut subscriptions, now) = (Subscriptions::default(), Instant::now());
        apply(&mut subscriptions, "enable_stdout", &json!({}));
        assert!(!subscriptions.has_topics());
        for times in 1..3 {
            apply(&mut subscriptions, "subscribe", &json!({"topic": "A"}));
            assert!(subscriptions.has_topics());
            let topic = Subscription::Topic("A".to_owned());
            assert_eq!(subscriptions.times_made(&topic), Some(times));
            subscriptions.heard("A", now);
            subscriptions.heard("B", now);
        }
        apply(&mut subscriptions, "subscribe", &json!({"topic": "A"}));
        assert_eq!(subscriptions.last_heard_of("A"), Some(now));
        assert_eq!(subscriptions.last_heard_of("B"), None, "it is not subscribed to");
    }

    #[test]
    fn a_rejected_unsubscribe_ends_only_what_does_not_hold() {
        let mut subscriptions = Subscriptions::default();
        let topic = Subscription::Topic("A".to_owned());
        apply(&mut subscriptions, "subscribe", &json!({"topic": "A"}));
        let forget = SubscriptionChange::Forget(topic.clone());
        subscriptions.rejected(&forget);
        assert_eq!(subscriptions.count(), (1, 0));
        subscriptions.connection_lost();
        let request = subscriptions.request_of_missing(&topic).unwrap();
        subscriptions.rejected(&SubscriptionChange::Keep(topic, request));
        assert_eq!(subscriptions.count(), (1, 1), "to subscribe once more was rejected");
        subscriptions.rejected(&forget);
        assert_eq!(subscriptions.count(), (0, 0));
    }
}
