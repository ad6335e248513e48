//! An unsolicited message of the agent.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use serde_json::Value;

/// A message that answers no call, kept whole.
///
/// A clone is cheap: it shares the message. `Debug` shows kind, topic and size only, since a
/// console line may hold anything; `Display` shows the message as it came.
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    bytes: Bytes,
    /// Parsed when somebody asks, once for all consumers.
    json: OnceLock<Value>,
}

/// A message of a kind that is known from `PROTOCOL.md` (P), with what is known of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum KnownEvent<'a> {
    /// `agent_health`: how the agent is; its shape is the agent's own.
    AgentHealth(&'a Value),
    /// `system_info`: facts about the host; its shape is the agent's own.
    SystemInfo(&'a Value),
    /// `stdout`: a line of a console, and the server that wrote it, where they could be found.
    Stdout {
        /// The server's id.
        server: Option<&'a str>,
        /// The text.
        line: Option<&'a str>,
    },
    /// A server's state has changed; the kind's name is not documented, so any with `state` in it.
    ServerState {
        /// The server's id.
        server: Option<&'a str>,
        /// The new state.
        state: Option<&'a str>,
    },
    /// Output of RCON; the kind's name is not documented, so any with `rcon` in it.
    Rcon {
        /// The server's id.
        server: Option<&'a str>,
        /// The text.
        text: Option<&'a str>,
    },
    /// Progress of a download; the kind's name is not documented, so any with `download` in it.
    Download(&'a Value),
}

impl Message {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(Arc::new(Inner { bytes, json: OnceLock::new() }))
    }

    /// The message as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The message as a JSON value. It is parsed at the first call, once for all clones.
    #[must_use]
    pub fn json(&self) -> &Value {
        self.0.json.get_or_init(|| serde_json::from_slice(&self.0.bytes).unwrap_or(Value::Null))
    }

    /// What kind of event it is: the text under `action`, `event`, `type` or `topic`, whichever
    /// comes first in this order. Where the kind stands is not documented (`PROTOCOL.md`, A).
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        find_text(self.json(), &["action", "event", "type", "topic"])
    }

    /// The topic it belongs to, a server's id: the text under `topic`, `server` or `server_id`, in
    /// the message or in its `parameters`. Where the topic stands is not documented
    /// (`PROTOCOL.md`, A).
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        const KEYS: [&str; 3] = ["topic", "server", "server_id"];
        find_text(self.json(), &KEYS).or_else(|| find_text(self.parameters(), &KEYS))
    }

    /// The value under `parameters`; the whole message where there is none.
    #[must_use]
    pub fn parameters(&self) -> &Value {
        self.json().get("parameters").unwrap_or_else(|| self.json())
    }

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
        match self.kind()? {
            "agent_health" => Some(KnownEvent::AgentHealth(self.parameters())),
            "system_info" => Some(KnownEvent::SystemInfo(self.parameters())),
            "stdout" => Some(KnownEvent::Stdout { server: self.server(), line: self.text() }),
            kind if kind.contains("rcon") => {
                Some(KnownEvent::Rcon { server: self.server(), text: self.text() })
            }
            kind if kind.contains("download") => Some(KnownEvent::Download(self.parameters())),
            kind if kind.contains("state") => Some(KnownEvent::ServerState {
                server: self.server(),
                state: self
                    .parameters()
                    .as_str()
                    .or_else(|| find_text(self.parameters(), &["state", "status", "to"])),
            }),
            _ => None,
        }
    }

    /// The topic, unless it is where the kind stands.
    fn server(&self) -> Option<&str> {
        self.topic().filter(|topic| self.kind() != Some(*topic))
    }

    fn text(&self) -> Option<&str> {
        const KEYS: [&str; 6] = ["line", "message", "text", "data", "payload", "output"];
        self.parameters().as_str().or_else(|| find_text(self.parameters(), &KEYS))
    }
}

fn find_text<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| value.get(key)?.as_str())
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind())
            .field("topic", &self.topic())
            .field("bytes", &self.as_bytes().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> Message {
        Message::new(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn the_kind_is_found_wherever_it_may_stand() {
        for (text, kind) in [
            (r#"{"action":"stdout","event":"x"}"#, Some("stdout")),
            (r#"{"event":"stdout","type":"x"}"#, Some("stdout")),
            (r#"{"type":"agent_health"}"#, Some("agent_health")),
            (r#"{"action":7,"topic":"system_info"}"#, Some("system_info")),
            ("{}", None),
        ] {
            assert_eq!(message(text).kind(), kind, "{text}");
        }
    }

    #[test]
    fn the_topic_is_found_wherever_it_may_stand() {
        for (text, topic) in [
            (r#"{"topic":"A"}"#, Some("A")),
            (r#"{"server":"A"}"#, Some("A")),
            (r#"{"parameters":{"topic":"A"}}"#, Some("A")),
            (r#"{"parameters":{"server_id":"A"}}"#, Some("A")),
            (r#"{"parameters":["A"]}"#, None),
        ] {
            assert_eq!(message(text).topic(), topic, "{text}");
        }
    }

    #[test]
    fn a_console_line_is_found() {
        let line = Some(KnownEvent::Stdout { server: Some("A"), line: Some("hello") });
        let text = r#"{"action":"stdout","parameters":{"server":"A","line":"hello"}}"#;
        assert_eq!(message(text).known(), line);
        let text = r#"{"type":"stdout","server":"A","parameters":"hello"}"#;
        assert_eq!(message(text).known(), line);
    }
}
