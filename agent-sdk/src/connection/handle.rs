//! What keeps a connection open.

use std::sync::Arc;

use super::Shared;

/// Closes the connection when it is dropped: with the last clone of the agent and the last owned
/// call. The task that owns the socket has none.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) url: String,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, url: String) -> Self {
        Self { shared, url }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.request_close(self.shared.options.close_timeout);
    }
}
