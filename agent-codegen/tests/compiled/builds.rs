//! Generated code in other people's builds: their editions, their lints, their names.

use agent_codegen::{Generator, Overlay, Report, Snapshot};

use crate::crates::Crate;

const CATALOGUE: &str = r#"{"actions": {
    "export_world": {
        "description": "Exports a world to <none>, see [x] and Vec<String> and https://example.org",
        "required_parameters": {
            "world": "str", "target": "str", "password": "str", "level": "map[string]float",
            "options": {"type": "map", "required": false}, "count": "number", "fooBar": "int"
        }
    },
    "configuration": {"required_parameters": {"configuration": "map"}},
    "missing_target": {"required_parameters": {"missing_target": "str", "Missing": "int"}},
    "new": {"required_parameters": {"new": "list<str>"}},
    "worlds": null
}}"#;

const OVERLAY: &str = r#"
subject = "world"
[types.WorldId]
is = "str"
[types.Level]
is = "int"
[types.Target]
values = ["file", "cloud"]
[parameters.world]
type = "WorldId"
[actions.export_world]
timeout = 900
reply = "reply.schema.json"
[actions.export_world.parameters.target]
type = "Target"
[actions.export_world.parameters.speed]
optional = true
type = "Level"
"#;

const REPLY: &str = r##"{"type": "object", "required": ["worlds", "next"], "properties": {
    "worlds": {"type": "array", "items": {"$ref": "#/$defs/World"}},
    "next": {"type": ["string", "null"]}, "fooBar": {"type": "number"},
    "password": {"type": "string"}, "tree": {"$ref": "#/$defs/Tree"}
}, "$defs": {"World": {"type": "object", "required": ["id", "size"], "properties": {
    "id": {"type": "string"}, "size": {"type": "integer"}, "more": {}, "token": {},
    "state": {"enum": ["on", "off"]}, "parent": {"$ref": "#/$defs/World"}
}, "additionalProperties": {"type": ["integer", "null"]}},
"Tree": {"additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}}"##;

/// Generates all kinds of items into a crate's `src/actions`.
fn generate(into: &Crate, generator: &Generator) {
    into.write("overlay.toml", OVERLAY);
    into.write("reply.schema.json", REPLY);
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", CATALOGUE.as_bytes(), &mut report);
    let overlay = Overlay::read(&into.path("overlay.toml"), &mut report);
    let (snapshot, overlay) = (snapshot.expect("it is one"), overlay.expect("it is one"));
    let code = generator.generate(&snapshot, &overlay, &mut report);
    assert!(!report.has_errors(), "{report}");
    into.generate("src/actions", &code);
}

/// A use of everything that a caller has.
const USE: &str = "
/// Calls an action.
pub async fn call(agent: &actions::Agent) -> ::std::result::Result<(), PATH::Error> {
    let export = actions::ExportWorld::new(\"w1\").count(1).fooBar(2).password(\"p\").target(\"file\");
    let export = export.level(::std::collections::BTreeMap::new()).speed(3);
    agent.export_world(export).await?;
    agent.worlds().await?;
    ::std::result::Result::Ok(())
}
";

fn assert_clean(compiled: &Crate) {
    let found = compiled.check();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn generated_code_compiles_in_every_edition() {
    for edition in ["2018", "2021", "2024"] {
        let sdk = "agent-sdk = { path = \"SDK\", default-features = false }";
        let compiled = Crate::with(&format!("edition-{edition}"), edition, sdk);
        generate(&compiled, &Generator::for_other_crate());
        let lib = "#![deny(warnings)]\n//! A crate.\npub mod actions;\n";
        compiled.write("src/lib.rs", &format!("{lib}{}", USE.replace("PATH", "agent_sdk")));
        assert_clean(&compiled);
    }
}

#[test]
fn a_renamed_dependency_and_a_crate_without_prelude_compile() {
    let sdk = "sdk = { package = \"agent-sdk\", path = \"SDK\", default-features = false }";
    let compiled = Crate::with("renamed", "2021", sdk);
    generate(&compiled, &Generator::for_other_crate().crate_path("::sdk"));
    let lib = "#![no_implicit_prelude]\n#![deny(warnings)]\n//! A crate.\npub mod actions;\n\
               /// Not the standard library.\npub mod std {}\n/// Not it either.\npub mod core {}\n\
               /// Not serde.\npub mod serde {}\n";
    compiled.write("src/lib.rs", &format!("{lib}{}", USE.replace("PATH", "::sdk")));
    assert_clean(&compiled);
}

/// Where an entry can stand: included in a module, in one inside of another, at the root, and as a
/// file of its own.
#[test]
fn an_entry_can_be_included_in_every_position() {
    let compiled = Crate::new("positions");
    generate(&compiled, &Generator::for_other_crate());
    let include = "include!(\"actions/mod.rs\");";
    compiled.write(
        "src/lib.rs",
        &format!(
            "#![deny(warnings)]\n//! A crate.\npub mod actions;\n{include}\n\
             /// Inside.\npub mod one {{ {include} /// Deeper.\npub mod two {{ {include} }} }}\n"
        ),
    );
    assert_clean(&compiled);
}

/// Lints that are off by default, and that crates turn on.
#[test]
fn no_lint_of_another_crate_finds_anything() {
    let compiled = Crate::new("lints");
    generate(&compiled, &Generator::for_other_crate());
    let lints = "#![deny(warnings, let_underscore, nonstandard_style, rust_2018_idioms, unused)]\n\
                 #![deny(missing_copy_implementations, missing_debug_implementations)]\n\
                 #![deny(missing_docs, single_use_lifetimes, trivial_casts, unnameable_types)]\n\
                 #![deny(trivial_numeric_casts, unreachable_pub, unused_lifetimes)]\n\
                 #![deny(unused_import_braces, unused_qualifications, unused_results)]\n\
                 #![deny(variant_size_differences, explicit_outlives_requirements)]\n\
                 #![deny(redundant_lifetimes, meta_variable_misuse, non_ascii_idents)]\n\
                 #![forbid(unsafe_code)]\n#![deny(clippy::all, clippy::pedantic)]\n\
                 #![deny(clippy::nursery, clippy::restriction)]\n";
    let main = format!(
        "{lints}//! A program.\n#![allow(clippy::blanket_clippy_restriction_lints, clippy::mod_module_files)]\nmod actions;\n\
         fn main() {{\n    drop(actions::Worlds::new());\n}}\n"
    );
    compiled.write("src/main.rs", &main);
    if !compiled.has("clippy") {
        return;
    }
    let found: Vec<_> = compiled.clippy();
    let of_ours = found.iter().filter(|found| found.file.starts_with("src/actions"));
    let of_ours: Vec<_> = of_ours.collect();
    assert!(of_ours.is_empty(), "{of_ours:#?}");
}

#[test]
fn a_crate_that_forbids_dead_code_compiles_without_our_allow() {
    let compiled = Crate::new("forbids");
    generate(&compiled, &Generator::for_other_crate().without_allow());
    let lib =
        "#![forbid(dead_code, unused_imports, unreachable_pub)]\n//! A crate.\npub mod actions;\n";
    compiled.write("src/lib.rs", lib);
    let found = compiled.check();
    let errors: Vec<_> = found.iter().filter(|found| found.text.starts_with("error")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn rustfmt_leaves_generated_code_alone() {
    let compiled = Crate::new("formatted");
    generate(&compiled, &Generator::for_other_crate());
    compiled.write("src/lib.rs", "//! A crate.\n\npub mod actions;\n");
    if compiled.has("fmt") {
        compiled.assert_formatted();
    }
}

/// Its methods used to be hidden by those that the SDK's feature `actions` brings, which any crate
/// of the same build can enable.
#[test]
fn own_actions_win_over_those_that_another_crate_enables() {
    let sdk = "agent-sdk = { path = \"SDK\", default-features = false, features = [\"actions\"] }";
    let compiled = Crate::with("enabled", "2024", sdk);
    let catalogue = br#"{"actions": {
        "server_start": {"required_parameters": {"server": "str", "wings": "int"}},
        "servers": {"required_parameters": {"page": "int"}}
    }}"#;
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", catalogue, &mut report);
    let overlay = Overlay::from_text("overlay.toml", "subject = 'server'", &mut report);
    let (snapshot, overlay) = (snapshot.expect("it is one"), overlay.expect("it is one"));
    let code = Generator::for_other_crate().generate(&snapshot, &overlay, &mut report);
    compiled.generate("src/actions", &code);
    compiled.write(
        "src/lib.rs",
        "#![deny(warnings)]\n//! A crate.\npub mod actions;\nuse actions::{Agent, ServerStart, \
         Servers};\n/// Calls.\npub async fn call(agent: agent_sdk::Agent) -> Result<(), \
         agent_sdk::Error> {\n    let own = Agent::from(agent);\n    \
         own.server_start(ServerStart::new(\"s\").wings(2)).await?;\n    \
         own.servers(Servers::new().page(1)).await?;\n    own.whoami().await?;\n    \
         own.close().await;\n    Ok(())\n}\n",
    );
    assert_clean(&compiled);
}

#[test]
fn a_path_that_is_none_is_told() {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", CATALOGUE.as_bytes(), &mut report);
    let snapshot = snapshot.expect("it is one");
    // A path from a module means something else in each of the generated ones.
    for path in ["agent sdk", "", "::", "sdk::<u8>", "self::sdk", "super::sdk", "Self", "a::self"] {
        let generator = Generator::for_other_crate().crate_path(path);
        generator.generate(&snapshot, &Overlay::default(), &mut report);
        let told = format!("`{path}` is no path of a crate");
        assert!(report.to_string().contains(&told), "{told}: {report}");
    }
}

/// What was no plain name in it was a panic of the generator.
#[test]
fn a_path_is_taken_however_it_is_written() {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", CATALOGUE.as_bytes(), &mut report);
    let snapshot = snapshot.expect("it is one");
    let mut code = |path: &str| {
        let generator = Generator::for_other_crate().crate_path(path);
        generator.generate(&snapshot, &Overlay::default(), &mut report)
    };
    assert_eq!(code(" :: sdk /* ours */ :: v1 "), code("::sdk::v1"));
    let raw = code("::r#type");
    assert!(raw.files()["methods.rs"].contains("use ::r#type::"), "{raw:?}");
    assert!(report.iter().all(|found| found.code() != "crate-path"), "{report}");
}
