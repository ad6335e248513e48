//! The loop that waits: events first, and asking wherever one may be missing.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_core::Stream;
use serde_json::Value;
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until, timeout_at},
};

use super::{Sight, WaitError, topic::Topic};
use crate::{
    agent::Agent,
    error::Error,
    event::{Event, Events},
};

/// So much time passes at least between two questions, whatever the events are.
pub(super) const MIN_INTERVAL: Duration = Duration::from_millis(250);

/// What is waited for, and how.
pub(super) struct Plan<T> {
    pub(super) agent: Agent,
    /// In words for an error, as in "waiting for …".
    pub(super) what: String,
    /// What to subscribe to; none where there is no topic for it.
    pub(super) topic: Option<String>,
    /// The question.
    pub(super) action: Cow<'static, str>,
    pub(super) parameters: Value,
    pub(super) check: Check<T>,
    pub(super) timeout: Duration,
    pub(super) poll_every: Duration,
}

pub(super) type Check<T> = Box<dyn FnMut(Sight<'_>) -> Verdict<T> + Send>;

/// What a look has shown.
pub(super) enum Verdict<T> {
    /// What is waited for.
    Done(T),
    /// Something else; in words where there are any.
    NotYet(Option<String>),
    /// Perhaps: the answer to the question tells.
    Ask,
}

/// What is known when the time is up.
#[derive(Default)]
struct Known {
    last: Option<String>,
    problem: Option<Error>,
}

/// Waits until what is planned for is so.
pub(super) async fn run<T>(mut plan: Plan<T>) -> Result<T, WaitError> {
    if Handle::try_current().is_err() {
        return Err(WaitError::NoRuntime { what: plan.what });
    }
    let mut known = Known::default();
    let deadline = Instant::now() + plan.timeout;
    match timeout_at(deadline, watch(&mut plan, &mut known)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(WaitError::Closed { what: plan.what, error }),
        Err(_) => Err(WaitError::TimedOut {
            what: plan.what,
            after: plan.timeout,
            last: known.last,
            problem: known.problem.map(Box::new),
        }),
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// Ends with an error only if the connection is closed for good.
async fn watch<T>(plan: &mut Plan<T>, known: &mut Known) -> Result<T, Error> {
    // Listen first, subscribe then, ask last: whatever happens in between is an event that is kept.
    let mut events = plan.agent.events();
    if let Some(topic) = &plan.topic {
        events = events.topic(topic);
    }
    let topic = plan.topic.clone().map(|topic| Topic::new(plan.agent.shared(), topic));
    let topic = topic.map(Arc::new);
    let mut asking: Option<Asking> = None;
    let mut asked = Instant::now();
    let mut timer = pin!(sleep_until(asked));
    loop {
        let verdict = match next(&mut events, &mut asking, timer.as_mut()).await {
            Step::Time => {
                asked = Instant::now();
                timer.as_mut().reset(asked + plan.poll_every);
                asking = Some(ask(plan, topic.clone()));
                continue;
            }
            Step::Snapshot(Ok(answer)) => {
                known.problem = None;
                (plan.check)(Sight::Snapshot(&answer))
            }
            Step::Snapshot(Err(error @ Error::Closed { .. })) => return Err(error),
            Step::Snapshot(Err(error)) => {
                known.problem = Some(error);
                Verdict::NotYet(None)
            }
            Step::Event(Some(Event::Message(message))) => (plan.check)(Sight::Event(&message)),
            // One may be missing here.
            Step::Event(Some(_)) => Verdict::Ask,
            Step::Event(None) => return Err(closed(&plan.agent).await),
        };
        match verdict {
            Verdict::Done(found) => return Ok(found),
            Verdict::NotYet(None) => {}
            Verdict::NotYet(Some(seen)) => {
                let secrets = &plan.agent.shared().options.secrets;
                known.last = Some(secrets.excerpt(seen.as_bytes()));
            }
            Verdict::Ask => {
                let soon = Instant::now().max(asked + MIN_INTERVAL);
                if soon < timer.deadline() {
                    timer.as_mut().reset(soon);
                }
            }
        }
    }
}

/// The question, after the subscription if there is none.
fn ask<T>(plan: &Plan<T>, topic: Option<Arc<Topic>>) -> Asking {
    let call = plan.agent.call_raw(plan.action.clone(), &plan.parameters).owned();
    Box::pin(async move {
        if let Some(topic) = topic {
            topic.subscribe().await?;
        }
        call.await?.parameters()
    })
}

/// Why there are no more events: what a call ends with once the connection is closed for good.
async fn closed(agent: &Agent) -> Error {
    loop {
        if let Err(error @ Error::Closed { .. }) = agent.call_raw("server", ()).await {
            return error;
        }
    }
}

/// What happens next.
enum Step {
    Event(Option<Event>),
    Snapshot(Result<Value, Error>),
    /// It is time to ask.
    Time,
}

/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
async fn next(
    events: &mut Events,
    asking: &mut Option<Asking>,
    mut timer: Pin<&mut Sleep>,
) -> Step {
    poll_fn(|cx| {
        if let Poll::Ready(event) = Pin::new(&mut *events).poll_next(cx) {
            return Poll::Ready(Step::Event(event));
        }
        match asking {
            Some(question) => question.as_mut().poll(cx).map(|answer| {
                *asking = None;
                Step::Snapshot(answer)
            }),
            // A question at a time.
            None => timer.as_mut().poll(cx).map(|()| Step::Time),
        }
    })
    .await
}
