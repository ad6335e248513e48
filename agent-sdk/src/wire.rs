//! What travels in a message: the request, the envelope of a reply, and the token that joins them.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Serialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::action::Parameters;

/// A request's token: a UUID of version 4 in form, with the slot of its call in the first bits.
///
/// The agent echoes it, so the slot is found without hashing. The name of the field
/// (`idempotence`) suggests that the agent may refuse to execute a token twice; so no token is ever
/// used again, neither in this process (a counter) nor in another (random bits).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u128);

/// The bits of a UUID that say "version 4, variant 1".
const UUID_FORM: u128 = (4 << 76) | (2 << 62);
/// The bits that hold the counter: all that follow the variant.
const COUNTER: u128 = (1 << 62) - 1;
/// The bits between the slot and the counter that are neither version nor variant.
const ORIGIN: u128 = (0xffff << 80) | (0xfff << 64);
/// A slot that no call has: for requests of the connection itself.
const NO_SLOT: u32 = u32::MAX;

impl Token {
    /// Reads a token in any form of a UUID, in either case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(|uuid| Self(uuid.as_u128()))
    }

    /// The slot of the call.
    pub(crate) fn slot(self) -> u32 {
        // The slot is the highest 32 bits, so nothing is lost.
        u32::try_from(self.0 >> 96).unwrap_or(NO_SLOT)
    }

    /// The form on the wire: 32 hexadecimal digits, as the vendor's client writes them.
    pub(crate) fn write(self, digits: &mut [u8; Self::DIGITS]) {
        Uuid::from_u128(self.0).simple().encode_lower(digits);
    }

    /// The length of the form on the wire, in bytes.
    pub(crate) const DIGITS: usize = 32;
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0).simple().fmt(f)
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

    /// A token that nobody has had, for the call in `slot`.
    pub(crate) fn next(&mut self, slot: u32) -> Token {
        self.counter = self.counter.wrapping_add(1) & COUNTER;
        Token(u128::from(slot) << 96 | self.origin | UUID_FORM | self.counter)
    }

    /// A token for a request of the connection itself.
    pub(crate) fn next_internal(&mut self) -> Token {
        self.next(NO_SLOT)
    }

    /// Whether this made the token, whoever has it now: the answer comes late then.
    pub(crate) fn made(&self, token: Token) -> bool {
        token.0 & (ORIGIN | UUID_FORM) == self.origin | UUID_FORM
    }
}

/// A request, written but for its token.
#[derive(Clone)]
pub(crate) struct Request(Vec<u8>);

impl fmt::Debug for Request {
    /// Shows the size only: parameters may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} bytes)", self.0.len())
    }
}

const BEFORE_TOKEN: &[u8] = br#"{"idempotence":""#;
const BLANK_TOKEN: [u8; Token::DIGITS] = [b'0'; Token::DIGITS];

/// Why a request cannot be written.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The parameters refuse to be serialised.
    Json(serde_json::Error),
    /// The parameters are neither an object nor nothing.
    NotAnObject,
}

impl Request {
    /// Writes a request. Parameters that serialise as `null`, such as `()` and a struct without
    /// fields, become an empty object.
    pub(crate) fn new(
        action: &str,
        parameters: &(impl Serialize + ?Sized),
    ) -> Result<Self, RequestError> {
        let mut text = Self::head(action).map_err(RequestError::Json)?;
        let start = text.len();
        serde_json::to_writer(&mut text, parameters).map_err(RequestError::Json)?;
        Self::finish(text, start)
    }

    /// Writes the request of an action. Not generic, so that it is compiled once for all of them.
    pub(crate) fn of_action(
        action: &str,
        write: &dyn Fn(&mut Parameters),
    ) -> Result<Self, RequestError> {
        let head = Self::head(action).map_err(RequestError::Json)?;
        let mut parameters = Parameters::begin(head);
        write(&mut parameters);
        let mut text = parameters.end().map_err(RequestError::Json)?;
        text.push(b'}');
        Ok(Self(text))
    }

    /// All that stands before the parameters. Not generic, so that it is compiled once.
    fn head(action: &str) -> serde_json::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(256);
        text.extend_from_slice(BEFORE_TOKEN);
        text.extend_from_slice(&BLANK_TOKEN);
        text.extend_from_slice(br#"","action":"#);
        serde_json::to_writer(&mut text, action)?;
        text.extend_from_slice(br#","parameters":"#);
        Ok(text)
    }

    fn finish(mut text: Vec<u8>, parameters: usize) -> Result<Self, RequestError> {
        match &text[parameters..] {
            [b'{', ..] => {}
            b"null" => {
                text.truncate(parameters);
                text.extend_from_slice(b"{}");
            }
            _ => return Err(RequestError::NotAnObject),
        }
        text.push(b'}');
        Ok(Self(text))
    }

    /// Puts the token in.
    pub(crate) fn set_token(&mut self, token: Token) {
        // `head` wrote a blank token there, so this is never none.
        if let Some(place) = self.0[BEFORE_TOKEN.len()..].first_chunk_mut() {
            token.write(place);
        }
    }

    /// The message as it travels.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a message says of itself, without a look into its parameters.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) token: Option<Token>,
    pub(crate) status: Status,
    /// Where in the message the value of `parameters` stands.
    pub(crate) parameters: Option<Range<usize>>,
}

/// The agent's verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    /// `ok`; or none at all, which is taken for a success; or a word that nobody has documented.
    #[default]
    Ok,
    /// `error`, or a word that means it.
    Error,
}

impl Status {
    fn of(word: &str) -> Self {
        const ERRORS: [&str; 6] = ["error", "err", "failed", "failure", "rejected", "denied"];
        if ERRORS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            Self::Error
        } else {
            Self::Ok
        }
    }
}

impl Envelope {
    /// Reads the envelope of a message; `None` if it is not a JSON object.
    ///
    /// The keys may come in any order and more than once (the first one counts). A token that is no
    /// UUID is no token of ours.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let text = str::from_utf8(message).ok()?;
        let fields: Fields<'_> = serde_json::from_str(text).ok()?;
        let parameters = fields.parameters.map(|raw| {
            let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
            start..start + raw.get().len()
        });
        Some(Self { token: fields.token, status: fields.status, parameters })
    }
}

/// The fields of an envelope, as they stand in the text.
#[derive(Default)]
struct Fields<'a> {
    token: Option<Token>,
    status: Status,
    parameters: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message of the agent")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                let mut status = None;
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::Idempotence => {
                            let word: Word = map.next_value()?;
                            fields.token = fields.token.or(word.token);
                        }
                        Key::Status => {
                            let word: Word = map.next_value()?;
                            status = status.or(Some(word.status));
                        }
                        Key::Parameters => {
                            let value = map.next_value()?;
                            fields.parameters = fields.parameters.or(Some(value));
                        }
                        Key::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                fields.status = status.unwrap_or_default();
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A key of an envelope.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Idempotence,
    Status,
    Parameters,
    #[serde(other)]
    Other,
}

/// A value that may be a token or a status; anything else is neither.
#[derive(Default)]
struct Word {
    token: Option<Token>,
    status: Status,
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Word, E> {
        Ok(Word { token: Token::parse(text), status: Status::of(text) })
    }

    fn visit_bool<E>(self, good: bool) -> Result<Word, E> {
        let status = if good { Status::Ok } else { Status::Error };
        Ok(Word { token: None, status })
    }

    fn visit_unit<E>(self) -> Result<Word, E> {
        Ok(Word::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Word, E> {
        Ok(Word::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Word, E> {
        Ok(Word::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Word, E> {
        Ok(Word::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Word, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word::default())
    }
}

/// The tokens in a piece of a message, which is too large to be read as a whole.
///
/// One of them may stand in the parameters, so each has to be tried; no other token is ours.
pub(crate) fn tokens(piece: &[u8]) -> impl Iterator<Item = Token> {
    const KEY: &[u8] = br#""idempotence""#;
    let ends = piece.windows(KEY.len()).enumerate().filter(|(_, window)| *window == KEY);
    ends.filter_map(|(start, _)| {
        let rest = piece[start + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
        let text = rest.trim_ascii_start().strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        Token::parse(str::from_utf8(&text[..end]).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_a_piece() {
        let (_, token) = token();
        let piece = format!(
            r#"\"idempotence\":\"{token}\" "idempotence":7 "idempotence" : "{token}","idempotence":"{token}"#
        );
        assert_eq!(tokens(piece.as_bytes()).collect::<Vec<_>>(), [token]);
    }

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
        assert_eq!(Token::parse(&token.to_string()), Some(token));
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
    fn a_stranger_s_token_is_not_taken_for_ours() {
        let (tokens, token) = token();
        assert!(tokens.made(token));
        assert!(!Tokens { origin: !tokens.origin & ORIGIN, counter: 0 }.made(token));
    }

    #[test]
    fn a_request_has_the_three_fields() {
        let (_, token) = token();
        let mut request = Request::new("server \"x\"", &serde_json::json!({"a": 1})).unwrap();
        request.set_token(token);
        let value: serde_json::Value = serde_json::from_slice(request.as_bytes()).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "action": "server \"x\"",
                "parameters": {"a": 1},
                "idempotence": token.to_string(),
            })
        );
    }

    #[test]
    fn parameters_must_be_an_object_or_nothing() {
        let nothing = Request::new("a", &()).unwrap();
        assert!(nothing.as_bytes().ends_with(br#""parameters":{}}"#));
        assert!(matches!(Request::new("a", &[1]), Err(RequestError::NotAnObject)));
        assert!(matches!(Request::new("a", "text"), Err(RequestError::NotAnObject)));
    }

    #[test]
    fn an_envelope_is_read_in_any_order_of_keys() {
        let (_, token) = token();
        for text in [
            format!(r#"{{"idempotence":"{token}","status":"error","parameters":{{"x":[1]}}}}"#),
            format!(r#"{{"parameters":{{"x":[1]}},"status":"ERROR","idempotence":"{token}"}}"#),
            format!(
                r#" {{ "new":{{"idempotence":"x"}},"parameters" : {{"x":[1]}} , "status":false,
                "idempotence":"{token}", "status":"ok"}} "#
            ),
        ] {
            let envelope = Envelope::read(text.as_bytes()).unwrap();
            assert_eq!(envelope.token, Some(token), "{text}");
            assert_eq!(envelope.status, Status::Error, "{text}");
            assert_eq!(&text[envelope.parameters.unwrap()], r#"{"x":[1]}"#, "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_odd_in_an_envelope_breaks_nothing() {
        for text in [
            "{}",
            r#"{"idempotence":null,"status":null}"#,
            r#"{"idempotence":7,"status":{"a":[1]}}"#,
            r#"{"idempotence":[{"idempotence":7}],"status":-1.5}"#,
            r#"{"idempotence":"not a uuid","status":"pending"}"#,
        ] {
            assert_eq!(Envelope::read(text.as_bytes()), Some(Envelope::default()), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_envelope() {
        for text in ["", "null", "[]", "3", "{", r#"{"a":1}x"#, r#""text""#, "{\"a\":\"\u{0}"] {
            assert_eq!(Envelope::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Envelope::read(b"{\"a\":\"\xff\"}"), None);
        let nested = "[".repeat(100_000);
        assert_eq!(Envelope::read(format!(r#"{{"parameters":{nested}"#).as_bytes()), None);
    }
}
