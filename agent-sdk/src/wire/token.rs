//! The token that joins a reply to its request.

use std::{fmt, num::NonZeroU128};

use uuid::Uuid;

use super::json;

/// A request's token: a UUID of version 4 in form, with the slot of its call in the first bits.
///
/// The agent echoes it, so the slot is found without hashing. The name of the field
/// (`idempotence`) suggests that the agent may refuse to execute a token twice; so no token is ever
/// used again, neither in this process (a counter) nor in another (random bits).
///
/// It is never nil, so that an `Option` of it takes no more room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(NonZeroU128);

/// The bits of a UUID that say "version 4, variant 1".
// The compiler sees that it is not zero.
const UUID_FORM: NonZeroU128 = NonZeroU128::new((4 << 76) | (2 << 62)).unwrap();
/// The bits that hold the counter: all that follow the variant.
const COUNTER: u128 = (1 << 62) - 1;
/// The bits between the slot and the counter that are neither version nor variant.
const ORIGIN: u128 = (0xffff << 80) | (0xfff << 64);
/// A slot that no call has: for requests of the connection itself.
const NO_SLOT: u32 = u32::MAX;

impl Token {
    /// Reads a token in any form of a UUID, in either case.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        NonZeroU128::new(Uuid::try_parse_ascii(text).ok()?.as_u128()).map(Self)
    }

    /// Reads a token from a JSON value, which may be any.
    pub(crate) fn of_value(value: &[u8]) -> Option<Self> {
        let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        // The digits are rarely escaped, and decoding takes longer than parsing.
        Self::parse(inner).or_else(|| Self::parse(json::text(value)?.as_bytes()))
    }

    /// The slot of the call.
    pub(crate) fn slot(self) -> u32 {
        // The slot is the highest 32 bits, so nothing is lost.
        u32::try_from(self.0.get() >> 96).unwrap_or(NO_SLOT)
    }

    /// The form on the wire: 32 hexadecimal digits, as the vendor's client writes them.
    pub(crate) fn write(self, digits: &mut [u8; Self::DIGITS]) {
        Uuid::from_u128(self.0.get()).simple().encode_lower(digits);
    }

    /// The length of the form on the wire, in bytes.
    pub(crate) const DIGITS: usize = 32;
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0.get()).simple().fmt(f)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes tokens: a random origin for this agent, and a counter that starts anywhere.
pub(crate) struct Tokens {
    origin: u128,
    counter: u128,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let random: u128 = rand::random();
        Self { origin: random & ORIGIN, counter: random & COUNTER }
    }

    /// Makes a token that was never used, for the call in `slot`.
    pub(crate) fn next(&mut self, slot: u32) -> Token {
        self.counter = self.counter.wrapping_add(1) & COUNTER;
        Token(UUID_FORM | (u128::from(slot) << 96 | self.origin | self.counter))
    }

    /// A token for a request of the connection itself.
    pub(crate) fn next_internal(&mut self) -> Token {
        self.next(NO_SLOT)
    }

    /// Returns whether this made the token, now or earlier: an answer to no waiting call is late then.
    pub(crate) fn issued(&self, token: Token) -> bool {
        token.0.get() & (ORIGIN | UUID_FORM.get()) == self.origin | UUID_FORM.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> (Tokens, Token) {
        let mut tokens = Tokens::new();
        let token = tokens.next(7);
        (tokens, token)
    }

    #[test]
    fn a_token_is_a_uuid_of_version_4_and_carries_its_slot() {
        let (_, token) = token();
        let uuid = Uuid::try_parse(&token.to_string()).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(token.to_string().len(), Token::DIGITS);
        assert_eq!(token.slot(), 7);
        assert_eq!(Token::parse(token.to_string().as_bytes()), Some(token));
    }

    #[test]
    fn no_token_comes_twice() {
        let mut tokens = Tokens::new();
        let first = tokens.next(0);
        let second = tokens.next(0);
        assert_ne!(first, second);
        // The counter starts anywhere; at its end it goes on from zero.
        tokens.counter = COUNTER;
        assert_eq!(tokens.next(3).slot(), 3);
        assert_eq!(tokens.counter, 0);
    }

    #[test]
    fn a_token_of_a_stranger_is_not_taken_for_ours() {
        let (tokens, token) = token();
        assert!(tokens.issued(token));
        assert!(!Tokens { origin: !tokens.origin & ORIGIN, counter: 0 }.issued(token));
    }
}
