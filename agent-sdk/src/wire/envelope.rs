//! Token, status and parameters of a message.

use super::{Token, json};

/// Token, status and the place of the parameters of a message.
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
    /// `ok`; or none at all, which is taken for a success; or an undocumented word.
    #[default]
    Ok,
    /// `error`, or a word that means it.
    Error,
}

impl Status {
    fn of(word: &[u8]) -> Self {
        const ERRORS: [&str; 10] = [
            "error",
            "err",
            "fail",
            "failed",
            "failure",
            "rejected",
            "refused",
            "denied",
            "forbidden",
            "unauthorized",
        ];
        if ERRORS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
            Self::Error
        } else {
            Self::Ok
        }
    }

    /// Reads a status that may be a word, `false`, or anything undocumented.
    fn of_value(value: &[u8]) -> Self {
        // Most replies say this, and decoding takes longer than all else here.
        if value == br#""ok""# {
            return Self::Ok;
        }
        match json::text(value) {
            Some(word) => Self::of(word.as_bytes()),
            None if value == b"false" => Self::Error,
            None => Self::Ok,
        }
    }
}

impl Envelope {
    /// Reads the envelope of a message; `None` if it is not one whole JSON object.
    ///
    /// The keys may come in any order and more than once (the first one counts). A token that is no
    /// UUID is no token of ours.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let (mut token, mut status, mut parameters) = (None, None, None);
        let is_whole = json::visit_object(message, |key, value| match Field::of_key(key) {
            Some(Field::Token) if token.is_none() => token = Token::of_value(value),
            Some(Field::Status) if status.is_none() => status = Some(Status::of_value(value)),
            Some(Field::Parameters) if parameters.is_none() => {
                parameters = Some(value.as_ptr().addr() - message.as_ptr().addr());
            }
            _ => {}
        });
        is_whole.then(|| Self { token, status: status.unwrap_or_default(), parameters })
    }

    /// Returns whether it may answer a request.
    pub(crate) fn is_answer(&self) -> bool {
        self.token.is_some()
    }
}

/// The fields that an envelope is read from.
enum Field {
    Token,
    Status,
    Parameters,
}

impl Field {
    /// Returns the field with this key, which is as it was written: in quotes.
    fn of_key(key: &[u8]) -> Option<Self> {
        match key {
            br#""idempotence""# => Some(Self::Token),
            br#""status""# => Some(Self::Status),
            br#""parameters""# => Some(Self::Parameters),
            _ if key.contains(&b'\\') => Self::of_escaped_key(key),
            _ => None,
        }
    }

    #[cold]
    fn of_escaped_key(key: &[u8]) -> Option<Self> {
        match &*json::text(key)? {
            "idempotence" => Some(Self::Token),
            "status" => Some(Self::Status),
            "parameters" => Some(Self::Parameters),
            _ => None,
        }
    }
}

/// The tokens in a piece of a message, which is too large to be read as a whole.
///
/// One of them may belong to the parameters, so each has to be tried; no other token is ours.
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

/// The tokens at either end of a message that cannot be read.
pub(crate) fn tokens_at_ends(message: &[u8]) -> Vec<Token> {
    /// A message has its own token before or after its parameters.
    const END: usize = 1024;
    let (head, rest) = message.split_at(message.len().min(END));
    tokens(head).chain(tokens(&rest[rest.len().saturating_sub(END)..])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use serde::de::IgnoredAny;
    use serde_json::{Deserializer, Map, Value};

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
    fn a_verdict_is_read_in_any_case_and_coding() {
        for (status, expected) in [
            (r#""OK""#, Status::Ok),
            (r#""success""#, Status::Ok),
            (r#""accepted""#, Status::Ok),
            ("true", Status::Ok),
            ("200", Status::Ok),
            (r#"{"error":"x"}"#, Status::Ok),
            (r#""Error""#, Status::Error),
            (r#""FAIL""#, Status::Error),
            (r#""Unauthorized""#, Status::Error),
            (r#""\u0065rror""#, Status::Error),
            ("false", Status::Error),
        ] {
            let envelope = Envelope::read(format!(r#"{{"status":{status}}}"#).as_bytes()).unwrap();
            assert_eq!(envelope.status, expected, "{status}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_envelope() {
        for text in ["", "null", "[]", "3", "{", r#"{"a":1}x"#, r#""text""#, "{\"a\":\"\u{0}"] {
            assert_eq!(Envelope::read(text.as_bytes()), None, "{text}");
        }
        let nested = "[".repeat(100_000);
        assert_eq!(Envelope::read(format!(r#"{{"parameters":{nested}"#).as_bytes()), None);
    }

    /// It used to be taken for the answer once the three fields were found.
    #[test]
    fn an_answer_that_is_not_whole_has_no_envelope() {
        let token = Tokens::new().next(7);
        let whole =
            format!(r#"{{"idempotence":"{token}","status":"ok","parameters":{{"x":[1]}}}}"#);
        assert!(Envelope::read(whole.as_bytes()).is_some());
        for end in 0..whole.len() {
            assert_eq!(Envelope::read(&whole.as_bytes()[..end]), None);
        }
        assert_eq!(Envelope::read(format!("{whole}}}").as_bytes()), None);
    }

    /// An event with one of these was dropped as if it were noise.
    #[test]
    fn a_message_may_be_deep_have_large_numbers_and_texts_that_are_not_utf8() {
        let token = Tokens::new().next(7);
        let deep = "[".repeat(129) + &"]".repeat(129);
        for odd in [deep.as_bytes(), b"1e999", b"\"caf\xe9\"", br#""\ud800""#] {
            let mut message = br#"{"x":"#.to_vec();
            message.extend_from_slice(odd);
            message.extend_from_slice(br#","status":"#);
            message.extend_from_slice(odd);
            message.extend_from_slice(format!(r#","idempotence":"{token}"}}"#).as_bytes());
            let envelope = Envelope::read(&message).expect("it is an object");
            assert_eq!((envelope.token, envelope.status), (Some(token), Status::Ok));
        }
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
        /// What is found is what an independent parser finds.
        #[test]
        fn what_is_found_is_what_is_parsed(fields in prop::collection::vec(field(), 0..7)) {
            let message = format!("{{{}}}", fields.join(","));
            let parsed: Vec<(String, Value)> = fields.iter().flat_map(|field| parse(field)).collect();
            let values = |name: &'static str| {
                parsed.iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
            };
            let token = |value: &Value| value.as_str().and_then(|word| Token::parse(word.as_bytes()));
            let status = |value: &Value| match value {
                Value::String(word) => Status::of(word.as_bytes()),
                Value::Bool(false) => Status::Error,
                _ => Status::Ok,
            };
            let found = Envelope::read(message.as_bytes()).expect("it is an object");
            prop_assert_eq!(found.token, values("idempotence").find_map(token), "{}", message);
            let expected = values("status").next().map(status).unwrap_or_default();
            prop_assert_eq!(found.status, expected, "{}", message);
            let parameters = found.parameters.map(|start| {
                Deserializer::from_str(&message[start..]).into_iter().next().unwrap().unwrap()
            });
            prop_assert_eq!(parameters.as_ref(), values("parameters").next(), "{}", message);
        }
    }

    /// The one field of an object.
    fn parse(field: &str) -> Map<String, Value> {
        serde_json::from_str(&format!("{{{field}}}")).expect("it is an object")
    }

    /// Whatever arrives, nothing panics, what has an envelope is what a parser takes for an object, and
    /// what is found lies within the message. `.ci/fuzz` runs it for longer.
    #[test]
    fn fuzz_envelope() {
        bolero::check!().for_each(|message: &[u8]| {
            let envelope = Envelope::read(message);
            let is_object = message.trim_ascii_start().first() == Some(&b'{')
                && serde_json::from_slice::<IgnoredAny>(message).is_ok();
            assert_eq!(envelope.is_some(), is_object);
            if let Some(start) = envelope.and_then(|envelope| envelope.parameters) {
                assert!(start < message.len());
            }
        });
    }
}
