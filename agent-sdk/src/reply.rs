//! The agent's answer to a call, kept whole.

use std::{borrow::Cow, fmt};

use crate::wire::Payload;

/// The answer to a call that the agent did not reject.
///
/// The catalogue does not describe replies, so this keeps the whole message as it came. Nothing is
/// parsed until it is asked for.
///
/// `Debug` shows the size only: a reply may hold a secret (a database's password, a file).
#[derive(Clone)]
pub struct Reply {
    /// The whole message.
    message: Payload,
    /// Where in `message` the value of `parameters` begins; `None` if the reply has none.
    parameters: Option<usize>,
    action: Cow<'static, str>,
}

impl Reply {
    pub(crate) fn new(
        action: Cow<'static, str>,
        message: Payload,
        parameters: Option<usize>,
    ) -> Self {
        Self { message, parameters, action }
    }

    /// The name of the action that this answers.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The whole message as the agent sent it, envelope included.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The message from the value of `parameters` on, or `null` where it has none.
    pub(crate) fn parameters_and_rest(&self) -> &[u8] {
        self.parameters.map_or(b"null", |start| &self.message[start..])
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("action", &self.action)
            .field("bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}
