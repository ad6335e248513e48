//! Random catalogues, overlays and recursive schemas of replies together: whatever comes of them
//! compiles without a warning of the compiler, clippy and rustdoc, and no type is lost.
//!
//! `AGENT_RANDOM_CASES=1000 cargo test -p agent-codegen --test compiled random` tries more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use agent_codegen::{Code, Generator, Overlay, Report, Snapshot};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::crates::Crate;

/// How many cases are compiled unless the environment says otherwise.
const CASES: usize = 24;

/// Names of actions, parameters, properties and definitions: alike, reserved or secret.
const NAMES: &[&str] = &[
    "server",
    "servers",
    "Server",
    "world",
    "World",
    "type",
    "self",
    "new",
    "token",
    "fooBar",
    "foo_bar",
    "foo-bar",
    "a b",
    "größe",
    "reply",
    "Other",
    "option",
    "map_",
    "key",
    "additional_properties",
    "1st",
];

/// Words of documentation that rustdoc or clippy could stumble over.
const TEXTS: &[&str] = &[
    "",
    "Plain words",
    "<none>",
    "[name]",
    "Vec<String>",
    "https://example.org",
    "`code` and *",
    "Two\nlines\n\nand more",
    "| a | b |",
    "```",
    "# Title",
    "a_b::c",
    "</div>",
];

const DEFINITIONS: &[&str] = &["Node", "Tree", "List", "Maybe", "Server", "Entry"];

#[derive(Clone, Debug)]
struct Case {
    catalogue: Value,
    overlay: String,
    schemas: BTreeMap<String, Value>,
}

/// The input as it would be written.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.catalogue, self.overlay)?;
        self.schemas.iter().try_for_each(|(name, schema)| writeln!(f, "{name}: {schema}"))
    }
}

fn name() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(NAMES)
}

fn plain() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({ "type": "string" }),
        json!({ "type": "integer" }),
        json!({ "type": "integer", "minimum": 0 }),
        json!({ "type": "number" }),
        json!({ "type": "number", "format": "double" }),
        json!({ "type": "boolean" }),
        json!({ "type": ["string", "null"] }),
        json!({ "type": "integer", "nullable": true }),
        json!({ "enum": ["a", "A", "+1", "-1", "", null] }),
        json!({ "enum": ["on", "off"] }),
        json!({ "const": "x" }),
        json!({ "type": "string", "x-type": "ServerId" }),
        json!({ "type": "array", "items": { "type": "string" }, "x-type": "list<ServerId>" }),
    ])
}

fn reference() -> impl Strategy<Value = Value> {
    let target = prop_oneof![
        8 => prop::sample::select(DEFINITIONS).prop_map(|name| format!("#/$defs/{name}")),
        1 => Just("#".to_owned()),
    ];
    let null = prop::bool::weighted(0.2);
    (target, null).prop_map(|(target, null)| {
        if null { json!({ "$ref": target, "nullable": true }) } else { json!({ "$ref": target }) }
    })
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![1 => plain(), 3 => reference()];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let properties = prop::collection::btree_map(name(), inner.clone(), 1..4);
        let object = (properties, any::<u8>(), prop::option::weighted(0.2, inner.clone()));
        let object = object.prop_map(|(properties, required, extras)| {
            let names = properties.keys().enumerate();
            let required: Vec<_> = names
                .filter(|(index, _)| required >> index & 1 == 1)
                .map(|(_, name)| *name)
                .collect();
            let mut object = json!({ "properties": properties, "required": required });
            if let Some(extras) = extras {
                object["additionalProperties"] = extras;
            }
            object
        });
        let object = object.boxed();
        prop_oneof![
            4 => object.clone(),
            2 => inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            1 => inner.clone().prop_map(|values| json!({ "additionalProperties": values })),
            2 => inner.clone().prop_map(|one| json!({ "anyOf": [one, { "type": "null" }] })),
            1 => (reference(), object).prop_map(|(one, other)| json!({ "allOf": [one, other] })),
            1 => (inner.clone(), inner).prop_map(|(one, other)| json!({ "oneOf": [one, other] })),
        ]
    })
    .boxed()
}

fn described() -> impl Strategy<Value = Value> {
    (schema(), prop::sample::select(TEXTS)).prop_map(|(mut schema, text)| {
        if let Value::Object(map) = &mut schema {
            map.insert("description".to_owned(), text.into());
        }
        schema
    })
}

/// A schema whose definitions refer to each other.
fn document() -> impl Strategy<Value = Value> {
    let definitions = prop::collection::vec(described(), DEFINITIONS.len());
    (described(), definitions).prop_map(|(mut root, definitions)| {
        let definitions: Map<_, _> =
            DEFINITIONS.iter().map(|name| (*name).to_owned()).zip(definitions).collect();
        root["$defs"] = definitions.into();
        root
    })
}

fn catalogue() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec!["str", "int", "bool", "float", "list", "map", "any"]);
    let parameters = prop::collection::btree_map(name(), word, 0..4);
    let action = (prop::sample::select(TEXTS), parameters).prop_map(
        |(text, parameters)| json!({ "description": text, "required_parameters": parameters }),
    );
    prop::collection::btree_map(name(), action, 1..5).prop_map(|map| json!({ "actions": map }))
}

/// What an overlay says of one action.
#[derive(Clone, Debug)]
struct Said {
    reply: Option<usize>,
    reads: bool,
    timeout: bool,
    option: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let reply = prop::option::weighted(0.8, 0..2_usize);
    (reply, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(reply, reads, timeout, option)| Said { reply, reads, timeout, option })
}

fn case() -> impl Strategy<Value = Case> {
    let said = prop::collection::vec(said(), 5);
    (catalogue(), said, document(), document()).prop_map(|(catalogue, said, one, other)| {
        let mut overlay = "[types.ServerId]\nis = \"str\"\n[types.ApiToken]\nis = \"ServerId\"\n\
                           [types.PlayMode]\nvalues = [\"on\", { value = \"\", name = \"Nothing\" }]\n\
                           [types.PlayModes]\nis = \"list<PlayMode>\"\n"
            .to_owned();
        let actions = catalogue["actions"].as_object().expect("it is a map");
        for ((action, _), said) in actions.iter().zip(&said) {
            let action = format!("[actions.{action:?}");
            overlay += &format!("{action}]\nreads = {}\n", said.reads);
            if said.timeout {
                overlay += "timeout = 90\n";
            }
            if let Some(reply) = said.reply {
                overlay += &format!("reply = \"{reply}.json\"\n");
            }
            for word in ["ServerId", "ApiToken", "PlayModes"].iter().filter(|_| said.option) {
                overlay += &format!("{action}.parameters.of_{word}]\noptional = true\n");
                overlay += &format!("type = \"{word}\"\n");
            }
        }
        let schemas = [("0.json".to_owned(), one), ("1.json".to_owned(), other)];
        Case { catalogue, overlay, schemas: schemas.into() }
    })
}

/// The code of a case; `None` if its overlay declares what is not used.
fn generate(into: &Crate, case: &Case) -> Option<Code> {
    for (name, schema) in &case.schemas {
        into.write(name, &schema.to_string());
    }
    into.write("overlay.toml", &case.overlay);
    let mut report = Report::new();
    let catalogue = case.catalogue.to_string();
    let snapshot = Snapshot::from_bytes("test.json", catalogue.as_bytes(), &mut report);
    let overlay = Overlay::read(&into.path("overlay.toml"), &mut report);
    let (snapshot, overlay) = (snapshot.expect("it is one"), overlay.expect("it is one"));
    let generator = Generator::for_other_crate().without_allow();
    let code = generator.generate(&snapshot, &overlay, &mut report);
    let errors = report.iter().filter(|found| found.severity() == agent_codegen::Severity::Error);
    let errors: Vec<_> = errors.map(|found| found.message().to_owned()).collect();
    let harmless = |error: &String| error.starts_with("no parameter is of the type");
    assert!(errors.iter().all(harmless), "{errors:#?}\n{case}");
    keeps_every_type(case, &code, &report);
    Some(code)
}

/// Holds the code to a struct for each definition with properties that a reply leads to, and to no
/// value of unknown type that is not reported.
fn keeps_every_type(case: &Case, code: &Code, report: &Report) {
    let Some(text) = code.files().get("replies.rs") else { return };
    let aliases_and_structs = |suffix: &str| {
        text.contains(&format!("{suffix} {{"))
            || text.contains(&format!("{suffix} ="))
            || text.contains(&format!("{suffix}("))
    };
    let told = report.iter().filter(|found| found.code() == "reply-schema").count();
    if told == 0 {
        let fields = text.lines().filter(|line| line.trim_start().starts_with("pub "));
        let lost: Vec<_> =
            fields.filter(|line| line.contains("Value>") || line.contains(": Value")).collect();
        let lost: Vec<_> = lost
            .iter()
            .filter(|line| !line.contains("ReplyValue") && !line.contains("FieldValue"))
            .collect();
        let is_unnamed = |line: &&&&str| line.contains("<Value>") || line.contains(": Value,");
        assert_eq!(lost.iter().filter(is_unnamed).count(), 0, "{lost:#?} in {case}");
    }
    let used = case.overlay.matches("reply = ").count();
    for schema in case.schemas.values().filter(|_| used > 0) {
        let reached = reached(schema);
        for name in reached.iter().filter(|name| schema["$defs"][name].get("properties").is_some())
        {
            let file = case.schemas.iter().find(|(_, it)| *it == schema).map(|(name, _)| name);
            let is_used =
                file.is_some_and(|file| case.overlay.contains(&format!("reply = \"{file}\"")));
            assert!(!is_used || aliases_and_structs(name), "{name} is lost: {case}");
        }
    }
}

/// The definitions that a schema refers to, one by the other, other than by being put together.
fn reached(schema: &Value) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Value> = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) if map.contains_key("oneOf") || map.contains_key("allOf") => {}
            Value::Object(map) => {
                if let Some(target) = map.get("$ref").and_then(Value::as_str)
                    && let Some(name) = target.strip_prefix("#/$defs/")
                    && reached.insert(name.to_owned())
                {
                    open.push(&schema["$defs"][name]);
                }
                open.extend(map.iter().filter(|(key, _)| *key != "$defs").map(|(_, value)| value));
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    reached
}

/// As in the SDK's own code: what the agent chooses.
const LINTS: &str = "//! Random cases.
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
#![allow(
    clippy::doc_markdown,
    clippy::self_named_constructors,
    clippy::struct_field_names,
    clippy::too_many_lines,
    clippy::type_complexity,
    non_snake_case,
)]
";

#[test]
fn whatever_comes_of_random_inputs_compiles_without_a_warning() {
    let cases = std::env::var("AGENT_RANDOM_CASES").ok().and_then(|it| it.parse().ok());
    let compiled = Crate::new("random");
    let mut runner = TestRunner::new(Config::default());
    let mut modules = LINTS.to_owned();
    let mut inputs = BTreeMap::new();
    for number in 0..cases.unwrap_or(CASES) {
        let tree = case().new_tree(&mut runner).expect("there is one");
        let case = tree.current();
        let Some(code) = generate(&compiled, &case) else { continue };
        let module = format!("case_{number}");
        compiled.generate(&format!("src/{module}"), &code);
        modules += &format!("/// A case.\npub mod {module};\n");
        inputs.insert(module, case);
    }
    compiled.write("src/lib.rs", &modules);
    for mut found in [compiled.clippy(), compiled.doc()] {
        // It is judged before the attributes of a crate; with our own `allow` nobody sees it.
        found.retain(|found| !found.text.contains("deprecated_cfg_attr"));
        let case = found.first().and_then(|found| {
            inputs.iter().find(|(module, _)| found.file.contains(&format!("/{module}/")))
        });
        let case = case.map(|(_, case)| case.to_string()).unwrap_or_default();
        assert!(found.is_empty(), "{}\n{} findings\n{case}", found[0].text, found.len());
    }
}
