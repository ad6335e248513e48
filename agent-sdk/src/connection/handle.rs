//! What keeps a connection open.

use std::sync::Arc;

use super::Shared;
use crate::dial::Door;

/// Closes the connection when it is dropped: with the last clone of the agent and the last owned
/// call. The task that owns the socket has none.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) url: String,
    /// What a further connection to the same agent needs.
    #[cfg_attr(not(feature = "transfer"), expect(dead_code, reason = "transfers alone need it"))]
    pub(crate) door: Arc<Door>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, url: String, door: Arc<Door>) -> Self {
        Self { shared, url, door }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.request_close(self.shared.options.close_timeout);
    }
}
