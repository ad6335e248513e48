//! A call on its way.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{Span, debug, debug_span, field::Empty};

use crate::{
    connection::{CallState, Completion, NewCall, Shared, SubscriptionChange},
    error::{CloseReason, Error, NotSent, Rejected},
    options::FOREVER,
    reply::{FromReply, Reply},
    wire::{Request, RequestError, Status},
};

/// A prepared call; awaiting it sends it.
///
/// Every method of an action returns one. `.await` sends the request and waits for the reply;
/// [`Call::timeout`] comes before that.
///
/// # Errors
///
/// Awaiting it gives an [`Error`]; [`Error::outcome`] tells whether the agent may have executed
/// the call.
///
/// # Cancel safety
///
/// The future may be dropped at any time. If the request has not been sent by then, it never is;
/// if it has, the agent may execute it, and its reply is ignored. "Sent" is what the task that owns
/// the socket has taken over: it takes no more than 16 KiB and one request ahead of the socket. A
/// `subscribe` or `enable_stdout` whose answer is not waited for is not repeated after a
/// reconnect.
///
/// # Examples
///
/// ```no_run
/// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
/// use std::time::Duration;
///
/// let reply = agent
///     .call_raw("create_backup", serde_json::json!({ "server": "survival" }))
///     .timeout(Duration::from_secs(600))
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "a call is made when it is awaited"]
pub struct Call<'a, T> {
    prepared: Prepared<'a>,
    output: PhantomData<fn() -> T>,
}

/// A call without the type of its reply: what is compiled once for all actions.
struct Prepared<'a> {
    shared: &'a Shared,
    action: Cow<'static, str>,
    request: Result<Request, RequestError>,
    timeout: Duration,
}

impl<'a, T: FromReply> Call<'a, T> {
    pub(crate) fn new(
        shared: &'a Shared,
        action: Cow<'static, str>,
        timeout: Option<Duration>,
        request: Result<Request, RequestError>,
    ) -> Self {
        let timeout = timeout.map_or(shared.options.call_timeout, |timeout| timeout.min(FOREVER));
        Self { prepared: Prepared { shared, action, request, timeout }, output: PhantomData }
    }

    /// How long to wait for the reply, including any wait for a connection or for a turn. It is
    /// counted from when the connection's task takes notice of the call, which the first poll makes
    /// it do as soon as the runtime lets it run. The default is that of the action where the overlay
    /// names one, else that of [`Builder::call_timeout`](crate::Builder::call_timeout).
    ///
    /// # Examples
    ///
    /// See [`Call`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.prepared.timeout = timeout.min(FOREVER);
        self
    }
}

impl<'a, T: FromReply> IntoFuture for Call<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = CallFuture<'a, T>;

    fn into_future(self) -> Self::IntoFuture {
        CallFuture { call: InFlight::new(self.prepared), output: PhantomData }
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("action", &self.prepared.action)
            .field("timeout", &self.prepared.timeout)
            .finish_non_exhaustive()
    }
}

/// The future of a [`Call`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct CallFuture<'a, T> {
    call: InFlight<'a>,
    output: PhantomData<fn() -> T>,
}

impl<T: FromReply> Future for CallFuture<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.call.poll(cx)).and_then(T::from_reply))
    }
}

impl<T> fmt::Debug for CallFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").field("action", &self.call.action).finish_non_exhaustive()
    }
}

/// A call that has a place in the table from its first poll to its end.
struct InFlight<'a> {
    shared: &'a Shared,
    action: Cow<'static, str>,
    timeout: Duration,
    phase: CallPhase,
    span: Span,
    /// When it was started, if anybody traces it.
    started: Option<Instant>,
}

enum CallPhase {
    Prepared(Result<Request, RequestError>),
    Waiting(Arc<CallState>),
    Ended,
}

impl<'a> InFlight<'a> {
    fn new(prepared: Prepared<'a>) -> Self {
        let Prepared { shared, action, request, timeout } = prepared;
        let phase = CallPhase::Prepared(request);
        Self { shared, action, timeout, phase, span: Span::none(), started: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Error>> {
        if let CallPhase::Prepared(_) = self.phase {
            let phase = std::mem::replace(&mut self.phase, CallPhase::Ended);
            if let CallPhase::Prepared(request) = phase {
                self.start(request, cx)?;
                return Poll::Pending;
            }
        }
        let CallPhase::Waiting(state) = &self.phase else {
            // Polled again after its end. It must not hang, and must not panic.
            return Poll::Ready(Err(self.closed(Arc::new(CloseReason::Requested))));
        };
        let ending = ready!(state.poll(cx));
        let result = self.result(ending);
        self.note(&result);
        self.phase = CallPhase::Ended;
        Poll::Ready(result)
    }

    fn start(
        &mut self,
        request: Result<Request, RequestError>,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        let request = request.map_err(|error| Error::NotSent {
            action: self.action.as_ref().into(),
            reason: match error {
                RequestError::Json(error) => NotSent::Parameters(error),
                RequestError::NotAnObject => NotSent::NotAnObject,
            },
        })?;
        let effect = SubscriptionChange::of(&self.action, &request).map(Box::new);
        let call = NewCall { request, timeout: self.timeout, effect };
        let submitted = self.shared.submit(call, cx.waker().clone());
        let state = submitted.map_err(|why| self.closed(why))?;
        self.span = debug_span!(
            "call",
            action = &*self.action,
            token = Empty,
            outcome = Empty,
            duration = Empty
        );
        self.started = (!self.span.is_disabled()).then(Instant::now);
        self.phase = CallPhase::Waiting(state);
        Ok(())
    }

    fn result(&self, ending: Completion) -> Result<Reply, Error> {
        let action = || self.action.as_ref().into();
        match ending {
            Completion::Reply { message, status, parameters } => {
                let reply = Reply::new(self.action.clone(), message, parameters);
                match status {
                    Status::Ok => Ok(reply),
                    Status::Error => {
                        let detail = reply.parameters().unwrap_or_default();
                        Err(Error::Rejected(Box::new(Rejected::new(&self.action, detail))))
                    }
                }
            }
            Completion::TooLarge { size } => Err(Error::ReplyTooLarge {
                action: action(),
                size,
                limit: self.shared.options.max_message_size,
            }),
            Completion::NotSent => {
                Err(Error::NotSent { action: action(), reason: NotSent::TimedOut(self.timeout) })
            }
            Completion::Unanswered(reason) => {
                Err(Error::OutcomeUnknown { action: action(), reason })
            }
            Completion::Closed(why) => Err(self.closed(why)),
        }
    }

    fn closed(&self, why: Arc<CloseReason>) -> Error {
        Error::Closed { action: self.action.as_ref().into(), why }
    }

    /// Tells `tracing` how the call ended.
    fn note(&self, result: &Result<Reply, Error>) {
        let Some(started) = self.started else { return };
        if let CallPhase::Waiting(state) = &self.phase
            && let Some(token) = state.token()
        {
            self.span.record("token", tracing::field::display(token));
        }
        self.span.record("duration", tracing::field::debug(started.elapsed()));
        match result {
            Ok(_) => self.span.record("outcome", "ok"),
            Err(error) => self.span.record("outcome", tracing::field::debug(error.outcome())),
        };
        self.span.in_scope(|| debug!("ended"));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let CallPhase::Waiting(state) = &self.phase {
            self.shared.cancel(state);
        }
    }
}
