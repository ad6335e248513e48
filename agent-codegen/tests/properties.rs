//! What holds for every input whatever.

mod total;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON value, nested a few levels.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Any text, and often one that means something to Rust, to Markdown or to the generator.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-c_. -]{0,4}",
        "[\\[\\]<>(){}|?*,.a-z ]{0,12}",
        prop::sample::select(vec![
            "str",
            "list<int>",
            "map[string][]int",
            "str?",
            "*/ fn x() {}",
            "```",
            "\u{202e}",
            "<b>",
            "[x]",
            "\r\n",
        ])
        .prop_map(ToOwned::to_owned),
    ]
}

/// Names that are likely to collide or to be keywords.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        any_text(),
        prop::sample::select(vec![
            "description",
            "required_parameters",
            "cloud_controller_only",
            "actions",
            "parameters",
            "name",
            "type",
            "items",
            "required",
            "default",
            "mod",
            "self",
            "Self",
            "call",
            "Call",
            "call_",
            "new",
            "fooBar",
            "foo_bar",
            "FooBar",
            "Option",
        ])
        .prop_map(ToOwned::to_owned),
    ]
}

/// A catalogue in form, with anything in it.
fn any_catalogue() -> impl Strategy<Value = Value> {
    let parameters = prop_oneof![
        prop::collection::btree_map(any_name(), any_json(), 0..6).prop_map(|map| json!(map)),
        prop::collection::vec(any_name(), 0..6).prop_map(Value::from),
        any_json(),
    ];
    let action = (any_text(), parameters, any::<bool>()).prop_map(|(text, parameters, cloud)| {
        json!({
            "description": text,
            "required_parameters": parameters,
            "cloud_controller_only": cloud,
        })
    });
    let action = prop_oneof![4 => action, 1 => any_json()];
    prop::collection::btree_map(any_name(), action, 0..8).prop_map(|map| json!({ "actions": map }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_catalogue_gives_code(catalogue in any_catalogue()) {
        total::check(catalogue.to_string().as_bytes());
    }

    #[test]
    fn any_json_gives_code_or_an_error(value in any_json()) {
        total::check(value.to_string().as_bytes());
    }

    #[test]
    fn any_two_catalogues_have_a_union(older in any_catalogue(), newer in any_catalogue()) {
        total::check_union(older.to_string().as_bytes(), newer.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_give_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        total::check(&bytes);
    }

    #[test]
    fn a_catalogue_that_is_cut_off_gives_an_error(catalogue in any_catalogue(), part in 0.0..1.0) {
        let text = catalogue.to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place will do")]
        let cut = (text.len() as f64 * part) as usize;
        total::check(&text.as_bytes()[..cut]);
    }

    #[test]
    fn adding_an_action_never_renames_another_silently(
        catalogue in any_catalogue(),
        name in any_name(),
    ) {
        let mut larger = catalogue.clone();
        larger["actions"][&name] = json!({ "description": "new" });
        prop_assert_eq!(silent_renames(&catalogue, &larger, &name), Vec::<String>::new());
    }
}

/// Actions whose method is another in the larger catalogue without a word in its report.
fn silent_renames(smaller: &Value, larger: &Value, added: &str) -> Vec<String> {
    let methods = |catalogue: &Value| {
        use agent_codegen::{Generator, Overlay, Report, Snapshot};
        let mut report = Report::new();
        let text = catalogue.to_string();
        let snapshot = Snapshot::from_bytes("input.json", text.as_bytes(), &mut report);
        let code = snapshot
            .map(|snapshot| Generator::new().generate(&snapshot, &Overlay::default(), &mut report));
        let text = code.and_then(|code| code.files().get("methods.rs").cloned());
        (text.unwrap_or_default(), report.to_string())
    };
    let (before, _) = methods(smaller);
    let (after, told) = methods(larger);
    let signatures = before.lines().filter_map(|line| line.trim().strip_prefix("pub fn "));
    let names = signatures.filter_map(|line| line.split('(').next());
    let gone = names.filter(|name| !after.contains(&format!("pub fn {name}(")));
    // An action of the same wire name is replaced, not renamed.
    let replaced = smaller["actions"].get(added).is_some();
    gone.filter(|name| {
        !replaced
            && !told.contains("name-collision")
            && !told.contains("the same name would also go to")
            && !told.contains(*name)
    })
    .map(ToOwned::to_owned)
    .collect()
}
