//! Any JSON as a schema.

use proptest::prelude::*;
use serde_json::Value;

use crate::outcome::generate;

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
