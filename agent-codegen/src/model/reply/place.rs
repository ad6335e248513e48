//! Places in a schema, and what `$ref` points at.

use std::{fmt, rc::Rc};

use crate::snapshot::json::{self, Json, Kind};

/// A place in a document: the way to it from the top.
#[derive(Clone, Debug)]
pub(super) struct Place<'a>(Option<Rc<(Place<'a>, Step<'a>)>>);

#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    pub fn top() -> Self {
        Self(None)
    }

    pub fn key(&self, key: &'a str) -> Self {
        self.step(Step::Key(key))
    }

    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step<'a>) -> Self {
        Self(Some(Rc::new((self.clone(), step))))
    }

    /// The steps from the top.
    pub fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut place = self;
        while let Some(inner) = &place.0 {
            steps.push(inner.1);
            place = &inner.0;
        }
        steps.reverse();
        steps
    }
}

/// As a path in a message: `$.properties.odd`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps().into_iter().try_for_each(|step| match step {
            Step::Key(key) => json::write_key(f, key),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

/// What a reference within a document points at: a JSON pointer in a URI's fragment.
pub(super) fn resolve<'a>(root: &'a Json, target: &str) -> Option<(Place<'a>, &'a Json)> {
    let pointer = decode_percent(target.strip_prefix('#').or(target.is_empty().then_some(""))?)?;
    let mut found = (Place::top(), root);
    if pointer.is_empty() {
        return Some(found);
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        found = match &found.1.kind {
            Kind::Map(map) => {
                let (key, member) = map.get_key_value(&token)?;
                (found.0.key(key), &member.value)
            }
            Kind::List(items) => {
                let index = token.parse().ok()?;
                (found.0.index(index), items.get(index)?)
            }
            _ => return None,
        };
    }
    Some(found)
}

/// `%20` is a space.
fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Report, diagnostic::Source};

    #[test]
    fn a_reference_is_a_pointer_with_two_kinds_of_escapes() {
        let text =
            r#"{"$defs": {"a/b": 1, "c~d": 2, "e f": 3, "ü": 4, "~1": 5, "%": 6}, "x": [7]}"#;
        let root = json::read(&Source::new("x", text), &mut Report::new()).expect("it is JSON");
        let found = |target: &str| {
            resolve(&root, target).map(|(place, json)| match &json.kind {
                Kind::Number(number) => number.clone(),
                _ => place.to_string(),
            })
        };
        for (target, expected) in [
            ("#", "$"),
            ("", "$"),
            ("#/$defs/a~1b", "1"),
            ("#/$defs/c~0d", "2"),
            ("#/$defs/e%20f", "3"),
            ("#/%24defs/%C3%BC", "4"),
            ("#/$defs/~01", "5"),
            ("#/$defs/%25", "6"),
            ("#/x/0", "7"),
        ] {
            assert_eq!(found(target).as_deref(), Some(expected), "{target}");
        }
        for target in ["x", "#/y", "#/x/1", "#x", "#/%", "#/%zz", "#/x/0/0", "other.json#/x"] {
            assert_eq!(found(target), None, "{target}");
        }
    }
}
