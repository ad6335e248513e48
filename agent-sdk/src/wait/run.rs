//! One wait, from its first look to its end.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use super::{
    Sight, WaitError,
    watch::{Seen, View, Watcher},
};
use crate::{
    call::Call,
    error::{Error, Outcome, Unanswered},
    reply::Reply,
    time_limit,
};

/// So long, what is seen does not end the wait before the call's answer does: it may be a rejection.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// What is waited for, and how.
pub(super) struct Plan<T> {
    pub(super) view: View,
    /// In words for an error, as in "waiting for …".
    pub(super) what: String,
    /// What brings it about, if the wait is to make the call.
    pub(super) call: Option<Call<'static, Reply>>,
    pub(super) check: Box<dyn Check<T>>,
    pub(super) timeout: Duration,
}

/// Decides from what is seen whether the wait is over.
pub(super) trait Check<T>: Send {
    /// Takes notice of how things were before the call.
    fn look_before(&mut self, _: Sight<'_>) {}

    fn look(&mut self, sight: Sight<'_>) -> Verdict<T>;
}

impl<T, F: FnMut(Sight<'_>) -> Verdict<T> + Send> Check<T> for F {
    fn look(&mut self, sight: Sight<'_>) -> Verdict<T> {
        self(sight)
    }
}

/// What a look has shown.
pub(super) enum Verdict<T> {
    /// What is waited for.
    Done(T),
    /// Something else; in words where there are any.
    NotYet(Option<String>),
    /// Perhaps: the answer to the question tells.
    Ask,
}

impl<T> Verdict<T> {
    /// It does not tell what it was to tell, if it is an answer; an event need not.
    pub(super) fn untold(sight: Sight<'_>, what: &str) -> Self {
        let is_answer = matches!(sight, Sight::Snapshot(_));
        Self::NotYet(is_answer.then(|| format!("an answer without {what}")))
    }
}

/// What is known when the time is up.
#[derive(Default)]
struct Known {
    last: Option<String>,
    problem: Option<Error>,
    call: Option<Error>,
}

/// Waits until what is planned for is so.
pub(super) async fn run<T>(mut plan: Plan<T>) -> Result<T, WaitError> {
    if Handle::try_current().is_err() {
        return Err(WaitError::NoRuntime { what: plan.what });
    }
    let mut known = Known::default();
    let deadline = Instant::now() + plan.timeout;
    let ended = time_limit::until(deadline, pin!(wait(&mut plan, &mut known))).await;
    match ended {
        Some(Ok(found)) => Ok(found),
        Some(Err(error @ Error::Closed { .. })) => {
            Err(WaitError::Closed { what: plan.what, error })
        }
        Some(Err(error)) => Err(WaitError::Call { what: plan.what, error }),
        None => Err(WaitError::TimedOut {
            what: plan.what,
            after: plan.timeout,
            last: known.last,
            problem: known.problem.map(Box::new),
            call: known.call.map(Box::new),
        }),
    }
}

/// Ends with an error only if the connection is closed for good, or the call has failed for certain.
async fn wait<T>(plan: &mut Plan<T>, known: &mut Known) -> Result<T, Error> {
    let mut watcher = Watcher::new(plan.view.clone());
    let mut call = plan.call.take();
    if let Some(made) = &mut call {
        look_before(&mut watcher, &mut *plan.check).await?;
        let reason = Unanswered::TimedOut(plan.timeout);
        known.call = Some(Error::OutcomeUnknown { action: made.action().into(), reason });
        if let Ok(answer) = timeout(ANSWER_TIME, made).await {
            known.call = doubt(answer)?;
            call = None;
            watcher.ask_soon();
        }
    }
    loop {
        let seen = match next(&mut call, &mut watcher).await {
            Turn::Answered(answer) => {
                known.call = doubt(answer)?;
                watcher.ask_soon();
                continue;
            }
            Turn::Seen(seen) => seen?,
        };
        let Some(sight) = seen.sight() else {
            known.problem = watcher.problem();
            continue;
        };
        if matches!(seen, Seen::Answer(_)) {
            known.problem = None;
        }
        match plan.check.look(sight) {
            Verdict::Done(found) => return Ok(found),
            Verdict::NotYet(None) => {}
            Verdict::NotYet(Some(seen)) => {
                let secrets = &plan.view.agent.shared().options.secrets;
                known.last = Some(secrets.excerpt(seen.as_bytes()));
            }
            Verdict::Ask => watcher.ask_soon(),
        }
    }
}

/// What comes first: the answer to the call, or the next look.
enum Turn {
    Answered(Result<Reply, Error>),
    Seen(Result<Seen, Error>),
}

/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
async fn next(call: &mut Option<Call<'static, Reply>>, watcher: &mut Watcher) -> Turn {
    let mut looking = pin!(watcher.next());
    poll_fn(|cx| {
        if let Some(made) = call
            && let Poll::Ready(answer) = Pin::new(made).poll(cx)
        {
            *call = None;
            return Poll::Ready(Turn::Answered(answer));
        }
        looking.as_mut().poll(cx).map(Turn::Seen)
    })
    .await
}

/// Listens, subscribes and asks, so that whatever the call brings about is seen. A question that fails
/// keeps no call from being made.
async fn look_before<T>(watcher: &mut Watcher, check: &mut dyn Check<T>) -> Result<(), Error> {
    loop {
        let seen = watcher.next().await?;
        if let Some(sight) = seen.sight() {
            check.look_before(sight);
        }
        if !matches!(seen, Seen::Event(_)) {
            return Ok(());
        }
    }
}

/// Returns an error if it is not known whether the agent has executed the call, and fails if it has not.
fn doubt(answer: Result<Reply, Error>) -> Result<Option<Error>, Error> {
    match answer {
        Ok(_) => Ok(None),
        Err(error) => match error.outcome() {
            Outcome::Unknown => Ok(Some(error)),
            // It was executed, whatever was said of it.
            Outcome::Answered => Ok(None),
            Outcome::NotExecuted | Outcome::Rejected => Err(error),
        },
    }
}
