//! Objects that several schemas describe together, and what is beside their fields.

use serde_json::{Value, json};

use crate::outcome::{property, reply};

/// The first of them was taken, and a reply that was like the other could not be read.
#[test]
fn a_property_of_which_alternatives_say_different_things_is_any_value() {
    let typed = |word: &str| json!({ "properties": { "p": { "type": word } } });
    let outcome = reply(&json!({
        "properties": { "own": { "type": "string" } },
        "oneOf": [typed("string"), typed("integer")],
    }));
    outcome.says(&["pub p: Option<Value>,", "pub own: Option<String>,"]);
    assert_eq!(outcome.found().len(), 1, "{}", outcome.report);
    // What always holds does so whatever else an alternative says.
    let outcome = reply(&json!({
        "properties": { "p": { "type": "string" } },
        "oneOf": [typed("integer"), {}],
    }));
    outcome.says(&["pub p: Option<String>,"]);
    let outcome = reply(&json!({ "anyOf": [typed("integer")], "allOf": [typed("string")] }));
    outcome.says(&["pub p: Option<String>,"]);
}

#[test]
fn fields_of_every_part_of_an_object_are_kept() {
    let outcome = reply(&json!({
        "$ref": "#/$defs/Base",
        "properties": { "own": { "type": "string" } },
        "required": ["own", "base"],
        "allOf": [{ "properties": { "part": { "type": "boolean" } }, "required": ["part"] }],
        "anyOf": [
            { "properties": { "one": { "type": "integer" } }, "required": ["one"] },
            { "properties": { "other": { "type": "string" } } },
        ],
        "$defs": { "Base": {
            "properties": { "base": { "type": "string" }, "own": {} },
            "allOf": [{ "$ref": "#/$defs/Root" }],
        }, "Root": { "properties": { "root": { "type": "string" }, "self": { "$ref": "#" } } } },
    }));
    assert!(outcome.report.is_empty(), "{}", outcome.report);
    outcome.says(&[
        "pub own: String,",
        "pub base: String,",
        "pub part: bool,",
        "pub one: Option<i64>,",
        "pub other: Option<String>,",
        "pub root: Option<String>,",
        "pub self_: Option<Box<ActReply>>,",
    ]);
    let outcome = reply(&json!({
        "properties": { "x": { "type": "string" } },
        "allOf": [{ "properties": { "x": { "type": "integer" } } }],
    }));
    assert_eq!(
        outcome.found(),
        [(
            "a property that is described in two ways is not understood in a reply",
            Some("$.allOf[0].properties.x"),
        )]
    );
}

/// What patterns describe was read by the schema of what no pattern describes, and failed.
#[test]
fn what_is_beside_the_fields_has_the_type_that_all_who_describe_it_agree_on() {
    let integer = json!({ "type": "integer" });
    let patterned = |pattern: &Value| json!({ "patternProperties": { "^x": pattern }, "additionalProperties": integer });
    let text = json!({ "type": "string" });
    property(&patterned(&integer)).says(&["pub p: BTreeMap<String, i64>,"]);
    property(&patterned(&text)).says(&["pub p: Map<String, Value>,"]);
    let with_field = |pattern: &Value| {
        let mut schema = patterned(pattern);
        schema["properties"] = json!({ "a": text });
        reply(&schema)
    };
    with_field(&integer).says(&["pub additional_properties: BTreeMap<String, i64>,"]);
    with_field(&text).says(&["pub additional_properties: Map<String, Value>,"]);
    // Another alternative leaves open what one describes.
    let open = reply(&json!({ "oneOf": [
        { "properties": { "a": text }, "additionalProperties": integer },
        { "properties": { "b": text } },
    ], "properties": { "c": text } }));
    open.says(&["pub additional_properties: Map<String, Value>,"]);
    assert_eq!(open.found().len(), 1, "{}", open.report);
}

/// Only schemas that made a type of their own were looked at.
#[test]
fn a_keyword_that_is_lost_is_told_in_every_part_and_alternative_and_once() {
    let part = json!({ "properties": { "a": {} }, "patternProperties": { "^x": {} } });
    for (schema, path) in [
        (json!({ "allOf": [part], "properties": { "b": {} } }), "$.allOf[0]"),
        (json!({ "anyOf": [part], "properties": { "b": {} } }), "$.anyOf[0]"),
        (
            json!({
                "$ref": "#/$defs/Part",
                "properties": { "b": { "$ref": "#/$defs/Part" } },
                "$defs": { "Part": part },
            }),
            "$.$defs.Part",
        ),
        (
            json!({ "properties": { "p": {
                "oneOf": [{ "type": "string", "itms": 1 }, { "type": "string" }],
            } } }),
            "$.properties.p.oneOf[0]",
        ),
        (
            json!({ "properties": { "p": { "prefixItems": [{ "type": "string", "itms": 1 }] } } }),
            "$.properties.p.prefixItems[0]",
        ),
    ] {
        let outcome = reply(&schema);
        let paths: Vec<_> = outcome.found().into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, [Some(path)], "{}", outcome.report);
    }
}

#[test]
fn an_object_may_be_null_if_all_of_its_parts_may() {
    let part = |null: bool, field: &str| {
        let word = if null { json!(["object", "null"]) } else { json!("object") };
        json!({ "type": word, "properties": { field: { "type": "string" } } })
    };
    let all = |parts: [Value; 2]| property(&json!({ "allOf": parts }));
    all([part(true, "a"), part(true, "b")]).says(&["pub p: Option<ActReplyP>,"]);
    all([part(true, "a"), part(false, "b")]).says(&["pub p: ActReplyP,"]);
    let beside = reply(&json!({
        "required": ["p"],
        "properties": { "p": { "$ref": "#/$defs/Maybe", "properties": { "b": {} } } },
        "$defs": { "Maybe": part(true, "a") },
    }));
    beside.says(&["pub p: Option<ActReplyP>,"]);
    // One alternative says it of a property, and another one does not.
    let field = |schema: Value| json!({ "properties": { "q": schema }, "required": ["q"] });
    let text = json!({ "type": "string" });
    let or_null = json!({ "type": ["string", "null"] });
    let either = json!({ "properties": { "r": {} }, "oneOf": [field(text), field(or_null)] });
    reply(&either).says(&["pub q: Option<String>,"]);
}
