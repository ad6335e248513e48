//! From names on the wire to names in Rust: the only place that knows.
//!
//! A Rust name follows from the wire name alone, so that neither the order of the catalogue nor
//! another action changes it. Only where two wire names would get the same Rust name do they see
//! each other: the one that is a Rust name already keeps it, and the others get a suffix that
//! follows from their own wire name. Each change is reported.
//!
//! The name of a parameter also leads back to one wire name alone, in this catalogue and in any
//! other: it is the wire name where Rust can have it, and has a suffix of its own where not. So a
//! setter of old source never sends its value under another name.

mod derived;
mod reserved;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use heck::{ToSnakeCase, ToUpperCamelCase};

pub(crate) use derived::{Wish, types, variants};

use crate::text::{Quoted, hash};

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// An action: a method of the agent, and a type.
    Action,
    /// A parameter: a field and a setter.
    Parameter,
    /// A required parameter as a type: what tells whether it is set.
    Slot,
}

/// The Rust names of one wire name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// For functions and fields.
    pub snake: String,
    /// For types.
    pub camel: String,
    /// What had to be changed, if the Rust name is not simply the wire name.
    pub changes: Vec<Change>,
}

/// Why a Rust name is not the wire name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Written as Rust writes names.
    Style,
    /// It holds characters that no Rust name can have, or is empty.
    Unusable,
    /// It is too long to be read.
    Length,
    /// Written otherwise than on the wire, and so with a suffix that no other name gets.
    Marked,
    /// Rust or the SDK has the name already.
    Taken(String),
    /// These other wire names, and perhaps more, would get the same Rust name.
    Collision(Vec<String>),
    /// The overlay says so.
    Chosen,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Style => f.write_str("Rust names are written so"),
            Self::Unusable => f.write_str("it holds what no Rust name can hold"),
            Self::Length => write!(f, "it is longer than {LONGEST} characters"),
            Self::Marked => f.write_str(
                "it is no plain Rust name; the suffix keeps it apart from every parameter that is",
            ),
            Self::Taken(name) => write!(f, "`{name}` is a name of Rust or of the SDK"),
            Self::Collision(others) => {
                f.write_str("the same name would also go to ")?;
                for (index, other) in others.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", Quoted(other))?;
                }
                Ok(())
            }
            Self::Chosen => f.write_str("the overlay says so"),
        }
    }
}

/// The longest Rust name that is made; longer ones are cut and told apart by a suffix.
const LONGEST: usize = 64;

/// Colliding names listed per diagnostic.
const MOST_OTHERS: usize = 5;

/// The length of the suffix that distinguishes a name from every other one.
const MARK_DIGITS: usize = 8;

/// Names everything in one scope.
///
/// `wires` is each wire name with the Rust name that the overlay chose for it, in snake case.
pub(crate) fn assign<'a>(
    scope: Scope,
    wires: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> BTreeMap<&'a str, Name> {
    let stems: BTreeMap<&str, Stem> =
        wires.into_iter().map(|(wire, chosen)| (wire, Stem::of(scope, wire, chosen))).collect();
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (wire, stem) in &stems {
        groups.entry(scope.key(&stem.text)).or_default().push(wire);
    }
    // Once a group: a hostile catalogue may hold ten thousand names that fold together.
    let owners: BTreeMap<&str, Option<&str>> =
        groups.iter().map(|(key, group)| (key.as_str(), owner(&stems, group))).collect();
    let mut used: BTreeSet<String> = groups.keys().cloned().collect();
    stems
        .iter()
        .map(|(wire, stem)| {
            let key = scope.key(&stem.text);
            let group = groups.get(&key).map(Vec::as_slice).unwrap_or_default();
            let mut stem = stem.clone();
            if owners.get(key.as_str()).is_none_or(|owner| *owner != Some(*wire)) {
                let others = group.iter().filter(|other| *other != wire).take(MOST_OTHERS);
                stem.changes.push(Change::Collision(others.map(ToString::to_string).collect()));
                stem.set_apart(scope, wire, &mut used);
            }
            (*wire, stem.into_name(scope))
        })
        .collect()
}

/// Which of several wire names keeps the Rust name that all of them would get.
fn owner<'a>(stems: &BTreeMap<&'a str, Stem>, group: &[&'a str]) -> Option<&'a str> {
    if let [only] = group {
        return Some(only);
    }
    let claim = |test: fn(&str, &Stem) -> bool| {
        let mut claims =
            group.iter().filter(|wire| stems.get(*wire).is_some_and(|s| test(wire, s)));
        claims.next().filter(|_| claims.next().is_none()).copied()
    };
    claim(|_, stem| stem.changes.contains(&Change::Chosen))
        .or_else(|| claim(|wire, stem| stem.text == wire))
}

/// The Rust name of one wire name before it meets the others.
#[derive(Clone, Debug)]
struct Stem {
    text: String,
    changes: Vec<Change>,
}

impl Stem {
    fn of(scope: Scope, wire: &str, chosen: Option<&str>) -> Self {
        if let Some(chosen) = chosen {
            return Self { text: chosen.to_owned(), changes: vec![Change::Chosen] };
        }
        if scope == Scope::Parameter {
            return Self::of_parameter(wire);
        }
        Self::in_snake_case(scope, wire)
    }

    /// The wire name as it is, or with a suffix that follows from it.
    fn of_parameter(wire: &str) -> Self {
        if is_plain(wire) {
            return Self { text: wire.to_owned(), changes: Vec::new() };
        }
        let mut stem = Self::in_snake_case(Scope::Parameter, wire);
        if !stem.changes.contains(&Change::Length) {
            stem.text = format!("{}_{}", stem.text, suffix(wire, MARK_DIGITS));
        }
        stem.changes = vec![Change::Marked];
        stem
    }

    fn in_snake_case(scope: Scope, wire: &str) -> Self {
        let mut changes = Vec::new();
        let mut text = encode(wire).to_snake_case();
        if text.is_empty() {
            text = spell_out(wire);
            changes.push(Change::Unusable);
        } else if !wire.is_ascii() {
            changes.push(Change::Unusable);
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            text.insert_str(0, scope.prefix());
            changes.push(Change::Unusable);
        }
        if text.len() > LONGEST {
            // The rest is for `_x` and the digits.
            text.truncate(LONGEST - MARK_DIGITS - 2);
            text = format!("{text}_{}", suffix(wire, MARK_DIGITS)).to_snake_case();
            changes.push(Change::Length);
        }
        if changes.is_empty() && text != wire {
            changes.push(Change::Style);
        }
        Self { text, changes }
    }

    /// Adds a suffix that follows from the wire name.
    fn set_apart(&mut self, scope: Scope, wire: &str, used: &mut BTreeSet<String>) {
        // The first free one: few digits are enough unless two hashes begin alike.
        let least = if scope == Scope::Parameter { MARK_DIGITS } else { 4 };
        let candidates =
            [least, 2 * least, 16].map(|digits| format!("{}_{}", self.text, suffix(wire, digits)));
        let numbered = (2u64..).map(|n| format!("{}_{}_{n}", self.text, suffix(wire, 16)));
        let free = candidates.into_iter().chain(numbered).find(|it| used.insert(scope.key(it)));
        if let Some(free) = free {
            self.text = free;
        }
    }

    fn into_name(mut self, scope: Scope) -> Name {
        let mut camel = self.text.to_upper_camel_case();
        let mut snake = self.text;
        if reserved::is_taken(scope, &snake) {
            self.changes.push(Change::Taken(snake.clone()));
            snake.push('_');
        }
        if scope == Scope::Action && reserved::is_taken_type(&camel) {
            self.changes.push(Change::Taken(camel.clone()));
            camel.push('_');
        }
        // The reasons that matter; `serverStart` for `call` needs no word about style.
        if self.changes.len() > 1 {
            self.changes.retain(|change| *change != Change::Style);
            self.changes.dedup();
        }
        Name { snake, camel, changes: self.changes }
    }
}

impl Scope {
    /// What must be different within the scope. Type names are the narrower ones: `a_2` and `a2`
    /// are two functions, and one type.
    fn key(self, stem: &str) -> String {
        match self {
            Self::Action | Self::Slot => stem.to_upper_camel_case(),
            Self::Parameter => stem.to_owned(),
        }
    }

    /// The prefix of a name that begins with a digit.
    fn prefix(self) -> &'static str {
        match self {
            Self::Action => "action_",
            Self::Parameter | Self::Slot => "parameter_",
        }
    }
}

/// Returns whether a wire name is a name for a field unchanged, and does not end as a changed name does.
fn is_plain(wire: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    wire.starts_with(|c: char| c.is_ascii_alphabetic())
        && wire.chars().all(is_part)
        && wire.len() <= LONGEST
        && !wire.ends_with('_')
        && !is_marked(wire)
}

/// Returns whether a name ends in what [`suffix`] makes.
fn is_marked(name: &str) -> bool {
    let Some((_, suffix)) = name.rsplit_once("_x") else { return false };
    suffix.len() >= MARK_DIGITS && suffix.chars().all(|c| c.is_ascii_hexdigit() || c == '_')
}

/// The type parameter of a slot; it must not hide a type that its struct names.
pub(crate) fn type_parameter(slot: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = slot.to_owned();
    while reserved::is_taken_type(&name) || is_taken(&name) {
        name.push('_');
    }
    name
}

/// Returns whether a name can be chosen by hand: a Rust name in snake case that is free.
pub(crate) fn can_be_chosen(scope: Scope, name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && name.len() <= LONGEST
        && name == name.to_snake_case()
        && !reserved::is_taken(scope, name)
        && !(scope == Scope::Action && reserved::is_taken_type(&name.to_upper_camel_case()))
}

/// Returns whether a name is longer than any in Rust may be here.
pub(crate) fn is_too_long(name: &str) -> bool {
    name.len() > LONGEST
}

/// Returns whether a type name can be chosen by hand.
pub(crate) fn can_be_chosen_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.len() <= LONGEST
        && !reserved::is_taken_type(name)
}

/// Returns whether an enum's variant can be called so by hand.
pub(crate) fn can_be_chosen_variant(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.len() <= LONGEST
        && !["Other", "Self"].contains(&name)
}

/// The variant of an enum for a value; `None` if it has no letter or digit to be named by.
pub(crate) fn variant(value: &str) -> Option<String> {
    let camel = encode(value).to_upper_camel_case();
    let named = camel.starts_with(|c: char| c.is_ascii_alphabetic());
    match camel.as_str() {
        "" => None,
        // The variant for every other value, and the one name that no type can have.
        "Other" | "Self" => Some(format!("{camel}Value")),
        _ if named => Some(camel),
        _ => Some(format!("Value{camel}")),
    }
}

/// The name in ASCII: letters and digits as they are, everything else of ASCII separates words,
/// and other alphabets by their numbers, since Rust warns of names that only look alike.
fn encode(wire: &str) -> String {
    let mut text = String::with_capacity(wire.len());
    for character in wire.chars() {
        if character.is_ascii_alphanumeric() {
            text.push(character);
        } else if character.is_ascii() || character.is_whitespace() {
            text.push(' ');
        } else {
            push_number(&mut text, character);
        }
    }
    text
}

/// A name in which nothing can be used, character by character.
fn spell_out(wire: &str) -> String {
    if wire.is_empty() {
        return "empty".to_owned();
    }
    let mut text = String::new();
    wire.chars().take(LONGEST).for_each(|character| push_number(&mut text, character));
    text.to_snake_case()
}

fn push_number(text: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(text, " u{:x} ", u32::from(character));
}

/// The first digits of a hash of the wire name (FNV-1a: stable for ever, unlike the standard
/// library's).
fn suffix(wire: &str, digits: usize) -> String {
    let mut hex = format!("x{:016x}", hash(wire.bytes()));
    hex.truncate(digits + 1);
    hex
}

#[cfg(test)]
mod tests;
