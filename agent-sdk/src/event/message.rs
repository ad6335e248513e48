//! An unsolicited message of the agent.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::look::{self, Place};
use crate::{error::MessageError, options::Options, text::Secrets, wire::json};

/// A message that answers no call, kept whole.
///
/// A clone is cheap: it shares the message. Only its kind and topic are read when it arrives;
/// everything else is read when it is asked for, and not kept. `Debug` shows kind, topic and size
/// only, since a console line may hold anything, and these shortened and without the password;
/// `Display` shows the message as text.
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    bytes: Bytes,
    kind: Option<Found>,
    topic: Option<Found>,
    is_lossy: bool,
    /// A tree of values that takes more memory is not built.
    max_tree: usize,
    /// What `Debug` and errors do not show.
    secrets: Secrets,
}

/// A text in a message: where it is, or what it says if it has escapes.
enum Found {
    At(Range<usize>),
    Decoded(Box<str>),
}

/// What a queued message takes besides its text, in bytes.
const OVERHEAD: usize = 256;

impl Message {
    /// Reads kind and topic of a message that is known to be a JSON object.
    pub(crate) fn new(bytes: Bytes, options: &Options) -> Self {
        let found = |text: Cow<'_, str>| match text {
            Cow::Borrowed(plain) => {
                let start = plain.as_ptr().addr() - bytes.as_ptr().addr();
                Found::At(start..start + plain.len())
            }
            Cow::Owned(decoded) => Found::Decoded(decoded.into_boxed_str()),
        };
        let kind = look::kind(&bytes).map(found);
        let topic = Place::of_message(&bytes).topic().map(found);
        let is_lossy = json::is_damaged(&bytes);
        let max_tree = json::max_tree(options.max_message_size);
        let secrets = options.secrets.clone();
        Self(Arc::new(Inner { bytes, kind, topic, is_lossy, max_tree, secrets }))
    }

    /// What it counts for in a queue, in bytes.
    pub(super) fn size(&self) -> usize {
        let decoded = |found: &Option<Found>| match found {
            Some(Found::Decoded(text)) => text.len(),
            Some(Found::At(_)) | None => 0,
        };
        OVERHEAD + self.0.bytes.len() + decoded(&self.0.kind) + decoded(&self.0.topic)
    }

    /// The message as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Returns whether the message holds what no Rust string can hold: bytes that are not UTF-8, as
    /// in the Latin-1 console lines of some game servers, or half of a surrogate pair. Its texts
    /// have U+FFFD in those places; [`Message::as_bytes`] has the original.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(message: agent_sdk::Message) {
    /// if message.is_lossy() {
    ///     eprintln!("not UTF-8: {}", message.as_bytes().escape_ascii());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.0.is_lossy
    }

    /// What kind of event it is: the text under `action`, `event`, `type` or `topic`, whichever
    /// comes first in this order. Where the kind is found is not documented (`docs/protocol.md`,
    /// assumed).
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.text(self.0.kind.as_ref()?)
    }

    /// The topic it belongs to, a server's id: the text or number under `topic`, `server` or `server_id`, or
    /// the `id` of a `server`, in the message or in its `parameters`, `data` or `payload`. Where the
    /// topic is found is not documented (`docs/protocol.md`, assumed).
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        self.text(self.0.topic.as_ref()?)
    }

    fn text<'a>(&'a self, found: &'a Found) -> Option<&'a str> {
        match found {
            Found::At(range) => str::from_utf8(self.0.bytes.get(range.clone())?).ok(),
            Found::Decoded(text) => Some(text),
        }
    }

    /// Reads the message as a JSON value. The value is built at each call, and not kept.
    ///
    /// # Errors
    ///
    /// [`MessageError`] if the message has what a [`Value`] cannot hold, such as the number `1e999`
    /// or more than 127 levels, or if the value would take more than eight times
    /// [`Builder::max_message_size`](crate::Builder::max_message_size) of memory (but at least
    /// 16 MiB).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(message: agent_sdk::Message) -> Result<(), agent_sdk::MessageError> {
    /// println!("{}", message.json()?["parameters"]["players"]);
    /// # Ok(()) }
    /// ```
    pub fn json(&self) -> Result<Value, MessageError> {
        self.value(&self.0.bytes)
    }

    /// Reads the value under `parameters`, or the whole message where there is none.
    ///
    /// # Errors
    ///
    /// As [`Message::json`].
    pub fn parameters(&self) -> Result<Value, MessageError> {
        self.value(self.parameters_text())
    }

    fn value(&self, text: &[u8]) -> Result<Value, MessageError> {
        let limit = self.0.max_tree;
        if json::tree_size(text) > limit {
            return Err(MessageError::too_large(text.len(), limit));
        }
        self.decode_text(text)
    }

    /// Reads the value under `parameters`, or the whole message where there is none, as a type of
    /// your own. How much memory that takes is up to the type.
    ///
    /// # Errors
    ///
    /// [`MessageError`] with the JSON path at which the message is not what `T` expects.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(message: agent_sdk::Message) -> Result<(), agent_sdk::MessageError> {
    /// #[derive(serde::Deserialize)]
    /// struct Health {
    ///     cpu: f64,
    /// }
    /// let health: Health = message.decode()?;
    /// # Ok(()) }
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        self.decode_text(self.parameters_text())
    }

    fn decode_text<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, MessageError> {
        let text = json::repair(text);
        // Keeping track of the path costs time, so it is done only once something is wrong.
        serde_json::from_str(&text).or_else(|_| {
            let mut reader = serde_json::Deserializer::from_str(&text);
            serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let path = error.path().to_string();
                MessageError::unreadable(&path, error.inner(), &self.0.secrets)
            })
        })
    }

    pub(super) fn parameters_text(&self) -> &[u8] {
        look::value(&self.0.bytes, "parameters").unwrap_or(&self.0.bytes)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| self.0.secrets.excerpt(text.as_bytes());
        f.debug_struct("Message")
            .field("kind", &self.kind().map(shown))
            .field("topic", &self.topic().map(shown))
            .field("bytes", &self.as_bytes().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &[u8]) -> Message {
        assert!(json::visit_object(text, |_, _| {}));
        let options = Options { max_message_size: 1 << 20, ..Options::default() };
        Message::new(Bytes::copy_from_slice(text), &options)
    }

    #[test]
    fn the_kind_is_found_wherever_it_may_be() {
        for (text, kind) in [
            (r#"{"action":"stdout","event":"x"}"#, Some("stdout")),
            (r#"{"event":"stdout","type":"x"}"#, Some("stdout")),
            (r#"{"type":"agent_health"}"#, Some("agent_health")),
            (r#"{"action":7,"topic":"system_info"}"#, Some("system_info")),
            (r#"{"\u0061ction":"std\u006fut"}"#, Some("stdout")),
            ("{}", None),
        ] {
            assert_eq!(message(text.as_bytes()).kind(), kind, "{text}");
        }
    }

    #[test]
    fn the_topic_is_found_wherever_it_may_be() {
        for (text, topic) in [
            (r#"{"topic":"A"}"#, Some("A")),
            (r#"{"server":"A"}"#, Some("A")),
            (r#"{"parameters":{"topic":"A"}}"#, Some("A")),
            (r#"{"parameters":{"server_id":"A"}}"#, Some("A")),
            (r#"{"data":{"server":"A"}}"#, Some("A")),
            (r#"{"parameters":{"payload":{"server":"A"}}}"#, Some("A")),
            (r#"{"server":{"name":"x","id":"A"}}"#, Some("A")),
            (r#"{"parameters":{"data":{"server":{"server_id":"A"}}}}"#, Some("A")),
            (r#"{"server":"\u0041"}"#, Some("A")),
            (r#"{"server":7}"#, Some("7")),
            (r#"{"server": {"id" : 7 } }"#, Some("7")),
            (r#"{"server":-1.5,"server_id":"A"}"#, Some("A")),
            (r#"{"parameters":["A"]}"#, None),
            (r#"{"mods":{"id":"A"}}"#, None),
        ] {
            assert_eq!(message(text.as_bytes()).topic(), topic, "{text}");
        }
    }

    /// Its value was null then, and a filter lost the event in silence.
    #[test]
    fn a_number_or_a_depth_that_no_value_holds_hides_neither_kind_nor_topic() {
        let deep = "[".repeat(129) + &"]".repeat(129);
        for odd in ["1e999", &deep] {
            let text = format!(r#"{{"x":{odd},"action":"stdout","server":"A"}}"#);
            let message = message(text.as_bytes());
            assert_eq!((message.kind(), message.topic()), (Some("stdout"), Some("A")));
            let error = message.json().unwrap_err().to_string();
            assert!(error.starts_with("the event cannot be read at `"), "{error}");
        }
    }

    #[test]
    fn a_value_that_would_take_too_much_memory_is_not_built() {
        let text = format!(r#"{{"action":"x","list":[{}]}}"#, vec![r#"{"":0}"#; 50_000].join(","));
        let message = message(text.as_bytes());
        let error = message.json().unwrap_err().to_string();
        assert!(error.contains("`Message::decode`"), "{error}");
        assert_eq!(message.kind(), Some("x"));
    }

    /// What a program logs of its events was as long as the agent liked, and repeated the password.
    #[test]
    fn what_is_shown_of_an_event_is_short_and_without_the_password() {
        let secrets = Secrets::of_login("root", "hunter2-password");
        let options = Options { secrets, ..Options::default() };
        for (kind, key) in [("hunter2-password", "x"), ("x", "hunter2-password")] {
            let long = "long ".repeat(10_000);
            let text = format!(
                r#"{{"action":"{kind}\n{long}","topic":"{kind}","parameters":{{"{key}":"{long}"}}}}"#
            );
            let message = Message::new(Bytes::from(text), &options);
            let error = message.decode::<std::collections::BTreeMap<String, u8>>().unwrap_err();
            let shown = format!("{message:?} {error} {error:?}");
            assert!(!shown.contains("hunter2") && shown.len() < 1500, "{shown}");
        }
    }

    #[test]
    fn texts_that_are_not_utf8_are_marked_and_read_as_far_as_they_can_be() {
        let latin1 = message(b"{\"action\":\"stdout\",\"server\":\"caf\xe9\"}");
        assert!(latin1.is_lossy());
        assert_eq!(latin1.topic(), Some("caf\u{fffd}"));
        assert_eq!(latin1.json().unwrap()["server"], "caf\u{fffd}");
        let half = message(br#"{"action":"stdout","server":"A","line":"\ud83d"}"#);
        assert!(half.is_lossy());
        assert_eq!(half.json().unwrap()["line"], "\u{fffd}");
        assert!(!message(r#"{"action":"café \ud83d\ude00"}"#.as_bytes()).is_lossy());
    }
}
