//! Names of types, of the schemas' own and of the overlay.

use std::collections::BTreeSet;

use serde_json::json;

use crate::outcome::{generate, reply};

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
