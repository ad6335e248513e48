//! The bytes of a message.

use std::{fmt, ops::Deref};

use bytes::Bytes;

/// A whole message as it was received.
///
/// A small answer is copied into the buffer of a request that was written: a caller frees what a
/// caller has allocated, so that threads do not wait for each other's allocators, and no answer keeps
/// the memory of those that came with it. A large message stays where it was received.
#[derive(Clone)]
pub(crate) enum Payload {
    Copied(Vec<u8>),
    Received(Bytes),
}

impl Payload {
    /// The message as an event, which several consumers may share.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Copied(bytes) => bytes.into(),
            Self::Received(bytes) => bytes,
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Received(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Payload {
    /// Shows the size only: it may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// Buffers of requests that were written, for the answers.
#[derive(Default)]
pub(crate) struct BufferPool(Vec<Vec<u8>>);

impl BufferPool {
    /// How many are kept.
    const COUNT: usize = 256;
    /// The largest that is kept, and the largest message that is copied, in bytes.
    const SIZE: usize = 1024;

    /// Keeps a buffer.
    pub(crate) fn put(&mut self, buffer: Vec<u8>) {
        if self.0.len() < Self::COUNT && buffer.capacity() <= Self::SIZE {
            self.0.push(buffer);
        }
    }

    /// Copies a message: into one of the buffers if it is a small answer and there is one.
    pub(crate) fn hold(&mut self, message: &[u8], is_answer: bool) -> Payload {
        let fits = is_answer && message.len() <= Self::SIZE;
        let Some(mut buffer) = fits.then(|| self.0.pop()).flatten() else {
            return Payload::Copied(message.to_vec());
        };
        buffer.clear();
        buffer.extend_from_slice(message);
        Payload::Copied(buffer)
    }

    /// The same with a message that has memory of its own, which is kept if it is not copied.
    pub(crate) fn hold_or_keep(&mut self, message: Bytes, is_answer: bool) -> Payload {
        if is_answer && message.len() <= Self::SIZE {
            self.hold(&message, is_answer)
        } else {
            Payload::Received(message)
        }
    }

    /// Gives all buffers back, and the room for more than so many.
    pub(crate) fn release(&mut self, kept: usize) {
        self.0.clear();
        if self.0.capacity() > kept {
            self.0 = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_answers_take_a_buffer_and_only_small_buffers_are_kept() {
        let mut buffers = BufferPool::default();
        buffers.put(Vec::with_capacity(BufferPool::SIZE + 1));
        assert!(buffers.0.is_empty());
        buffers.put(b"a request".to_vec());
        let large = [b'a'; BufferPool::SIZE + 1];
        for (message, is_answer) in [(&large[..], true), (b"an event", false)] {
            assert_eq!(&*buffers.hold(message, is_answer), message);
            assert!(!buffers.0.is_empty());
        }
        for _ in 0..2 {
            assert_eq!(&*buffers.hold(b"an answer", true), b"an answer");
            assert!(buffers.0.is_empty());
        }
        for _ in 0..=BufferPool::COUNT {
            buffers.put(Vec::new());
        }
        assert_eq!(buffers.0.len(), BufferPool::COUNT);
        buffers.release(BufferPool::COUNT);
        assert!(buffers.0.is_empty() && buffers.0.capacity() > 0);
        buffers.release(0);
        assert_eq!(buffers.0.capacity(), 0);
    }
}
