//! How the connection is, for those who watch it.

use std::{sync::Arc, time::Instant};

use crate::error::CloseReason;

/// How the connection is; [`Agent::state`](crate::Agent::state) watches it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// A connection is being made, and the subscriptions are being repeated on it.
    Connecting,
    /// Calls are sent and events arrive. Whoever sees this can rely on the subscriptions.
    Connected,
    /// The connection was lost, or an attempt failed; calls wait.
    Reconnecting {
        /// The number of the next attempt since the connection was lost, beginning with 1.
        attempt: u32,
        /// When it will be made.
        next: Instant,
    },
    /// It has ended for good; calls end with [`Error::Closed`](crate::Error::Closed).
    Closed {
        /// Why.
        why: Arc<CloseReason>,
    },
}
