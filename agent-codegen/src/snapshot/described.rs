//! How one parameter is described, in every form that a description may have.

use std::fmt;

use super::{
    json::{Json, Kind},
    written,
};
use crate::text::Shown;

/// A parameter's description: a word, or a map with what it is nested in, outermost first.
pub(super) struct Described<'a> {
    layers: Vec<&'a Json>,
    word: Option<&'a Json>,
}

/// Where another layer of a description is found.
const NESTED: [&str; 3] = ["type", "schema", "constraints"];

/// The keys of a description whose meaning is known, beside flags. A default is recognised by its
/// value, too.
const UNDERSTOOD: [&str; 7] =
    ["name", "type", "schema", "constraints", "items", "description", "enum"];

/// What a flag of a description says of the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Required,
    Optional,
    Nullable,
}

impl Says {
    /// What a key says, however it is spelled: `required`, `mandatory`, `isRequired`, `IS_OPTIONAL`.
    fn of(key: &str) -> Option<Self> {
        let letters = key.chars().filter(char::is_ascii_alphanumeric);
        let word: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        match word.strip_prefix("is").unwrap_or(&word) {
            "required" | "mandatory" => Some(Self::Required),
            "optional" => Some(Self::Optional),
            "nullable" => Some(Self::Nullable),
            _ => None,
        }
    }
}

/// An entry of a description that says yes or no.
pub(super) struct Flag<'a> {
    pub key: &'a str,
    pub says: Says,
    /// What it means.
    pub value: bool,
    /// How that is written.
    pub json: &'a Json,
}

impl Flag<'_> {
    /// Returns whether the parameter has to be given, if it is about that.
    pub fn demands(&self) -> Option<bool> {
        match self.says {
            Says::Required => Some(self.value),
            Says::Optional => Some(!self.value),
            Says::Nullable => None,
        }
    }

    pub fn lets_be_null(&self) -> bool {
        self.says == Says::Nullable && self.value
    }
}

impl fmt::Display for Flag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(self.key), self.value)
    }
}

impl<'a> Described<'a> {
    pub(super) fn new(json: Option<&'a Json>) -> Self {
        let mut layers: Vec<&Json> = json.filter(|it| it.as_map().is_some()).into_iter().collect();
        let mut index = 0;
        while let Some(layer) = layers.get(index).copied() {
            let inner = NESTED.iter().filter_map(|key| layer.field(key));
            layers.extend(inner.filter(|it| it.as_map().is_some()));
            index += 1;
        }
        Self { word: json.filter(|_| layers.is_empty()), layers }
    }

    /// What is found where the type is expected.
    pub(super) fn word(&self) -> Option<&'a Json> {
        let is_word = |json: &&Json| json.as_map().is_none();
        let typed = self.layers.iter().filter_map(|layer| layer.field("type")).find(is_word);
        // `{"type": {"name": "str"}}`
        let mut named = self.layers.iter().skip(1).filter_map(|layer| layer.field("name"));
        self.word.or(typed).or_else(|| named.find(is_word))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Json> {
        self.layers.iter().find_map(|layer| layer.field(key))
    }

    /// The entries whose keys are those of flags, the outermost first.
    pub(super) fn flags(&self) -> impl Iterator<Item = (&'a str, Says, &'a Json)> {
        let entries = self.layers.iter().filter_map(|layer| layer.as_map()).flatten();
        entries.filter_map(|(key, member)| Some((key.as_str(), Says::of(key)?, &member.value)))
    }

    pub(super) fn has_default(&self) -> bool {
        self.get("default").is_some_and(|json| json.kind != Kind::Null)
    }

    /// What it says beside what is understood, as JSON; empty if it is nothing.
    pub(super) fn metadata(&self) -> String {
        let is_known = |key: &str| {
            UNDERSTOOD.iter().any(|known| key.eq_ignore_ascii_case(known))
                || Says::of(key).is_some()
        };
        let entries = self.layers.iter().filter_map(|layer| layer.as_map()).flatten();
        let unknown = entries.filter(|(key, _)| !is_known(key));
        let unknown = unknown.map(|(key, member)| format!("{key}: {}", written(&member.value)));
        unknown.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn text(&self, key: &str) -> &'a str {
        self.get(key).and_then(Json::as_text).unwrap_or_default()
    }
}

/// What a value means where yes or no is expected, as far as that can be told.
pub(super) fn meaning(value: &Json) -> Option<bool> {
    match &value.kind {
        Kind::Boolean(flag) => Some(*flag),
        Kind::Text(word) => flag_word(word),
        Kind::Number(number) => flag_number(number),
        Kind::Null | Kind::List(_) | Kind::Map(_) => None,
    }
}

/// The words that mean yes or no.
fn flag_word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" | "t" | "required" | "mandatory" | "always" => Some(true),
        "false" | "no" | "n" | "off" | "0" | "f" | "optional" | "never" | "none" | "" => {
            Some(false)
        }
        _ => None,
    }
}

fn flag_number(number: &str) -> Option<bool> {
    match number.parse::<f64>() {
        Ok(0.0) => Some(false),
        Ok(1.0) => Some(true),
        _ => None,
    }
}

pub(super) fn lists_null(values: &Json) -> bool {
    matches!(&values.kind, Kind::List(items) if items.iter().any(|it| it.kind == Kind::Null))
}

/// What is found in the place of a type, if it is of a kind that is never one.
pub(super) fn not_a_word(json: &Json) -> Option<&'static str> {
    match json.kind {
        Kind::Map(_) | Kind::Null | Kind::Text(_) => None,
        _ => Some(json.what()),
    }
}

/// The parameters in what an action requires, which may be a JSON Schema of all of them, and the names
/// that the schema requires, if it says which.
pub(super) fn parameters_of(required: &Json) -> (&Json, Option<Vec<&str>>) {
    let is_object = |word: &str| word.eq_ignore_ascii_case("object");
    let properties = required.get("properties").filter(|_| {
        // Otherwise these are parameters of such names, with words for types.
        required.get("type").and_then(Json::as_text).is_some_and(is_object)
    });
    let properties = properties.filter(|it| {
        it.as_map().is_some_and(|map| map.values().all(|entry| entry.value.as_map().is_some()))
    });
    let Some(properties) = properties else { return (required, None) };
    let names = match required.get("required").map(|it| &it.kind) {
        Some(Kind::List(names)) => Some(names.iter().filter_map(Json::as_text).collect()),
        _ => None,
    };
    (properties, names)
}
