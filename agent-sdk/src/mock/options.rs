//! The options that the mock reads while it runs.

use serde_json::Value;

use super::{
    upgrade::{Refusal, Subprotocol, UpgradeQuirk},
    wire::{REPLY_KEYS, ReplyKey},
};

/// What [`Builder`](super::Builder) sets and connections read.
pub(super) struct Options {
    /// The version that the health check names.
    pub(super) version: String,
    pub(super) tls: bool,
    pub(super) subprotocol: Subprotocol,
    pub(super) quirks: Vec<UpgradeQuirk>,
    /// How a bad login is refused.
    pub(super) refusal: Refusal,
    /// The events that each session gets first.
    pub(super) greeting: Vec<Value>,
    pub(super) reply_keys: Vec<ReplyKey>,
    pub(super) max_connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: "1.1.34".to_owned(),
            tls: true,
            subprotocol: Subprotocol::default(),
            quirks: Vec::new(),
            refusal: Refusal::default(),
            greeting: Vec::new(),
            reply_keys: REPLY_KEYS.to_vec(),
            max_connections: 16_384,
        }
    }
}
