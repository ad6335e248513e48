//! What the keywords of a single schema say, without those it refers to.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    snapshot::json::{Json, Kind, Member},
    types::ParamType,
};

/// Keywords that make a type, or that say what no type of Rust holds values to: a reply is read, and
/// not judged.
const KNOWN: &[&str] = &[
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$id",
    "$recursiveAnchor",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependentRequired",
    "deprecated",
    "description",
    "discriminator",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "id",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
    "xml",
];

/// Returns whether a keyword is one of JSON Schema or `OpenAPI`, or begins by `x-`.
pub(super) fn is_known(key: &str) -> bool {
    key.starts_with("x-") || KNOWN.contains(&key) || is_conditional(key)
}

/// Keywords by which more fields may be there, or others.
fn is_conditional(key: &str) -> bool {
    matches!(
        key,
        "$dynamicRef"
            | "$recursiveRef"
            | "dependencies"
            | "dependentSchemas"
            | "else"
            | "if"
            | "patternProperties"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties"
    )
}

/// Returns whether a keyword says something that the type does not show.
pub(super) fn is_lost(key: &str, schema: &Json) -> bool {
    let value = schema.get(key);
    match key {
        // `false` closes what the fields leave open, and every reply stays open.
        "unevaluatedItems" | "unevaluatedProperties" => {
            value.is_some_and(|it| it.as_map().is_some_and(|map| !map.is_empty()))
        }
        // They are a part of `if`, and say nothing without it.
        "then" | "else" => false,
        _ => is_conditional(key),
    }
}

/// What the value of a keyword has to be, if it is something else.
pub(super) fn other_form(key: &str, schema: &Json) -> Option<&'static str> {
    let kind = &schema.get(key)?.kind;
    let (is_right, form) = match key {
        "$defs" | "definitions" | "patternProperties" | "properties" => {
            (matches!(kind, Kind::Map(_)), "an object")
        }
        "allOf" | "anyOf" | "enum" | "oneOf" | "prefixItems" | "required" => {
            (matches!(kind, Kind::List(_)), "a list")
        }
        "$ref" => (matches!(kind, Kind::Text(_)), "a text"),
        "nullable" => (matches!(kind, Kind::Boolean(_)), "`true` or `false`"),
        "additionalProperties" => (matches!(kind, Kind::Map(_) | Kind::Boolean(_)), "a schema"),
        "items" => (
            matches!(kind, Kind::Map(_) | Kind::List(_) | Kind::Boolean(_)),
            "a schema or a list of schemas",
        ),
        _ => return None,
    };
    (!is_right).then_some(form)
}

/// Returns whether a schema says what a value is made of; `required` or `pattern` alone do not.
pub(super) fn has_shape(schema: &Json) -> bool {
    let keys = [
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "enum",
        "items",
        "oneOf",
        "patternProperties",
        "prefixItems",
        "properties",
        "type",
        "x-type",
    ];
    match &schema.kind {
        Kind::Map(map) => keys.iter().any(|key| match map.get(*key).map(|it| &it.value.kind) {
            None | Some(Kind::Boolean(_)) => false,
            Some(Kind::List(all)) if key.ends_with("Of") => all.iter().any(has_shape),
            Some(_) => true,
        }),
        _ => false,
    }
}

/// Returns whether a schema has fields of its own, by name or by a rule.
pub(super) fn has_fields(schema: &Json) -> bool {
    properties(schema).is_some()
        || schema.get("additionalProperties").is_some_and(|it| it.as_map().is_some())
}

pub(super) fn properties(schema: &Json) -> Option<&BTreeMap<String, Member>> {
    schema.get("properties").and_then(Json::as_map)
}

/// The words of `type` without `null`.
pub(super) fn types(schema: &Json) -> Vec<&str> {
    let words = match schema.get("type") {
        Some(Json { kind: Kind::List(words), .. }) => words.as_slice(),
        Some(word) => std::slice::from_ref(word),
        None => &[],
    };
    words.iter().filter_map(Json::as_text).filter(|word| *word != "null").collect()
}

/// Returns whether nothing but `null` fits a schema.
pub(super) fn is_null(schema: &Json) -> bool {
    let is_only = |key: &str| match schema.get(key).map(|it| &it.kind) {
        Some(Kind::List(all)) => all.len() == 1 && all.iter().all(means_null),
        Some(_) => schema.get(key).is_some_and(means_null),
        None => false,
    };
    ["type", "const", "enum"].into_iter().any(is_only)
}

/// Returns whether a schema says that the value may be `null`, by any of the ways to say so.
pub(super) fn says_null(schema: &Json) -> bool {
    let is_true = |key: &str| schema.get(key).is_some_and(|it| it.kind == Kind::Boolean(true));
    let holds = |key: &str| match schema.get(key).map(|it| &it.kind) {
        Some(Kind::List(all)) => all.iter().any(means_null),
        Some(_) => schema.get(key).is_some_and(means_null),
        None => false,
    };
    is_true("nullable") || is_true("x-nullable") || ["type", "const", "enum"].into_iter().any(holds)
}

fn means_null(json: &Json) -> bool {
    json.kind == Kind::Null || json.as_text() == Some("null")
}

/// The values of a text of which all are known.
pub(super) fn texts(schema: &Json) -> Option<Vec<&str>> {
    let values = match schema.get("enum") {
        Some(Json { kind: Kind::List(values), .. }) => values.as_slice(),
        Some(_) => return None,
        None => std::slice::from_ref(schema.get("const")?),
    };
    let others = values.iter().filter(|value| value.kind != Kind::Null);
    others.map(Json::as_text).collect()
}

/// The type of a schema that is a plain value, or a list or a map of such.
pub(super) fn plain_type(schema: &Json) -> Option<ParamType> {
    let refers = |key: &str| match schema.get(key).map(|it| &it.kind) {
        Some(Kind::List(all)) => all.iter().any(has_shape),
        other => other.is_some(),
    };
    let refers = ["$ref", "allOf", "anyOf", "oneOf"].into_iter().any(refers);
    if refers || properties(schema).is_some() {
        return None;
    }
    match types(schema).as_slice() {
        [] if has_shape(schema) => value_type(schema),
        [] => Some(ParamType::Any),
        ["string"] => Some(ParamType::String),
        ["boolean"] => Some(ParamType::Boolean),
        ["integer"] => Some(integer(schema)),
        ["number"] => Some(number(schema)),
        ["array"] if schema.get("prefixItems").is_some() => None,
        ["array"] => inner(schema, "items", ParamType::List),
        ["object"] => inner(schema, "additionalProperties", ParamType::Map),
        _ => None,
    }
}

/// A list or a map of what a schema under a key describes.
fn inner(schema: &Json, key: &str, around: fn(Box<ParamType>) -> ParamType) -> Option<ParamType> {
    let inner = match schema.get(key).filter(|it| it.as_map().is_some()) {
        Some(inner) if says_null(inner) => plain_type(inner)?.nullable(),
        Some(inner) => plain_type(inner)?,
        None => ParamType::Any,
    };
    Some(around(Box::new(inner)))
}

/// What all values of `enum` or `const` are.
fn value_type(schema: &Json) -> Option<ParamType> {
    let values = match schema.get("enum") {
        Some(Json { kind: Kind::List(values), .. }) => values.as_slice(),
        _ => std::slice::from_ref(schema.get("const")?),
    };
    let types = values.iter().filter(|value| value.kind != Kind::Null).map(|value| {
        Some(match &value.kind {
            Kind::Text(_) => ParamType::String,
            Kind::Boolean(_) => ParamType::Boolean,
            Kind::Number(number) if number.contains(['.', 'e', 'E']) => ParamType::Number,
            Kind::Number(_) => ParamType::Integer,
            _ => return None,
        })
    });
    let types: BTreeSet<_> = types.collect::<Option<_>>()?;
    match types.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Some(one.clone()),
        [] => Some(ParamType::Any),
        all if all.iter().all(ParamType::is_number) => Some(ParamType::Number),
        _ => None,
    }
}

/// A whole number, as large as the schema allows.
fn integer(schema: &Json) -> ParamType {
    let format = schema.get("format").and_then(Json::as_text).unwrap_or_default();
    let bounds = |keys: [&str; 2]| {
        let values = keys.into_iter().filter_map(|key| match &schema.get(key)?.kind {
            Kind::Number(number) => Some(number.clone()),
            _ => None,
        });
        values.collect::<Vec<_>>()
    };
    let least = bounds(["minimum", "exclusiveMinimum"]);
    let most = bounds(["maximum", "exclusiveMaximum"]);
    let is_long = |largest: u128| {
        format.ends_with("128")
            || most.iter().any(|number| is_beyond(number, largest))
            || least.iter().any(|number| is_beyond(number, largest + 1))
    };
    let bound = |key: &str| match schema.get(key).map(|it| &it.kind) {
        Some(Kind::Number(number)) => number.parse::<f64>().ok(),
        _ => None,
    };
    let is_from_zero = bound("minimum").is_some_and(|it| it >= 0.0)
        || bound("exclusiveMinimum").is_some_and(|it| it >= -1.0);
    match () {
        () if is_long(u64::MAX.into()) => ParamType::LongInteger,
        () if format.starts_with("uint") || is_from_zero => ParamType::Unsigned,
        () if is_long(i64::MAX.unsigned_abs().into()) => ParamType::LongInteger,
        () => ParamType::Integer,
    }
}

/// Returns whether a number is further from zero than `largest`.
fn is_beyond(number: &str, largest: u128) -> bool {
    match number.parse::<i128>() {
        Ok(whole) => whole.unsigned_abs() > largest,
        // With a point or an exponent: whether 64 bits could be too few.
        Err(_) => number.parse::<f64>().is_ok_and(|it| it.abs() > 9.2e18),
    }
}

/// A number that keeps what the agent wrote, unless the schema says that it is a binary fraction.
fn number(schema: &Json) -> ParamType {
    match schema.get("format").and_then(Json::as_text) {
        Some("float" | "double") => ParamType::Float,
        _ => ParamType::Number,
    }
}

/// Returns whether two values are equal, wherever they are written.
pub(super) fn same(one: &Json, other: &Json) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::List(one), Kind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Kind::Map(one), Kind::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((key, one), (other_key, other))| {
                    key == other_key && same(&one.value, &other.value)
                })
        }
        (one, other) => one == other,
    }
}
