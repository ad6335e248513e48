//! Why a call did not end with a reply that can be used.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::DisconnectReason;
use crate::{
    options::Options,
    reply::Reply,
    text::{Secrets, excerpt},
};

/// Why a call failed.
///
/// Each variant says where the call stood when it ended; [`Error::outcome`] reduces that to the one
/// question that decides whether it may be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The agent answered with an error.
    #[error(transparent)]
    Rejected(Box<Rejected>),

    /// The request never left this process. Repeating it is safe.
    #[error(
        "`{action}` was not sent: {reason}. The agent has not executed it; it is safe to repeat"
    )]
    NotSent {
        /// The action's name on the wire.
        action: Box<str>,
        /// What stopped it.
        reason: NotSent,
    },

    /// The request was sent, and no answer came. The agent may have executed it.
    #[error(
        "no answer to `{action}`: {reason}. The agent may have executed it; look before you repeat it"
    )]
    OutcomeUnknown {
        /// The action's name on the wire.
        action: Box<str>,
        /// What ended the wait.
        reason: Unanswered,
    },

    /// The agent answered, and the answer is not what the type expects.
    #[error(transparent)]
    Decode(Box<DecodeError>),

    /// The agent answered with more than the client accepts.
    #[error(
        "the reply to `{action}` has {size} bytes, more than the limit of {limit}; \
         raise it with `Builder::max_message_size`"
    )]
    ReplyTooLarge {
        /// The action's name on the wire.
        action: Box<str>,
        /// How large the message was, in bytes, as far as it was announced.
        size: u64,
        /// The limit, in bytes.
        limit: usize,
    },

    /// The connection is closed for good, and the request was not sent.
    #[error("`{action}` was not sent: the connection is closed: {why}")]
    Closed {
        /// The action's name on the wire.
        action: Box<str>,
        /// Why the connection ended.
        why: Arc<crate::CloseReason>,
    },
}

/// What kept a request from being sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// The call's timeout passed while it waited for a connection, or for its turn.
    #[error("its timeout of {0:?} passed while it waited for the connection")]
    TimedOut(Duration),
    /// The parameters cannot be written as JSON.
    #[error("its parameters cannot be written as JSON: {0}")]
    Parameters(serde_json::Error),
    /// The parameters are not a JSON object.
    #[error("its parameters are not a JSON object")]
    NotAnObject,
    /// It is larger than the client sends.
    #[error(
        "it has {size} bytes, more than the limit of {limit}, above which the agent may close the \
         connection; `Builder::max_request_size` raises it"
    )]
    TooLarge {
        /// The size of the request's message, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The agent does not have the action any more, as a check by
    /// [`Builder::check_catalogue`](crate::Builder::check_catalogue) has found.
    #[error("the agent does not have this action any more")]
    ActionGone,
    /// The agent has changed the action, so that the call would not do what this program was made for;
    /// see [`CatalogueCheck::Refuse`](crate::CatalogueCheck::Refuse).
    #[error(
        "the agent has changed it: {change}. Generate the SDK from the agent's own catalogue and \
         compile again"
    )]
    ActionChanged {
        /// What has changed, on one line.
        change: Box<str>,
    },
    /// The connection is being made again, and the call does not wait for it.
    #[error("the connection was lost and is being made again, and it fails fast")]
    Disconnected,
}

/// What ended the wait for an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// The call's timeout passed.
    #[error("none within {0:?}")]
    TimedOut(Duration),
    /// The call's timeout passed, and what came with its token was not one whole JSON object.
    #[error(
        "none within {timeout:?} that could be read: a message of {bytes} bytes with its token was \
         not one whole JSON object"
    )]
    Unreadable {
        /// The call's timeout.
        timeout: Duration,
        /// The size of the last such message, in bytes.
        bytes: usize,
    },
    /// The connection was lost.
    #[error("the connection was lost ({0})")]
    ConnectionLost(Arc<DisconnectReason>),
    /// This side closed the connection before the answer came.
    #[error("the connection was closed from this side")]
    Closed,
}

impl Error {
    /// Returns whether the agent may have executed the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{Error, Outcome};
    ///
    /// fn may_be_repeated(error: &Error) -> bool {
    ///     error.outcome() == Outcome::NotExecuted
    /// }
    /// ```
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent { .. } | Self::Closed { .. } => Outcome::NotExecuted,
            Self::Rejected(_) => Outcome::Rejected,
            Self::Decode(_) | Self::ReplyTooLarge { .. } => Outcome::Answered,
            Self::OutcomeUnknown { .. } => Outcome::Unknown,
        }
    }

    /// The name of the action that was called.
    #[must_use]
    pub fn action(&self) -> &str {
        match self {
            Self::NotSent { action, .. }
            | Self::OutcomeUnknown { action, .. }
            | Self::ReplyTooLarge { action, .. }
            | Self::Closed { action, .. } => action,
            Self::Rejected(rejected) => rejected.action(),
            Self::Decode(error) => error.reply().action(),
        }
    }
}

/// Whether the agent may have executed a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The request never left this process: repeating it is safe.
    NotExecuted,
    /// The agent refused it. Whether a part was done before is in the agent's own words only.
    Rejected,
    /// The agent accepted it and answered, but the answer could not be read.
    Answered,
    /// The request was sent and no answer came: it may or may not have been executed.
    Unknown,
}

/// The agent's refusal: a reply whose `status` is an error.
///
/// The shape of the detail is the agent's own and not documented, so it is kept whole.
///
/// `Debug` leaves the detail out: it may repeat what was sent, secrets included.
#[derive(Clone, thiserror::Error)]
#[error("the agent rejected `{action}`: {message}")]
pub struct Rejected {
    action: Box<str>,
    message: String,
    detail: Value,
}

impl Rejected {
    pub(crate) fn new(action: &str, detail: Value, secrets: &Secrets) -> Self {
        Self { action: action.into(), message: message_of(&detail, secrets), detail }
    }

    /// Reads the reply by which the agent refused.
    pub(crate) fn by(reply: &Reply, options: &Options) -> Self {
        Self::new(reply.action(), reply.detail(options.max_message_size), &options.secrets)
    }

    /// The name of the action that was called.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The agent's own words, where they could be found in the detail: one line, shortened, and
    /// without the password of this connection. [`Rejected::detail`] has them as they came.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Everything that the agent said: `parameters` of its reply, or what is beside them where there are
    /// none.
    #[must_use]
    pub fn detail(&self) -> &Value {
        &self.detail
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("action", &self.action)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

const NO_REASON: &str = "it gave no reason";
/// How many keys of a detail without words are shown.
const SHOWN_KEYS: usize = 8;
/// How many items of a detail that is a list are shown.
const SHOWN_ITEMS: usize = 4;

/// Looks for words in the detail of a refusal, whose shape is not documented.
fn message_of(detail: &Value, secrets: &Secrets) -> String {
    let words = match detail {
        Value::Null => return NO_REASON.to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => detail.to_string(),
        Value::Array(items) => {
            let items = items.iter().filter(|item| !item.is_null()).take(SHOWN_ITEMS);
            items.map(|item| message_of(item, secrets)).collect::<Vec<_>>().join("; ")
        }
        Value::Object(map) => match words_of(map) {
            Some(words) => return message_of(words, secrets),
            None if map.is_empty() => return NO_REASON.to_owned(),
            None => {
                // The values may repeat what was sent, secrets included.
                let keys: Vec<&str> = map.keys().map(String::as_str).take(SHOWN_KEYS).collect();
                format!("it gave only `{}`", keys.join("`, `"))
            }
        },
    };
    match secrets.excerpt(words.as_bytes()) {
        empty if empty.is_empty() => NO_REASON.to_owned(),
        words => words,
    }
}

/// What an object says of a refusal: words sooner than a number, and neither yes nor no.
fn words_of(map: &Map<String, Value>) -> Option<&Value> {
    let said = || ["error", "message", "reason", "detail"].iter().filter_map(|key| map.get(*key));
    let is_words = |value: &&Value| match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    said().find(is_words).or_else(|| said().find(|value| value.is_number()))
}

/// A reply that is not what the type expects.
///
/// Neither `Debug` nor `Display` shows the reply's content, since it may hold a secret;
/// [`DecodeError::reply`] has it.
#[derive(Debug, thiserror::Error)]
#[error("the reply to `{}` cannot be decoded at `{path}`: {problem}", reply.action())]
pub struct DecodeError {
    path: String,
    problem: String,
    reply: Reply,
}

impl DecodeError {
    pub(crate) fn new(path: &str, reply: Reply, source: &serde_json::Error) -> Self {
        let problem = without_values(&source.to_string());
        Self { path: excerpt(path.as_bytes()), problem, reply }
    }

    /// Where in the reply's `parameters` the trouble is, as a JSON path; `.` is the whole. It is
    /// shortened if it is long.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reply, whole.
    #[must_use]
    pub fn reply(&self) -> &Reply {
        &self.reply
    }
}

/// An event that cannot be read as what was asked for.
///
/// Neither `Debug` nor `Display` shows the event's content, since a console line may hold anything;
/// [`Message::as_bytes`](crate::Message::as_bytes) has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be read at `{path}`: {problem}")]
pub struct MessageError {
    path: String,
    problem: String,
}

impl MessageError {
    pub(crate) fn unreadable(path: &str, source: &serde_json::Error, secrets: &Secrets) -> Self {
        // Names of fields are the agent's words.
        let problem = without_values(&source.to_string());
        Self {
            path: secrets.excerpt(path.as_bytes()),
            problem: secrets.excerpt(problem.as_bytes()),
        }
    }

    pub(crate) fn too_large(bytes: usize, limit: usize) -> Self {
        let problem = format!(
            "the value of its {bytes} bytes would take more than {limit} bytes of memory; read it \
             as a type of your own with `Message::decode`, or raise `Builder::max_message_size`"
        );
        Self { path: ".".to_owned(), problem }
    }

    /// Where in the event the problem is, as a JSON path; `.` is the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Takes what was found out of serde's words, such as `invalid type: string "…"`: it may be a secret.
/// The rest is made safe to show, since names of fields are the agent's words.
fn without_values(problem: &str) -> String {
    for kind in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some(rest) = problem.strip_prefix(kind)
            && let Some((found, expected)) = rest.rsplit_once(", expected")
        {
            let hidden = match found.find(['`', '"']) {
                Some(start) => format!("{}`…`", found.get(..start).unwrap_or_default()),
                None => found.to_owned(),
            };
            return excerpt(format!("{kind}{hidden}, expected{expected}").as_bytes());
        }
    }
    excerpt(problem.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_not_repeated() {
        for (problem, shown) in [
            (
                "invalid type: string \"hunter2\", expected \", expected u32 at line 1 column 9",
                "invalid type: string `…`, expected u32 at line 1 column 9",
            ),
            (
                "unknown variant `hunter2`, expected `a` or `b`",
                "unknown variant `…`, expected `a` or `b`",
            ),
            (
                "invalid type: integer `123456`, expected a string at line 1",
                "invalid type: integer `…`, expected a string at line 1",
            ),
            (
                "invalid value: character `h`, expected unit",
                "invalid value: character `…`, expected unit",
            ),
            ("invalid type: null, expected a map", "invalid type: null, expected a map"),
            ("missing field `id` at line 1", "missing field `id` at line 1"),
        ] {
            assert_eq!(without_values(problem), shown);
        }
    }
}
