//! What one who waits gets to see.

use std::fmt;

use serde_json::Value;

use super::listing;
use crate::event::{KnownEvent, KnownState, Message, ServerState};

/// What the agent says of what is waited for: an event, or the answer when it was asked.
///
/// `Debug` does not show the answer, since it may hold a secret.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Sight<'a> {
    /// An event of the topic.
    Event(&'a Message),
    /// The result of the action that is asked, by default `server`.
    Snapshot(&'a Value),
}

/// Where a state may be in an answer, in the order of preference.
const STATES: [&str; 5] = ["state", "server_state", "current_state", "current", "status"];
/// Where the number of players may be, or the list of them.
const PLAYERS: [&str; 6] =
    ["players", "player_count", "players_online", "online_players", "num_players", "online"];
/// What may be wrapped around a server's description.
const WRAPPERS: [&str; 4] = ["server", "data", "metrics", "status"];
/// In these, a server has no players.
const DOWN: [KnownState; 4] =
    [KnownState::Stopped, KnownState::Crashed, KnownState::Killed, KnownState::Removed];
/// Where a state or a number may be in an object of its own.
const INNER: [&str; 7] = ["state", "name", "value", "current", "count", "online", "total"];

impl Sight<'_> {
    /// Returns the server's state, if this says it.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{KnownState, wait::Sight};
    ///
    /// let answer = serde_json::json!({ "server": { "id": "alpha", "state": "server.running" } });
    /// let state = Sight::Snapshot(&answer).state().unwrap();
    /// assert_eq!(state, KnownState::Running);
    /// ```
    #[must_use]
    pub fn state(&self) -> Option<ServerState> {
        match self {
            Self::Event(message) => match message.known()? {
                KnownEvent::ServerState { state, .. } => state,
                _ => None,
            },
            Self::Snapshot(answer) => {
                let is_state = |text: &&str| !text.eq_ignore_ascii_case("ok");
                let text = |value: &Value| value.as_str().filter(is_state).map(ServerState::new);
                find(answer, &STATES, &text).or_else(|| text(answer))
            }
        }
    }

    /// Returns how many players the server has, if this says it. A server that is not at work (stopped,
    /// crashed, killed, removed) has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::wait::Sight;
    ///
    /// let answer = serde_json::json!({ "state": "server.running", "players": ["Ada", "Bob"] });
    /// assert_eq!(Sight::Snapshot(&answer).players(), Some(2));
    /// ```
    #[must_use]
    pub fn players(&self) -> Option<u64> {
        let count = |value: &Value| match value {
            Value::Array(players) => Some(players.len() as u64),
            // As text, or as a floating-point number.
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.to_string().trim_end_matches(".0").parse().ok(),
            _ => None,
        };
        let told = match self {
            Self::Event(message) => find(&message.parameters().ok()?, &PLAYERS, &count),
            Self::Snapshot(answer) => find(answer, &PLAYERS, &count),
        };
        let is_down = |state: ServerState| state.known().is_some_and(|state| DOWN.contains(&state));
        told.or_else(|| self.state().is_some_and(is_down).then_some(0))
    }

    /// Finds what an answer says of something by its id, in whatever list or map it has: a mod, a backup,
    /// a download. An event has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::wait::Sight;
    ///
    /// let answer = serde_json::json!({ "mods": [{ "entity_id": 7, "version": 3 }] });
    /// assert_eq!(Sight::Snapshot(&answer).entry("7").unwrap()["version"], 3);
    /// ```
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Value> {
        match self {
            Self::Event(_) => None,
            Self::Snapshot(answer) => listing::listed(answer, id),
        }
    }
}

impl fmt::Debug for Sight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(message) => f.debug_tuple("Event").field(message).finish(),
            Self::Snapshot(_) => f.debug_tuple("Snapshot").finish_non_exhaustive(),
        }
    }
}

/// Finds a field that is no null, in an object or in what is wrapped in it.
pub(super) fn field<'a>(answer: &'a Value, key: &str) -> Option<&'a Value> {
    let own = answer.get(key).filter(|value| !value.is_null());
    own.or_else(|| WRAPPERS.iter().find_map(|wrapper| field(answer.get(wrapper)?, key)))
}

/// Looks for a value of use under these keys, in an object or in what is wrapped in it.
fn find<T>(answer: &Value, keys: &[&str], read: &impl Fn(&Value) -> Option<T>) -> Option<T> {
    let own = keys.iter().find_map(|key| {
        let value = answer.get(key)?;
        let inner = || INNER.iter().find_map(|key| read(value.get(key)?));
        read(value).or_else(inner)
    });
    own.or_else(|| WRAPPERS.iter().find_map(|key| find(answer.get(key)?, keys, read)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_is_found_wherever_an_answer_may_have_it() {
        for answer in [
            json!({ "state": "server.running" }),
            json!({ "status": "RUNNING", "id": "alpha" }),
            json!({ "server": { "state": { "name": "running" } } }),
            json!({ "data": { "server": { "current_state": "server.running" } } }),
            json!({ "status": "ok", "server": { "state": "server.running" } }),
            json!("server.running"),
        ] {
            let state = Sight::Snapshot(&answer).state();
            assert_eq!(state, Some(ServerState::new("running")), "{answer}");
        }
        for answer in
            [json!({}), json!(null), json!([1]), json!({ "state": 1 }), json!({ "status": "ok" })]
        {
            assert_eq!(Sight::Snapshot(&answer).state(), None, "{answer}");
        }
    }

    #[test]
    fn players_are_counted_and_none_is_told_from_unknown() {
        for (answer, players) in [
            (json!({ "players": 3 }), Some(3)),
            (json!({ "players": [] }), Some(0)),
            (json!({ "metrics": { "players": { "online": 2, "max": 60 } } }), Some(2)),
            (json!({ "state": "server.stopped" }), Some(0)),
            (json!({ "state": "server.crashed" }), Some(0)),
            (json!({ "state": "server.stopping" }), None),
            (json!({ "state": "server.running" }), None),
            (json!({ "players": "many" }), None),
            (json!({ "players": "0" }), Some(0)),
            (json!({ "players": 2.0 }), Some(2)),
            (json!({ "players": -1 }), None),
            (json!({ "players": 0.5 }), None),
            (json!({ "players": true }), None),
            (json!({ "players": null, "online": 3 }), Some(3)),
        ] {
            assert_eq!(Sight::Snapshot(&answer).players(), players, "{answer}");
        }
    }
}
