//! What can go wrong with replies.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::wire::{Reply, ReplyKey};

/// The largest padding of a reply, in bytes.
pub(super) const MAX_PADDING: usize = 1 << 30;

/// Messages that are written one after the other, with nothing between them.
pub(super) type MessageBatch = Vec<Message>;

/// Something that goes wrong with replies, from [`MockAgent::inject`](super::MockAgent::inject)
/// until it is used up or healed.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use agent_sdk::mock::{Fault, ReplyForm};
///
/// let slow = Fault::delay(Duration::from_secs(3)).for_action("create_backup");
/// let lost = Fault::lose().times(1);
/// let odd = Fault::form(ReplyForm::Binary);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    kind: FaultKind,
    action: Option<String>,
    /// For how many replies it still counts; `None`: for all.
    left: Option<u64>,
}

/// What a [`Fault`] does to a reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum FaultKind {
    Delay(Duration),
    Lose,
    Cut,
    Reverse(usize),
    Form(ReplyForm),
}

/// An odd way to write a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyForm {
    /// A text that is not JSON.
    NotJson,
    /// JSON, but a list.
    NotAnObject,
    /// A good reply to a request that was not made.
    UnknownToken,
    /// The reply, and the same again.
    Twice,
    /// Without the key `status`.
    NoStatus,
    /// Good JSON in a binary frame.
    Binary,
    /// A text frame with a byte that is not UTF-8. By RFC 6455 it ends the connection.
    InvalidUtf8,
    /// In so many frames, at least one.
    Fragmented(usize),
    /// With a parameter `padding` that makes the whole at least so many bytes long, up to 1 GiB.
    Padded(usize),
}

/// Unsolicited frames.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RawFrames {
    /// One text frame; the bytes need not be UTF-8.
    Text(Vec<u8>),
    /// One binary frame.
    Binary(Vec<u8>),
    /// One text message in a frame per part.
    Fragments(Vec<Vec<u8>>),
    /// A ping.
    Ping(Vec<u8>),
}

/// The faults that are in force, oldest first.
#[derive(Default)]
pub(super) struct Faults {
    list: Mutex<Vec<Fault>>,
}

impl Fault {
    /// Each reply comes so much later; others overtake it.
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Delay(by))
    }

    /// The reply never comes.
    pub fn lose() -> Self {
        Self::new(FaultKind::Lose)
    }

    /// The connection is dropped in place of the reply, without a goodbye. The action was executed.
    pub fn cut() -> Self {
        Self::new(FaultKind::Cut)
    }

    /// Replies of a session are held back until there are so many of them, and then written last
    /// to first. When no further one comes for 100 ms, fewer have to do.
    pub fn reverse(batch: usize) -> Self {
        Self::new(FaultKind::Reverse(batch))
    }

    /// The reply is written in an odd way.
    pub fn form(form: ReplyForm) -> Self {
        Self::new(FaultKind::Form(form))
    }

    /// Only replies to this action. Default: to all.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::Fault;
    ///
    /// let fault = Fault::lose().for_action("create_backup");
    /// ```
    pub fn for_action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Only for so many replies. Default: until it is healed.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::mock::Fault;
    ///
    /// let fault = Fault::lose().times(3);
    /// ```
    pub fn times(mut self, replies: u64) -> Self {
        self.left = Some(replies);
        self
    }

    /// What it does to a reply.
    pub(super) fn into_kind(self) -> FaultKind {
        self.kind
    }

    fn new(kind: FaultKind) -> Self {
        Self { kind, action: None, left: None }
    }
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.with(|list| list.push(fault));
    }

    pub(super) fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Returns the oldest fault that applies to a reply to this action.
    pub(super) fn take_for(&self, action: &str) -> Option<FaultKind> {
        self.with(|list| {
            let meant = |fault: &Fault| fault.action.as_deref().is_none_or(|only| only == action);
            let index = list.iter().position(|fault| fault.left != Some(0) && meant(fault))?;
            let fault = &mut list[index];
            fault.left = fault.left.map(|left| left - 1);
            let kind = fault.kind;
            list.retain(|fault| fault.left != Some(0));
            Some(kind)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        // Nothing can panic while it is held.
        act(&mut self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReplyForm {
    /// Writes a reply in this form.
    pub(super) fn write(self, reply: Reply, keys: &[ReplyKey]) -> MessageBatch {
        let whole = |reply: &Reply| reply.write(keys);
        match self {
            Self::NotJson => vec![Message::text("this is not JSON")],
            Self::NotAnObject => vec![Message::text(format!("[{}]", whole(&reply)))],
            Self::UnknownToken => {
                let token = json!("00000000000000000000000000000000");
                vec![Message::text(whole(&Reply { token, ..reply }))]
            }
            Self::Twice => vec![Message::text(whole(&reply)); 2],
            Self::NoStatus => {
                let kept: Vec<_> =
                    keys.iter().copied().filter(|key| *key != ReplyKey::Status).collect();
                vec![Message::text(reply.write(&kept))]
            }
            Self::Binary => vec![Message::binary(whole(&reply))],
            Self::InvalidUtf8 => {
                let mut bytes = whole(&reply).into_bytes();
                // Within the object, as a console line in Latin-1 would be.
                bytes.truncate(bytes.len() - 1);
                bytes.extend_from_slice(b",\"odd\":\"\xff\"}");
                RawFrames::Text(bytes).into_batch()
            }
            Self::Fragmented(frames) => fragments(whole(&reply).as_bytes(), frames),
            Self::Padded(size) => vec![Message::text(whole(&padded(reply, size)))],
        }
    }
}

impl RawFrames {
    pub(super) fn into_batch(self) -> MessageBatch {
        match self {
            Self::Text(bytes) => vec![data_frame(bytes, Data::Text, true)],
            Self::Binary(bytes) => vec![Message::binary(bytes)],
            Self::Fragments(parts) => frame_per_part(parts.into_iter()),
            Self::Ping(bytes) => vec![Message::Ping(bytes.into())],
        }
    }
}

fn data_frame(bytes: impl Into<Bytes>, kind: Data, last: bool) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(kind), last))
}

/// A text in so many frames, at least one.
pub(super) fn fragments(text: &[u8], frames: usize) -> MessageBatch {
    frame_per_part(text.chunks(text.len().div_ceil(frames.max(1)).max(1)).map(<[u8]>::to_vec))
}

/// One text message in a frame per part.
fn frame_per_part(parts: impl Iterator<Item = Vec<u8>>) -> MessageBatch {
    let mut parts = parts.enumerate().peekable();
    let mut batch = Vec::new();
    while let Some((index, part)) = parts.next() {
        let kind = if index == 0 { Data::Text } else { Data::Continue };
        batch.push(data_frame(part, kind, parts.peek().is_none()));
    }
    batch
}

pub(super) fn padded(mut reply: Reply, size: usize) -> Reply {
    let padding = Value::String("x".repeat(size.min(MAX_PADDING)));
    let place = match &mut reply.answer {
        Ok(place) | Err(place) => place,
    };
    match place {
        Value::Object(map) => {
            map.insert("padding".to_owned(), padding);
        }
        other => *other = json!({ "padding": padding }),
    }
    reply
}
