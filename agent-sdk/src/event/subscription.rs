//! What the agent was asked to send events of.

use std::fmt;

use serde::Serialize;

/// What the agent was asked to send events of. It is asked for again after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subscription {
    /// A server's events, by its id: the action `subscribe`.
    Topic(String),
    /// The lines of the agent's console: the action `enable_stdout`.
    Stdout,
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => write!(f, "the events of `{topic}`"),
            Self::Stdout => f.write_str("the console"),
        }
    }
}
