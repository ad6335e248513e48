//! The handle to an agent.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    action::{Action, Parameters},
    call::Call,
    connection::{Handle, Shared, State},
    decode::FromReply,
    dial::Door,
    event::Events,
    reply::Reply,
    statistics::Statistics,
    wire::Request,
};

/// A connection to one agent.
///
/// Clones share the connection; any number of calls may be in flight on it, from any number of
/// tasks. When the last clone is dropped, the connection is closed.
///
/// The methods of the agent's actions are generated: see [`actions`](crate::actions).
///
/// # Examples
///
/// ```no_run
/// # async fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
/// use agent_sdk::{Agent, Tls};
///
/// let agent = Agent::builder("wss://203.0.113.7:8090")
///     .credentials("root", password)
///     .tls(Tls::pinned("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?)
///     .connect()
///     .await?;
/// let reply = agent.call_raw("whoami", ()).await?;
/// println!("{}", reply.parameters()?);
/// agent.close().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Agent {
    handle: Arc<Handle>,
}

impl Agent {
    pub(crate) fn new(shared: Arc<Shared>, url: String, door: Arc<Door>) -> Self {
        Self { handle: Arc::new(Handle::new(shared, url, door)) }
    }

    /// What a further connection to the same agent needs.
    #[cfg(feature = "transfer")]
    pub(crate) fn door(&self) -> &Door {
        &self.handle.door
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Calls an action; the generated methods do this.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// use agent_sdk::actions::ServerStart;
    ///
    /// // As `agent.server_start(…)`.
    /// agent.call(ServerStart::new("survival")).await?;
    /// # Ok(()) }
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a call is made once, with its own parameters"
    )]
    pub fn call<A: Action>(&self, parameters: A) -> Call<'_, A::Output> {
        self.call_written(A::NAME, A::TIMEOUT, A::READS, &|written| {
            parameters.write_parameters(written);
        })
    }

    /// [`Agent::call`] without the type of the action. Never inlined, so that a method of an action
    /// costs next to nothing to compile: this took a fifth off the build of 1,000 actions.
    #[inline(never)]
    fn call_written<T: FromReply>(
        &self,
        action: &'static str,
        timeout: Option<Duration>,
        reads: bool,
        write: &dyn Fn(&mut Parameters),
    ) -> Call<'_, T> {
        let request = Request::of_action(action, write);
        Call::new(&self.handle, Cow::Borrowed(action), timeout, reads, request)
    }

    /// Calls an action by its name on the wire, for those that the SDK does not know.
    ///
    /// The parameters must serialise as a JSON object; `()` means none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// let reply = agent.call_raw("brand_new_action", serde_json::json!({ "x": 1 })).await?;
    /// # Ok(()) }
    /// ```
    pub fn call_raw(
        &self,
        action: impl Into<Cow<'static, str>>,
        parameters: impl Serialize,
    ) -> Call<'_, Reply> {
        let action = action.into();
        let request = Request::new(&action, &parameters);
        Call::new(&self.handle, action, None, false, request)
    }

    /// Returns a stream of unsolicited messages, from now on.
    ///
    /// A server's events have to be subscribed to first (action `subscribe`), console lines to be
    /// enabled (`enable_stdout`).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// let mut events = agent.events().topic("survival");
    /// agent.call_raw("subscribe", serde_json::json!({ "topic": "survival" })).await?;
    /// while let Some(event) = events.next().await {
    ///     println!("{event:?}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn events(&self) -> Events {
        let options = &self.handle.shared.options;
        let hub = Arc::clone(&self.handle.shared.events);
        Events::new(hub, options.event_capacity, options.max_message_size)
    }

    /// Returns how the connection is, now and whenever it changes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) {
    /// let mut state = agent.state();
    /// while state.changed().await.is_ok() {
    ///     println!("{:?}", *state.borrow_and_update());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.handle.shared.watch_state()
    }

    /// Returns figures of what has happened since the agent was connected.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.handle.shared.statistics()
    }

    /// Returns when anything arrived last from the agent: a reply, an event, the answer to a ping. For
    /// watchdogs.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// if agent.last_heard().elapsed() > std::time::Duration::from_secs(60) {
    ///     agent.reconnect();
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn last_heard(&self) -> Instant {
        self.handle.shared.last_heard().into_std()
    }

    /// Returns when an event of a topic (a server's id) arrived last; `None` if none has, or if the
    /// topic is not subscribed to.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// let heard = agent.last_heard_of("survival");
    /// let is_silent = heard.is_none_or(|heard| heard.elapsed() > std::time::Duration::from_secs(60));
    /// # }
    /// ```
    #[must_use]
    pub fn last_heard_of(&self, topic: &str) -> Option<Instant> {
        Some(self.handle.shared.last_heard_of(topic)?.into_std())
    }

    /// Replaces the connection by a new one, for all clones; [`Agent::state`] tells how it goes.
    ///
    /// Calls in flight end as [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown), calls that wait
    /// are sent on the new connection, subscriptions are made again. Without a connection, the next
    /// attempt is made at once, unless its wait is to outlast a ban
    /// ([`Pace::Slow`](crate::Pace::Slow), [`Pace::Banned`](crate::Pace::Banned)). It works with
    /// [`ReconnectPolicy::never`](crate::ReconnectPolicy::never) too, and does nothing once the
    /// connection is closed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) {
    /// use agent_sdk::State;
    ///
    /// let mut state = agent.state();
    /// agent.reconnect();
    /// let _ = state.wait_for(|state| !matches!(state, State::Connected)).await;
    /// # }
    /// ```
    pub fn reconnect(&self) {
        self.handle.shared.request_reconnect();
    }

    /// Returns the URL of the agent, with port and path. A query is left out, for it may hold a secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.handle.url
    }

    /// Closes the connection, for all clones.
    ///
    /// New calls are refused at once. What is queued is sent, calls in flight may be answered until
    /// [`Builder::close_timeout`](crate::Builder::close_timeout) has passed, then a close frame is sent and its echo awaited for a
    /// second. Closing what is closed does nothing.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time after its first poll; the connection is closed all the
    /// same.
    pub async fn close(&self) {
        let shared = &self.handle.shared;
        let mut state = shared.watch_state();
        shared.request_close(shared.options.close_timeout);
        // An error would mean that the sender is gone, and `shared` holds it.
        let _ = state.wait_for(|state| matches!(state, State::Closed { .. })).await;
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("url", &self.handle.url).finish_non_exhaustive()
    }
}
