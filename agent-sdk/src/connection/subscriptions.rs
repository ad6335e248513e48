//! What has to be said again on a new connection.
//!
//! `subscribe` and `enable_stdout` hold for one connection only (`PROTOCOL.md`, A). The request of
//! each that the agent accepted is kept and repeated after a reconnect; `unsubscribe` ends that.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::wire::Request;

/// What a successful reply changes.
#[derive(Clone, Debug)]
pub(crate) enum SubscriptionChange {
    /// The request is to be repeated after a reconnect.
    Keep(Subscription, Request),
    /// It is not any more.
    Forget(Subscription),
}

/// What is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subscription {
    Topic(String),
    Stdout,
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
        topic: String,
    }
    let message: Message = serde_json::from_slice(request.as_bytes()).ok()?;
    Some(Subscription::Topic(message.parameters.topic))
}

/// The requests to repeat.
#[derive(Default)]
pub(crate) struct Subscriptions(BTreeMap<Subscription, Request>);

impl Subscriptions {
    pub(crate) fn apply(&mut self, effect: SubscriptionChange) {
        match effect {
            SubscriptionChange::Keep(subscription, request) => {
                self.0.insert(subscription, request);
            }
            SubscriptionChange::Forget(subscription) => self.forget(&subscription),
        }
    }

    pub(crate) fn forget(&mut self, subscription: &Subscription) {
        self.0.remove(subscription);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Subscription, &Request)> {
        self.0.iter()
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
        let kept: Vec<_> = subscriptions.iter().map(|(subscription, _)| subscription).collect();
        assert_eq!(kept, [&Subscription::Topic("B".to_owned()), &Subscription::Stdout]);
    }
}
