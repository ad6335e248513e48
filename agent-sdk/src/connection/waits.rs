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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::SubscriptionChange, wire::Request};

    /// The waits for one topic, beside the subscriptions.
    #[derive(Default)]
    struct World {
        waits: Waits,
        subscriptions: Subscriptions,
    }

    impl World {
        fn begin(&mut self) {
            self.waits.begin("A", &self.subscriptions);
        }

        /// A caller subscribes, who may be one that waits.
        fn subscribe(&mut self) {
            let request = Request::new("subscribe", &()).unwrap();
            self.subscriptions.apply(SubscriptionChange::Keep(key("A"), request));
        }

        /// One that waits subscribes, and the agent says yes.
        fn subscribe_to_wait(&mut self) {
            self.waits.note_asking("A");
            self.subscribe();
            self.waits.note_answer("A", None);
        }

        /// Returns whether to unsubscribe at the agent, and whether the subscription is still kept.
        fn end(&mut self) -> (bool, bool) {
            let is_told = self.waits.end("A", &mut self.subscriptions);
            (is_told, self.subscriptions.times_made(&key("A")).is_some())
        }
    }

    #[test]
    fn a_subscription_that_a_wait_made_ends_with_the_last_wait() {
        let mut world = World::default();
        world.begin();
        world.subscribe_to_wait();
        world.begin();
        world.begin();
        assert_eq!(world.end(), (false, true), "two still wait");
        assert_eq!(world.end(), (false, true), "one still waits");
        assert_eq!(world.end(), (true, false));
        assert_eq!(world.end(), (false, false), "no wait is left to end");
        assert!(world.waits.0.is_empty());
    }

    #[test]
    fn a_subscription_of_the_application_outlives_a_wait() {
        let mut before = World::default();
        before.subscribe();
        before.begin();
        assert_eq!(before.end(), (false, true));
        // One that is made while another waits for the same topic.
        let mut meanwhile = World::default();
        meanwhile.begin();
        meanwhile.subscribe_to_wait();
        meanwhile.subscribe();
        assert_eq!(meanwhile.end(), (false, true));
        // A second wait does not take it for one of its own, though the first one found none.
        let mut between = World::default();
        between.begin();
        between.subscribe();
        between.begin();
        assert_eq!((between.end(), between.end()), ((false, true), (false, true)));
    }

    #[test]
    fn two_waits_that_both_subscribed_leave_no_subscription() {
        let mut world = World::default();
        world.begin();
        world.begin();
        world.subscribe_to_wait();
        world.subscribe_to_wait();
        assert_eq!((world.end(), world.end()), ((false, true), (true, false)));
    }

    #[test]
    fn a_subscription_without_an_answer_is_ended_and_a_refused_one_is_not() {
        let mut unanswered = World::default();
        unanswered.begin();
        unanswered.waits.note_asking("A");
        assert_eq!(unanswered.end(), (true, false), "it was dropped while it asked");
        unanswered.begin();
        unanswered.waits.note_asking("A");
        unanswered.waits.note_answer("A", Some(Outcome::Unknown));
        assert_eq!(unanswered.end(), (true, false));
        for outcome in [Outcome::NotExecuted, Outcome::Rejected] {
            let mut refused = World::default();
            refused.begin();
            refused.waits.note_asking("A");
            refused.waits.note_answer("A", Some(outcome));
            assert_eq!(refused.end(), (false, false), "{outcome:?}");
        }
        let mut silent = World::default();
        silent.begin();
        assert_eq!(silent.end(), (false, false), "it never asked");
    }
}
