//! A call that is repeated where that is safe.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Sleep, sleep},
};
use tracing::debug;

use super::{Call, Inner};
use crate::{
    decode::FromReply,
    error::{Error, NotSent, Unanswered},
    reply::Reply,
};

/// The bound of the wait before the first repetition; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The bound that no wait exceeds.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A [`Call`] that is repeated where that is safe; [`Call::retry`] returns one.
///
/// # Cancel safety
///
/// As that of [`Call`].
#[must_use = "a call is made when it is awaited"]
pub struct RetryingCall<'a, T> {
    inner: Retries<'a>,
    output: PhantomData<fn() -> T>,
}

/// A call and its repetitions, without the type of their reply.
struct Retries<'a> {
    running: Inner<'a>,
    /// What is repeated; none once that is out of the question.
    template: Option<Inner<'a>>,
    left: u32,
    bound: Duration,
    wait: Option<Pin<Box<Sleep>>>,
}

impl<'a, T: FromReply> Call<'a, T> {
    /// Repeats the call up to so many times where that is safe. By default no call is repeated.
    ///
    /// What has [not been executed](crate::Outcome::NotExecuted) is repeated whatever the action: its
    /// time was up, or there was no connection, before it was sent. What has an
    /// [unknown outcome](crate::Outcome::Unknown), since its connection was lost or its answer did not
    /// come in time, is only repeated if the action [reads](crate::Action::READS): a write never runs
    /// twice. What the agent answered, a rejection included, is the end.
    ///
    /// Each attempt has the whole [`timeout`](Call::timeout). Between two of them passes a random time
    /// of at most 100 ms, which doubles each time up to 5 s; it needs the timers of the Tokio runtime
    /// that awaits the call. Options of the call come before this one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// use std::time::Duration;
    ///
    /// let servers = agent.servers().timeout(Duration::from_secs(2)).retry(3).await?;
    /// # Ok(()) }
    /// ```
    pub fn retry(self, times: u32) -> RetryingCall<'a, T> {
        let inner = Retries {
            template: self.inner.again(),
            running: self.inner,
            left: times,
            bound: FIRST_WAIT,
            wait: None,
        };
        RetryingCall { inner, output: PhantomData }
    }
}

impl<T: FromReply> RetryingCall<'_, T> {
    /// Returns the same call, which borrows nothing; see [`Call::owned`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) {
    /// let running = tokio::spawn(agent.call_raw("servers", ()).retry(3).owned());
    /// # }
    /// ```
    pub fn owned(self) -> RetryingCall<'static, T> {
        let Retries { running, template, left, bound, wait } = self.inner;
        let (running, template) = (running.owned(), template.map(Inner::owned));
        RetryingCall {
            inner: Retries { running, template, left, bound, wait },
            output: PhantomData,
        }
    }
}

impl<T: FromReply> Future for RetryingCall<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.inner.poll(cx)).and_then(T::from_reply))
    }
}

impl<T> fmt::Debug for RetryingCall<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryingCall")
            .field("action", &self.inner.running.action)
            .field("left", &self.inner.left)
            .finish_non_exhaustive()
    }
}

impl Retries<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Error>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            let result = ready!(self.running.poll(cx));
            if !self.begin_again(&result) {
                // A finished call keeps no connection open.
                self.template = None;
                return Poll::Ready(result);
            }
        }
    }

    /// Prepares the next attempt; returns whether there is one.
    fn begin_again(&mut self, result: &Result<Reply, Error>) -> bool {
        let Err(error) = result else { return false };
        let Some(template) = self.template.as_ref().filter(|_| self.left > 0) else { return false };
        if !may_be_repeated(error, template.reads) {
            return false;
        }
        let Some(next) = template.again() else { return false };
        debug!(action = &*next.action, left = self.left, %error, "repeating a call");
        self.running = next;
        self.left -= 1;
        // Without a runtime there are no timers, and each attempt still has its own time limit.
        let wait = self.bound.mul_f64(rand::random::<f64>());
        self.wait = Handle::try_current().is_ok().then(|| Box::pin(sleep(wait)));
        self.bound = (2 * self.bound).min(LONGEST_WAIT);
        true
    }
}

fn may_be_repeated(error: &Error, reads: bool) -> bool {
    match error {
        Error::NotSent { reason, .. } => {
            matches!(reason, NotSent::TimedOut(_) | NotSent::Disconnected)
        }
        Error::OutcomeUnknown { reason, .. } => reads && !matches!(reason, Unanswered::Closed),
        _ => false,
    }
}
