//! The messages, as the agent reads and writes them.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A request, as far as it can be understood.
#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) action: String,
    #[serde(default)]
    pub(super) parameters: Value,
    #[serde(default)]
    pub(super) idempotence: Value,
}

/// What an action came to: its result, or the detail of its refusal.
pub(super) type Answer = Result<Value, Value>;

/// An answer with its address.
pub(super) struct Reply {
    /// The action that it answers.
    pub(super) action: String,
    /// The request's token, as it came.
    pub(super) token: Value,
    pub(super) answer: Answer,
}

/// A key of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyKey {
    /// The token of the request.
    Idempotence,
    /// `ok` or `error`.
    Status,
    /// The result, or the detail of an error.
    Parameters,
}

/// The keys of a reply in the order of the documentation.
pub(super) const REPLY_KEYS: [ReplyKey; 3] =
    [ReplyKey::Idempotence, ReplyKey::Status, ReplyKey::Parameters];

impl Request {
    /// `None` for what is not JSON or not a request: such frames are ignored.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        serde_json::from_slice(frame).ok()
    }

    /// The parameters as a map; `null` and their absence mean an empty one.
    pub(super) fn take_parameters(&mut self) -> Result<Map<String, Value>, Value> {
        match self.parameters.take() {
            Value::Object(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            _ => Err(json!({ "error": "`parameters` must be a map" })),
        }
    }
}

impl Reply {
    /// Writes the reply with these keys, in this order.
    pub(super) fn write(&self, keys: &[ReplyKey]) -> String {
        let (status, parameters) = match &self.answer {
            Ok(result) => ("ok", result),
            Err(detail) => ("error", detail),
        };
        let mut text = String::from("{");
        for (index, key) in keys.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = match key {
                ReplyKey::Idempotence => write!(text, r#"{comma}"idempotence":{}"#, self.token),
                ReplyKey::Status => write!(text, r#"{comma}"status":"{status}""#),
                ReplyKey::Parameters => write!(text, r#"{comma}"parameters":{parameters}"#),
            };
        }
        text.push('}');
        text
    }
}

/// An event of the mock's own: a server's news, a line of the console.
pub(super) fn event(kind: &str, topic: &str, parameters: &Value) -> Value {
    json!({ "action": kind, "topic": topic, "parameters": parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_the_keys_that_are_asked_for_in_their_order() {
        let reply =
            Reply { action: "x".into(), token: json!("t"), answer: Err(json!({ "error": "no" })) };
        assert_eq!(
            reply.write(&REPLY_KEYS),
            r#"{"idempotence":"t","status":"error","parameters":{"error":"no"}}"#
        );
        assert_eq!(
            reply.write(&[ReplyKey::Parameters, ReplyKey::Idempotence]),
            r#"{"parameters":{"error":"no"},"idempotence":"t"}"#
        );
    }
}
