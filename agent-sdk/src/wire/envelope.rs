//! What a message says of itself, without a look into its parameters.

use std::fmt;

use memchr::memchr2;
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Token;

/// What a message says of itself, without a look into its parameters.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) token: Option<Token>,
    pub(crate) status: Status,
    /// Where in the message the value of `parameters` begins.
    pub(crate) parameters: Option<usize>,
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
    fn of(word: &[u8]) -> Self {
        const ERRORS: [&str; 6] = ["error", "err", "failed", "failure", "rejected", "denied"];
        if word != b"ok" && ERRORS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
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
    /// UUID is no token of ours. What comes after all three is not looked at: whoever made the call
    /// parses it, and learns then if it is no JSON.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        Self::skim(message).or_else(|| Self::parse(message))
    }

    /// Whether it may answer a request.
    pub(crate) fn is_answer(&self) -> bool {
        self.token.is_some()
    }

    /// Finds the three fields without building or checking anything; `None` if they are not all
    /// there in their usual form.
    fn skim(message: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { text: message, at: 0 };
        cursor.eat(b'{')?;
        let (mut token, mut status, mut parameters) = (None, None, None);
        loop {
            let key = cursor.word()?;
            cursor.eat(b':')?;
            match key {
                b"idempotence" => {
                    let word = Token::parse(cursor.word()?);
                    token = token.or(word);
                }
                b"status" => {
                    let word = Status::of(cursor.word()?);
                    status = status.or(Some(word));
                }
                b"parameters" if parameters.is_none() => {
                    cursor.next()?;
                    parameters = Some(cursor.at);
                    if token.is_none() || status.is_none() {
                        cursor.skip_value()?;
                    }
                }
                _ => cursor.skip_value()?,
            }
            if token.is_some() && status.is_some() && parameters.is_some() {
                break;
            }
            if cursor.next()? == b'}' {
                break;
            }
            cursor.eat(b',')?;
        }
        Some(Self { token: Some(token?), status: status.unwrap_or_default(), parameters })
    }

    /// Reads whatever `skim` does not: no token, escaped keys, values of other types.
    fn parse(message: &[u8]) -> Option<Self> {
        let text = str::from_utf8(message).ok()?;
        let fields: Fields<'_> = serde_json::from_str(text).ok()?;
        let start = |raw: &RawValue| raw.get().as_ptr().addr() - text.as_ptr().addr();
        let parameters = fields.parameters.map(start);
        Some(Self { token: fields.token, status: fields.status, parameters })
    }
}

/// Whether a message is a JSON object, which is all that is known of events.
pub(crate) fn is_object(message: &[u8]) -> bool {
    Envelope::parse(message).is_some()
}

/// Walks through JSON by its quotes, brackets and commas alone.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, expected: u8) -> Option<()> {
        let found = self.next()? == expected;
        self.at += usize::from(found);
        found.then_some(())
    }

    /// A string without escapes.
    fn word(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let rest = self.text.get(self.at..)?;
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        self.at += length + 1;
        (rest[length] == b'"').then_some(&rest[..length])
    }

    /// To the comma or bracket that ends a value.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.text.get(self.at)? {
                b',' | b'}' | b']' if depth == 0 => return Some(()),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => self.skip_string()?,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// From the quote that begins a string to the one that ends it.
    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                return Some(());
            }
            // Whatever was escaped is part of the string.
            self.at += 2;
        }
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
        Ok(Word { token: Token::parse(text.as_bytes()), status: Status::of(text.as_bytes()) })
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
        Token::parse(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::wire::Tokens;

    #[test]
    fn tokens_are_found_in_a_piece() {
        let token = Tokens::new().next(7);
        let piece = format!(
            r#"\"idempotence\":\"{token}\" "idempotence":7 "idempotence" : "{token}","idempotence":"{token}"#
        );
        assert_eq!(tokens(piece.as_bytes()).collect::<Vec<_>>(), [token]);
    }

    #[test]
    fn an_envelope_is_read_in_any_order_of_keys() {
        let token = Tokens::new().next(7);
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
            let parameters = &text[envelope.parameters.unwrap()..];
            assert!(parameters.trim_start().starts_with(r#"{"x":[1]}"#), "{text}");
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

    #[test]
    fn what_comes_after_the_three_fields_is_left_to_the_caller() {
        let token = Tokens::new().next(7);
        let text = format!(r#"{{"idempotence":"{token}","status":"ok","parameters": {{"x":"\xff"#);
        let envelope = Envelope::read(text.as_bytes()).unwrap();
        assert_eq!(envelope.token, Some(token));
        assert_eq!(&text[envelope.parameters.unwrap()..], r#"{"x":"\xff"#);
    }

    /// One field of a message, usual or odd.
    fn field() -> impl Strategy<Value = String> {
        const TOKEN: &str = r#""2f1c0a5e00000000b00100000000002a""#;
        let keys = ["idempotence", "status", "parameters", "other", "idempot\\u0065nce", ""];
        let values = [
            TOKEN,
            r#""2F1C0A5E-0000-0000-B001-00000000002A""#,
            r#""ok""#,
            r#""Failed""#,
            r#""\u006fk""#,
            r#""a\\\"]}{[,""#,
            r#"{"a":["}",{"idempotence":"x","status":"error"}],"b":"\\\\"}"#,
            "[[],{},[\"]\"]]",
            "{}",
            "null",
            "true",
            "-1.5e3",
        ];
        let space = || select(vec!["", " ", "\n\t"]);
        (select(keys.to_vec()), select(values.to_vec()), space(), space(), space()).prop_map(
            |(key, value, before, middle, after)| {
                format!("{before}\"{key}\"{middle}:{after}{value}{before}")
            },
        )
    }

    proptest! {
        /// Skimming finds the same as a parser that somebody else wrote.
        #[test]
        fn what_is_skimmed_is_what_is_parsed(fields in prop::collection::vec(field(), 0..7)) {
            let message = format!("{{{}}}", fields.join(","));
            let parsed = Envelope::parse(message.as_bytes());
            prop_assert!(parsed.is_some(), "{message}");
            if let Some(skimmed) = Envelope::skim(message.as_bytes()) {
                prop_assert_eq!(Some(skimmed), parsed, "{}", message);
            }
        }
    }

    /// Whatever arrives, nothing panics, and what is found lies within the message. `.ci/fuzz` runs
    /// it for longer.
    #[test]
    fn fuzz_envelope() {
        bolero::check!().for_each(|message: &[u8]| {
            if let Some(start) = Envelope::read(message).and_then(|envelope| envelope.parameters) {
                assert!(start < message.len());
            }
        });
    }
}
