//! What each call passes, for this repository's benchmarks: no part of the API.

use bytes::BytesMut;

use crate::{
    connection::{FrameDecoder, Incoming, write_text},
    wire::{Envelope, Token, Tokens},
};

/// Finds token, status and parameters; returns whether there is a token.
#[must_use]
pub fn read_envelope(message: &[u8]) -> bool {
    Envelope::read(message).is_some_and(|envelope| envelope.token.is_some())
}

/// Makes a token and writes it.
pub fn write_token(tokens: &mut TokenSource) -> [u8; Token::DIGITS] {
    let mut digits = [0; Token::DIGITS];
    tokens.0.next(7).write(&mut digits);
    digits
}

/// Makes tokens.
#[allow(missing_debug_implementations, reason = "it is for benchmarks alone")]
pub struct TokenSource(Tokens);

impl Default for TokenSource {
    fn default() -> Self {
        Self(Tokens::new())
    }
}

/// Appends a frame with its mask.
pub fn write_frame(out: &mut Vec<u8>, payload: &[u8]) {
    write_text(out, payload);
}

/// Turns what was received into messages.
#[allow(missing_debug_implementations, reason = "it is for benchmarks alone")]
pub struct FrameReader(FrameDecoder);

impl FrameReader {
    /// A reader that skips messages over the limit.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(FrameDecoder::new(BytesMut::new(), limit))
    }

    /// Takes what was received; how many messages became whole by it.
    pub fn read(&mut self, received: &[u8]) -> usize {
        let mut received = received;
        std::iter::from_fn(|| self.0.next(&mut received).ok().flatten())
            .filter(|incoming| matches!(incoming, Incoming::Message(_) | Incoming::Gathered(_)))
            .count()
    }
}
