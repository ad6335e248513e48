//! The catalogue of a running agent, read no further than comparing needs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fingerprint::Fingerprint;
use crate::action::ActionInfo;

/// The actions of an agent by name, whether from the generated table or from the agent itself.
pub(super) struct Catalogue(pub(super) BTreeMap<String, Action>);

/// What the catalogue says of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// A client may call it.
    pub(super) callable: bool,
    /// By name; none if they are written in a form that is not understood.
    pub(super) parameters: Option<BTreeMap<String, Parameter>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// The word for its type; empty if there is none.
    pub(super) word: String,
    pub(super) required: bool,
}

impl Catalogue {
    /// Reads the parameters of a reply to `list_actions`; `None` if they hold no catalogue.
    pub(super) fn of_reply(reply: &Value) -> Option<Self> {
        let actions = reply.get("actions").unwrap_or(reply).as_object()?;
        let read = actions.iter().filter_map(|(name, value)| Some((name.clone(), action(value)?)));
        let actions: BTreeMap<_, _> = read.collect();
        (!actions.is_empty()).then_some(Self(actions))
    }

    /// The whole catalogue in one number.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut whole = Fingerprint::new();
        for (name, action) in &self.0 {
            whole.part(&format!("{:016x}", action.fingerprint(name)));
        }
        whole.finish()
    }
}

impl Action {
    /// What the generated table says, without what only people know: a catalogue does not describe
    /// optional parameters, and has no word for one that it does not describe.
    pub(super) fn of_table(info: &ActionInfo) -> Self {
        let said = info.parameters.iter().filter(|it| it.required || !it.word.is_empty());
        let parameters = said.map(|it| {
            let parameter = Parameter { word: it.word.to_owned(), required: it.required };
            (it.name.to_owned(), parameter)
        });
        Self { callable: !info.cloud_controller_only, parameters: Some(parameters.collect()) }
    }

    /// See [`ActionInfo::fingerprint`](crate::ActionInfo::fingerprint).
    pub(super) fn fingerprint(&self, name: &str) -> u64 {
        let mut fingerprint = Fingerprint::new();
        fingerprint.part(name).part(if self.callable { "callable" } else { "cloud" });
        match &self.parameters {
            None => {
                fingerprint.part("unreadable");
            }
            Some(parameters) => {
                for (name, parameter) in parameters {
                    let required = if parameter.required { "required" } else { "optional" };
                    fingerprint.part(name).part(&parameter.word).part(required);
                }
            }
        }
        fingerprint.finish()
    }
}

/// Reads an action; `None` if it is nothing of the kind.
fn action(value: &Value) -> Option<Action> {
    let none = Map::new();
    let map = match value {
        Value::Object(map) => map,
        Value::Null => &none,
        _ => return None,
    };
    Some(Action {
        callable: map.get("cloud_controller_only").and_then(Value::as_bool) != Some(true),
        parameters: parameters(map.get("required_parameters").unwrap_or(&Value::Null)),
    })
}

/// Null, a list of names or objects, or a map from names to types or objects.
fn parameters(value: &Value) -> Option<BTreeMap<String, Parameter>> {
    match value {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(map) => {
            Some(map.iter().map(|(name, value)| (name.clone(), parameter(value))).collect())
        }
        Value::Array(items) => items.iter().map(listed).collect(),
        _ => None,
    }
}

/// One item of a list: a name, an object that holds `name`, or `{name: type}`.
fn listed(item: &Value) -> Option<(String, Parameter)> {
    if let Some(name) = item.as_str() {
        return Some((name.to_owned(), parameter(&Value::Null)));
    }
    let map = item.as_object()?;
    match map.iter().next() {
        Some((name, value)) if map.len() == 1 => Some((name.clone(), parameter(value))),
        _ => Some((map.get("name")?.as_str()?.to_owned(), parameter(item))),
    }
}

/// A type's word, or an object that holds one; it is required unless it says otherwise.
fn parameter(value: &Value) -> Parameter {
    let field = |key: &str| value.get(key);
    let flag = |key: &str| field(key).and_then(Value::as_bool);
    let word = if value.is_object() { field("type").unwrap_or(&Value::Null) } else { value };
    let word = text_of(word);
    let marked = word.ends_with('?') || word.to_ascii_lowercase().contains("optional");
    let required = flag("required").or_else(|| flag("optional").map(|optional| !optional));
    Parameter { required: required.unwrap_or(!marked), word }
}

/// A word as the generated table writes it.
fn text_of(word: &Value) -> String {
    match word {
        Value::String(word) => word.clone(),
        Value::Number(kind) => kind.to_string(),
        Value::Array(words) => {
            let words: Option<Vec<_>> = words.iter().map(Value::as_str).collect();
            words.unwrap_or_default().join(" | ")
        }
        Value::Object(_) => {
            word.get("name").or_else(|| word.get("type")).map_or_else(String::new, text_of)
        }
        _ => String::new(),
    }
}
