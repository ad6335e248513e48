//! Subscribes again after a reconnect.
//!
//! Calls wait for the answers, but not for long; what the agent rejects or does not answer is kept,
//! told as an event, and asked for again, on this connection and on each that follows.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{frame, shared::DriverState};
use crate::{
    event::Subscription,
    wire::{Status, Token},
};

/// How long calls wait at most for the answers: less than a call usually may take.
const CALLS_WAIT: Duration = Duration::from_secs(2);
/// The wait before a subscription is asked for again on the same connection; it doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest such wait: the agent's audit log keeps each request for weeks.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// The subscriptions that have to be made again on one connection.
pub(super) struct Resubscribe {
    /// Requests without an answer, oldest first, as answers usually come.
    asked: VecDeque<Asked>,
    /// How many of them are still waited for.
    awaited: usize,
    /// By when the next answer has to come, while one is waited for.
    progress_by: Instant,
    /// How long the agent may take for each answer.
    patience: Duration,
    /// Until when calls wait; `None` once they do not.
    calls_wait_until: Option<Instant>,
    /// What the agent has rejected or not answered on this connection.
    missing: BTreeMap<Subscription, Missing>,
}

/// A request that was sent.
struct Asked {
    token: Token,
    subscription: Subscription,
    /// Whether an answer is no longer waited for. One that comes all the same counts.
    is_late: bool,
}

/// A subscription that the agent did not make.
struct Missing {
    failures: u32,
    /// When to ask again; `None` while an answer is waited for.
    again: Option<Instant>,
}

/// The answer to a repeated request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As it should be; nothing to tell.
    Holds,
    /// It was told to be missing, and holds again.
    Restored(Subscription),
    /// It was rejected.
    Rejected {
        subscription: Subscription,
        /// Whether this is its first failure on this connection.
        is_news: bool,
    },
}

impl Resubscribe {
    /// Writes the requests that have to be repeated. The agent may take `patience` for each answer.
    pub(super) fn begin(
        table: &mut DriverState,
        out: &mut Vec<u8>,
        now: Instant,
        patience: Duration,
    ) -> Self {
        let mut this = Self {
            asked: VecDeque::new(),
            awaited: 0,
            progress_by: now,
            patience,
            calls_wait_until: None,
            missing: BTreeMap::new(),
        };
        for subscription in table.subscriptions.missing() {
            this.ask(subscription, table, out, now);
        }
        this.calls_wait_until = (this.awaited > 0).then(|| now + patience.min(CALLS_WAIT));
        this
    }

    /// Returns whether calls have to wait.
    pub(super) fn holds_calls(&self) -> bool {
        self.calls_wait_until.is_some()
    }

    /// When `on_time` is to be called next.
    pub(super) fn next(&self) -> Option<Instant> {
        let progress = (self.awaited > 0).then_some(self.progress_by);
        let again = self.missing.values().filter_map(|missing| missing.again).min();
        [self.calls_wait_until, progress, again].into_iter().flatten().min()
    }

    /// Sends a request, unless the subscription was given up or made by a call meanwhile.
    fn ask(
        &mut self,
        subscription: Subscription,
        table: &mut DriverState,
        out: &mut Vec<u8>,
        now: Instant,
    ) {
        self.asked.retain(|asked| asked.subscription != subscription);
        let Some(mut request) = table.subscriptions.request_of_missing(&subscription) else {
            self.missing.remove(&subscription);
            return;
        };
        let token = table.pending.internal_token();
        request.set_token(token);
        frame::write_text(out, request.as_bytes());
        if let Some(missing) = self.missing.get_mut(&subscription) {
            missing.again = None;
        }
        if self.awaited == 0 {
            self.progress_by = now + self.patience;
        }
        self.awaited += 1;
        self.asked.push_back(Asked { token, subscription, is_late: false });
    }

    /// Takes the answer with this token; `None` if it answers something else.
    pub(super) fn answered(
        &mut self,
        token: Token,
        status: Status,
        table: &mut DriverState,
        now: Instant,
    ) -> Option<Answer> {
        let place = self.asked.iter().position(|asked| asked.token == token)?;
        let Asked { subscription, is_late, .. } = self.asked.remove(place)?;
        if !is_late {
            self.awaited -= 1;
        }
        self.progress_by = now + self.patience;
        if self.awaited == 0 {
            self.calls_wait_until = None;
        }
        Some(match status {
            Status::Error => {
                table.subscriptions.note_missing(&subscription);
                let is_news = self.fail(&subscription, now);
                Answer::Rejected { subscription, is_news }
            }
            Status::Ok => {
                self.missing.remove(&subscription);
                if table.subscriptions.note_restored(&subscription) {
                    Answer::Restored(subscription)
                } else {
                    Answer::Holds
                }
            }
        })
    }

    /// Notes a failure; returns whether it is the first one on this connection.
    fn fail(&mut self, subscription: &Subscription, now: Instant) -> bool {
        let missing = self
            .missing
            .entry(subscription.clone())
            .or_insert(Missing { failures: 0, again: None });
        let factor = 2_u32.saturating_pow(missing.failures.min(31));
        missing.again = Some(now + FIRST_RETRY.saturating_mul(factor).min(LONGEST_RETRY));
        missing.failures += 1;
        missing.failures == 1
    }

    /// Does what is due: lets calls pass, gives up waiting, asks again. Returns the subscriptions
    /// whose first request on this connection was not answered.
    pub(super) fn on_time(
        &mut self,
        table: &mut DriverState,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Vec<Subscription> {
        self.calls_wait_until = self.calls_wait_until.filter(|until| now < *until);
        let unanswered = self.give_up_waiting(table, now);
        let is_due = |missing: &Missing| missing.again.is_some_and(|again| again <= now);
        let due: Vec<Subscription> = self
            .missing
            .iter()
            .filter(|(_, missing)| is_due(missing))
            .map(|(subscription, _)| subscription.clone())
            .collect();
        for subscription in due {
            self.ask(subscription, table, out, now);
        }
        unanswered
    }

    /// Counts what is not answered as failed, once no answer has come for too long.
    fn give_up_waiting(&mut self, table: &mut DriverState, now: Instant) -> Vec<Subscription> {
        if self.awaited == 0 || now < self.progress_by {
            return Vec::new();
        }
        self.awaited = 0;
        self.calls_wait_until = None;
        let mut awaited = Vec::new();
        for asked in self.asked.iter_mut().filter(|asked| !asked.is_late) {
            asked.is_late = true;
            awaited.push(asked.subscription.clone());
        }
        let fails = |subscription: &Subscription| {
            table.subscriptions.note_missing(subscription);
            self.fail(subscription, now)
        };
        awaited.into_iter().filter(fails).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{Shared, subscriptions::SubscriptionChange},
        options::Options,
        wire::Request,
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    fn topic(number: usize) -> Subscription {
        Subscription::Topic(format!("{number:03}"))
    }

    /// A table in which so many subscriptions have to be made again.
    fn shared(topics: usize) -> Shared {
        let shared = Shared::new(Options::default());
        let mut table = shared.lock();
        for number in 0..topics {
            let request = Request::new("subscribe", &()).unwrap();
            table.subscriptions.apply(SubscriptionChange::Keep(topic(number), request));
        }
        table.subscriptions.connection_lost();
        drop(table);
        shared
    }

    fn tokens(resubscribe: &Resubscribe) -> Vec<Token> {
        resubscribe.asked.iter().map(|asked| asked.token).collect()
    }

    #[test]
    fn the_deadline_moves_with_each_answer() {
        let shared = shared(3);
        let mut table = shared.lock();
        let (mut now, mut out) = (Instant::now(), Vec::new());
        let mut resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        assert_eq!(resubscribe.next(), Some(now + CALLS_WAIT));
        resubscribe.on_time(&mut table, &mut out, now + CALLS_WAIT / 2);
        assert!(resubscribe.holds_calls());
        assert!(resubscribe.on_time(&mut table, &mut out, now + CALLS_WAIT).is_empty());
        assert!(!resubscribe.holds_calls());
        for token in tokens(&resubscribe) {
            assert_eq!(resubscribe.next(), Some(now + PATIENCE));
            now += PATIENCE * 9 / 10;
            assert!(resubscribe.on_time(&mut table, &mut out, now).is_empty());
            let answer = resubscribe.answered(token, Status::Ok, &mut table, now);
            assert_eq!(answer, Some(Answer::Holds));
        }
        assert_eq!(resubscribe.next(), None);
        assert!(table.subscriptions.missing().is_empty());
    }

    #[test]
    fn calls_wait_for_every_answer_and_for_none_that_is_not_asked_for() {
        let shared = shared(2);
        let mut table = shared.lock();
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        for token in tokens(&resubscribe) {
            assert!(resubscribe.holds_calls());
            resubscribe.answered(token, Status::Ok, &mut table, now);
        }
        assert!(!resubscribe.holds_calls());
        let resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        assert!(!resubscribe.holds_calls() && resubscribe.next().is_none());
    }

    #[test]
    fn what_is_asked_for_again_gets_the_same_time_for_its_answer() {
        let shared = shared(1);
        let mut table = shared.lock();
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        let token = tokens(&resubscribe)[0];
        resubscribe.answered(token, Status::Error, &mut table, now);
        let again = now + 3 * PATIENCE;
        assert!(resubscribe.on_time(&mut table, &mut out, again).is_empty());
        assert_eq!(resubscribe.next(), Some(again + PATIENCE));
    }

    #[test]
    fn what_is_not_answered_is_told_once_asked_again_and_late_answers_count() {
        let shared = shared(2);
        let mut table = shared.lock();
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        let first = tokens(&resubscribe);
        let mut now = now + PATIENCE;
        assert_eq!(resubscribe.on_time(&mut table, &mut out, now), [topic(0), topic(1)]);
        let answer = resubscribe.answered(first[0], Status::Ok, &mut table, now);
        assert_eq!(answer, Some(Answer::Restored(topic(0))));
        assert_eq!(table.subscriptions.missing(), [topic(1)]);
        for _ in 0..20 {
            let written = out.len();
            now = resubscribe.next().unwrap();
            assert!(resubscribe.on_time(&mut table, &mut out, now).is_empty());
            assert!(resubscribe.asked.len() == 1, "old requests are forgotten");
            if out.len() > written {
                now += PATIENCE;
                assert!(resubscribe.on_time(&mut table, &mut out, now).is_empty());
                assert!(resubscribe.next().unwrap() <= now + LONGEST_RETRY);
            }
        }
    }

    #[test]
    fn a_subscription_that_was_given_up_or_made_meanwhile_is_not_asked_for_again() {
        let shared = shared(2);
        let mut table = shared.lock();
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut resubscribe = Resubscribe::begin(&mut table, &mut out, now, PATIENCE);
        for (number, token) in tokens(&resubscribe).into_iter().enumerate() {
            let answer = resubscribe.answered(token, Status::Error, &mut table, now);
            let subscription = topic(number);
            assert_eq!(answer, Some(Answer::Rejected { subscription, is_news: true }));
        }
        let request = Request::new("subscribe", &()).unwrap();
        table.subscriptions.apply(SubscriptionChange::Keep(topic(0), request));
        // The agent says that it is not subscribed to what was never made.
        table.subscriptions.rejected(&SubscriptionChange::Forget(topic(1)));
        let written = out.len();
        resubscribe.on_time(&mut table, &mut out, now + FIRST_RETRY);
        assert_eq!((out.len(), resubscribe.next()), (written, None));
    }
}
