//! Where events wait for their consumers.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use super::{Event, Message};

/// All consumers of one agent's events.
#[derive(Default)]
pub(crate) struct Hub {
    consumers: Mutex<Consumers>,
    /// The length of `consumers`, so that events cost nothing without a consumer.
    count: AtomicUsize,
}

#[derive(Default)]
struct Consumers {
    list: Vec<Arc<Consumer>>,
    closed: bool,
}

impl Hub {
    pub(super) fn add(&self, capacity: usize, max_bytes: usize) -> Arc<Consumer> {
        let mut consumers = lock(&self.consumers);
        let consumer = Arc::new(Consumer::new(capacity, max_bytes, consumers.closed));
        if !consumers.closed {
            consumers.list.push(Arc::clone(&consumer));
            self.count.store(consumers.list.len(), Ordering::Release);
        }
        consumer
    }

    pub(super) fn remove(&self, consumer: &Arc<Consumer>) {
        let mut consumers = lock(&self.consumers);
        consumers.list.retain(|other| !Arc::ptr_eq(other, consumer));
        self.count.store(consumers.list.len(), Ordering::Release);
    }

    /// Returns whether any stream of events is open.
    pub(crate) fn has_consumers(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Hands messages to every consumer that wants them and leaves `messages` empty.
    pub(crate) fn publish(&self, messages: &mut Vec<Message>) {
        self.each(|queue| queue.push(messages));
        messages.clear();
    }

    /// Tells every consumer that events are missing here.
    pub(crate) fn interrupt(&self) {
        self.each(|queue| {
            // A connection that is lost again before it said anything is no second gap.
            if !matches!(queue.events.back(), Some(Event::Interrupted)) {
                queue.events.push_back(Event::Interrupted);
            }
        });
    }

    /// Tells every consumer something of the connection. It takes the room of a message, so that one
    /// who does not read is bounded in these too.
    pub(crate) fn announce(&self, news: &Event) {
        self.each(|queue| {
            queue.messages += 1;
            queue.events.push_back(news.clone());
            queue.drop_oldest();
        });
    }

    /// Ends every stream once it is read.
    pub(crate) fn close(&self) {
        lock(&self.consumers).closed = true;
        self.each(|queue| queue.closed = true);
        lock(&self.consumers).list.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Changes every consumer's queue, then wakes those that have something to read. No lock is
    /// held then: a woken task may drop its stream at once.
    fn each(&self, change: impl Fn(&mut Queue)) {
        let wakers: Vec<_> =
            lock(&self.consumers).list.iter().filter_map(|each| each.change(&change)).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// One consumer's buffer.
pub(super) struct Consumer(Mutex<Queue>);

struct Queue {
    events: VecDeque<Event>,
    /// Messages among `events`.
    messages: usize,
    /// What the messages among `events` count for, in bytes.
    bytes: usize,
    capacity: usize,
    max_bytes: usize,
    /// Messages that were dropped and not yet reported.
    missed: u64,
    /// Whether an interruption was dropped among them.
    interrupted: bool,
    filter: Filter,
    waker: Option<Waker>,
    closed: bool,
}

/// What a consumer wants; an empty list wants all.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) topics: Vec<String>,
    pub(super) kinds: Vec<String>,
}

impl Filter {
    fn wants(&self, message: &Message) -> bool {
        let among = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|want| want == found))
        };
        (self.kinds.is_empty() || among(&self.kinds, message.kind()))
            && (self.topics.is_empty() || among(&self.topics, message.topic()))
    }
}

impl Consumer {
    fn new(capacity: usize, max_bytes: usize, closed: bool) -> Self {
        Self(Mutex::new(Queue {
            events: VecDeque::new(),
            messages: 0,
            bytes: 0,
            capacity: capacity.max(1),
            max_bytes,
            missed: 0,
            interrupted: false,
            filter: Filter::default(),
            waker: None,
            closed,
        }))
    }

    pub(super) fn filter(&self, change: impl FnOnce(&mut Filter)) {
        let mut queue = lock(&self.0);
        change(&mut queue.filter);
        queue.apply_filter();
    }

    pub(super) fn set_capacity(&self, messages: usize) {
        let mut queue = lock(&self.0);
        queue.capacity = messages.max(1);
        queue.drop_oldest();
    }

    /// Changes the queue; whom to wake if there is something to read.
    fn change(&self, change: impl FnOnce(&mut Queue)) -> Option<Waker> {
        let mut queue = lock(&self.0);
        change(&mut queue);
        let news = queue.closed || queue.missed > 0 || !queue.events.is_empty();
        if news { queue.waker.take() } else { None }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = lock(&self.0);
        if queue.missed > 0 {
            return Poll::Ready(Some(Event::Lagged(std::mem::take(&mut queue.missed))));
        }
        if std::mem::take(&mut queue.interrupted) {
            // Two gaps in a row are one to the consumer.
            if matches!(queue.events.front(), Some(Event::Interrupted)) {
                queue.events.pop_front();
            }
            return Poll::Ready(Some(Event::Interrupted));
        }
        if let Some(event) = queue.pop() {
            return Poll::Ready(Some(event));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Queue {
    fn push(&mut self, messages: &[Message]) {
        for message in messages {
            if self.filter.wants(message) {
                self.messages += 1;
                self.bytes += message.size();
                self.events.push_back(Event::Message(message.clone()));
                self.drop_oldest();
            }
        }
    }

    /// Drops what came before the filter was set and does not pass it.
    fn apply_filter(&mut self) {
        for event in std::mem::take(&mut self.events) {
            match &event {
                Event::Message(message) if !self.filter.wants(message) => {
                    self.messages -= 1;
                    self.bytes -= message.size();
                }
                _ => self.events.push_back(event),
            }
        }
    }

    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        match &event {
            Some(Event::Message(message)) => {
                self.messages -= 1;
                self.bytes -= message.size();
            }
            Some(Event::Lagged(_) | Event::Interrupted) | None => {}
            // What was announced.
            Some(_) => self.messages -= 1,
        }
        if self.events.is_empty() && self.events.capacity() > 64 {
            // A burst is over: its room is given back.
            self.events = VecDeque::new();
        }
        event
    }

    /// Drops the oldest messages until the rest fits. One message is always kept.
    fn drop_oldest(&mut self) {
        while self.messages > self.capacity || (self.bytes > self.max_bytes && self.messages > 1) {
            match self.pop() {
                Some(Event::Interrupted) => self.interrupted = true,
                Some(_) => self.missed += 1,
                None => break,
            }
        }
    }
}

/// Locks; a panic elsewhere while the lock was held leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_core::Stream;
    use std::pin::pin;

    use super::*;
    use crate::{
        event::{Events, Subscription},
        options::Options,
    };

    fn message(number: usize) -> Message {
        let text = format!(r#"{{"action":"stdout","number":{number}}}"#);
        Message::new(Bytes::from(text), &Options::default())
    }

    fn read(events: &mut Events) -> Vec<String> {
        let mut seen = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = pin!(&mut *events).poll_next(&mut cx) {
            seen.push(match event {
                Event::Message(message) => message.json().unwrap()["number"].to_string(),
                Event::Lagged(missed) => format!("lagged {missed}"),
                other => format!("{other:?}").to_lowercase(),
            });
        }
        seen
    }

    #[test]
    fn a_slow_consumer_learns_what_it_missed_and_goes_on() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 3, 1 << 20);
        hub.publish(&mut (0..5).map(message).collect());
        assert_eq!(read(&mut events), ["lagged 2", "2", "3", "4"]);
        hub.publish(&mut vec![message(5)]);
        assert_eq!(read(&mut events), ["5"]);
    }

    #[test]
    fn large_messages_are_bounded_by_their_bytes() {
        let hub = Arc::new(Hub::default());
        let size = message(0).size();
        let mut events = Events::new(Arc::clone(&hub), 100, 2 * size);
        hub.publish(&mut (0..5).map(message).collect());
        assert_eq!(read(&mut events), ["lagged 3", "3", "4"]);
    }

    #[test]
    fn a_gap_is_told_once_and_survives_the_lag() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 2, 1 << 20);
        hub.publish(&mut vec![message(0)]);
        hub.interrupt();
        hub.interrupt();
        hub.publish(&mut vec![message(1)]);
        assert_eq!(read(&mut events), ["0", "interrupted", "1"]);
    }

    /// News of the connection must not grow without end where they are not read.
    #[test]
    fn news_takes_the_room_of_a_message() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 2, 1 << 20);
        let restored = Event::SubscriptionRestored { subscription: Subscription::Stdout };
        for (news, shown) in [
            (restored, "subscriptionrestored { subscription: stdout }"),
            (Event::CatalogueChanged, "cataloguechanged"),
        ] {
            for _ in 0..5 {
                hub.announce(&news);
            }
            hub.publish(&mut vec![message(1)]);
            assert_eq!(read(&mut events), ["lagged 4", shown, "1"]);
        }
    }

    /// Each reconnect with another catalogue left two events more in a stream that is not read.
    #[test]
    fn gaps_between_news_do_not_pile_up() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 2, 1 << 20);
        for _ in 0..100 {
            hub.interrupt();
            hub.announce(&Event::CatalogueChanged);
        }
        assert_eq!(
            read(&mut events),
            ["lagged 98", "interrupted", "cataloguechanged", "interrupted", "cataloguechanged"]
        );
    }

    #[test]
    fn a_gap_that_is_dropped_is_told_all_the_same() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 2, 1 << 20);
        hub.publish(&mut vec![message(0)]);
        hub.interrupt();
        hub.publish(&mut (1..5).map(message).collect());
        assert_eq!(read(&mut events), ["lagged 3", "interrupted", "3", "4"]);
    }

    #[test]
    fn a_filter_holds_for_what_came_before_it_too() {
        let hub = Arc::new(Hub::default());
        let events = Events::new(Arc::clone(&hub), 10, 1 << 20);
        hub.publish(&mut vec![message(1)]);
        assert!(read(&mut events.kind("agent_health")).is_empty());
    }

    #[test]
    fn filters_let_pass_what_they_name() {
        let hub = Arc::new(Hub::default());
        let mut all = Events::new(Arc::clone(&hub), 10, 1 << 20);
        let mut other = Events::new(Arc::clone(&hub), 10, 1 << 20).kind("agent_health");
        let mut stdout = Events::new(Arc::clone(&hub), 10, 1 << 20).kind("x").kind("stdout");
        let mut topic = Events::new(Arc::clone(&hub), 10, 1 << 20).topic("survival");
        hub.publish(&mut vec![message(1)]);
        assert_eq!(read(&mut all), ["1"]);
        assert!(read(&mut other).is_empty());
        assert_eq!(read(&mut stdout), ["1"]);
        assert!(read(&mut topic).is_empty());
        let text = br#"{"event":"state","parameters":{"server":"survival"},"number":2}"#;
        hub.publish(&mut vec![Message::new(Bytes::from_static(text), &Options::default())]);
        assert_eq!(read(&mut topic), ["2"]);
    }

    #[test]
    fn a_stream_ends_after_its_last_event() {
        let hub = Arc::new(Hub::default());
        let mut events = Events::new(Arc::clone(&hub), 10, 1 << 20);
        hub.publish(&mut vec![message(1)]);
        hub.close();
        assert_eq!(read(&mut events), ["1"]);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(events).poll_next(&mut cx).is_ready());
        let late = Events::new(Arc::clone(&hub), 10, 1 << 20);
        assert!(pin!(late).poll_next(&mut cx).is_ready());
        assert!(!hub.has_consumers());
    }

    #[test]
    fn a_dropped_stream_is_forgotten() {
        let hub = Arc::new(Hub::default());
        let events = Events::new(Arc::clone(&hub), 10, 1 << 20);
        assert!(hub.has_consumers());
        drop(events);
        assert!(!hub.has_consumers());
    }
}
