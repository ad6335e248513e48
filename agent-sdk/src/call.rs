//! A call from its preparation to its end.

mod retry;

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{Span, debug, debug_span, field::Empty};

pub use self::retry::RetryingCall;
use crate::{
    connection::{
        CallState, Completion, Handle, NewCall, Refusal, Refused, Shared, SubscriptionChange,
    },
    decode::FromReply,
    error::{CloseReason, Error, NotSent, Rejected},
    options::{FOREVER, Options},
    reply::Reply,
    wire::{Request, RequestError, Status, Token},
};

/// A prepared call; awaiting it sends it.
///
/// Every method of an action returns one. It is a future: its first poll queues the request, and it
/// ends with the reply. Options, such as [`Call::timeout`], come before that.
///
/// # Accepted is not done
///
/// A reply means that the agent has *accepted* the action, not that the work is done
/// (`docs/protocol.md`, documented and observed by others): a stop may run a countdown first, a
/// start takes minutes, and a backup, an update or the installation of a mod may go on long after
/// its reply. To learn when it is done, [`wait`](crate::wait) for it.
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
///
/// Several at once:
///
/// ```no_run
/// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
/// let (me, servers) =
///     tokio::try_join!(agent.call_raw("whoami", ()), agent.call_raw("servers", ()))?;
/// # Ok(()) }
/// ```
#[must_use = "a call is made when it is awaited"]
pub struct Call<'a, T> {
    inner: Inner<'a>,
    output: PhantomData<fn() -> T>,
}

impl<'a, T: FromReply> Call<'a, T> {
    pub(crate) fn new(
        handle: &'a Arc<Handle>,
        action: Cow<'static, str>,
        timeout: Option<Duration>,
        reads: bool,
        request: Result<Request, RequestError>,
    ) -> Self {
        Self::with_owner(Owner::Borrowed(handle), action, timeout, reads, request)
    }

    /// A call that keeps no connection open.
    pub(crate) fn of_connection(
        shared: &Arc<Shared>,
        action: &'static str,
        request: Result<Request, RequestError>,
    ) -> Self {
        let owner = Owner::Connection(Arc::clone(shared));
        Self::with_owner(owner, Cow::Borrowed(action), None, true, request)
    }

    fn with_owner(
        owner: Owner<'a>,
        action: Cow<'static, str>,
        timeout: Option<Duration>,
        reads: bool,
        request: Result<Request, RequestError>,
    ) -> Self {
        let options = &owner.shared().options;
        let inner = Inner {
            action,
            timeout: timeout.map_or(options.call_timeout, |timeout| timeout.min(FOREVER)),
            reads,
            fail_fast: options.fail_fast,
            goes_first: false,
            phase: CallPhase::Prepared(owner, request),
            span: Span::none(),
            started: None,
        };
        Self { inner, output: PhantomData }
    }

    /// Sets how long to wait for the reply, including any wait for a connection or for a turn. It is
    /// counted from when the connection's task takes notice of the call, which the first poll makes
    /// it do as soon as the runtime lets it run. The default is that of the action where the overlay
    /// names one, else that of [`Builder::call_timeout`](crate::Builder::call_timeout). After the
    /// first poll it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// use std::time::Duration;
    ///
    /// let reply = agent.call_raw("servers", ()).timeout(Duration::from_secs(2)).await?;
    /// # Ok(()) }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let CallPhase::Prepared(..) = self.inner.phase {
            self.inner.timeout = timeout.min(FOREVER);
        }
        self
    }

    /// Sets whether the call ends at once with [`NotSent::Disconnected`] while a lost connection is being
    /// made again, or when it is lost before the request was sent. The default is that of
    /// [`Builder::fail_fast`](crate::Builder::fail_fast). After the first poll it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// let servers = agent.call_raw("servers", ()).fail_fast(true).await?;
    /// # Ok(()) }
    /// ```
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        if let CallPhase::Prepared(..) = self.inner.phase {
            self.inner.fail_fast = fail_fast;
        }
        self
    }

    /// Returns the same call, which borrows nothing: it can be spawned, stored or returned.
    ///
    /// Until it ends, or is dropped, it keeps the connection open as a clone of the
    /// [`Agent`](crate::Agent) does.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) {
    /// let backup = agent.call_raw("create_backup", serde_json::json!({ "server": "survival" }));
    /// let running = tokio::spawn(backup.owned());
    /// # }
    /// ```
    pub fn owned(self) -> Call<'static, T> {
        Call { inner: self.inner.owned(), output: PhantomData }
    }
}

impl<'a, T: FromReply> Call<'a, T> {
    /// Lets the call go before all others, and waits for no check as these do, nor fails fast: it is
    /// that check.
    pub(crate) fn goes_first(mut self) -> Self {
        self.inner.goes_first = true;
        self.inner.fail_fast = false;
        self
    }

    /// Returns the same call, whose reply is left as it comes.
    pub(crate) fn untyped(self) -> Call<'a, Reply> {
        Call { inner: self.inner, output: PhantomData }
    }

    pub(crate) fn action(&self) -> &str {
        &self.inner.action
    }

    /// Sends the call, and leaves it to itself.
    pub(crate) fn detach(mut self) {
        // The first poll queues it, and a call that has ended is not cancelled.
        let _ = self.inner.poll(&mut Context::from_waker(Waker::noop()));
        self.inner.phase = CallPhase::Ended;
    }
}

impl<T: FromReply> Future for Call<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.inner.poll(cx)).and_then(T::from_reply))
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("action", &self.inner.action)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}

/// A call without the type of its reply: what is compiled once for all actions.
struct Inner<'a> {
    action: Cow<'static, str>,
    timeout: Duration,
    /// Whether executing it twice is executing it once.
    reads: bool,
    fail_fast: bool,
    goes_first: bool,
    phase: CallPhase<'a>,
    span: Span,
    /// When it was started, if it is traced.
    started: Option<Instant>,
}

enum CallPhase<'a> {
    Prepared(Owner<'a>, Result<Request, RequestError>),
    /// Until it ends, the call has a place in the connection's table.
    Waiting(Owner<'a>, Arc<CallState>),
    /// Holds nothing, so that a finished call keeps no connection open.
    Ended,
}

/// What keeps the connection open while the call lasts.
#[derive(Clone)]
enum Owner<'a> {
    Borrowed(&'a Arc<Handle>),
    Owned(Arc<Handle>),
    /// Nothing: the connection is the caller's own.
    Connection(Arc<Shared>),
}

impl Owner<'_> {
    fn shared(&self) -> &Shared {
        match self {
            Self::Borrowed(handle) => &handle.shared,
            Self::Owned(handle) => &handle.shared,
            Self::Connection(shared) => shared,
        }
    }

    fn owned(self) -> Owner<'static> {
        match self {
            Self::Borrowed(handle) => Owner::Owned(Arc::clone(handle)),
            Self::Owned(handle) => Owner::Owned(handle),
            Self::Connection(shared) => Owner::Connection(shared),
        }
    }
}

impl Inner<'_> {
    /// Returns the same call once more; none if it has begun, or cannot be sent.
    fn again(&self) -> Option<Self> {
        let CallPhase::Prepared(owner, Ok(request)) = &self.phase else { return None };
        Some(Self {
            action: self.action.clone(),
            timeout: self.timeout,
            reads: self.reads,
            fail_fast: self.fail_fast,
            goes_first: self.goes_first,
            phase: CallPhase::Prepared(owner.clone(), Ok(request.clone())),
            span: Span::none(),
            started: None,
        })
    }

    fn owned(mut self) -> Inner<'static> {
        let phase = match mem::replace(&mut self.phase, CallPhase::Ended) {
            CallPhase::Prepared(owner, request) => CallPhase::Prepared(owner.owned(), request),
            CallPhase::Waiting(owner, state) => CallPhase::Waiting(owner.owned(), state),
            CallPhase::Ended => CallPhase::Ended,
        };
        Inner {
            action: mem::take(&mut self.action),
            timeout: self.timeout,
            reads: self.reads,
            fail_fast: self.fail_fast,
            goes_first: self.goes_first,
            phase,
            span: mem::replace(&mut self.span, Span::none()),
            started: self.started,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Error>> {
        match mem::replace(&mut self.phase, CallPhase::Ended) {
            CallPhase::Prepared(owner, request) => {
                let state = self.submit(&owner, request, cx)?;
                self.phase = CallPhase::Waiting(owner, state);
                Poll::Pending
            }
            CallPhase::Waiting(owner, state) => {
                let Poll::Ready(ending) = state.poll(cx) else {
                    self.phase = CallPhase::Waiting(owner, state);
                    return Poll::Pending;
                };
                let result = self.result(ending, &owner.shared().options);
                self.trace(&result, state.token());
                Poll::Ready(result)
            }
            // Polled again after its end. It must not hang, and must not panic.
            CallPhase::Ended => Poll::Ready(Err(self.closed(Arc::new(CloseReason::Requested)))),
        }
    }

    fn submit(
        &mut self,
        owner: &Owner<'_>,
        request: Result<Request, RequestError>,
        cx: &Context<'_>,
    ) -> Result<Arc<CallState>, Error> {
        let request = request.map_err(|error| {
            self.not_sent(match error {
                RequestError::Json(error) => NotSent::Parameters(error),
                RequestError::NotAnObject => NotSent::NotAnObject,
            })
        })?;
        let (size, limit) = (request.as_bytes().len(), owner.shared().options.max_request_size);
        if size > limit {
            return Err(self.not_sent(NotSent::TooLarge { size, limit }));
        }
        let effect = SubscriptionChange::of(&self.action, &request).map(Box::new);
        let Self { timeout, fail_fast, goes_first, .. } = *self;
        let call = NewCall { request, timeout, fail_fast, goes_first, effect };
        let submitted = owner.shared().submit(call, cx.waker().clone());
        let state = submitted.map_err(|refused| match refused {
            Refused::Closed(why) => self.closed(why),
            Refused::Disconnected => self.not_sent(NotSent::Disconnected),
        })?;
        self.span = debug_span!(
            "call",
            action = &*self.action,
            token = Empty,
            outcome = Empty,
            duration = Empty
        );
        self.started = (!self.span.is_disabled()).then(Instant::now);
        Ok(state)
    }

    fn result(&self, ending: Completion, options: &Options) -> Result<Reply, Error> {
        let action = || self.action.as_ref().into();
        match ending {
            Completion::Reply { message, status, parameters } => {
                let reply = Reply::new(self.action.clone(), message, parameters);
                match status {
                    Status::Ok => Ok(reply),
                    Status::Error => Err(Error::Rejected(Box::new(Rejected::by(&reply, options)))),
                }
            }
            Completion::TooLarge { size } => {
                let limit = options.max_message_size;
                Err(Error::ReplyTooLarge { action: action(), size, limit })
            }
            Completion::NotSent => Err(self.not_sent(NotSent::TimedOut(self.timeout))),
            Completion::Disconnected => Err(self.not_sent(NotSent::Disconnected)),
            Completion::Refused(Refusal::Gone) => Err(self.not_sent(NotSent::ActionGone)),
            Completion::Refused(Refusal::Changed(change)) => {
                Err(self.not_sent(NotSent::ActionChanged { change }))
            }
            Completion::Unanswered(reason) => {
                Err(Error::OutcomeUnknown { action: action(), reason })
            }
            Completion::Closed(why) => Err(self.closed(why)),
        }
    }

    fn not_sent(&self, reason: NotSent) -> Error {
        Error::NotSent { action: self.action.as_ref().into(), reason }
    }

    fn closed(&self, why: Arc<CloseReason>) -> Error {
        Error::Closed { action: self.action.as_ref().into(), why }
    }

    /// Tells `tracing` how the call ended.
    fn trace(&self, result: &Result<Reply, Error>, token: Option<Token>) {
        let Some(started) = self.started else { return };
        if let Some(token) = token {
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

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        if let CallPhase::Waiting(owner, state) = &self.phase {
            owner.shared().cancel(state);
        }
    }
}
