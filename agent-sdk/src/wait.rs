//! Waiting until work is done, since a reply means that it was accepted.
//!
//! Each wait listens for events, subscribes, and asks the agent; it asks again wherever an event may be
//! missing: after an interruption, a lag, a reconnect, and every now and then, since events may not come
//! at all. At its end it gives the subscription back, unless that was there before.
//!
//! # Cancel safety
//!
//! A [`Wait`] may be dropped at any time: that ends its subscription as well, and nothing else.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(agent: agent_sdk::Agent) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use agent_sdk::KnownState;
//!
//! let start = agent.call_raw("server_start", serde_json::json!({ "server": "alpha" }));
//! let running = agent.wait_for_state("alpha", KnownState::Running).after(start);
//! running.timeout(Duration::from_secs(600)).await?;
//! # Ok(()) }
//! ```

mod backup;
mod error;
mod installed;
mod listing;
mod restart;
mod run;
mod sight;
mod states;
mod topic;
mod watch;

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use serde_json::{Value, json};

pub use self::{
    backup::KnownBackups,
    error::WaitError,
    sight::Sight,
    states::{StateChange, StateChanges},
};
use self::{
    run::{Check, Plan, Verdict, run},
    watch::View,
};
use crate::{
    agent::Agent,
    call::Call,
    decode::FromReply,
    event::{KnownState, ServerState},
    options::FOREVER,
};

/// How long is waited unless the caller says otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How often the agent is asked unless the caller says otherwise.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// A wait that is not over; awaiting it begins it. Options come before that.
///
/// It needs the timers of the Tokio runtime that awaits it, and keeps the connection open as a clone of
/// the [`Agent`] does.
#[must_use = "a wait begins when it is awaited"]
pub struct Wait<T>(Progress<T>);

enum Progress<T> {
    Planned(Box<Plan<T>>),
    Running(Pin<Box<dyn Future<Output = Result<T, WaitError>> + Send>>),
    /// In between, and after a panic of the caller's own check.
    Ended,
}

impl<T> Wait<T> {
    fn new(
        agent: &Agent,
        what: String,
        server: Option<&str>,
        check: impl Check<T> + 'static,
    ) -> Self {
        let view = View {
            agent: agent.clone(),
            topic: server.map(str::to_owned),
            action: Cow::Borrowed("server"),
            parameters: json!({ "server": server }),
            poll_every: POLL_EVERY,
        };
        let check = Box::new(check);
        Self(Progress::Planned(Box::new(Plan { view, what, call: None, check, timeout: TIMEOUT })))
    }

    /// Sets how long to wait. The default is 5 minutes. After the first poll it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// # use std::time::Duration;
    /// let stopped = agent.wait_for_state("alpha", "stopped");
    /// stopped.timeout(Duration::from_secs(60)).await?;
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|plan| plan.timeout = timeout.min(FOREVER))
    }

    /// Sets how often the agent is asked if no event tells anything. The default is every 10 s, the least
    /// 250 ms. After the first poll it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// # use std::time::Duration;
    /// agent.wait_for_state("alpha", "stopped").poll_every(Duration::from_secs(2)).await?;
    /// # Ok(()) }
    /// ```
    pub fn poll_every(self, interval: Duration) -> Self {
        self.change(|plan| plan.view.poll_every = interval.clamp(watch::MIN_INTERVAL, FOREVER))
    }

    /// Asks by another action than the default one, which the method that made the wait names. It should
    /// only read. After the first poll it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// let metrics = serde_json::json!({ "server": "alpha" });
    /// agent.wait_until_empty("alpha").asking("server_metrics", metrics).await?;
    /// # Ok(()) }
    /// ```
    pub fn asking(self, action: impl Into<Cow<'static, str>>, parameters: Value) -> Self {
        self.change(|plan| {
            plan.view.action = action.into();
            plan.view.parameters = parameters;
        })
    }

    /// Makes a call that brings about what is waited for, once the wait listens, has subscribed and has
    /// asked once: so nothing that the call does is too quick to be seen. What was seen before it does not
    /// end the wait. The default is no call. After the first poll it changes nothing.
    ///
    /// A call that is rejected or not sent ends the wait ([`WaitError::Call`]). If it is not known whether
    /// the agent has executed it, the wait goes on: what is waited for tells. So it does when the answer
    /// takes longer than 10 s, as that of some agents when a backup is done. The time limit is that of
    /// the call and the wait together.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait takes nothing back that was sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// use agent_sdk::KnownState;
    ///
    /// let stop = agent.call_raw("server_stop", serde_json::json!({ "server": "alpha" }));
    /// agent.wait_for_state("alpha", KnownState::Stopped).after(stop).await?;
    /// # Ok(()) }
    /// ```
    pub fn after<R: FromReply>(self, call: Call<'_, R>) -> Self {
        self.change(|plan| plan.call = Some(call.owned().untyped()))
    }

    fn change(mut self, change: impl FnOnce(&mut Plan<T>)) -> Self {
        if let Progress::Planned(plan) = &mut self.0 {
            change(plan);
        }
        self
    }
}

impl<T: Send + 'static> Future for Wait<T> {
    type Output = Result<T, WaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut running = match std::mem::replace(&mut self.0, Progress::Ended) {
            Progress::Planned(plan) => Box::pin(run(*plan)),
            Progress::Running(running) => running,
            // Polled again after its end. It must not hang, and must not panic.
            Progress::Ended => {
                let what = "what was waited for already".to_owned();
                return Poll::Ready(Err(WaitError::NoRuntime { what }));
            }
        };
        let polled = running.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Progress::Running(running);
        }
        polled
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.0 {
            Progress::Planned(plan) => &plan.what,
            Progress::Running(_) => "running",
            Progress::Ended => "ended",
        };
        f.debug_struct("Wait").field("for", &what).finish_non_exhaustive()
    }
}

impl Agent {
    /// Waits until a server is in a state, and returns that in the agent's own words. It asks by the
    /// action `server`.
    ///
    /// A [`KnownState`] is any word that means it; another text is compared as
    /// [`ServerState`] does. What is so already ends the wait at once: after `restart`, which may run a
    /// countdown, a server is still running. [`Agent::wait_for_restart`] is for that.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; the time limit tells the state that was seen last.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// use agent_sdk::KnownState;
    ///
    /// let state = agent.wait_for_state("alpha", KnownState::Running).await?;
    /// println!("alpha is {state}");
    /// # Ok(()) }
    /// ```
    pub fn wait_for_state(
        &self,
        server: impl AsRef<str>,
        wanted: impl Into<ServerState>,
    ) -> Wait<ServerState> {
        let (server, wanted) = (server.as_ref(), wanted.into());
        let what = format!("`{}` to be `{}`", server.escape_debug(), wanted.word().escape_debug());
        let is_wanted = move |state: &ServerState| match wanted.known() {
            Some(known) => *state == known,
            None => *state == wanted,
        };
        let check = move |sight: Sight<'_>| match sight.state() {
            Some(state) if is_wanted(&state) => Verdict::Done(state),
            Some(state) => Verdict::NotYet(Some(format!("`{}`", state.as_str()))),
            None => Verdict::untold(sight, "a state"),
        };
        Wait::new(self, what, Some(server), check)
    }

    /// Waits until `check` returns something for an event of the topic, or for the answer of the action
    /// `server` about it; see [`Wait::asking`].
    ///
    /// # Errors
    ///
    /// [`WaitError`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// use agent_sdk::wait::Sight;
    ///
    /// let many = agent.wait_until("alpha", |sight| sight.players().filter(|players| *players > 50));
    /// println!("{} players", many.await?);
    /// # Ok(()) }
    /// ```
    pub fn wait_until<T, F>(&self, topic: impl AsRef<str>, mut check: F) -> Wait<T>
    where
        F: FnMut(Sight<'_>) -> Option<T> + Send + 'static,
    {
        let topic = topic.as_ref();
        let what = format!("something of `{}`", topic.escape_debug());
        let check = move |sight: Sight<'_>| match check(sight) {
            Some(found) => Verdict::Done(found),
            None => match sight.state() {
                Some(state) => Verdict::NotYet(Some(format!("`{}`", state.as_str()))),
                None => Verdict::untold(sight, "a state"),
            },
        };
        Wait::new(self, what, Some(topic), check)
    }

    /// Waits until a server has no players. It asks by the action `server`; where that does not tell how
    /// many there are, name another one by [`Wait::asking`]. A server that is not at work is empty.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; unknown is not empty, so that an agent that does not tell ends in the time limit.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// agent.wait_until_empty("alpha").await?;
    /// # Ok(()) }
    /// ```
    pub fn wait_until_empty(&self, server: impl AsRef<str>) -> Wait<()> {
        let server = server.as_ref();
        let what = format!("`{}` to be empty", server.escape_debug());
        let check = |sight: Sight<'_>| match sight.players() {
            Some(0) => Verdict::Done(()),
            Some(players) => Verdict::NotYet(Some(format!("{players} players"))),
            None => Verdict::untold(sight, "a number of players"),
        };
        Wait::new(self, what, Some(server), check)
    }
}

impl From<KnownState> for ServerState {
    fn from(state: KnownState) -> Self {
        Self::new(format!("server.{state:?}").to_ascii_lowercase())
    }
}
