//! The names of a reply's types.
//!
//! A name follows from the action and from where in the schema the type is described, and from
//! nothing else: `{Action}Reply` is the reply of an action, `{Action}{Definition}` a definition of
//! its schema, and what is described in place is called by the way to it. So neither another reply
//! nor another definition changes a name. `x-name` chooses one.

use super::{
    place::{Place, Step},
    schema::Node,
};
use crate::naming;

/// The name of a type without that of its action.
pub(super) fn suffix(place: &Place<'_>) -> String {
    let mut name = "Reply".to_owned();
    let mut steps = place.steps().into_iter();
    while let Some(step) = steps.next() {
        let Step::Key(key) = step else { continue };
        match key {
            "$defs" | "definitions" => {
                // A definition has a name that does not depend on where it is used.
                name = camel(steps.next());
            }
            "properties" => name.push_str(&camel(steps.next())),
            "items" | "prefixItems" => name.push_str("Item"),
            "additionalProperties" => name.push_str("Value"),
            // The reply itself has a type around the only one of its alternatives.
            "anyOf" | "oneOf" if name == "Reply" => name.push_str("Value"),
            // Others are what they are alternatives and parts of.
            "allOf" | "anyOf" | "oneOf" => {}
            _ => name.push_str(&camel(Some(step))),
        }
    }
    name
}

fn camel(step: Option<Step<'_>>) -> String {
    let key = match step {
        Some(Step::Key(key)) => naming::variant(key),
        _ => None,
    };
    key.unwrap_or_else(|| "Field".to_owned())
}

/// The name that a schema chooses.
pub(super) fn chosen<'a>(node: &Node<'a>) -> Option<&'a str> {
    node.json.get("x-name").map(|name| name.as_text().unwrap_or_default())
}
