//! Why a wait ended without what it was for.

use std::time::Duration;

use crate::error::Error;

/// Why a wait ended without what it was for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is up. What was waited for may still come.
    #[error(
        "waiting for {what} took longer than {after:?}; {}",
        last_known(last.as_deref(), problem.as_deref(), call.as_deref())
    )]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The time limit.
        after: Duration,
        /// What was seen last, such as a server's state; `None` if nothing was.
        last: Option<String>,
        /// Why the agent's last answer told nothing, if it did not.
        problem: Option<Box<Error>>,
        /// Why it is not known whether the agent has executed the call of [`Wait::after`]; `None` if it
        /// accepted it, or if there was none.
        ///
        /// [`Wait::after`]: super::Wait::after
        call: Option<Box<Error>>,
    },
    /// The call of [`Wait::after`] was rejected, or never sent: there is nothing to wait for.
    ///
    /// [`Wait::after`]: super::Wait::after
    #[error("{error}")]
    Call {
        /// What was to be waited for.
        what: String,
        /// Why the call failed.
        error: Error,
    },
    /// The connection is closed for good.
    #[error("waiting for {what} ended: {error}")]
    Closed {
        /// What was waited for.
        what: String,
        /// What a call ends with now.
        error: Error,
    },
    /// It was not awaited inside a Tokio runtime.
    #[error("waiting for {what} needs a Tokio runtime with timers")]
    NoRuntime {
        /// What was waited for.
        what: String,
    },
}

fn last_known(last: Option<&str>, problem: Option<&Error>, call: Option<&Error>) -> String {
    let seen = match last {
        Some(last) => format!("last seen: {last}"),
        None => "nothing was seen of it".to_owned(),
    };
    let problem = problem.map(|problem| format!("the last question failed: {problem}"));
    let call = call.map(|call| format!("before that, {call}"));
    [Some(seen), problem, call].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
