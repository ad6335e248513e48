//! How a connection ends, from either side.

use std::{io, sync::Arc};

use tokio::time::Instant;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{CLOSE_NORMAL, CLOSE_PROTOCOL, Disconnect, Driver};
use crate::{connection::frame, error::DisconnectReason};

/// How far this side is with its goodbye.
pub(super) enum Closing {
    No,
    /// What is queued is sent, and calls in flight may be answered until then.
    Wanted {
        until: Instant,
    },
    /// That time is over.
    Due,
    /// The close frame was sent; its echo may come until then.
    Sent {
        echo_by: Instant,
    },
}

impl Closing {
    /// Returns whether the close frame is to be sent, once no request is left to be sent.
    pub(super) fn is_due(&self, is_idle: bool) -> bool {
        match self {
            Self::Wanted { .. } => is_idle,
            Self::Due => true,
            Self::No | Self::Sent { .. } => false,
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self, Self::Sent { .. })
    }
}

impl Driver<'_> {
    pub(super) fn end_of_stream(&self) -> Disconnect {
        if self.closing.is_sent() {
            Disconnect::Closed
        } else {
            Disconnect::Lost(DisconnectReason::EndOfStream)
        }
    }

    pub(super) fn broken(&self, error: io::Error) -> Disconnect {
        if self.closing.is_sent() {
            Disconnect::Closed
        } else {
            Disconnect::Lost(DisconnectReason::Broken { source: Arc::new(error) })
        }
    }

    /// Answers the agent's close frame, unless it is the answer to ours.
    pub(super) fn closed_by_agent(&mut self, reason: Option<(u16, String)>) -> Disconnect {
        if self.closing.is_sent() {
            return Disconnect::Closed;
        }
        let (code, text) = reason.unzip();
        let echo = match code {
            None => CLOSE_NORMAL,
            // Some codes are for local use and must not travel: RFC 6455, 7.4.1.
            Some(code) if !CloseCode::from(code).is_allowed() => CLOSE_PROTOCOL,
            Some(code) => code,
        };
        frame::write_close(self.write_buffer.frames(), echo);
        let secrets = &self.shared.options.secrets;
        let reason = secrets.excerpt(text.unwrap_or_default().as_bytes());
        Disconnect::Lost(DisconnectReason::CloseFrame { code, reason })
    }
}
