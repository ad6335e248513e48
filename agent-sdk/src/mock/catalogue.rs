//! What the catalogue demands of a request.

use std::{collections::HashMap, io};

use serde_json::{Map, Value, json};

/// The catalogue as it was given, and the names that each action demands.
pub(super) struct Catalogue {
    given: Value,
    actions: HashMap<String, Entry>,
}

/// What the mock reads of one action.
pub(super) struct Entry {
    pub(super) required: Vec<String>,
    pub(super) cloud_only: bool,
}

impl Catalogue {
    /// Takes the whole reply of `list_actions`, `{"actions": …}`, or the bare map.
    pub(super) fn new(given: Value) -> io::Result<Self> {
        let given = unwrap_catalogue(given)?;
        let mut actions = HashMap::new();
        for (name, description) in given.as_object().into_iter().flatten() {
            let entry = Entry {
                required: required_names(&description["required_parameters"]),
                cloud_only: description["cloud_controller_only"] == true,
            };
            actions.insert(name.clone(), entry);
        }
        Ok(Self { given, actions })
    }

    /// The answer to `list_actions`.
    pub(super) fn listing(&self) -> Value {
        json!({ "actions": self.given })
    }

    pub(super) fn get(&self, action: &str) -> Option<&Entry> {
        self.actions.get(action)
    }
}

impl Entry {
    /// The names that `parameters` lacks, in the catalogue's order.
    pub(super) fn missing<'a>(&'a self, parameters: &Map<String, Value>) -> Vec<&'a str> {
        let missing = self.required.iter().filter(|name| !parameters.contains_key(*name));
        missing.map(String::as_str).collect()
    }
}

/// Peels the envelope off, whichever there is.
fn unwrap_catalogue(mut given: Value) -> io::Result<Value> {
    for path in ["/parameters/actions", "/actions"] {
        if let Some(inner) = given.pointer_mut(path).filter(|inner| is_map_of_actions(inner)) {
            return Ok(inner.take());
        }
    }
    if is_map_of_actions(&given) {
        return Ok(given);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the mock agent needs a catalogue: the reply to `list_actions`, its `actions`, or the \
         map of actions itself; what it was given is none of these",
    ))
}

/// Every value is an action's description, a map or null: an envelope's `status` is neither. The
/// description of an action that happens to be called `actions` is no map of actions either.
fn is_map_of_actions(value: &Value) -> bool {
    value.as_object().is_some_and(|map| {
        !map.contains_key("required_parameters")
            && map.values().all(|value| value.is_object() || value.is_null())
    })
}

/// The parameters' names, in every form that `required_parameters` is known to take.
fn required_names(required: &Value) -> Vec<String> {
    match required {
        Value::Array(items) => {
            // A text in a list is a name; only an object says more of itself.
            let required = items.iter().filter(|item| item.is_string() || !is_optional(item));
            required.filter_map(name_in_list).collect()
        }
        Value::Object(map) => {
            let required = map.iter().filter(|(_, word)| !is_optional(word));
            required.map(|(name, _)| name.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// An element of a list: a name, or an object that carries one.
fn name_in_list(item: &Value) -> Option<String> {
    item.as_str().or_else(|| item["name"].as_str()).map(str::to_owned)
}

/// Returns whether a parameter says of itself that it may be left out.
fn is_optional(parameter: &Value) -> bool {
    let word = parameter.as_str().or_else(|| parameter["type"].as_str());
    parameter["required"] == false
        || parameter["optional"] == true
        || word.is_some_and(is_optional_word)
}

/// `str?`, `optional str`, `str | null`.
fn is_optional_word(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    word.ends_with('?')
        || word.contains("optional")
        || word.split('|').any(|part| matches!(part.trim(), "null" | "none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(catalogue: Value, action: &str) -> Vec<String> {
        Catalogue::new(catalogue).unwrap().get(action).unwrap().required.clone()
    }

    #[test]
    fn each_envelope_is_peeled_off() {
        let bare = json!({ "mod": { "required_parameters": { "entity_id": "str" } } });
        for given in [
            json!({ "idempotence": "1", "status": "ok", "parameters": { "actions": bare } }),
            json!({ "actions": bare }),
            bare.clone(),
        ] {
            let catalogue = Catalogue::new(given).unwrap();
            assert_eq!(catalogue.listing(), json!({ "actions": bare }));
            assert_eq!(catalogue.get("mod").unwrap().required, ["entity_id"]);
        }
    }

    #[test]
    fn an_action_called_actions_is_not_an_envelope() {
        for description in [json!({ "description": "x" }), json!({ "required_parameters": null })] {
            let bare = json!({ "actions": description });
            assert!(Catalogue::new(bare).unwrap().get("actions").is_some());
        }
    }

    #[test]
    fn each_form_of_required_parameters_is_read() {
        let form = |form: Value| required(json!({ "x": { "required_parameters": form } }), "x");
        assert!(form(Value::Null).is_empty());
        assert_eq!(form(json!(["b", "optional"])), ["b", "optional"]);
        assert_eq!(form(json!([{ "name": "a" }, { "name": "b", "required": false }])), ["a"]);
        assert_eq!(form(json!({ "a": "str", "b": { "type": "int" } })), ["a", "b"]);
        assert_eq!(form(json!({ "a": "str", "b": { "type": "int", "required": false } })), ["a"]);
        assert!(required(json!({ "x": null }), "x").is_empty());
        let words = json!({ "a": "str?", "b": "optional int", "c": "str | null", "d": "str" });
        assert_eq!(form(words), ["d"]);
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_what_would_be_one() {
        for wrong in [json!([]), json!("x"), json!({ "status": "error" }), Value::Null] {
            let error = Catalogue::new(wrong).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("`list_actions`"), "{error}");
        }
    }
}
