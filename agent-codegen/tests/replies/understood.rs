//! What single schemas say, and what of it is not understood.

use agent_codegen::Severity;
use serde_json::json;

use crate::outcome::{generate, property, reply};

#[test]
fn what_is_understood_becomes_its_type_without_a_word() {
    for (schema, expected) in [
        (json!({ "type": "string", "nullable": true }), "Option<String>"),
        (json!({ "type": ["null", "string"] }), "Option<String>"),
        (json!({ "type": "string", "enum": ["a", null] }), "Option<ActReplyP>"),
        (json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), "Option<String>"),
        (json!({ "oneOf": [{ "const": null }, { "type": "boolean" }] }), "Option<bool>"),
        (json!({ "type": "integer" }), "i64"),
        (json!({ "type": "integer", "minimum": 0 }), "u64"),
        (json!({ "type": "integer", "exclusiveMinimum": 0 }), "u64"),
        (json!({ "type": "integer", "format": "uint32" }), "u64"),
        (json!({ "type": "integer", "format": "int64" }), "i64"),
        (json!({ "type": "integer", "maximum": 18_446_744_073_709_551_615_u64 }), "i128"),
        (json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }), "u64"),
        (json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }), "i64"),
        (json!({ "type": "integer", "minimum": -1e30 }), "i128"),
        (json!({ "type": "integer", "minimum": 0, "maximum": 1e30 }), "i128"),
        (json!({ "type": "integer", "format": "int128" }), "i128"),
        (json!({ "type": "number" }), "Number"),
        (json!({ "type": "number", "format": "double" }), "f64"),
        (json!({ "type": ["integer", "number"] }), "Number"),
        (json!({ "type": "string", "format": "date-time", "minLength": 1 }), "String"),
        (json!({ "const": "a" }), "String"),
        (json!({ "const": 1 }), "i64"),
        (json!({ "enum": [1, 2, null] }), "Option<i64>"),
        (json!({ "enum": [1, 2.5] }), "Number"),
        (json!({ "enum": ["a", "b"] }), "ActReplyP"),
        (json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }), "ActReplyP"),
        (json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] }), "Number"),
        (json!({ "type": "string", "anyOf": [{ "pattern": "a" }, { "maxLength": 3 }] }), "String"),
        (json!({ "type": "array" }), "Vec<Value>"),
        (json!({ "items": { "type": "string" } }), "Vec<String>"),
        (
            json!({ "type": "array", "items": { "type": "string", "nullable": true } }),
            "Vec<Option<String>>",
        ),
        (json!({ "prefixItems": [{ "type": "string" }, { "type": "string" }] }), "Vec<String>"),
        (json!({ "type": "object" }), "Map<String, Value>"),
        (json!({ "type": "object", "properties": {} }), "Map<String, Value>"),
        (json!({ "additionalProperties": { "type": "string" } }), "BTreeMap<String, String>"),
        (json!({ "properties": { "x": {} } }), "ActReplyP"),
        (json!({ "allOf": [{ "type": "string" }] }), "String"),
        (json!({ "allOf": [{ "properties": { "x": {} } }, { "required": ["x"] }] }), "ActReplyP"),
        (json!({}), "Value"),
        (json!(true), "Value"),
        (json!({ "description": "Anything", "default": 1, "x-of-ours": 2 }), "Value"),
    ] {
        let outcome = property(&schema);
        assert!(outcome.report.is_empty(), "{schema}: {}", outcome.report);
        let field = format!("pub p: {expected},");
        assert!(outcome.replies().contains(&field), "{schema}: {field} in {}", outcome.replies());
    }
}

#[test]
fn what_is_not_understood_is_told_and_read_as_any_value() {
    for (schema, expected, told) in [
        (json!({ "type": ["string", "integer"] }), "Value", "one of several types"),
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            "Value",
            "one of several types",
        ),
        (
            json!({ "oneOf": [{ "properties": { "x": {} } }, { "properties": { "y": {} } }] }),
            "Value",
            "one of several types",
        ),
        (json!({ "enum": ["a", 1] }), "Value", "a list of values of several types"),
        (json!({ "const": [1] }), "Value", "a list of values of several types"),
        (json!({ "type": "gadget" }), "Value", "the type `gadget`"),
        (json!({ "$ref": "other.json" }), "Value", "the reference `other.json`"),
        (json!({ "$ref": "#/nowhere" }), "Value", "the reference `#/nowhere`"),
        (json!(false), "Value", "`false`, which nothing fits,"),
        (json!(7), "Value", "a number in place of a schema"),
        (
            json!({ "prefixItems": [{ "type": "string" }, { "type": "integer" }] }),
            "Vec<Value>",
            "a list whose items",
        ),
        (json!({ "items": [{ "type": "string" }, {}] }), "Vec<Value>", "a list whose items"),
        (json!({ "if": {}, "then": { "properties": { "x": {} } } }), "Value", "`if`"),
        (
            json!({ "patternProperties": { "^x": { "type": "string" } } }),
            "Map<String, Value>",
            "`patternProperties`",
        ),
        (
            json!({ "properties": { "x": {} }, "patternProperties": { "^y": {} } }),
            "ActReplyP",
            "`patternProperties`",
        ),
        (
            json!({ "properties": { "x": {} }, "dependentSchemas": { "x": {} } }),
            "ActReplyP",
            "`dependentSchemas`",
        ),
        (json!({ "$dynamicRef": "#node" }), "Value", "`$dynamicRef`"),
        (
            json!({ "allOf": [{ "properties": { "x": {} } }, { "type": "string" }] }),
            "Value",
            "an object that is something else",
        ),
        (json!({ "type": "string", "itms": {} }), "String", "the keyword `itms` is not known"),
        (
            json!({ "type": "object", "properties": ["a"] }),
            "Map<String, Value>",
            "`properties` has to be an object",
        ),
        (json!({ "type": "string", "required": "a" }), "String", "`required` has to be a list"),
        (json!({ "type": "array", "items": 5 }), "Vec<Value>", "`items` has to be a schema"),
        (json!({ "type": "string", "nullable": "no" }), "String", "`nullable` has to be"),
        (json!({ "$ref": 5 }), "Value", "`$ref` has to be a text"),
        (json!({ "type": 5 }), "Value", "`type` has to be a word or a list of words"),
        (json!({ "type": ["string", 5] }), "String", "`type` has to be a word or a list of words"),
        (json!({ "anyOf": ["string"] }), "Value", "`anyOf` has to be a list of schemas"),
        (json!({ "type": "string", "allOf": ["x"] }), "String", "`allOf` has to be a list of"),
        (json!({ "type": "string", "required": [1] }), "String", "`required` has to be a list of"),
        (json!({ "type": "string", "description": 5 }), "String", "`description` has to be a text"),
        (json!({ "type": "integer", "format": 5 }), "i64", "`format` has to be a text"),
        (json!({ "type": "integer", "minimum": "0" }), "i64", "`minimum` has to be a number"),
    ] {
        let outcome = property(&schema);
        let field = format!("pub p: {expected},");
        assert!(outcome.replies().contains(&field), "{schema}: {field} in {}", outcome.replies());
        let found = outcome.found();
        let [(message, path)] = found[..] else { panic!("{schema}: {}", outcome.report) };
        assert!(message.contains(told), "{schema}: {message}");
        assert_eq!(path, Some("$.properties.p"), "{schema}");
        assert!(
            outcome.report.iter().all(|it| it.severity() == Severity::Warning),
            "{}",
            outcome.report
        );
    }
}

#[test]
fn a_reply_that_may_be_null_names_what_it_is_otherwise() {
    let object = json!({ "type": "object", "properties": { "p": { "type": "string" } } });
    for schema in [
        json!({ "anyOf": [{ "type": "null" }, object] }),
        json!({ "oneOf": [object, { "const": null }] }),
        json!({ "type": ["object", "null"], "properties": object["properties"] }),
    ] {
        let outcome = reply(&schema);
        outcome.says(&["pub Option<ActReplyValue>", "pub struct ActReplyValue {"]);
        assert!(outcome.found().is_empty(), "{}", outcome.report);
    }
}

#[test]
fn a_root_of_any_kind_makes_a_reply() {
    for (schema, expected) in [
        (
            json!({ "type": ["object", "null"], "properties": { "x": {} } }),
            "pub struct ActReply( /// The value itself. pub Option<ActReplyValue>, );",
        ),
        (json!({ "type": "string", "nullable": true }), "pub Option<String>, );"),
        (json!({ "enum": ["a"] }), "pub ActReplyValue, );"),
        (json!({ "type": "null" }), "pub Value, );"),
        (json!({ "type": "array", "items": { "$ref": "#" } }), "pub Vec<ActReply>, );"),
        (
            json!({ "$ref": "#/$defs/World", "$defs": { "World": { "properties": { "x": {} } } } }),
            "pub ActWorld, );",
        ),
    ] {
        reply(&schema).says(&[expected, "impl FromReply for ActReply {"]);
    }
}

/// A reply that was `null`, as its schema lets it be, could not be read.
#[test]
fn null_is_read_wherever_one_of_several_schemas_lets_it_be() {
    for (schema, expected) in [
        (
            json!({ "anyOf": [{ "type": ["string", "null"] }, { "type": "string" }] }),
            "Option<String>",
        ),
        (json!({ "oneOf": [{ "enum": ["a", null] }, { "const": "b" }] }), "Option<ActReplyP>"),
        (
            json!({ "oneOf": [{ "type": "integer", "nullable": true }, { "type": "number" }] }),
            "Option<Number>",
        ),
        (
            json!({ "prefixItems": [{ "type": ["string", "null"] }, { "type": "string" }] }),
            "Vec<Option<String>>",
        ),
        (
            json!({ "items": [{ "type": "integer", "nullable": true }, { "type": "integer" }] }),
            "Vec<Option<i64>>",
        ),
        // The text is a value like any other; the word is a type, also without its quotes.
        (json!({ "enum": ["null", "a"] }), "ActReplyP"),
        (json!({ "oneOf": [{ "const": "null" }, { "const": "a" }] }), "ActReplyP"),
        (json!({ "type": [null, "string"] }), "Option<String>"),
    ] {
        let outcome = property(&schema);
        outcome.says(&[&format!("pub p: {expected},")]);
        assert!(outcome.report.is_empty(), "{schema}: {}", outcome.report);
    }
}

/// They were read as `i64`, and 18446744073709551615 was refused.
#[test]
fn a_listed_number_gets_a_type_that_holds_it() {
    for (schema, expected) in [
        (json!({ "const": u64::MAX }), "u64"),
        (json!({ "enum": [1, u64::MAX] }), "i128"),
        (json!({ "enum": [i64::MIN, i64::MAX] }), "i64"),
        (json!({ "type": "integer", "format": "uint128" }), "u128"),
    ] {
        let outcome = property(&schema);
        outcome.says(&[&format!("pub p: {expected},")]);
        assert!(outcome.report.is_empty(), "{schema}: {}", outcome.report);
    }
    let text = r#"{"required": ["p"], "properties": {"p": {"enum": [-1, 36893488147419103232]}}}"#;
    let overlay = "[actions.act]\nreply = 'a.json'";
    generate("act", overlay, &[("a.json", text)]).says(&["pub p: i128,"]);
}

/// An older schema keeps what follows the first items under a name of its own.
#[test]
fn what_follows_the_first_items_counts_under_either_name() {
    for (schema, expected, is_told) in [
        (
            json!({ "items": [{ "type": "string" }], "additionalItems": { "type": "integer" } }),
            "Vec<Value>",
            true,
        ),
        (json!({ "items": [], "additionalItems": { "type": "integer" } }), "Vec<i64>", false),
        (
            json!({ "prefixItems": [{ "type": "string" }], "items": { "type": "string" } }),
            "Vec<String>",
            false,
        ),
    ] {
        let outcome = property(&schema);
        outcome.says(&[&format!("pub p: {expected},")]);
        assert_eq!(!outcome.report.is_empty(), is_told, "{schema}: {}", outcome.report);
    }
}
