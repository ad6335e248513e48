//! Answers that a test gives in the mock's place.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use serde_json::Value;
use tungstenite::Message;

use super::{
    peer::{Peer, text},
    wire::Answer,
};

/// A closure that answers an action; see [`Builder::handler`](super::Builder::handler).
pub(super) type Handler = Box<dyn Fn(Value, Context) -> BoxFuture<'static, Answer> + Send + Sync>;

/// What a handler knows of the request besides its parameters.
#[derive(Clone)]
pub struct Context {
    peer: Arc<Peer>,
    token: Value,
}

impl Context {
    pub(super) fn new(peer: Arc<Peer>, token: Value) -> Self {
        Self { peer, token }
    }

    /// Sends an event to the session that made the request, before the reply to it.
    ///
    /// Waits while the session has too many messages to write; a session that has ended takes
    /// anything.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the event is not sent.
    pub async fn push_event(&self, event: &Value) {
        self.peer.push(vec![Message::Text(text(event))]).await;
    }

    /// The number of the session that made the request. The first of an agent is 1.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.peer.id
    }

    /// The request's token, as the client wrote it.
    #[must_use]
    pub fn token(&self) -> &Value {
        &self.token
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("session", &self.session())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
