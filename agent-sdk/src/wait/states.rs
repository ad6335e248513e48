//! The states of a server, one after the other.

use std::{fmt, time::Duration};

use serde_json::json;
use tokio::runtime::Handle;

use super::{
    POLL_EVERY,
    watch::{MIN_INTERVAL, View, Watcher},
};
use crate::{agent::Agent, event::ServerState, options::FOREVER};

/// The changes of a server's state; [`Agent::watch_state`] returns them.
///
/// It subscribes to the server's events and asks wherever one may be missing, as a [`Wait`](super::Wait)
/// does; dropping it ends the subscription unless that was there before. It keeps the connection open as
/// a clone of the [`Agent`] does.
#[must_use = "the states are looked at when `next` is awaited"]
pub struct StateChanges {
    view: View,
    watcher: Option<Watcher>,
    last: Option<ServerState>,
}

/// A change of a server's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// The state that was seen before; `None` for the first one.
    pub before: Option<ServerState>,
    /// The new state.
    pub state: ServerState,
}

impl Agent {
    /// Returns the states of a server: the present one first, and then each that is another than the one
    /// before. It asks by the action `server`.
    ///
    /// Where events were missing, the state is asked for; a state that came and went meanwhile was not
    /// seen.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) {
    /// use agent_sdk::KnownState;
    ///
    /// let mut states = agent.watch_state("alpha");
    /// while let Some(change) = states.next().await {
    ///     if change.state == KnownState::Crashed {
    ///         eprintln!("alpha has crashed");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch_state(&self, server: impl AsRef<str>) -> StateChanges {
        let server = server.as_ref();
        let view = View {
            agent: self.clone(),
            topic: Some(server.to_owned()),
            action: "server".into(),
            parameters: json!({ "server": server }),
            poll_every: POLL_EVERY,
        };
        StateChanges { view, watcher: None, last: None }
    }
}

impl StateChanges {
    /// Sets how often the agent is asked if no event tells anything. The default is every 10 s, the least
    /// 250 ms. After the first `next` it changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(agent: agent_sdk::Agent) {
    /// use std::time::Duration;
    ///
    /// let states = agent.watch_state("alpha").poll_every(Duration::from_secs(60));
    /// # }
    /// ```
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.view.poll_every = interval.clamp(MIN_INTERVAL, FOREVER);
        self
    }

    /// Returns the next change; `None` once the connection is closed for good, and outside of a Tokio
    /// runtime. An agent that does not answer is asked again.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time; no change is lost by it.
    pub async fn next(&mut self) -> Option<StateChange> {
        Handle::try_current().ok()?;
        let watcher = self.watcher.get_or_insert_with(|| Watcher::new(self.view.clone()));
        loop {
            let seen = watcher.next().await.ok()?;
            let Some(state) = seen.sight().and_then(|sight| sight.state()) else { continue };
            if self.last.as_ref() != Some(&state) {
                let before = self.last.replace(state.clone());
                return Some(StateChange { before, state });
            }
        }
    }
}

impl fmt::Debug for StateChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateChanges")
            .field("server", &self.view.topic)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
