//! Random catalogues, overlays and recursive schemas of replies together: whatever comes of them
//! compiles without a warning of the compiler, clippy and rustdoc, and no type is lost.
//!
//! `AGENT_RANDOM_CASES=1000 cargo test -p agent-codegen --test compiled random` tries more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use agent_codegen::{Code, Generator, Overlay, Report, Severity, Snapshot};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::crates::Crate;

/// How many cases are compiled unless the environment says otherwise.
const CASES: usize = 16;

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
    "None",
    "Ok",
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
        json!({ "type": "string", "x-type": "M" }),
        json!({ "type": "integer", "x-type": "Fields" }),
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

/// The types that an overlay declares, in any order.
const DECLARED: &str = r#"
[types.ApiToken]
is = "ServerId"
[types.PlayModes]
is = "list<PlayMode>"
[types.PlayMode]
values = ["on", { value = "", name = "Nothing" }]
[types.ServerId]
is = "str"
[types.Fields]
is = "int"
[types.M]
is = "str"
"#;

/// What an overlay says of an action, as TOML.
fn entry(action: &str, said: &Said) -> String {
    let mut lines = vec![format!("[actions.{action:?}]"), format!("reads = {}", said.reads)];
    if said.timeout {
        lines.push("timeout = 90".to_owned());
    }
    if let Some(reply) = said.reply {
        lines.push(format!("reply = \"{reply}.json\""));
    }
    for word in ["ServerId", "ApiToken", "PlayModes", "Fields", "M"].iter().filter(|_| said.option)
    {
        lines.push(format!("[actions.{action:?}.parameters.of_{word}]"));
        lines.push(format!("optional = true\ntype = \"{word}\""));
    }
    lines.join("\n") + "\n"
}

fn case() -> impl Strategy<Value = Case> {
    let said = prop::collection::vec(said(), 5);
    (catalogue(), said, document(), document()).prop_map(|(catalogue, said, one, other)| {
        let actions = catalogue["actions"].as_object().expect("it is a map");
        let entries = actions.keys().zip(&said).map(|(action, said)| entry(action, said));
        let overlay = DECLARED.to_owned() + &entries.collect::<String>();
        let schemas = [("0.json".to_owned(), one), ("1.json".to_owned(), other)];
        Case { catalogue, overlay, schemas: schemas.into() }
    })
}

/// The code of a case.
fn generate(into: &Crate, case: &Case) -> Code {
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
    let errors = report.iter().filter(|found| found.severity() == Severity::Error);
    let errors: Vec<_> = errors.map(|found| found.message().to_owned()).collect();
    // Not every random catalogue has a use for every declared type.
    let harmless = |error: &String| error.starts_with("no parameter is of the type");
    assert!(errors.iter().all(harmless), "{errors:#?}\n{case}");
    keeps_every_type(case, &code, &report);
    code
}

/// Holds the code to a type for each definition with properties that a reply leads to, and to no
/// value of unknown type that is not reported.
fn keeps_every_type(case: &Case, code: &Code, report: &Report) {
    let Some(text) = code.files().get("replies.rs") else { return };
    if report.iter().all(|found| found.code() != "reply-schema") {
        let is_unknown = |line: &&str| line.contains("<Value>") || line.contains(": Value,");
        let lost: Vec<_> = text.lines().filter(is_unknown).collect();
        assert!(lost.is_empty(), "{lost:#?}\n{case}");
    }
    let is_declared = |definition: &str| {
        [" {", " =", "("].iter().any(|end| text.contains(&format!("{definition}{end}")))
    };
    for (file, schema) in &case.schemas {
        if !case.overlay.contains(&format!("reply = \"{file}\"")) {
            continue;
        }
        for name in reached(schema) {
            let is_struct = schema["$defs"][&name].get("properties").is_some();
            assert!(!is_struct || is_declared(&name), "{name} is lost\n{case}");
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
    let mut inputs = BTreeMap::new();
    for number in 0..cases.unwrap_or(CASES) {
        let case = case().new_tree(&mut runner).expect("there is one").current();
        let module = format!("case_{number}");
        compiled.generate(&format!("src/{module}"), &generate(&compiled, &case));
        inputs.insert(module, case);
    }
    let modules: Vec<_> =
        inputs.keys().map(|module| format!("/// A case.\npub mod {module};")).collect();
    compiled.write("src/lib.rs", &(LINTS.to_owned() + &modules.join("\n")));
    let linted = if compiled.has("clippy") { compiled.clippy() } else { compiled.check() };
    for mut found in [linted, compiled.doc()] {
        // It is judged before the attributes of a crate; with our own `allow` it is not shown.
        found.retain(|found| !found.text.contains("deprecated_cfg_attr"));
        let Some(first) = found.first() else { continue };
        let is_in = |module: &&String| first.file.contains(&format!("/{module}/"));
        let case = inputs.keys().find(is_in).and_then(|module| inputs.get(module));
        let case = case.map(ToString::to_string).unwrap_or_default();
        panic!("{}\n{} findings\n{case}", first.text, found.len());
    }
}
