//! Why one connection was lost.

use std::{fmt, io, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

/// Why a connection that was logged in was lost.
///
/// # Examples
///
/// ```
/// use agent_sdk::{DisconnectReason, State};
///
/// /// Whether the agent said that this account is suspended.
/// fn is_suspended(state: &State) -> bool {
///     match state {
///         State::Reconnecting { cause, .. } => cause.close_code() == Some(4400),
///         _ => false,
///     }
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The agent, or something in between, sent a close frame.
    CloseFrame {
        /// Its code (RFC 6455, 7.4); `None` if it has none.
        code: Option<u16>,
        /// Its text, shortened, on one line and without credentials; empty if it has none.
        reason: String,
    },
    /// The stream ended without a close frame.
    EndOfStream,
    /// The socket or its TLS layer failed.
    Broken {
        /// The error of the socket.
        #[serde(serialize_with = "as_text")]
        source: Arc<io::Error>,
    },
    /// What arrived is no WebSocket frame.
    Protocol {
        /// The rule that was broken.
        problem: String,
    },
    /// Nothing arrived within the time of [`Builder::keepalive`](crate::Builder::keepalive), not even
    /// the answer to a ping.
    Silence {
        /// How long nothing had arrived.
        #[serde(serialize_with = "as_seconds")]
        duration: Duration,
    },
    /// [`Agent::reconnect`](crate::Agent::reconnect) was called.
    Requested,
    /// The runtime on which the connection was made has ended.
    RuntimeEnded,
}

impl DisconnectReason {
    /// Returns the code of the close frame, if there was one with a code.
    ///
    /// # Examples
    ///
    /// ```
    /// let reason = agent_sdk::DisconnectReason::EndOfStream;
    /// assert_eq!(reason.close_code(), None);
    /// ```
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::CloseFrame { code, .. } => *code,
            _ => None,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloseFrame { code: None, .. } => {
                f.write_str("the agent closed it without a reason")
            }
            Self::CloseFrame { code: Some(code), reason } if reason.is_empty() => {
                write!(f, "the agent closed it: {code}")
            }
            Self::CloseFrame { code: Some(code), reason } => {
                write!(f, "the agent closed it: {code} {reason}")
            }
            Self::EndOfStream => f.write_str("the agent ended it without a close frame"),
            Self::Broken { source } => source.fmt(f),
            Self::Protocol { problem } => {
                write!(f, "the agent broke the WebSocket protocol: {problem}")
            }
            Self::Silence { duration } => write!(
                f,
                "nothing arrived for {duration:.1?}, not even the answer to a ping; for an agent that \
                 answers calls and no pings, raise `Builder::keepalive` or switch it off"
            ),
            Self::Requested => f.write_str("`Agent::reconnect` was called"),
            Self::RuntimeEnded => f.write_str("the runtime that drove it has ended"),
        }
    }
}

impl std::error::Error for DisconnectReason {}

/// Serialises what only has a text.
pub(super) fn as_text<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Serialises a duration as a number of seconds.
pub(crate) fn as_seconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_data_and_text() {
        let suspended =
            DisconnectReason::CloseFrame { code: Some(4400), reason: "suspended".to_owned() };
        assert_eq!(suspended.close_code(), Some(4400));
        assert_eq!(suspended.to_string(), "the agent closed it: 4400 suspended");
        let json = serde_json::to_value(&suspended).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "kind": "close_frame", "code": 4400, "reason": "suspended" })
        );
        let broken = DisconnectReason::Broken { source: Arc::new(io::Error::other("reset")) };
        assert_eq!(broken.close_code(), None);
        let json = serde_json::to_value(&broken).unwrap();
        assert_eq!(json, serde_json::json!({ "kind": "broken", "source": "reset" }));
    }
}
