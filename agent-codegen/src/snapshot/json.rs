//! A JSON document whose every value knows its place in the text.
//!
//! `serde_json` does the reading; its raw values are slices of the text, and so tell where they
//! stand. Numbers are kept as they were written, so that nothing the agent said is rounded.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    diagnostic::{Diagnostic, Report, Source},
    text::{Quoted, Shown},
};

/// How deep a document may be nested. A catalogue needs six levels; each costs a pass over what it
/// holds, and a hostile one must not cost a stack.
const DEEPEST: usize = 64;

/// So many values a document may hold. A catalogue of a thousand actions has ten thousand; each
/// costs memory by the kilobyte where it is a map.
const MOST_VALUES: usize = 250_000;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Json {
    pub at: Range<usize>,
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// Sorted, since the order of a JSON object means nothing.
    Map(BTreeMap<String, Member>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub key_at: Range<usize>,
    pub value: Json,
}

impl Json {
    /// What it is, for a message.
    pub fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Boolean(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Member>> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_map()?.get(key).map(|member| &member.value)
    }

    /// The value under a key, whatever case its letters have: Go writes keys that it does not rename
    /// with a capital. The key as it is written comes first.
    pub fn field(&self, key: &str) -> Option<&Json> {
        let alike = || self.as_map()?.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
        self.get(key).or_else(|| alike().map(|(_, member)| &member.value))
    }

    /// How many items or entries it has.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::List(items) => items.len(),
            Kind::Map(entries) => entries.len(),
            _ => 0,
        }
    }

    /// The text of a string.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A place in a document: keys and indices from the top.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    Top,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn depth(&self) -> usize {
        match self {
            Self::Top => 0,
            Self::Key(parent, _) | Self::Index(parent, _) => parent.depth() + 1,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => f.write_str("$"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => {
                write!(f, "{parent}")?;
                write_key(f, key)
            }
        }
    }
}

/// The step of a path that a key is.
pub(crate) fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    let shown = Shown(key);
    if !key.is_empty() && key.chars().all(plain) {
        write!(f, ".{shown}")
    } else {
        write!(f, "[{}]", serde_json::Value::from(shown.to_string()))
    }
}

/// What a message says of a document that is not as it should be.
struct Words {
    /// The document in one word, with an article.
    what: &'static str,
    /// How to get another one.
    again: &'static str,
}

const CATALOGUE: Words = Words { what: "a snapshot", again: "fetch it again" };

const SCHEMA: Words = Words { what: "a schema", again: "write it again" };

/// Reads a snapshot; what is wrong with it goes into the report, and `None` is returned only if
/// nothing can be made of it.
pub(crate) fn read(source: &Arc<Source>, report: &mut Report) -> Option<Json> {
    read_as(&CATALOGUE, source, report)
}

/// As [`read`], for a JSON Schema.
pub(crate) fn read_schema(source: &Arc<Source>, report: &mut Report) -> Option<Json> {
    read_as(&SCHEMA, source, report)
}

fn read_as(words: &'static Words, source: &Arc<Source>, report: &mut Report) -> Option<Json> {
    let text = source.text();
    // The whole text once without recursion: from here on, all syntax is known to be right.
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        report.push(syntax(words, source, 0, &error));
        return None;
    }
    let mut reader = Reader { words, source, report, values: 0 };
    let document = reader.value(text.trim_matches([' ', '\t', '\r', '\n']), &Path::Top);
    if reader.values > MOST_VALUES {
        report.push(
            Diagnostic::error("too-many-values", format!("holds more than {MOST_VALUES} values"))
                .at(source, 0..0)
                .help(format!("{} is not as large as this; is it the right file?", words.what)),
        );
    }
    document
}

/// The error of a JSON reader, moved to where in the whole text it was reading.
fn syntax(
    words: &Words,
    source: &Arc<Source>,
    base: usize,
    error: &serde_json::Error,
) -> Diagnostic {
    let full = error.to_string();
    let cause = full.split(" at line ").next().unwrap_or(&full);
    let (line, _) = source.position(base);
    let begin = if error.line() <= 1 { base } else { source.offset(line + error.line() - 1, 1) };
    let at = if error.is_eof() {
        source.text().len()
    } else {
        source.floor(begin + error.column().saturating_sub(1))
    };
    let Words { what, again } = words;
    let help = if error.is_eof() {
        format!("the text ends too early: it was cut off; {again}")
    } else {
        format!("{what} is one JSON document; {again}, or mend it at this place")
    };
    Diagnostic::error("json-syntax", format!("this is not JSON: {cause}"))
        .at(source, at..at)
        .help(help)
}

struct Reader<'a> {
    words: &'static Words,
    source: &'a Arc<Source>,
    report: &'a mut Report,
    /// How many values were read so far, up to one more than there may be.
    values: usize,
}

impl Reader<'_> {
    fn value(&mut self, text: &str, path: &Path<'_>) -> Option<Json> {
        if self.values > MOST_VALUES {
            return None;
        }
        self.values += 1;
        let at = self.place(text);
        if path.depth() > DEEPEST {
            self.report.push(
                Diagnostic::error("json-depth", format!("nested deeper than {DEEPEST} levels"))
                    .at(self.source, at)
                    .help(format!("{} is not like this; is it the right file?", self.words.what)),
            );
            return None;
        }
        let kind = match text.as_bytes().first() {
            Some(b'{') => Kind::Map(self.map(text, path)?),
            Some(b'[') => Kind::List(self.list(text, path)?),
            Some(b'"') => Kind::Text(self.parse(text, path)?),
            Some(b't') => Kind::Boolean(true),
            Some(b'f') => Kind::Boolean(false),
            Some(b'n') => Kind::Null,
            _ => Kind::Number(text.to_owned()),
        };
        Some(Json { at, kind })
    }

    fn list(&mut self, text: &str, path: &Path<'_>) -> Option<Vec<Json>> {
        let items: Vec<&RawValue> = self.parse(text, path)?;
        // All of them, before giving up on one: each may have something to report.
        let values: Vec<_> = (0..)
            .zip(items)
            .map(|(index, item)| self.value(item.get(), &path.index(index)))
            .collect();
        values.into_iter().collect()
    }

    fn map(&mut self, text: &str, path: &Path<'_>) -> Option<BTreeMap<String, Member>> {
        let Entries(entries) = self.parse(text, path)?;
        let mut map = BTreeMap::new();
        let mut whole = true;
        for (raw_key, raw_value) in entries {
            let Some(key) = self.parse::<String>(raw_key.get(), path) else {
                whole = false;
                continue;
            };
            let key_at = self.place(raw_key.get());
            let Some(value) = self.value(raw_value.get(), &path.key(&key)) else {
                whole = false;
                continue;
            };
            let inserted = map.insert(key.clone(), Member { key_at: key_at.clone(), value });
            if let Some(Member { key_at: first, .. }) = inserted {
                let (line, column) = self.source.position(first.start);
                let message = format!("{} stands here twice; the last one counts", Quoted(&key));
                self.report.push(
                    Diagnostic::warning("duplicate-key", message)
                        .at(self.source, key_at)
                        .path(path.key(&key))
                        .help(format!("the first is in line {line}, column {column}; remove one")),
                );
            }
        }
        whole.then_some(map)
    }

    /// Reads a part of the text whose syntax is right; a string may still be no text.
    fn parse<'t, T: Deserialize<'t>>(&mut self, text: &'t str, path: &Path<'_>) -> Option<T> {
        serde_json::from_str(text)
            .map_err(|error| {
                let base = self.place(text).start;
                self.report.push(syntax(self.words, self.source, base, &error).path(path));
            })
            .ok()
    }

    /// Returns where a slice of the source's text begins in it.
    fn place(&self, slice: &str) -> Range<usize> {
        let start = slice.as_ptr().addr().saturating_sub(self.source.text().as_ptr().addr());
        start..start + slice.len()
    }
}

/// The entries of an object in the order of the text, repeated keys included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}
