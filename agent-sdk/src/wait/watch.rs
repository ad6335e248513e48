//! Looking at a topic: events first, and asking wherever one may be missing.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use serde_json::Value;
use tokio::{
    task::coop::consume_budget,
    time::{Instant, Sleep, sleep_until},
};

use super::{Sight, topic::Topic};
use crate::{
    agent::Agent,
    error::{CloseReason, Error, NotSent, Outcome},
    event::{Event, Events, KnownEvent, Message},
};

/// So much time passes at least between two questions, whatever the events are.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(250);

/// What is looked at, and how.
#[derive(Clone)]
pub(super) struct View {
    pub(super) agent: Agent,
    /// What to subscribe to; none where there is no topic for it.
    pub(super) topic: Option<String>,
    /// The question.
    pub(super) action: Cow<'static, str>,
    pub(super) parameters: Value,
    pub(super) poll_every: Duration,
}

/// What a look has shown.
pub(super) enum Seen {
    Event(Message),
    Answer(Value),
    /// A question has failed: [`Watcher::problem`] says why.
    NoAnswer,
}

/// Looks until it is dropped, which ends its subscription unless that was there before.
pub(super) struct Watcher {
    view: View,
    events: Events,
    topic: Option<Arc<Topic>>,
    asking: Option<Asking>,
    /// Whether a server has changed its state since the question was asked: its answer may be older.
    is_overtaken: bool,
    asked: Instant,
    timer: Pin<Box<Sleep>>,
    problem: Option<Error>,
    /// Whether the question is polled first: it and the events take turns, so that neither starves.
    is_turn_of_answer: bool,
}

type Asking = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// What happens next.
enum Step {
    Event(Option<Event>),
    Answer(Result<Value, Error>),
    /// It is time to ask.
    Time,
}

impl Seen {
    pub(super) fn sight(&self) -> Option<Sight<'_>> {
        match self {
            Self::Event(message) => Some(Sight::Event(message)),
            Self::Answer(answer) => Some(Sight::Snapshot(answer)),
            Self::NoAnswer => None,
        }
    }
}

impl Watcher {
    /// Begins to listen, and asks first of all. It needs a Tokio runtime with timers.
    pub(super) fn new(view: View) -> Self {
        // Listen first, subscribe then, ask last: whatever happens in between is an event that is kept.
        let mut events = view.agent.events();
        if let Some(topic) = &view.topic {
            events = events.topic(topic);
        }
        let topic = view.topic.clone().map(|topic| Topic::new(view.agent.shared(), topic));
        let asked = Instant::now();
        Self {
            events,
            topic: topic.map(Arc::new),
            asking: None,
            is_overtaken: false,
            asked,
            timer: Box::pin(sleep_until(asked)),
            problem: None,
            is_turn_of_answer: false,
            view,
        }
    }

    /// Returns what is seen next.
    ///
    /// # Errors
    ///
    /// The connection is closed for good.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Seen, Error> {
        loop {
            // A flood of events must not keep the time limit from being looked at.
            consume_budget().await;
            match poll_fn(|cx| self.poll_step(cx)).await {
                Step::Time => {
                    self.asked = Instant::now();
                    self.timer.as_mut().reset(self.asked + self.view.poll_every);
                    self.asking = Some(self.ask());
                    self.is_overtaken = false;
                }
                Step::Answer(Ok(_)) if self.is_overtaken => self.ask_soon(),
                Step::Answer(Ok(answer)) => {
                    self.problem = None;
                    return Ok(Seen::Answer(answer));
                }
                Step::Answer(Err(error @ Error::Closed { .. })) => return Err(error),
                Step::Answer(Err(error)) => {
                    if is_unheard(&error) {
                        self.ask_soon();
                    }
                    self.problem = Some(error);
                    return Ok(Seen::NoAnswer);
                }
                Step::Event(Some(Event::Message(message))) => {
                    self.is_overtaken |= self.asking.is_some() && tells_state(&message);
                    return Ok(Seen::Event(message));
                }
                // One may be missing here.
                Step::Event(Some(_)) => self.ask_soon(),
                Step::Event(None) => return Err(closed(&self.view.agent)),
            }
        }
    }

    /// Lets the next question come soon: something may have happened.
    pub(super) fn ask_soon(&mut self) {
        let soon = Instant::now().max(self.asked + MIN_INTERVAL);
        if soon < self.timer.deadline() {
            self.timer.as_mut().reset(soon);
        }
    }

    /// Returns why the last question had no answer, if it had none.
    pub(super) fn problem(&mut self) -> Option<Error> {
        self.problem.take()
    }

    /// The question, after the subscription if there is none.
    fn ask(&self) -> Asking {
        let View { agent, action, parameters, .. } = &self.view;
        let call = agent.call_raw(action.clone(), parameters).owned();
        let topic = self.topic.clone();
        Box::pin(async move {
            if let Some(topic) = topic {
                topic.subscribe().await?;
            }
            call.await?.parameters()
        })
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.is_turn_of_answer = !self.is_turn_of_answer;
        if self.is_turn_of_answer
            && let Poll::Ready(step) = self.poll_question(cx)
        {
            return Poll::Ready(step);
        }
        if let Poll::Ready(event) = Pin::new(&mut self.events).poll_next(cx) {
            return Poll::Ready(Step::Event(event));
        }
        if self.is_turn_of_answer { Poll::Pending } else { self.poll_question(cx) }
    }

    /// A question at a time.
    fn poll_question(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let Some(question) = &mut self.asking else {
            return self.timer.as_mut().poll(cx).map(|()| Step::Time);
        };
        question.as_mut().poll(cx).map(|answer| {
            self.asking = None;
            Step::Answer(answer)
        })
    }
}

fn tells_state(message: &Message) -> bool {
    matches!(message.known(), Some(KnownEvent::ServerState { .. }))
}

/// Returns whether a question had no answer that it would have had at another time.
fn is_unheard(error: &Error) -> bool {
    match error {
        Error::NotSent { reason, .. } => {
            matches!(reason, NotSent::TimedOut(_) | NotSent::Disconnected)
        }
        other => other.outcome() == Outcome::Unknown,
    }
}

/// Why there are no more events: what a call ends with once the connection is closed for good.
fn closed(agent: &Agent) -> Error {
    // It is known before the events end.
    let why = agent.shared().close_reason().unwrap_or_else(|| Arc::new(CloseReason::RuntimeEnded));
    Error::Closed { action: "server".into(), why }
}
