//! The kinds of events that are known.

use std::borrow::Cow;

use super::{
    look::Place,
    message::Message,
    state::{KnownState, ServerState},
};
use crate::wire::json;

/// A message of a kind that is known (`docs/protocol.md`, observed by others), with what is known
/// of it. A kind is known in either case, and with its words joined by whatever is between them.
///
/// What it holds may borrow from the message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum KnownEvent<'a> {
    /// `agent_health`: how the agent is. The shape is the agent's own: see [`Message::parameters`].
    AgentHealth,
    /// `system_info`: facts about the host. The shape is the agent's own: see
    /// [`Message::parameters`].
    SystemInfo,
    /// `stdout`, or a kind that ends with it: a line of a console, and the server that wrote it, where they could be found.
    Stdout {
        /// The server's id.
        server: Option<&'a str>,
        /// The text.
        line: Option<Cow<'a, str>>,
    },
    /// The state of a server: `server.changed_state`, `server_status`, the webhooks' names such as
    /// `server.started`, and others like these.
    ServerState {
        /// The server's id.
        server: Option<&'a str>,
        /// The new state.
        state: Option<ServerState>,
        /// The state before, where the event names it.
        before: Option<ServerState>,
    },
    /// Output of RCON; the kind's name is not documented, so any with `rcon` in it.
    Rcon {
        /// The server's id.
        server: Option<&'a str>,
        /// The text.
        text: Option<Cow<'a, str>>,
    },
    /// Progress of a download; the kind's name is not documented, so any with `download` in it. For
    /// its shape see [`Message::parameters`].
    Download,
}

/// Where the text of a console or of RCON may be, in the order of preference.
const TEXTS: [&str; 6] = ["line", "message", "text", "data", "payload", "output"];
/// Where the new state may be, in the order of preference.
const AFTER: [&str; 9] = [
    "after",
    "to",
    "new",
    "new_state",
    "current",
    "current_state",
    "state",
    "status",
    "server_state",
];
/// Where the state before may be, in the order of preference.
const BEFORE: [&str; 7] =
    ["before", "from", "old", "old_state", "previous", "previous_state", "last_state"];
/// What a kind may be made of that tells a server's state; one of the first two has to be there.
const STATE_WORDS: [&str; 12] = [
    "state", "status", "server", "servers", "change", "changed", "changes", "update", "updated",
    "event", "events", "new",
];

impl Message {
    /// The message by its kind, where the kind is a known one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(message: agent_sdk::Message) {
    /// if let Some(agent_sdk::KnownEvent::Stdout { line: Some(line), .. }) = message.known() {
    ///     println!("{line}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn known(&self) -> Option<KnownEvent<'_>> {
        let words = words(self.kind()?);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let has = |part: &str| words.iter().any(|word| word.contains(part));
        match words.as_slice() {
            ["agent", "health"] => Some(KnownEvent::AgentHealth),
            ["system", "info"] => Some(KnownEvent::SystemInfo),
            [.., "stdout"] => Some(KnownEvent::Stdout { server: server(self), line: text(self) }),
            _ if has("rcon") => Some(KnownEvent::Rcon { server: server(self), text: text(self) }),
            _ if has("download") => Some(KnownEvent::Download),
            words => server_state(self, words),
        }
    }
}

/// The topic, unless it is where the kind is.
fn server(message: &Message) -> Option<&str> {
    message.topic().filter(|topic| message.kind() != Some(*topic))
}

/// The text of a console or of RCON.
fn text(message: &Message) -> Option<Cow<'_, str>> {
    let whole = json::text(message.parameters_text());
    whole.or_else(|| Place::of_message(message.as_bytes()).find(&TEXTS, json::text))
}

/// The change of a server's state, if the kind says that it is one.
fn server_state<'a>(message: &'a Message, kind: &[&str]) -> Option<KnownEvent<'a>> {
    let named = state_in_kind(kind);
    if named.is_none() && !tells_state(kind) {
        return None;
    }
    let place = Place::of_message(message.as_bytes()).with_servers();
    let whole = || json::text(message.parameters_text());
    let is_state = |state: &Cow<'_, str>| !state.eq_ignore_ascii_case("ok");
    let after = place.find(&AFTER, |value| state_of(value).filter(is_state));
    let state = after.or_else(whole).map(Cow::into_owned);
    let before = place.find(&BEFORE, state_of).map(Cow::into_owned);
    Some(KnownEvent::ServerState {
        server: server(message),
        state: state.map(ServerState::new).or(named),
        before: before.map(ServerState::new),
    })
}

/// A state is a text, or an object that has one: `{"before": {…}}`, `{"state": {"name": …}}`.
fn state_of(value: &[u8]) -> Option<Cow<'_, str>> {
    json::text(value).or_else(|| {
        let inner = |keys: &[&str]| {
            let mut found = json::entries(value).filter(|(key, _)| keys.contains(&&**key));
            found.find_map(|(_, value)| json::text(value))
        };
        inner(&AFTER).or_else(|| inner(&["name", "value"]))
    })
}

/// The words of a kind: `server`, `changed` and `state` of `server.changed_state` and of
/// `ServerChangedState`.
fn words(kind: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in kind.chars() {
        let begins = character.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_ascii_alphanumeric()) {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns whether a kind says that it tells a server's state. `agent_status` and `agent_statement`
/// do not.
fn tells_state(words: &[&str]) -> bool {
    words.iter().all(|word| STATE_WORDS.contains(word))
        && words.iter().any(|word| *word == "state" || *word == "status")
}

/// The state that the kind itself names, as the webhooks do: `server.started`.
fn state_in_kind(words: &[&str]) -> Option<ServerState> {
    match words {
        [.., "server", word] => match KnownState::of(word)? {
            // The webhooks name what has happened.
            KnownState::Running => Some(ServerState::new("server.running")),
            KnownState::Killed => Some(ServerState::new("server.stopped")),
            _ => Some(ServerState::new(format!("server.{word}"))),
        },
        _ => None,
    }
}
