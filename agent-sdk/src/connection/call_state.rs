//! What a caller and the connection share of one call.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{catalogue_gate::Refusal, subscriptions::SubscriptionChange};
use crate::{
    error::{CloseReason, Unanswered},
    wire::{Payload, Request, Status, Token},
};

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Completion {
    /// The agent answered.
    Reply { message: Payload, status: Status, parameters: Option<usize> },
    /// The agent answered with more than is accepted.
    TooLarge { size: u64 },
    /// It timed out before it was sent.
    NotSent,
    /// The connection was lost before it was sent, and it fails fast.
    Disconnected,
    /// It was not sent because of what a check of the catalogue has found.
    Refused(Refusal),
    /// It was sent, and no answer will come.
    Unanswered(Unanswered),
    /// The connection was closed before it was sent.
    Closed(Arc<CloseReason>),
}

/// A call that is not yet queued.
#[derive(Debug)]
pub(crate) struct NewCall {
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
    /// Whether it ends when there is no connection.
    pub(crate) fail_fast: bool,
    /// Whether it comes before all others, and does not wait as they do: it is the check for which
    /// they wait.
    pub(crate) goes_first: bool,
    pub(crate) effect: Option<Box<SubscriptionChange>>,
}

/// One call from its first poll to its end, behind a lock of its own: callers on several threads
/// wait neither for each other nor for the connection.
#[derive(Debug)]
pub(crate) struct CallState(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// Once the table has taken the call over.
    token: Option<Token>,
    waker: Option<Waker>,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// The table is to take it over.
    New(NewCall),
    /// The table has it.
    Taken,
    /// The caller is to read this.
    Ended(Completion),
    /// The caller has read the end, or waits no more.
    Left,
}

impl CallState {
    /// A new call, and whom to wake at its end.
    pub(crate) fn new(call: NewCall, waker: Waker) -> Self {
        Self(Mutex::new(Inner { token: None, waker: Some(waker), progress: Progress::New(call) }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token of the call, once the table has taken it over.
    pub(crate) fn token(&self) -> Option<Token> {
        self.lock().token
    }

    /// Returns the end of the call, once; until it comes, the task is woken when it does.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Completion> {
        let mut inner = self.lock();
        match mem::replace(&mut inner.progress, Progress::Left) {
            Progress::Ended(ending) => return Poll::Ready(ending),
            unfinished => inner.progress = unfinished,
        }
        if inner.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let former = inner.waker.replace(cx.waker().clone());
        // To drop it may drop a task, with calls of its own: not under the lock.
        drop(inner);
        drop(former);
        Poll::Pending
    }

    /// Hands the call over to the table; `None` if its caller has left.
    pub(super) fn take(&self, token: Token) -> Option<NewCall> {
        let mut inner = self.lock();
        match mem::replace(&mut inner.progress, Progress::Taken) {
            Progress::New(call) => {
                inner.token = Some(token);
                Some(call)
            }
            other => {
                inner.progress = other;
                None
            }
        }
    }

    /// Ends the call, and returns the waker of its caller.
    pub(super) fn end(&self, ending: Completion) -> Option<Waker> {
        let mut inner = self.lock();
        if matches!(inner.progress, Progress::New(_) | Progress::Taken) {
            inner.progress = Progress::Ended(ending);
        }
        inner.waker.take()
    }

    /// Abandons the call; returns whether it was unfinished, and its waker, which is to be dropped once
    /// no lock is held.
    pub(super) fn leave(&self) -> (bool, Option<Waker>) {
        let mut inner = self.lock();
        let progress = mem::replace(&mut inner.progress, Progress::Left);
        (matches!(progress, Progress::New(_) | Progress::Taken), inner.waker.take())
    }

    /// Returns whether the call waits to be taken over.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.lock().progress, Progress::New(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Tokens;

    fn state() -> (CallState, Token) {
        let request = Request::new("echo", &()).unwrap();
        let call = NewCall {
            request,
            timeout: Duration::from_secs(1),
            fail_fast: false,
            goes_first: false,
            effect: None,
        };
        (CallState::new(call, Waker::noop().clone()), Tokens::new().next(7))
    }

    fn poll(state: &CallState) -> Poll<Completion> {
        state.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_end_is_read_once_and_whoever_leaves_then_has_lost_nothing() {
        let (state, token) = state();
        assert!(state.is_new() && state.take(token).is_some() && state.take(token).is_none());
        assert!(!state.is_new());
        assert_eq!(state.token(), Some(token));
        assert!(poll(&state).is_pending());
        assert!(state.end(Completion::NotSent).is_some());
        assert!(state.end(Completion::TooLarge { size: 0 }).is_none(), "the first end counts");
        assert!(matches!(poll(&state), Poll::Ready(Completion::NotSent)));
        assert!(poll(&state).is_pending());
        assert!(!state.leave().0);
    }

    #[test]
    fn a_caller_that_has_left_is_not_woken() {
        let (state, token) = state();
        assert!(state.take(token).is_some());
        assert!(state.leave().0);
        assert!(state.end(Completion::NotSent).is_none());
        assert!(poll(&state).is_pending());
    }
}
