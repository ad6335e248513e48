//! JSON without building a tree of it: what arrives may be large, hostile, deep, or not even UTF-8.

mod validate;

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};

pub(crate) use self::validate::visit_object;

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
    /// The key, decoded, and the value as it was written.
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

/// Decodes what may identify something: a JSON string, or a whole number as it is written.
pub(crate) fn id(value: &[u8]) -> Option<Cow<'_, str>> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if is_number { str::from_utf8(value).ok().map(Cow::Borrowed) } else { text(value) }
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
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Passes over one byte, if it is the next one.
    fn eat(&mut self, expected: u8) -> Option<()> {
        let found = self.next()? == expected;
        self.at += usize::from(found);
        found.then_some(())
    }

    /// Reads a value as it was written.
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
    fn skip_value(&mut self) -> Option<()> {
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

    pub(super) fn value() -> impl Strategy<Value = Value> {
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
        /// What is found is what an independent parser finds.
        #[test]
        fn entries_are_those_of_a_parser(value in value(), pretty: bool) {
            let object = json!({ "a": value, "": [value], "z\"": { "x": value } });
            let written =
                if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let written = written.unwrap();
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
