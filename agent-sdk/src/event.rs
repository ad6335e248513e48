//! Events: unsolicited messages.

mod hub;
mod known;
mod look;
mod message;
mod state;
mod subscription;

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use hub::Consumer;
pub(crate) use hub::Hub;
pub use known::KnownEvent;
pub use message::Message;
pub use state::{KnownState, ServerState};
pub use subscription::Subscription;

/// What a stream of events yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The agent sent a message.
    Message(Message),
    /// This consumer was too slow: that many messages were dropped, the oldest first. The stream
    /// goes on with the oldest that is left.
    Lagged(u64),
    /// The connection was lost here; what the agent said until it was back is missing.
    Interrupted,
    /// Behind a reconnect the agent has another catalogue than before, as a check by
    /// [`Builder::check_catalogue`](crate::Builder::check_catalogue) has found;
    /// [`Agent::compatibility_with`](crate::Agent::compatibility_with) tells what has changed.
    CatalogueChanged,
    /// After a reconnect, the agent did not make a subscription again, so that its events are missing.
    /// It is kept and asked for again after a second, and then less and less often, up to every five
    /// minutes, and after the next reconnect. The action `unsubscribe` ends that.
    SubscriptionMissing {
        /// What is not subscribed to.
        subscription: Subscription,
        /// The agent's words, shortened and on one line, or that it did not answer.
        reason: String,
    },
    /// A subscription that was missing holds again; its events are missing up to here.
    SubscriptionRestored {
        /// What is subscribed to again.
        subscription: Subscription,
    },
}

/// A stream of unsolicited messages; [`Agent::events`](crate::Agent::events) makes it.
///
/// Each stream has a buffer of its own, so a slow consumer neither delays the connection nor
/// another consumer; what does not fit is dropped, the oldest first, and counted in
/// [`Event::Lagged`]. The stream ends after the connection is closed for good. It does not keep
/// the connection open: that is what an [`Agent`](crate::Agent) is for.
///
/// An event is any message whose token is absent or belongs to no call (`docs/protocol.md`,
/// documented).
///
/// # Examples
///
/// ```no_run
/// # async fn example(agent: agent_sdk::Agent) {
/// use agent_sdk::Event;
///
/// let mut events = agent.events().kind("stdout").capacity(64);
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Message(message) => println!("{message}"),
///         Event::Lagged(missed) => eprintln!("{missed} events missed"),
///         Event::Interrupted => eprintln!("the connection was lost here"),
///         _ => {}
///     }
/// }
/// # }
/// ```
#[must_use = "a stream buffers events until it is dropped"]
pub struct Events {
    consumer: Arc<Consumer>,
    hub: Arc<Hub>,
}

impl Events {
    pub(crate) fn new(hub: Arc<Hub>, capacity: usize, max_bytes: usize) -> Self {
        let consumer = hub.add(capacity, max_bytes);
        Self { consumer, hub }
    }

    /// Lets only messages of this topic pass (a server's id); call it again to let more pass.
    ///
    /// Where in a message the topic is found is not documented: see [`Message::topic`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// let events = agent.events().topic("survival").topic("creative");
    /// # }
    /// ```
    pub fn topic(self, topic: impl Into<String>) -> Self {
        self.consumer.filter(|filter| filter.topics.push(topic.into()));
        self
    }

    /// Lets only messages of this kind pass (`stdout`, `agent_health`, …); call it again to let
    /// more pass.
    ///
    /// Where in a message the kind is found is not documented: see [`Message::kind`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// let events = agent.events().kind("stdout");
    /// # }
    /// ```
    pub fn kind(self, kind: impl Into<String>) -> Self {
        self.consumer.filter(|filter| filter.kinds.push(kind.into()));
        self
    }

    /// How many messages are kept for this consumer (at least 1); the default is that of
    /// [`Builder::event_capacity`](crate::Builder::event_capacity). However many they are, no more
    /// than [`Builder::max_message_size`](crate::Builder::max_message_size) bytes of them are kept,
    /// but for one message.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// let events = agent.events().capacity(16);
    /// # }
    /// ```
    pub fn capacity(self, messages: usize) -> Self {
        self.consumer.set_capacity(messages);
        self
    }

    /// The next event; `None` once the connection is closed for good and all events are read.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time; no event is lost by it.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.consumer.poll(cx)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.consumer.poll(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.hub.remove(&self.consumer);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
