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
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            (is_list(kind, is_schema), "a list of schemas")
        }
        "enum" => (matches!(kind, Kind::List(_)), "a list"),
        "required" => (is_list(kind, is_text), "a list of names"),
        "type" => (is_word(kind) || is_list(kind, is_word), "a word or a list of words"),
        "$ref" | "description" | "format" => (is_text(kind), "a text"),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
            // The older way to say whether a limit itself fits.
            let is_older = key.starts_with("ex") && matches!(kind, Kind::Boolean(_));
            (is_older || matches!(kind, Kind::Number(_)), "a number")
        }
        "nullable" => (matches!(kind, Kind::Boolean(_)), "`true` or `false`"),
        "additionalItems" | "additionalProperties" => (is_schema(kind), "a schema"),
        "items" => (is_schema(kind) || is_list(kind, is_schema), "a schema or a list of schemas"),
        _ => return None,
    };
    (!is_right).then_some(form)
}

fn is_schema(kind: &Kind) -> bool {
    matches!(kind, Kind::Map(_) | Kind::Boolean(_))
}

fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Text(_))
}

/// Returns whether it is a word for a type; a tool that writes `null` without quotes means the word.
fn is_word(kind: &Kind) -> bool {
    matches!(kind, Kind::Text(_) | Kind::Null)
}

fn is_list(kind: &Kind, of: fn(&Kind) -> bool) -> bool {
    matches!(kind, Kind::List(items) if items.iter().all(|item| of(&item.kind)))
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
    nulls(schema).any(|(is_null, count)| is_null && count == 1)
}

/// Returns whether a schema says that the value may be `null`, by any of the ways to say so.
pub(super) fn says_null(schema: &Json) -> bool {
    let is_true = |key: &str| schema.get(key).is_some_and(|it| it.kind == Kind::Boolean(true));
    is_true("nullable") || is_true("x-nullable") || nulls(schema).any(|(is_null, _)| is_null)
}

/// For each keyword that lists what fits: whether `null` does, and how much fits.
fn nulls(schema: &Json) -> impl Iterator<Item = (bool, usize)> {
    ["type", "const", "enum"].into_iter().filter_map(|key| {
        let value = schema.get(key)?;
        // The text `null` is a word for a type, and among values a text like any other.
        let is_null =
            |it: &Json| it.kind == Kind::Null || (key == "type" && it.as_text() == Some("null"));
        Some(match &value.kind {
            Kind::List(all) if key != "const" => (all.iter().any(is_null), all.len()),
            _ => (is_null(value), 1),
        })
    })
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
        ["object"] if schema.get("patternProperties").is_some() => Some(ParamType::any_map()),
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
            Kind::Number(number) => number_type(number),
            _ => return None,
        })
    });
    let types: BTreeSet<_> = types.collect::<Option<_>>()?;
    let types: Vec<_> = types.into_iter().collect();
    let is_whole = |it: &ParamType| it.is_number() && *it != ParamType::Number;
    match types.as_slice() {
        [one] => Some(one.clone()),
        [] => Some(ParamType::Any),
        all if all.iter().all(is_whole) => Some(ParamType::LongInteger),
        all if all.iter().all(ParamType::is_number) => Some(ParamType::Number),
        _ => None,
    }
}

/// The smallest type that holds a number as it is written.
fn number_type(number: &str) -> ParamType {
    match number.parse::<i128>() {
        Ok(whole) if i64::try_from(whole).is_ok() => ParamType::Integer,
        Ok(whole) if u64::try_from(whole).is_ok() => ParamType::Unsigned,
        Ok(_) => ParamType::LongInteger,
        Err(_) => ParamType::Number,
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
        () if format == "uint128" => ParamType::LongUnsigned,
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
