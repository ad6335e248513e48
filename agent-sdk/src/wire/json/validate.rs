//! The check that a message is whole JSON, in the pass that finds its fields.
//!
//! Each reply is checked, so it costs no allocation and looks once at each byte. Values that are nested
//! deeper than a word has bits are left to serde's parser.

use serde::de::IgnoredAny;

/// Passes over one whole object and gives its keys and values, as they were written, to `visit`;
/// returns whether the text is one whole object, of any depth and with numbers of any size. What was
/// visited counts only if it is.
///
/// Texts in it need not be UTF-8: a console line is kept for what can be read of it.
pub(crate) fn visit_object<'a>(text: &'a [u8], visit: impl FnMut(&'a [u8], &'a [u8])) -> bool {
    let mut validator = Validator { text, at: 0 };
    validator.object(visit).is_some() && validator.peek().is_none()
}

/// Passes over JSON. Each step returns `None` where the text breaks the rules of RFC 8259.
struct Validator<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Validator<'a> {
    fn object(&mut self, mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
        self.eat(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.peek()?;
            let key = self.span(Self::string)?;
            self.eat(b':')?;
            self.peek()?;
            let value = self.span(Self::value)?;
            visit(key, value);
            match self.take()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Returns the bytes that a step has passed.
    fn span(&mut self, step: impl FnOnce(&mut Self) -> Option<()>) -> Option<&'a [u8]> {
        let start = self.at;
        step(self)?;
        self.text.get(start..self.at)
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' | b'[' => self.nested(),
            first => self.scalar(first),
        }
    }

    /// Passes over a list or an object.
    fn nested(&mut self) -> Option<()> {
        let start = self.at;
        let mut open = Brackets::NONE;
        loop {
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    let Some(deeper) = open.with(bracket) else { return self.deep(start) };
                    open = deeper;
                    if !open.is_closed_by(self.peek()?) {
                        self.key_in(open)?;
                        continue;
                    }
                }
                first => self.scalar(first)?,
            }
            loop {
                match self.take()? {
                    b',' => {
                        self.key_in(open)?;
                        break;
                    }
                    bracket if open.is_closed_by(bracket) => open = open.without_innermost(),
                    _ => return None,
                }
                if open == Brackets::NONE {
                    return Some(());
                }
            }
        }
    }

    /// Passes over a value from its start, however deep it is nested.
    #[cold]
    fn deep(&mut self, start: usize) -> Option<()> {
        let mut values =
            serde_json::Deserializer::from_slice(self.text.get(start..)?).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.at = start + values.byte_offset();
        Some(())
    }

    /// Passes over the key before a value in an object; a value in a list has none.
    fn key_in(&mut self, open: Brackets) -> Option<()> {
        if !open.is_object() {
            return Some(());
        }
        self.peek()?;
        self.string()?;
        self.eat(b':')
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_next = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_next.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.here() == Some(b'-'));
        if self.here()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.here() {
            self.at += 1;
            self.at += usize::from(matches!(self.here(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// Passes over one digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        if self.here()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            self.plain_characters();
            match self.here()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                _control_character => return None,
            }
        }
    }

    /// Passes to the quote, backslash or control character that comes next in a string.
    fn plain_characters(&mut self) {
        while let Some(bytes) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
            let special = special_bytes(u64::from_le_bytes(*bytes));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.here().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    /// Passes over an escape. Half of a surrogate pair is one too: it is replaced where it is decoded.
    fn escape(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        self.at += match rest.get(1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' if rest.get(2..6)?.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return None,
        };
        Some(())
    }

    fn here(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Passes over white space and returns what follows.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.here() {
            self.at += 1;
        }
        self.here()
    }

    /// Passes over white space and the byte that follows, which it returns.
    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, expected: u8) -> Option<()> {
        (self.take()? == expected).then_some(())
    }
}

/// Marks the quotes, backslashes and control characters of a string among eight of its bytes by the
/// highest bit of each. Only the first mark is reliable: the subtractions borrow from the next byte.
fn special_bytes(bytes: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    // This puts the quote, 0x22, next to the control characters, which are all below 0x20.
    let up_to_quote = (bytes ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
    let backslash = (bytes ^ (EACH * 0x5c)).wrapping_sub(EACH);
    (up_to_quote | backslash) & !bytes & HIGHEST
}

/// The open brackets around a value: one bit for each, the innermost lowest, 1 for an object. The
/// highest bit that is set only marks the end.
#[derive(Clone, Copy, PartialEq)]
struct Brackets(u64);

impl Brackets {
    const NONE: Self = Self(1);

    /// Opens one more; `None` if there is no room for it.
    fn with(self, bracket: u8) -> Option<Self> {
        (self.0.leading_zeros() > 0).then(|| Self(self.0 << 1 | u64::from(bracket == b'{')))
    }

    fn without_innermost(self) -> Self {
        Self(self.0 >> 1)
    }

    /// Returns whether the innermost one is that of an object.
    fn is_object(self) -> bool {
        self.0 & 1 == 1
    }

    fn is_closed_by(self, bracket: u8) -> bool {
        bracket == if self.is_object() { b'}' } else { b']' }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::json::{tests::value, text};

    fn is_object(text: &[u8]) -> bool {
        visit_object(text, |_, _| {})
    }

    /// What serde's parser takes for one whole value.
    fn is_value(text: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn an_object_is_one_at_any_depth_and_with_any_number() {
        let nested = |open: &str, close: &str, depth| {
            format!(r#"{{"a":{}1{}}}"#, open.repeat(depth), close.repeat(depth))
        };
        for depth in [1, 30, 31, 32, 33, 62, 63, 64, 65, 10_000] {
            for whole in [nested("[", "]", depth), nested(r#"{"":[{"":1},"#, "]}", depth)] {
                assert!(is_object(whole.as_bytes()), "{depth}");
                for (close, other) in [("1]", "1}"), ("]}", "}]"), ("]}", "]]}"), ("]}", "}")] {
                    assert!(!is_object(whole.replacen(close, other, 1).as_bytes()), "{depth}");
                }
            }
        }
        for whole in [r#" {"a":1e999} "#, "{}", r#"{"a":[],"b":{"c":{}}}"#] {
            assert!(is_object(whole.as_bytes()), "{whole}");
        }
        assert!(is_object(b"{\"line\":\"caf\xe9\"}"));
        assert!(is_object(br#"{"\udc00":"\ud800"}"#));
        for broken in ["", "[]", "\"{}\"", "{", r#"{"a":1}x"#, r#"{"a":tru}"#, r#"{"a":1,}"#] {
            assert!(!is_object(broken.as_bytes()), "{broken}");
        }
    }

    #[test]
    fn a_number_is_one_by_the_grammar() {
        for number in ["0", "-0", "10", "0.0", "-1.50", "1e5", "1E+05", "0e-0", "12.5e300"] {
            assert!(is_object(format!(r#"{{"a":{number}}}"#).as_bytes()), "{number}");
        }
        for odd in
            ["-", "00", "-01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1_0", "1-", "--1", "NaN"]
        {
            assert!(!is_object(format!(r#"{{"a":{odd}}}"#).as_bytes()), "{odd}");
        }
    }

    #[test]
    fn the_check_of_a_usual_answer_allocates_nothing() {
        let answer = br#"{"idempotence":"\\","status":"ok","parameters":{"list":[1,{"a":-1.5}]}}"#;
        let counted = allocation_counter::measure(|| assert!(is_object(answer)));
        assert_eq!(counted.count_total, 0);
    }

    /// Eight bytes are looked at together: what one of them is must not depend on its neighbours.
    #[test]
    fn each_byte_of_a_text_is_judged_wherever_it_is() {
        for (length, neighbour) in [(1, b'x'), (8, b'\xff'), (9, b'!'), (24, b' '), (24, b'#')] {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut inner = vec![neighbour; length];
                    inner[place] = byte;
                    let message = [br#"{"a":""#, &inner[..], br#""}"#].concat();
                    assert_eq!(
                        is_object(&message),
                        is_value(&message),
                        "{}",
                        message.escape_ascii()
                    );
                }
            }
        }
    }

    const WORDS: [&str; 24] = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00", "\\ud8aF", "\\/", "1", "-",
        "0", ".", "1e9", "E+", "true", "nul", "null", " ", "\t\n", "\u{c}",
    ];

    proptest! {
        /// What serde's parser takes for an object is one here, and nothing else.
        #[test]
        fn a_text_is_an_object_if_a_parser_says_so(
            words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..12),
            value in value(),
            cut: prop::sample::Index,
            replaced: prop::sample::Index,
            byte: u8,
        ) {
            let [words, text] = [format!("{{{}", words.concat()), format!("{{\"{}\":1}}", words.concat())];
            let written = json!({ "a": value }).to_string();
            let cut = &written.as_bytes()[..cut.index(written.len() + 1)];
            let mut damaged = written.clone().into_bytes();
            damaged[replaced.index(written.len())] = byte;
            for json in [words.as_bytes(), text.as_bytes(), written.as_bytes(), cut, &damaged] {
                let expected = json.trim_ascii_start().first() == Some(&b'{') && is_value(json);
                prop_assert_eq!(is_object(json), expected, "{}", json.escape_ascii());
            }
        }

        #[test]
        fn what_is_visited_is_what_a_parser_finds(value in value(), pretty: bool) {
            let object = json!({ "a": value, "": [value], "z\"": { "x": value } });
            let written =
                if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) };
            let written = written.unwrap();
            let mut found = serde_json::Map::new();
            let is_whole = visit_object(&written, |key, value| {
                let key = text(key).unwrap().into_owned();
                found.insert(key, serde_json::from_slice(value).unwrap());
            });
            prop_assert!(is_whole);
            prop_assert_eq!(Value::Object(found), object);
        }
    }
}
