//! Schemas that refer to each other, and how deep and how many they may be.

use agent_codegen::Severity;
use serde_json::{Value, json};

use crate::outcome::{property, reply};

#[test]
fn references_are_resolved_by_pointers_with_escapes() {
    let outcome = reply(&json!({
        "properties": {
            "slash": { "$ref": "#/$defs/a~1b" },
            "space": { "$ref": "#/$defs/c%20d" },
            "tilde": { "$ref": "#/definitions/e~0f" },
            "inside": { "$ref": "#/properties/plain/items" },
            "whole": { "$ref": "#" },
            "plain": { "type": "array", "items": { "type": "boolean" } },
        },
        "$defs": { "a/b": { "type": "string" }, "c d": { "type": "integer" } },
        "definitions": { "e~f": { "properties": { "x": {} } } },
    }));
    assert!(outcome.report.is_empty(), "{}", outcome.report);
    outcome.says(&[
        "pub slash: Option<String>,",
        "pub space: Option<i64>,",
        "pub tilde: Option<ActEF>,",
        "pub inside: Option<bool>,",
        "pub whole: Option<Box<ActReply>>,",
    ]);
}

#[test]
fn schemas_that_lead_only_to_themselves_are_told_by_name() {
    let outcome = reply(&json!({
        "properties": { "a": { "$ref": "#/$defs/Able" }, "l": { "$ref": "#/$defs/Lists" } },
        "$defs": {
            "Able": { "$ref": "#/$defs/Baker" },
            "Baker": { "anyOf": [{ "$ref": "#/$defs/Able" }, { "type": "null" }] },
            "Lists": { "type": "array", "items": { "$ref": "#/$defs/Lists" } },
        },
    }));
    assert_eq!(
        outcome.found(),
        [
            (
                "schemas that refer to nothing but each other: `$.$defs.Able`, `$.$defs.Baker`",
                Some("$.$defs.Able"),
            ),
            ("lists or maps of nothing but each other: `$.$defs.Lists`", Some("$.$defs.Lists")),
        ]
    );
    outcome.says(&[
        "pub a: Option<Value>,",
        "pub struct ActLists( /// The value itself. pub Vec<ActLists>, );",
    ]);
    let outcome = reply(&json!({ "$ref": "#" }));
    assert_eq!(outcome.found().len(), 1, "{}", outcome.report);
}

#[test]
fn chains_of_twenty_thousand_schemas_cost_no_stack() {
    const COUNT: usize = 20_000;
    let chain = |link: &dyn Fn(usize) -> Value, last: Value| {
        let links = (0..COUNT).map(|it| (format!("D{it}"), link(it + 1)));
        let definitions: serde_json::Map<_, _> =
            links.chain([(format!("D{COUNT}"), last)]).collect();
        json!({ "properties": { "first": { "$ref": "#/$defs/D0" } }, "$defs": definitions })
    };
    let to = |it: usize| json!({ "$ref": format!("#/$defs/D{it}") });
    let text = json!({ "type": "string" });
    let outcome = reply(&chain(&to, text.clone()));
    assert!(outcome.report.is_empty(), "{}", outcome.report);
    outcome.says(&["pub first: Option<String>,"]);
    // A circle of them, and one through all of `allOf`.
    assert_eq!(reply(&chain(&to, to(0))).found().len(), 1);
    let parts =
        reply(&chain(&|it| json!({ "allOf": [to(it)], "properties": { "x": {} } }), text.clone()));
    assert!(
        parts.report.iter().all(|it| it.severity() == Severity::Warning),
        "{:?}",
        parts.found()
    );
    let lists = reply(&chain(&|it| json!({ "type": "array", "items": to(it) }), text));
    assert!(!lists.replies().contains(&"Vec<".repeat(20)));
    assert_eq!(lists.found().len(), 1, "{}", lists.report);
}

#[test]
fn a_schema_without_end_is_an_error() {
    let fields: serde_json::Map<_, _> =
        (0..60_000).map(|it| (format!("f{it}"), json!({}))).collect();
    let outcome = reply(&json!({ "properties": fields }));
    let found = outcome.found();
    assert_eq!(found.len(), 1);
    assert!(found[0].0.contains("more than 50000 schemas"), "{found:?}");
}

/// The compiler's parser ran out of its stack, and whether it is `Send` could not be found.
#[test]
fn types_are_nested_no_deeper_than_a_compiler_finds_its_way() {
    let nested = |key: &str, count: usize| {
        (0..count).fold(json!({ "type": "string" }), |inner, _| json!({ key: inner }))
    };
    let told =
        "a schema that is nested deeper than a compiler reads types is not understood in a reply";
    for (key, most) in [("items", 15), ("additionalProperties", 10)] {
        let outcome = reply(&nested(key, 60));
        assert_eq!(outcome.found().first().map(|(it, _)| *it), Some(told), "{}", outcome.report);
        let (list, map) = ("Vec<".repeat(20), "BTreeMap<String, ".repeat(20));
        assert!(!outcome.replies().contains(&list) && !outcome.replies().contains(&map));
        let is_any = |text: &str| ["<Value>", ", Value>"].iter().any(|it| text.contains(it));
        assert!(is_any(outcome.replies()), "{}", outcome.replies());
        let outcome = reply(&nested(key, most));
        assert!(outcome.found().iter().all(|(it, _)| *it != told), "{}", outcome.report);
        assert!(!is_any(outcome.replies()), "{}", outcome.replies());
    }
    let objects = (0..31)
        .fold(json!({ "type": "string" }), |inner, _| json!({ "properties": { "in": inner } }));
    let outcome = reply(&objects);
    assert!(outcome.found().iter().any(|(it, _)| *it == told), "{}", outcome.report);
    assert_eq!(outcome.types().len(), 30, "{:?}", outcome.types());
    // A structure that holds itself has no depth.
    let tree = json!({ "properties": { "in": { "type": "array", "items": { "$ref": "#" } } } });
    assert!(reply(&tree).report.is_empty());
    // Where several schemas are one type, none of them can have a name.
    let list = |inner| json!({ "type": "array", "items": inner });
    let deep = (0..40).fold(json!({ "type": "string" }), |inner, _| list(inner));
    for schema in [json!({ "anyOf": [deep, deep] }), json!({ "prefixItems": [deep, deep] })] {
        let outcome = property(&schema);
        assert_eq!(outcome.found().len(), 1, "{}", outcome.report);
        outcome.says(&["pub p: Value,"]);
    }
}
