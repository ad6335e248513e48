//! A look into JSON that builds nothing: what arrives may be large, hostile, deep, or not even UTF-8.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};
use serde::de::IgnoredAny;

/// Returns whether a message is one whole JSON object, of any depth and with numbers of any size.
///
/// Texts in it need not be UTF-8: a console line is kept for what can be read of it.
pub(crate) fn is_object(message: &[u8]) -> bool {
    message.trim_ascii_start().first() == Some(&b'{')
        && Structure::check(message).unwrap_or_else(|| is_value(message))
}

/// Returns whether serde's parser takes a text for one whole value, without an allocation unless the
/// value is nested.
fn is_value(json: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(json).is_ok()
}

/// Returns whether a text that holds no other value is one whole value. Most are plain texts, small
/// numbers and words, which take no parser: each answer is checked.
fn is_scalar(json: &[u8]) -> bool {
    match json {
        b"true" | b"false" | b"null" | b"0" => true,
        [b'"', inner @ .., b'"'] if inner.iter().all(|byte| *byte >= b' ' && *byte != b'\\') => {
            true
        }
        [b'1'..=b'9', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => true,
        _ => is_value(json),
    }
}

/// The nesting of a JSON text. serde's parser would allocate for it, and each answer is checked.
struct Structure<'a> {
    cursor: Cursor<'a>,
    /// One bit for each open bracket, the innermost lowest: 1 for an object.
    brackets: u128,
    depth: u32,
}

/// What is wrong with a JSON text.
enum Flaw {
    /// It is not one whole value.
    Broken,
    /// It has more levels than are checked here.
    TooDeep,
}

impl<'a> Structure<'a> {
    /// Returns whether a text is one whole object or list; `None` if it is too deep to say.
    fn check(json: &'a [u8]) -> Option<bool> {
        let mut structure = Self { cursor: Cursor::new(json), brackets: 0, depth: 0 };
        loop {
            match structure.value().and_then(|()| structure.end_of_value()) {
                Ok(true) => {}
                Ok(false) => return Some(structure.cursor.next().is_none()),
                Err(Flaw::Broken) => return Some(false),
                Err(Flaw::TooDeep) => return None,
            }
        }
    }

    /// Passes to the end of a value without values in it.
    fn value(&mut self) -> Result<(), Flaw> {
        loop {
            let is_object = match self.cursor.next().ok_or(Flaw::Broken)? {
                b'{' => true,
                b'[' => false,
                _ => return self.scalar(),
            };
            self.cursor.at += 1;
            let close = if is_object { b'}' } else { b']' };
            if self.cursor.eat(close).is_some() {
                return Ok(());
            }
            self.open(is_object)?;
            if is_object {
                self.key()?;
            }
        }
    }

    fn open(&mut self, is_object: bool) -> Result<(), Flaw> {
        self.depth += 1;
        if self.depth > u128::BITS {
            return Err(Flaw::TooDeep);
        }
        self.brackets = self.brackets << 1 | u128::from(is_object);
        Ok(())
    }

    /// Passes over what ends a value; whether one more follows.
    fn end_of_value(&mut self) -> Result<bool, Flaw> {
        while self.depth > 0 {
            let is_object = self.brackets & 1 == 1;
            match (self.cursor.next().ok_or(Flaw::Broken)?, is_object) {
                (b',', _) => {
                    self.cursor.at += 1;
                    if is_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                (b'}', true) | (b']', false) => {
                    self.cursor.at += 1;
                    self.brackets >>= 1;
                    self.depth -= 1;
                }
                _ => return Err(Flaw::Broken),
            }
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), Flaw> {
        if self.cursor.next() != Some(b'"') {
            return Err(Flaw::Broken);
        }
        self.scalar()?;
        self.cursor.eat(b':').ok_or(Flaw::Broken)
    }

    fn scalar(&mut self) -> Result<(), Flaw> {
        if self.short_text() {
            return Ok(());
        }
        let scalar = self.cursor.value().ok_or(Flaw::Broken)?;
        if is_scalar(scalar) { Ok(()) } else { Err(Flaw::Broken) }
    }

    /// Passes over a short text without escapes, which most keys and values are, in one look at each
    /// of its bytes; returns whether it was one.
    fn short_text(&mut self) -> bool {
        const SHORT: usize = 40;
        let rest = self.cursor.text.get(self.cursor.at..).unwrap_or_default();
        let Some((b'"', inner)) = rest.split_first() else { return false };
        let is_special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
        let end = inner.iter().take(SHORT).position(is_special);
        let Some(length) = end.filter(|end| inner[*end] == b'"') else { return false };
        self.cursor.at += length + 2;
        true
    }
}

/// Returns the keys and values of an object, in order; nothing if the value is no object.
pub(crate) fn entries(object: &[u8]) -> Entries<'_> {
    let mut cursor = Cursor::new(object);
    let is_open = cursor.eat(b'{').is_some();
    Entries { cursor, is_open }
}

/// The keys and values of an object; see [`entries`].
pub(crate) struct Entries<'a> {
    cursor: Cursor<'a>,
    is_open: bool,
}

impl<'a> Iterator for Entries<'a> {
    /// The key, decoded, and the value as it stands.
    type Item = (Cow<'a, str>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if !self.is_open {
            return None;
        }
        let key = self.cursor.value()?;
        self.cursor.eat(b':')?;
        let value = self.cursor.value()?;
        self.is_open = self.cursor.eat(b',').is_some();
        Some((text(key)?, value))
    }
}

/// Decodes a JSON string; `None` if the value is none. What no Rust string can hold is replaced.
pub(crate) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    match repair(inner) {
        Cow::Borrowed(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        repaired => serde_json::from_str(&format!("\"{repaired}\"")).ok().map(Cow::Owned),
    }
}

/// Returns whether a Rust string cannot hold all of a JSON text: bytes that are not UTF-8, or halves
/// of surrogate pairs.
pub(crate) fn is_damaged(json: &[u8]) -> bool {
    str::from_utf8(json).is_err() || lone_surrogates(json).next().is_some()
}

/// Replaces what a Rust string cannot hold by U+FFFD.
pub(crate) fn repair(json: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(json);
    let lone: Vec<_> = lone_surrogates(text.as_bytes()).collect();
    if lone.is_empty() {
        return text;
    }
    let mut text = text.into_owned();
    for start in lone {
        text.replace_range(start..start + ESCAPE_LEN, "\\ufffd");
    }
    Cow::Owned(text)
}

/// The length of an escape such as `\ud800`.
const ESCAPE_LEN: usize = 6;

/// Finds the escapes that are half of a surrogate pair without the other half.
fn lone_surrogates(json: &[u8]) -> impl Iterator<Item = usize> {
    let mut after = 0;
    memchr_iter(b'\\', json).filter(move |&start| {
        if start < after {
            return false;
        }
        let unit = escaped_unit(json, start);
        let is_high = unit.is_some_and(|unit| (0xd800..0xdc00).contains(&unit));
        let is_low = |unit: Option<u16>| unit.is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
        let is_pair = is_high && is_low(escaped_unit(json, start + ESCAPE_LEN));
        after = start + if is_pair { 2 * ESCAPE_LEN } else { 2 };
        (is_high && !is_pair) || is_low(unit)
    })
}

/// Reads the number of an escape such as `\ud800`.
fn escaped_unit(json: &[u8], start: usize) -> Option<u16> {
    let digits = json.get(start..start + ESCAPE_LEN)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns how much memory a tree of values may take that is built from a message, in bytes: eight
/// times the limit of a message, and 16 MiB whatever that is.
pub(crate) fn max_tree(max_message_size: usize) -> usize {
    max_message_size.saturating_mul(8).max(16 << 20)
}

/// Returns how much memory a tree of values takes at most that is built from a JSON text, in bytes.
pub(crate) fn tree_size(json: &[u8]) -> usize {
    /// The first node of a map, which has room for several entries.
    const OBJECT: usize = 640;
    /// A list begins with room for a few values.
    const ARRAY: usize = 256;
    /// One more value, and its share of the room that doubles as a list or a map grows.
    const VALUE: usize = 128;
    let mut cursor = Cursor::new(json);
    let mut size = json.len();
    while let Some(byte) = cursor.next() {
        size = size.saturating_add(match byte {
            b'{' => OBJECT,
            b'[' => ARRAY,
            b',' => VALUE,
            _ => 0,
        });
        if byte != b'"' {
            cursor.at += 1;
        } else if cursor.skip_string().is_none() {
            break;
        }
    }
    size
}

/// Walks through JSON by its quotes, brackets and commas alone.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the next byte that is no white space.
    pub(super) fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Passes over one byte, if it is the next one.
    pub(super) fn eat(&mut self, expected: u8) -> Option<()> {
        let found = self.next()? == expected;
        self.at += usize::from(found);
        found.then_some(())
    }

    /// Reads a string without escapes.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        self.eat(b'"')?;
        let rest = self.text.get(self.at..)?;
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        self.at += length + 1;
        (rest[length] == b'"').then_some(&rest[..length])
    }

    /// Reads a value as it stands.
    fn value(&mut self) -> Option<&'a [u8]> {
        let is_key_or_text = self.next()? == b'"';
        let start = self.at;
        if is_key_or_text {
            self.skip_string()?;
        } else {
            self.skip_value()?;
        }
        Some(self.text.get(start..self.at)?.trim_ascii_end())
    }

    /// Passes to the comma or bracket that ends a value.
    pub(super) fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.text.get(self.at)? {
                b',' | b'}' | b']' if depth == 0 => return Some(()),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Passes over a string, from the quote that begins it to after the one that ends it.
    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            // Whatever was escaped is part of the string.
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_object_is_one_at_any_depth_and_with_any_number() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        for whole in [r#" {"a":1e999} "#, "{}", &deep] {
            assert!(is_object(whole.as_bytes()));
        }
        assert!(is_object(b"{\"line\":\"caf\xe9\"}"));
        assert!(is_object(br#"{"\udc00":"\ud800"}"#));
        for broken in ["", "[]", "\"{}\"", "{", r#"{"a":1}x"#, r#"{"a":tru}"#, r#"{"a":1,}"#] {
            assert!(!is_object(broken.as_bytes()), "{broken}");
        }
    }

    #[test]
    fn entries_are_found_as_they_stand() {
        let object = br#" { "a" : [1,{"b":"}"}] , "\u0062":"\"" ,"c":-1e5} "#;
        let found: Vec<_> = entries(object).collect();
        let expected: [(&str, &[u8]); 3] =
            [("a", br#"[1,{"b":"}"}]"#), ("b", br#""\"""#), ("c", b"-1e5")];
        assert_eq!(found.len(), expected.len());
        for ((key, value), (expected_key, expected_value)) in found.iter().zip(expected) {
            assert_eq!((&**key, *value), (expected_key, expected_value));
        }
        assert_eq!(entries(b"[1]").count() + entries(b"{}").count() + entries(b"7").count(), 0);
    }

    #[test]
    fn what_no_string_can_hold_is_replaced_and_the_rest_is_kept() {
        for (json, expected) in [
            (&b"\"caf\xe9\""[..], "caf\u{fffd}"),
            (br#""a\ud800b""#, "a\u{fffd}b"),
            (br#""a\udc00""#, "a\u{fffd}"),
            (br#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\\ud800""#, "\\ud800"),
            (br#""\\\ud800""#, "\\\u{fffd}"),
        ] {
            assert_eq!(text(json).as_deref(), Some(expected), "{}", json.escape_ascii());
            assert_eq!(is_damaged(json), expected.contains('\u{fffd}'));
        }
        assert!(!is_damaged("\"\u{fffd} \\ufffd\"".as_bytes()), "the agent's own words");
        assert_eq!(text(b"7"), None);
    }

    #[test]
    fn the_check_of_a_usual_answer_allocates_nothing() {
        let answer = br#"{"idempotence":"x","status":"ok","parameters":{"list":[1,{"a":"b"}]}}"#;
        let counted = allocation_counter::measure(|| assert!(is_object(answer)));
        assert_eq!(counted.count_total, 0);
    }

    #[test]
    fn a_tree_is_estimated_above_its_size() {
        let text = format!("[{}]", vec![r#"{"":0}"#; 1000].join(","));
        let counted = allocation_counter::measure(|| {
            let value: Value = serde_json::from_str(&text).unwrap();
            drop(value);
        });
        let estimate = tree_size(text.as_bytes());
        let counted = usize::try_from(counted.bytes_max).unwrap();
        assert!(estimate >= counted && estimate < 2 * counted, "{estimate} for {counted}");
    }

    const WORDS: [&str; 18] = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00", "1", "-", "1e9", "true", "nul",
        "null", " ", "\t\n",
    ];

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What serde's parser takes for an object is one here, and nothing else.
        #[test]
        fn a_text_is_an_object_if_a_parser_says_so(
            words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..12),
            value in value(),
            cut: prop::sample::Index,
        ) {
            let words = format!("{{{}", words.concat());
            let written = json!({ "a": value }).to_string();
            let cut = &written.as_bytes()[..cut.index(written.len() + 1)];
            for json in [words.as_bytes(), written.as_bytes(), cut] {
                let expected = json.first() == Some(&b'{') && is_value(json);
                prop_assert_eq!(is_object(json), expected, "{}", json.escape_ascii());
            }
        }

        /// The look finds what a parser finds that somebody else wrote.
        #[test]
        fn entries_are_those_of_a_parser(value in value(), pretty: bool) {
            let object = json!({ "a": value, "": [value], "z\"": { "x": value } });
            let written =
                if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let written = written.unwrap();
            prop_assert!(is_object(written.as_bytes()));
            let found: Value = entries(written.as_bytes())
                .map(|(key, value)| (key.into_owned(), serde_json::from_slice::<Value>(value).unwrap()))
                .collect();
            prop_assert_eq!(found, object);
        }

        #[test]
        fn a_text_is_what_a_parser_makes_of_it(original in ".*") {
            let written = serde_json::to_string(&original).unwrap();
            let decoded = text(written.as_bytes());
            prop_assert_eq!(decoded.as_deref(), Some(&*original));
        }
    }
}
