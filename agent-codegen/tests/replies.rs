//! The types that the JSON Schemas of replies make.

use std::collections::{BTreeMap, BTreeSet};

use agent_codegen::{Generator, Overlay, Report, Severity, Snapshot};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What comes of replies that are described: each file's text in one line, and the findings.
struct Outcome {
    files: BTreeMap<String, String>,
    report: Report,
}

impl Outcome {
    fn file(&self, name: &str) -> &str {
        self.files.get(name).map_or("", String::as_str)
    }

    fn replies(&self) -> &str {
        self.file("replies.rs")
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.replies().contains(part), "{part} in {}\n{}", self.replies(), self.report);
        }
    }

    fn found(&self) -> Vec<(&str, Option<&str>)> {
        self.report.iter().map(|found| (found.message(), found.document_path())).collect()
    }

    /// The names of all types of replies.
    fn types(&self) -> BTreeSet<String> {
        let text = format!("{} {}", self.replies(), self.file("types.rs"));
        let words: Vec<_> = text.split([' ', '(', ';', '<', '{']).collect();
        let declared =
            words.windows(3).filter(|it| matches!(it, ["pub", "struct" | "enum" | "type", _]));
        declared.map(|it| it[2].to_owned()).collect()
    }
}

/// Generates with a schema for each of some actions, by the names of files.
fn generate(actions: &str, overlay: &str, files: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let path = folder.path().join("overlay.toml");
    std::fs::write(&path, overlay).expect("it can be written");
    let mut report = Report::new();
    let actions: serde_json::Map<_, _> =
        actions.split(' ').map(|name| (name.to_owned(), json!({}))).collect();
    let snapshot = json!({ "actions": actions }).to_string();
    let snapshot = Snapshot::from_bytes("test.json", snapshot.as_bytes(), &mut report);
    let overlay = Overlay::read(&path, &mut report).unwrap_or_else(|| panic!("{report}"));
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    let flat = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let files = code.files().iter().map(|(name, text)| (name.clone(), flat(text)));
    Outcome { files: files.collect(), report }
}

/// Generates with one schema for the reply to the action `act`.
fn reply(schema: &Value) -> Outcome {
    generate("act", "[actions.act]\nreply = 'act.json'", &[("act.json", &schema.to_string())])
}

/// Generates with one property `p`, which has to be there.
fn property(schema: &Value) -> Outcome {
    reply(&json!({ "required": ["p"], "properties": { "p": schema } }))
}

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
fn a_definition_never_takes_the_name_of_an_action() {
    let schema = json!({
        "properties": { "servers": { "type": "array", "items": { "$ref": "#/$defs/Server" } } },
        "$defs": { "Server": { "properties": { "id": {} } } },
    });
    let overlay = "[actions.servers]\nreply = 'x.json'";
    for actions in ["server servers", "server servers servers_server servers_reply"] {
        let outcome = generate(actions, overlay, &[("x.json", &schema.to_string())]);
        let methods = outcome.file("methods.rs");
        for action in actions.split(' ') {
            assert!(methods.contains(&format!("pub fn {action}(&self")), "{action} in {methods}");
        }
        assert!(
            outcome.report.iter().all(|found| found.code() == "name-collision"),
            "{}",
            outcome.report
        );
    }
}

#[test]
fn a_declared_type_keeps_out_of_the_way_of_actions_and_replies() {
    let schema = json!({ "properties": { "x": { "type": "string", "x-type": "Server" } } });
    let overlay = "[types.Server]\nis = 'str'\n[types.ActReply]\nis = 'str'\n\
                   [actions.act]\nreply = 'x.json'";
    let outcome = generate("act server", overlay, &[("x.json", &schema.to_string())]);
    let found: Vec<_> = outcome.found().into_iter().map(|(message, _)| message).collect();
    assert!(found.contains(&"`Server` cannot be declared: it is the type of the action `server`"));
    assert!(found.contains(&"`ActReply` cannot be declared: it is a type of a reply"), "{found:?}");
    assert!(outcome.file("methods.rs").contains("pub fn server(&self"));
}

#[test]
fn another_reply_changes_no_name_of_what_exists() {
    let world = |field: &str| {
        json!({
            "properties": { "world": { "$ref": "#/$defs/World" }, "at": { "properties": { "x": {} } } },
            "$defs": { "World": { "properties": { field: { "enum": ["a"] } } } },
        })
        .to_string()
    };
    let (one, other) = (world("x"), world("y"));
    let overlay = |actions: &[&str]| -> String {
        let entry = |action: &&str| {
            let file = if *action == "omega" { "omega.json" } else { "alpha.json" };
            format!("[actions.{action}]\nreply = '{file}'\n")
        };
        actions.iter().map(entry).collect()
    };
    let files = [("alpha.json", one.as_str()), ("omega.json", other.as_str())];
    let types =
        |actions: &[&str]| generate("aaa alpha omega zeta", &overlay(actions), &files).types();
    let alone = types(&["omega"]);
    assert!(alone.contains("OmegaWorld") && alone.contains("OmegaReplyAt"), "{alone:?}");
    for more in [&["alpha", "omega"][..], &["aaa", "alpha", "omega", "zeta"]] {
        assert!(types(more).is_superset(&alone), "{:?}", types(more));
    }
    assert!(types(&["aaa", "alpha"]).is_superset(&types(&["alpha"])));
}

#[test]
fn two_actions_with_one_schema_share_its_types() {
    let schema = json!({
        "properties": { "world": { "$ref": "#/$defs/World" } },
        "$defs": { "World": { "properties": { "next": { "$ref": "#/$defs/World" } } } },
    })
    .to_string();
    // One file, and two files with the same text in another order.
    let spaced = schema.replace(':', " :\n");
    for (first, second) in [("a.json", "a.json"), ("a.json", "./a.json"), ("a.json", "b.json")] {
        let overlay =
            format!("[actions.alpha]\nreply = '{first}'\n[actions.beta]\nreply = '{second}'");
        let outcome = generate("alpha beta", &overlay, &[("a.json", &schema), ("b.json", &spaced)]);
        assert!(outcome.report.is_empty(), "{}", outcome.report);
        outcome.says(&[
            "/// The reply to `alpha` and `beta`.",
            "pub struct AlphaWorld {",
            "pub type BetaReply = AlphaReply;",
            "pub type BetaWorld = AlphaWorld;",
        ]);
        let methods = outcome.file("methods.rs");
        assert!(methods.contains("pub fn beta(&self) -> Call<'_, BetaReply>"), "{methods}");
    }
}

#[test]
fn a_schema_chooses_names_and_two_types_cannot_have_one() {
    let schema = |field: &str| {
        json!({
            "properties": { "world": { "$ref": "#/$defs/World" } },
            "$defs": { "World": { "x-name": "World", "properties": { field: {} } } },
        })
        .to_string()
    };
    let overlay = "[actions.alpha]\nreply = 'a.json'\n[actions.beta]\nreply = 'b.json'";
    let generate = |one: &str, other: &str| {
        generate("alpha beta", overlay, &[("a.json", one), ("b.json", other)])
    };
    let same = generate(&schema("x"), &schema("x"));
    assert!(same.report.is_empty(), "{}", same.report);
    assert_eq!(same.replies().matches("pub struct World {").count(), 1);
    let different = generate(&schema("x"), &schema("y"));
    assert_eq!(
        different.found(),
        [("the name `World` is chosen for two types that differ", Some("$.$defs.World"),)]
    );
    let plain = reply(&json!({ "properties": { "x": { "type": "string", "x-name": "Text" } } }));
    assert_eq!(
        plain.found(),
        [("no type is made here to be called `Text`", Some("$.properties.x"))]
    );
    for bad in ["Option", "Alpha", "world", ""] {
        let schema = schema("x").replace("\"x-name\":\"World\"", &format!("\"x-name\":\"{bad}\""));
        let outcome = generate(&schema, "{}");
        assert!(outcome.report.has_errors(), "{bad}: {}", outcome.report);
        assert!(outcome.found()[0].0.ends_with("cannot be chosen"), "{}", outcome.report);
    }
}

#[test]
fn an_id_in_a_reply_has_the_type_that_the_overlay_gives_it() {
    let schema = json!({ "properties": {
        "server": { "type": "string" },
        "maybe": { "type": ["string", "null"], "x-type": "ServerId" },
        "all": { "type": "array", "items": { "type": "string" }, "x-type": "list<ServerId>" },
        "servers": { "type": "array", "items": { "type": "string", "x-type": "ServerId" } },
        "number": { "type": "integer", "x-type": "ServerId" },
        "object": { "properties": { "x": {} }, "x-type": "ServerId" },
        "unknown": { "type": "string", "x-type": "serverid" },
        "inner": { "properties": { "server": { "type": "integer" } } },
        "plain": { "properties": { "server": { "type": "string", "x-type": "str" } } },
    } })
    .to_string();
    let overlay = "[types.ServerId]\nis = 'str'\n[parameters.server]\ntype = 'ServerId'\n\
                   [actions.act.parameters.server]\noptional = true\n[actions.act]\nreply = 'a.json'";
    let outcome = generate("act", overlay, &[("a.json", &schema)]);
    outcome.says(&[
        "pub server: Option<ServerId>,",
        "pub maybe: Option<ServerId>,",
        "pub all: Option<Vec<ServerId>>,",
        "pub servers: Option<Vec<ServerId>>,",
        "pub number: Option<i64>,",
        "pub object: Option<ActReplyObject>,",
        "pub unknown: Option<String>,",
        "pub server: Option<i64>,",
        "pub server: Option<String>,",
        "use super::types::ServerId;",
    ]);
    let found: BTreeSet<_> = outcome.found().into_iter().collect();
    assert_eq!(
        found,
        BTreeSet::from([
            (
                "`x-type` is `ServerId`, and the schema describes something else",
                Some("$.properties.number")
            ),
            ("the type `serverid` is not known", Some("$.properties.unknown")),
            (
                "`x-type` is `ServerId`, and the schema describes something else",
                Some("$.properties.object")
            ),
        ])
    );
}

#[test]
fn a_declared_type_that_only_a_reply_uses_is_used() {
    let schema = json!({ "properties": { "id": { "type": "string", "x-type": "ServerId" } } });
    let overlay = "[types.ServerId]\nis = 'str'\n[actions.act]\nreply = 'a.json'";
    let outcome = generate("act", overlay, &[("a.json", &schema.to_string())]);
    assert!(outcome.report.is_empty(), "{}", outcome.report);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_schema_and_messages_speak_of_schemas() {
    let overlay = "[actions.act]\nreply = 'a.json'";
    let outcome = generate("act", overlay, &[("a.json", "\u{feff}{\"properties\": {\"x\": {}}}")]);
    assert!(outcome.report.is_empty(), "{}", outcome.report);
    outcome.says(&["pub x: Option<Value>,"]);
    for text in ["{\"a\": \"\\ud800\"}", &format!("{}{}", "[".repeat(80), "]".repeat(80)), "{", ""]
    {
        let outcome = generate("act", overlay, &[("a.json", text)]);
        let told = outcome.report.to_string();
        assert!(outcome.report.has_errors(), "{text}");
        assert!(
            told.contains("chema") && !told.contains("snapshot") && !told.contains("catalogue"),
            "{told}"
        );
    }
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
    // Each list of lists gets a type of its own before it is too deep for a compiler.
    let lists = reply(&chain(&|it| json!({ "type": "array", "items": to(it) }), text));
    assert!(!lists.replies().contains(&"Vec<".repeat(20)));
    assert!(lists.types().len() > COUNT / 20);
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

/// One of the files was shown in a message, another took all memory, a third never ended.
#[test]
fn only_files_below_the_folder_of_the_overlay_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let outside = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = outside.path().join("secret.json");
    std::fs::write(&secret, "PASSWORD=hunter2").expect("it can be written");
    std::fs::create_dir(folder.path().join("folder")).expect("it can be made");
    std::fs::write(folder.path().join(".env"), "PASSWORD=hunter2").expect("it can be written");
    let large = vec![b' '; (4 << 20) + 1];
    std::fs::write(folder.path().join("large.json"), large).expect("it can be written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.path().join("link.json")).expect("it can be made");
    let secret = secret.to_str().expect("it is a text");
    for (file, told) in [
        ("/proc/self/environ", "is not below the overlay's folder"),
        ("/dev/zero", "is not below the overlay's folder"),
        (secret, "is not below the overlay's folder"),
        ("../secret.json", "is not below the overlay's folder"),
        ("folder/../../secret.json", "is not below the overlay's folder"),
        ("", "is not below the overlay's folder"),
        ("a\ncargo::rustc-env=X=y", "is not below the overlay's folder"),
        ("folder", "is no regular file"),
        ("large.json", "it is larger than 4 MiB"),
        (".env", "is no JSON Schema: line 1, column 1 is not JSON"),
        #[cfg(unix)]
        ("link.json", "is a link that leads out of the overlay's folder"),
    ] {
        let path = folder.path().join("overlay.toml");
        let text = format!("[actions.act]\nreply = {}", Value::from(file));
        std::fs::write(&path, text).expect("it can be written");
        let mut report = Report::new();
        let overlay = Overlay::read(&path, &mut report).expect("it is an overlay");
        let snapshot = Snapshot::from_bytes("x", br#"{"actions": {"act": {}}}"#, &mut report);
        Generator::new().generate(&snapshot.expect("it is one"), &overlay, &mut report);
        let message = report.iter().next().map(|found| found.message().to_owned());
        assert!(message.as_ref().is_some_and(|it| it.contains(told)), "{file}: {message:?}");
        assert!(!report.to_string().contains("hunter2"), "{report}");
        // Cargo is told of each file that is read, a line each.
        assert!(overlay.files().iter().all(|file| !file.to_string_lossy().contains('\n')));
    }
}

/// Any JSON value, and often one with the keywords of a schema in the wrong places.
fn any_schema() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        8 => prop::sample::select(vec![
            "$ref", "$defs", "type", "properties", "required", "items", "prefixItems", "enum",
            "const", "anyOf", "oneOf", "allOf", "additionalProperties", "patternProperties", "if",
            "nullable", "x-type", "x-name", "description", "minimum", "format", "A", "b",
        ])
        .prop_map(ToOwned::to_owned),
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "#",
            "#/$defs/A",
            "#/$defs/b",
            "#/properties/A",
            "#/items",
            "string",
            "integer",
            "object",
            "array",
            "null",
            "A",
            "b",
            "ServerId",
            "World",
            "uint8",
            "",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_json_as_a_schema_gives_code(schema in any_schema()) {
        let overlay = "[types.ServerId]\nis = 'str'\n[actions.act]\nreply = 'act.json'\n\
                       [actions.other]\nreply = 'act.json'";
        let outcome = generate("act other", overlay, &[("act.json", &schema.to_string())]);
        prop_assert!(outcome.report.iter().all(|found| found.code() != "bug"), "{}", outcome.report);
        for text in outcome.files.values() {
            prop_assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{}", text);
        }
        prop_assert!(outcome.replies().contains("impl FromReply for"));
    }
}
