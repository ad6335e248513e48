//! From a reply to a value or a type: above the errors that this can end with, which keep the reply.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::{DecodeError, Error},
    reply::Reply,
    wire::json,
};

impl Reply {
    /// Returns the result as a JSON value, `Null` if the reply has none.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if the result is not JSON.
    pub fn parameters(&self) -> Result<Value, Error> {
        self.decode()
    }

    /// Decodes the result as a type of your own.
    ///
    /// Where the agent's text is not UTF-8, as a console line in Latin-1 is not, strings have U+FFFD;
    /// [`Reply::message`] has the original.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] with the JSON path at which the result is not what `T` expects.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Version {
    ///     version: String,
    /// }
    /// let version: Version = agent.call_raw("version", ()).await?.decode()?;
    /// # Ok(()) }
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.parameters_and_rest();
        // The rest of the envelope follows the value, so its end is not looked at.
        let decoded = T::deserialize(&mut serde_json::Deserializer::from_slice(text));
        // Repairing the text and keeping track of the path cost time, so both are done only once
        // something is wrong.
        decoded.or_else(|_| {
            let text = json::repair(text);
            let mut reader = serde_json::Deserializer::from_str(&text);
            serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let path = error.path().to_string();
                Error::Decode(Box::new(DecodeError::new(&path, self.clone(), error.inner())))
            })
        })
    }

    /// Returns the detail of a rejection, unless its tree of values would be larger than a few times
    /// the limit of a message: it is built without being asked for. Where the parameters are none, it is
    /// what is beside them.
    pub(crate) fn detail(&self, max_message_size: usize) -> Value {
        let text = self.message();
        if json::tree_size(text) > json::max_tree(max_message_size) {
            return format!("a detail of {} bytes, too large to be read", text.len()).into();
        }
        match self.decode().unwrap_or_default() {
            Value::Null => self.beside_the_parameters(),
            detail => detail,
        }
    }

    /// Returns what the message holds besides its envelope; `Null` for nothing.
    fn beside_the_parameters(&self) -> Value {
        const ENVELOPE: [&str; 4] = ["idempotence", "status", "action", "parameters"];
        let whole = serde_json::from_str(&json::repair(self.message()));
        let mut rest: Map<String, Value> = whole.unwrap_or_default();
        rest.retain(|key, _| !ENVELOPE.contains(&key.as_str()));
        if rest.is_empty() { Value::Null } else { rest.into() }
    }
}

/// What a [`Reply`] can be turned into.
///
/// Implemented by [`Reply`] itself and by each reply type that the generator makes; implement it
/// for a type of your own with [`Reply::decode`].
#[diagnostic::on_unimplemented(
    message = "no reply can be turned into `{Self}`",
    note = "take the `Reply` and call `.decode::<{Self}>()`, or implement `FromReply` by that"
)]
pub trait FromReply: Sized {
    /// Turns the reply into `Self`.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if the reply is not what `Self` expects.
    fn from_reply(reply: Reply) -> Result<Self, Error>;
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self, Error> {
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::Payload;

    fn reply(message: &[u8]) -> Reply {
        Reply::new("echo".into(), Payload::Copied(message.to_vec()), Some(14))
    }

    /// It used to be an error of the call, and the line was lost.
    #[test]
    fn an_answer_that_is_not_utf8_is_read_as_far_as_it_can_be() {
        for message in
            [&b"{\"parameters\":{\"x\":\"\xff\"}}"[..], br#"{"parameters":{"x":"\udc00"}}"#]
        {
            let parameters = reply(message).parameters().expect("it is an object");
            assert_eq!(parameters, serde_json::json!({ "x": "\u{fffd}" }));
        }
        assert!(matches!(reply(b"{\"parameters\":{\"x\":").parameters(), Err(Error::Decode(_))));
    }

    /// The words were lost where an agent has them beside the parameters, or in place of them.
    #[test]
    fn the_detail_of_a_rejection_may_be_beside_the_parameters() {
        for (message, detail) in [
            (r#"{"parameters":null,"status":"error","error":"no"}"#, json!({ "error": "no" })),
            (r#"{"parameters":{"error":"no"},"message":"other"}"#, json!({ "error": "no" })),
            (r#"{"parameters":null,"status":"error","idempotence":"x"}"#, json!(null)),
        ] {
            assert_eq!(reply(message.as_bytes()).detail(1 << 20), detail, "{message}");
        }
        let message = br#"{"status":"error","reason":{"code":7}}"#;
        let reply = Reply::new("echo".into(), Payload::Copied(message.to_vec()), None);
        assert_eq!(reply.detail(1 << 20), json!({ "reason": { "code": 7 } }));
    }

    /// A rejection's detail was turned into a tree of any size, unasked.
    #[test]
    fn a_large_detail_of_a_rejection_is_not_turned_into_a_tree() {
        let detail = vec![r#"{"":0}"#; 50_000].join(",");
        let reply = reply(format!(r#"{{"parameters":[{detail}]}}"#).as_bytes());
        assert!(reply.detail(1 << 20).is_string());
        assert!(reply.detail(64 << 20).is_array());
    }
}
