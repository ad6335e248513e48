//! The types that an overlay declares: all names first, then what each is made of.
//!
//! A word means a declared type only by its exact name; every other spelling is one of our own words
//! (`[types.Uuid] is = "uuid"`).

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{Overlay, TypeEntry, ValueEntry};
use crate::{
    diagnostic::{Diagnostic, Report},
    naming,
    text::{Listed, Quoted, nearest},
    types::{ParamType, Word},
};

/// Limit of declared types: each becomes a type of Rust, and no agent has so many kinds of values.
const MOST_TYPES: usize = 4096;

/// Limit of declared types that are made of each other: each holds all that it is made of.
const DEEPEST: usize = 16;

impl Overlay {
    /// Reads the types that are declared; one that cannot be read is left out.
    pub(super) fn declare(&mut self, report: &mut Report) {
        let types = std::mem::take(&mut self.content.types);
        if types.len() > MOST_TYPES {
            let message = format!("{} types are declared; {MOST_TYPES} is the limit", types.len());
            let place = types.keys().next().map_or(0..0, Spanned::span);
            report.push(self.error(message, place).help("none of them is declared; take some out"));
            return;
        }
        for (key, entry) in types {
            match check(key.get_ref(), &entry) {
                Ok(()) => {
                    self.content.types.insert(key, entry);
                }
                Err((why, help)) => {
                    let message = format!("{} cannot be declared{why}", Quoted(key.get_ref()));
                    let found = Diagnostic::error("overlay-type", message).help(help);
                    report.push(found.at(&self.source, key.span()));
                }
            }
        }
        // Each by its name alone: this is enough to see which are made of which.
        for key in self.content.types.keys() {
            self.declared.insert(key.get_ref().clone(), named(key.get_ref(), ParamType::Any));
        }
        let words = self.content.types.iter().map(|(key, entry)| {
            let inner = entry.is.as_ref().map(|word| self.word(word, report));
            (key.get_ref().clone(), inner.unwrap_or(ParamType::String))
        });
        let words: BTreeMap<_, _> = words.collect();
        let mut resolver = Resolver { words: &words, done: BTreeMap::new() };
        let mut too_deep = Vec::new();
        for key in self.content.types.keys() {
            if let Err(circle) = resolver.resolve(key.get_ref(), &mut too_deep) {
                report.push(self.circle(&circle));
            }
        }
        let done = resolver.done;
        if let Some(name) = too_deep.first() {
            let message = format!(
                "{} is made of more than {DEEPEST} declared types, one of the other",
                Listed(too_deep.iter())
            );
            report.push(self.of_type(name, message).help("declare it by a word such as `str`"));
        }
        self.declared =
            done.into_iter().map(|(name, (named, _))| (name.to_owned(), named)).collect();
    }

    /// Types that are made of nothing but each other.
    fn circle(&self, names: &[&str]) -> Diagnostic {
        let (message, help) = match names {
            [name] => (
                format!("{} is made of itself", Quoted(name)),
                format!(
                    "say what it is by a word such as `str`; a word of the SDK's own is meant \
                     where it is not written as the type's name is: `{}`",
                    name.to_lowercase()
                ),
            ),
            _ => (
                format!("{} are made of each other", Listed(names.iter())),
                "declare one of them by a word such as `str`".to_owned(),
            ),
        };
        self.of_type(names.first().copied().unwrap_or_default(), message).help(help)
    }

    /// An error about a declared type.
    fn of_type(&self, name: &str, message: String) -> Diagnostic {
        let place = self.content.types.get_key_value(name).map_or(0..0, |(key, _)| key.span());
        Diagnostic::error("overlay-type", message).at(&self.source, place)
    }

    /// The meaning of a type word in the overlay, which must be known.
    pub(crate) fn word(&self, word: &Spanned<String>, report: &mut Report) -> ParamType {
        let read = self.read_word(word.get_ref());
        for unknown in &read.unknown {
            let names = self.content.types.keys().map(|key| key.get_ref().as_str());
            let help = nearest(unknown, names).map_or_else(
                || {
                    "declare it under `types`, or use a word such as `str` or `list<int>`"
                        .to_owned()
                },
                |near| format!("the nearest type that is declared is {}", Quoted(near)),
            );
            let message = format!("the type {} is not known", Quoted(unknown));
            let found = Diagnostic::error("overlay-type", message).help(help);
            report.push(found.at(&self.source, word.span()));
        }
        read.param_type
    }

    /// The meaning of a type word, with the types that are declared.
    pub(crate) fn read_word(&self, word: &str) -> Word {
        Word::read_with(word, &self.declared)
    }
}

fn named(name: &str, inner: ParamType) -> ParamType {
    ParamType::Named(name.to_owned(), Box::new(inner))
}

/// Why a type cannot be declared, and what to do.
fn check(name: &str, entry: &TypeEntry) -> Result<(), (String, String)> {
    let help = match (&entry.is, entry.values.as_slice()) {
        _ if !naming::can_be_chosen_type(name) => {
            "a type's name is written `LikeThis`, and not one of Rust or of the SDK"
        }
        (Some(_), []) => return Ok(()),
        (None, [_, ..]) => return check_values(&entry.values),
        _ => "a type is declared by either `is` or `values`",
    };
    Err((String::new(), help.to_owned()))
}

/// Returns whether each value has a variant's name, and no two the same.
fn check_values(values: &[ValueEntry]) -> Result<(), (String, String)> {
    let mut texts = BTreeSet::new();
    let mut names = BTreeMap::new();
    for entry in values {
        let value = entry.value();
        if !texts.insert(value) {
            return Err((
                format!(": the value {} is there twice", Quoted(value)),
                "remove one".into(),
            ));
        }
        let way_out = |other: &str| {
            let way = format!("values = [{{ value = {value:?}, name = \"LikeThis\" }}, …]");
            format!("choose a name for {other}: `{}`", crate::text::Shown(&way))
        };
        if let Some(chosen) = entry.chosen()
            && !naming::can_be_chosen_variant(chosen)
        {
            let why = format!(": the value {} cannot be called {}", Quoted(value), Quoted(chosen));
            let help = "a variant's name is written `LikeThis`, and is not `Other`, which every \
                        other value has";
            return Err((why, help.to_owned()));
        }
        let Some(variant) = entry.variant() else {
            let why =
                format!(": the value {} has no letter or digit to be named by", Quoted(value));
            return Err((why, way_out("it")));
        };
        if let Some(other) = names.insert(variant.clone(), value) {
            let why = format!(
                ": the values {} and {} would both be called `{variant}`",
                Quoted(other),
                Quoted(value)
            );
            return Err((why, way_out("one of them")));
        }
    }
    Ok(())
}

/// Puts into each declared type what it is made of, without recursion.
struct Resolver<'a> {
    words: &'a BTreeMap<String, ParamType>,
    /// Each finished type, and how many declared types are one in the other.
    done: BTreeMap<&'a str, (ParamType, usize)>,
}

impl<'a> Resolver<'a> {
    /// Resolves a type and all that it is made of; an error is the circle that it leads into.
    fn resolve(&mut self, name: &'a str, too_deep: &mut Vec<String>) -> Result<(), Vec<&'a str>> {
        // A type is made of one other at most, so that the way from it is a line.
        let mut line = Vec::new();
        let mut places = BTreeMap::new();
        let mut next = Some(name);
        let mut circle = None;
        while let Some(name) = next.filter(|name| !self.done.contains_key(name)) {
            if let Some(place) = places.insert(name, line.len()) {
                circle = Some(line.split_off(place));
                break;
            }
            line.push(name);
            next = self.words.get(name).and_then(ParamType::name);
        }
        for name in circle.iter().flatten().copied() {
            let word = self.words.get(name).unwrap_or(&ParamType::Any);
            self.done.insert(name, (named(name, word.clone()), 1));
        }
        for name in line.into_iter().rev() {
            let word = self.words.get(name).unwrap_or(&ParamType::Any);
            let inside = word.name().and_then(|inside| self.done.get(inside));
            let depth = inside.map_or(1, |(_, depth)| depth + 1);
            let inner = match inside {
                _ if depth > DEEPEST => {
                    too_deep.push(name.to_owned());
                    word.clone()
                }
                Some((inside, _)) => word.with_leaf(inside),
                None => word.clone(),
            };
            self.done.insert(name, (named(name, inner), depth));
        }
        circle.map_or(Ok(()), Err)
    }
}
