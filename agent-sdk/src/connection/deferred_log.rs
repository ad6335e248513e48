//! What is to be logged once the table is unlocked.

use tracing::{debug, warn};

use super::shared::DriverState;
use crate::wire::Token;

/// Logged after unlocking: a subscriber may call back into the agent.
#[derive(Default)]
pub(super) struct DeferredLog {
    /// The first reply to a call that had ended.
    pub(super) late: Option<Token>,
    /// The size of the first message that is not a JSON object.
    pub(super) unknown: Option<usize>,
}

impl DeferredLog {
    /// Notes a message that is not a JSON object.
    pub(super) fn unknown(&mut self, table: &mut DriverState, bytes: usize) {
        table.stats.unknown_messages += 1;
        if table.stats.unknown_messages == 1 {
            self.unknown = Some(bytes);
        }
    }

    pub(super) fn log(self) {
        if let Some(token) = self.late {
            debug!(%token, "a reply came after its call had ended; further ones are counted");
        }
        if let Some(bytes) = self.unknown {
            warn!(bytes, "a message is not a JSON object and is ignored; further ones are counted");
        }
    }
}
