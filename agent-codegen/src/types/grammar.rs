//! The grammar of type words: a recursive descent over a handful of tokens.

use std::collections::BTreeMap;

use super::{
    ParamType, Word,
    words::{self, Shape},
};

/// Limit of nesting: protects the stack.
const DEEPEST: usize = 16;

/// The longest word that is looked at.
const LONGEST: usize = 500;

/// What a part of a word means.
enum Meaning {
    Null,
    Type(ParamType),
}

pub(super) struct Grammar<'a> {
    rest: &'a str,
    /// Types that the overlay declares, by their names as they are written there.
    declared: &'a BTreeMap<String, ParamType>,
    depth: usize,
    optional: bool,
    unknown: Vec<String>,
}

impl Grammar<'_> {
    pub fn read(word: &str, declared: &BTreeMap<String, ParamType>) -> Word {
        let trimmed = word.trim();
        let number = || trimmed.parse().ok().and_then(words::go_kind);
        let known = declared.get(trimmed).cloned();
        if let Some(param_type) = known.or_else(|| built_in(trimmed)).or_else(number) {
            return Word { param_type, optional: false, unknown: Vec::new() };
        }
        let misunderstood =
            || Word { param_type: ParamType::Any, optional: false, unknown: vec![word.to_owned()] };
        if trimmed.len() > LONGEST {
            return misunderstood();
        }
        let mut grammar =
            Grammar { rest: trimmed, declared, depth: 0, optional: false, unknown: Vec::new() };
        match grammar.alternatives() {
            Some(meaning) if grammar.rest.trim().is_empty() => Word {
                param_type: meaning.into_type(),
                optional: grammar.optional,
                unknown: grammar.unknown,
            },
            _ => misunderstood(),
        }
    }

    /// `type = single { "|" single }`
    fn alternatives(&mut self) -> Option<Meaning> {
        let mut all = vec![self.single()?];
        while self.take("|") {
            all.push(self.single()?);
        }
        Some(union(all))
    }

    fn single(&mut self) -> Option<Meaning> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let meaning = self.marked();
        self.depth -= 1;
        meaning
    }

    /// A type with the marks that make it optional; inside of another type they mean `null`.
    fn marked(&mut self) -> Option<Meaning> {
        let mut optional = self.take_word("optional ");
        let mut meaning = self.prefix()?;
        loop {
            if self.take("[]") {
                meaning = Meaning::Type(ParamType::List(Box::new(meaning.into_type())));
            } else if self.take("?") || self.take("(optional)") || self.take_word(" optional") {
                optional = true;
            } else if self.depth == 1 && self.take(",") {
                optional = self.take("optional");
                if !optional {
                    return None;
                }
            } else {
                break;
            }
        }
        if optional && self.depth == 1 {
            self.optional = true;
            return Some(meaning);
        }
        Some(if optional { Meaning::Type(meaning.into_type().nullable()) } else { meaning })
    }

    /// The forms in which a modifier precedes the type it changes, as in Go.
    fn prefix(&mut self) -> Option<Meaning> {
        if self.take("*") {
            return Some(Meaning::Type(self.single()?.into_type().nullable()));
        }
        if self.take("<") {
            let inner = self.alternatives()?;
            return self.take(">").then_some(inner);
        }
        if self.take("[") {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            if !self.take("]") {
                return None;
            }
            if self.at_end() {
                return Some(Meaning::Type(ParamType::any_list()));
            }
            if self.take_word("byte") || self.take_word("uint8") {
                return Some(Meaning::Type(ParamType::String));
            }
            let item = self.single()?.into_type();
            return Some(Meaning::Type(ParamType::List(Box::new(item))));
        }
        self.word()
    }

    /// A name, and the types that follow it in brackets.
    fn word(&mut self) -> Option<Meaning> {
        self.rest = self.rest.trim_start();
        let is_name = |c: char| c.is_alphanumeric() || "_.:-&'".contains(c);
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        self.rest = rest;
        if self.take("{}") {
            // `interface{}`, `struct{}`.
            return Some(Meaning::Type(built_in(name)?));
        }
        let lower = name.to_lowercase();
        if let Some(shape) = words::generic(last_segment(&lower))
            && let Some(open) = ["<", "[", "("].into_iter().find(|open| self.opens(open))
        {
            return self.generic(shape, open);
        }
        if words::is_null(&lower) {
            return Some(Meaning::Null);
        }
        let declared = self.declared.get(name).cloned();
        let known =
            declared.or_else(|| words::plain(&lower)).or_else(|| built_in(last_segment(name)));
        Some(Meaning::Type(known.unwrap_or_else(|| {
            self.unknown.push(name.to_owned());
            ParamType::Any
        })))
    }

    /// Returns whether a bracket with something in it follows; `[]` and `(optional)` are marks.
    fn opens(&self, open: &str) -> bool {
        let rest = self.rest.trim_start();
        rest.starts_with(open)
            && !rest.starts_with("[]")
            && strip_prefix(rest, "(optional)").is_none()
    }

    fn generic(&mut self, shape: Shape, open: &str) -> Option<Meaning> {
        self.take(open);
        let close = match open {
            "<" => ">",
            "[" => "]",
            _ => ")",
        };
        // The separating commas are told from the mark `, optional` by the depth.
        self.depth += 1;
        let mut inner = vec![self.alternatives()?];
        while self.take(",") {
            self.take("...");
            if self.opens(close) {
                break;
            }
            inner.push(self.alternatives()?);
        }
        self.depth -= 1;
        if !self.take(close) {
            return None;
        }
        // Go: the type of the values follows the bracket.
        if shape == Shape::Map && open == "[" && inner.len() == 1 && !self.at_end() {
            inner.push(self.single()?);
        }
        Some(apply(shape, inner))
    }

    fn at_end(&self) -> bool {
        let rest = self.rest.trim_start();
        rest.is_empty() || rest.starts_with(['|', ',', '>', ']', ')', '?'])
    }

    fn take(&mut self, token: &str) -> bool {
        match strip_prefix(self.rest.trim_start(), token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word, unless it is the beginning of a longer one; a space in it must be there.
    fn take_word(&mut self, token: &str) -> bool {
        let rest = if token.starts_with(' ') { self.rest } else { self.rest.trim_start() };
        match strip_prefix(rest, token) {
            Some(rest) if token.ends_with(' ') || !rest.starts_with(char::is_alphanumeric) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

impl Meaning {
    fn into_type(self) -> ParamType {
        match self {
            Self::Null => ParamType::Any,
            Self::Type(param_type) => param_type,
        }
    }
}

/// The type of one of our own words, in any case.
fn built_in(word: &str) -> Option<ParamType> {
    words::plain(&word.to_lowercase())
}

/// The text after a prefix that may be in any case.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (begin, rest) = text.split_at_checked(prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The name without its module: `typing.List`, `std::vec::Vec`.
fn last_segment(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

fn apply(shape: Shape, inner: Vec<Meaning>) -> Meaning {
    let last = |inner: Vec<Meaning>| {
        inner.into_iter().next_back().map_or(ParamType::Any, Meaning::into_type)
    };
    Meaning::Type(match shape {
        // A tuple of several types is a list of what they have in common.
        Shape::List => ParamType::List(Box::new(union(inner).into_type())),
        Shape::Map if inner.len() < 2 => ParamType::any_map(),
        Shape::Map => ParamType::Map(Box::new(last(inner))),
        Shape::Nullable => union(inner).into_type().nullable(),
        Shape::Union => return union(inner),
        Shape::Transparent => last(inner),
    })
}

/// What several alternatives have in common.
fn union(all: Vec<Meaning>) -> Meaning {
    let mut null = false;
    let mut types = Vec::new();
    for meaning in all {
        match meaning {
            Meaning::Null => null = true,
            Meaning::Type(param_type) if types.contains(&param_type) => {}
            Meaning::Type(param_type) => types.push(param_type),
        }
    }
    let one = match types.len() {
        0 => return Meaning::Null,
        1 => types.swap_remove(0),
        _ => ParamType::Any,
    };
    Meaning::Type(if null { one.nullable() } else { one })
}
