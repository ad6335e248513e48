//! The words for data types, and what they mean.
//!
//! How the agent writes a type is not documented, so this understands the words of the languages
//! that are likely: Python (its documentation), Go (what it is written in), JSON Schema and Rust;
//! nested (`list<str>`, `map[string][]int`, `str[]`) and marked as optional (`str?`, `str | null`).
//!
//! ```text
//! type    = single { "|" single }
//! single  = [ "optional" ] prefix [ { "[]" | "?" } ] [ "," "optional" | "(optional)" ]
//! prefix  = "*" prefix | "[" [ length ] "]" prefix | "map[" type "]" prefix | "<" type ">" | word
//! word    = name [ ( "<" | "[" | "(" ) type { "," type } ( ">" | "]" | ")" ) ] | name "{}"
//! ```

mod grammar;
mod value;
mod words;

pub use value::NotThatType;

use std::collections::BTreeMap;

use grammar::Grammar;

/// What a parameter holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ParamType {
    /// Any JSON value.
    #[default]
    Any,
    /// `true` or `false`.
    Boolean,
    /// A whole number: `i64`.
    Integer,
    /// A whole number that is never negative: `u64`.
    Unsigned,
    /// A whole number that may need more than 64 bits: `i128`.
    LongInteger,
    /// A whole number that is never negative and may need more than 64 bits: `u128`.
    LongUnsigned,
    /// A number with a fraction: `f64`.
    Float,
    /// A number, whole or not.
    Number,
    /// A text.
    String,
    /// A list of one type.
    List(Box<ParamType>),
    /// A map from names to one type.
    Map(Box<ParamType>),
    /// A value or `null`.
    Nullable(Box<ParamType>),
    /// A type that the overlay declares, by its Rust name, and what it is made of.
    Named(String, Box<ParamType>),
}

impl ParamType {
    /// A list of anything.
    #[must_use]
    pub fn any_list() -> Self {
        Self::List(Box::new(Self::Any))
    }

    /// A map to anything.
    #[must_use]
    pub fn any_map() -> Self {
        Self::Map(Box::new(Self::Any))
    }

    /// The same, or `null`.
    #[must_use]
    pub fn nullable(self) -> Self {
        match self {
            // `null` is a value already.
            Self::Any | Self::Nullable(_) => self,
            other => Self::Nullable(Box::new(other)),
        }
    }
}

impl ParamType {
    /// Returns whether it is a number of whatever size.
    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Integer
                | Self::Unsigned
                | Self::LongInteger
                | Self::LongUnsigned
                | Self::Float
                | Self::Number
        )
    }

    /// It and what is inside of lists, maps and options, from the outermost to the innermost.
    fn layers(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |layer| match layer {
            Self::List(inner) | Self::Map(inner) | Self::Nullable(inner) => Some(&**inner),
            _ => None,
        })
    }

    /// The type inside of all lists, maps and options.
    pub(crate) fn leaf(&self) -> &Self {
        self.layers().last().unwrap_or(self)
    }

    /// How many lists, maps and options are around the type inside of them all.
    pub(crate) fn depth(&self) -> usize {
        self.layers().count() - 1
    }

    /// The same around another type.
    pub(crate) fn with_leaf(&self, leaf: &Self) -> Self {
        match self {
            Self::List(inner) => Self::List(Box::new(inner.with_leaf(leaf))),
            Self::Map(inner) => Self::Map(Box::new(inner.with_leaf(leaf))),
            Self::Nullable(inner) => inner.with_leaf(leaf).nullable(),
            _ => leaf.clone(),
        }
    }

    /// The declared type that it is written with.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.leaf() {
            Self::Named(name, _) => Some(name),
            _ => None,
        }
    }

    /// Returns whether both are the same type in Rust by name, whatever a declared one holds.
    pub(crate) fn is_written_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(one, _), Self::Named(other, _)) => one == other,
            (Self::List(one), Self::List(other))
            | (Self::Map(one), Self::Map(other))
            | (Self::Nullable(one), Self::Nullable(other)) => one.is_written_as(other),
            _ => self == other,
        }
    }

    /// Returns whether this says more of a value than `other` and nothing else: `list<str>` of
    /// `list`.
    pub(crate) fn is_made_of(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Named(_, inner), _) => inner.is_made_of(other),
            (Self::List(one), Self::List(other))
            | (Self::Map(one), Self::Map(other))
            | (Self::Nullable(one), Self::Nullable(other)) => one.is_made_of(other),
            _ => self == other,
        }
    }
}

/// What a type word says; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The type; [`ParamType::Any`] as far as the word is not understood.
    pub param_type: ParamType,
    /// Whether it is marked as one that may be left out.
    pub optional: bool,
    /// The parts that were not understood.
    pub unknown: Vec<String>,
}

impl Word {
    /// Reads a type word, in any case and with spaces.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::types::{ParamType, Word};
    ///
    /// let word = Word::read("map[string][]int");
    /// let integers = ParamType::List(Box::new(ParamType::Integer));
    /// assert_eq!(word.param_type, ParamType::Map(Box::new(integers)));
    /// assert!(Word::read("str?").optional);
    /// assert_eq!(Word::read("gadget").unknown, ["gadget"]);
    /// ```
    #[must_use]
    pub fn read(word: &str) -> Self {
        Self::read_with(word, &BTreeMap::new())
    }

    /// As [`Word::read`], with the types that the overlay declares, by their exact names.
    pub(crate) fn read_with(word: &str, declared: &BTreeMap<String, ParamType>) -> Self {
        Grammar::read(word, declared)
    }

    /// The type of a Go kind number (`reflect.Kind`).
    #[must_use]
    pub fn of_go_kind(number: u64) -> Option<ParamType> {
        words::go_kind(number)
    }
}

#[cfg(test)]
mod tests;
