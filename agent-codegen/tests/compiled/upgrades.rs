//! The promise of an upgrade: old source against the code of a new catalogue either fails to
//! compile, or sends the same values under the same names.

use std::{collections::BTreeMap, fmt::Write};

use agent_codegen::{Code, Generator, Overlay, Report, Snapshot};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::crates::Crate;

/// How many random pairs of catalogues are compiled.
const PAIRS: usize = 60;

/// Names that are alike, or special to Rust or to the generator.
const NAMES: &[&str] = &[
    "server", "path", "content", "text", "name", "fooBar", "foo_bar", "foo-bar", "FooBar", "type",
    "type_", "value", "new", "id", "limit",
];

const WORDS: &[&str] = &["str", "str", "str", "int", "bool", "float", "list", "map", "any", "uint"];

#[derive(Clone, Debug)]
struct Parameter {
    name: &'static str,
    word: &'static str,
    required: bool,
}

/// How a catalogue writes its parameters.
#[derive(Clone, Copy, Debug)]
enum Form {
    Words,
    Objects,
    Names,
    List,
}

/// What an upgrade does to a parameter.
#[derive(Clone, Copy, Debug)]
enum Step {
    Keep,
    Rename(&'static str),
    Remove,
    Flip,
    Retype(&'static str),
}

#[derive(Clone, Debug)]
struct Upgrade {
    old: Value,
    new: Value,
}

fn parameter() -> impl Strategy<Value = Parameter> {
    let name = prop::sample::select(NAMES);
    let word = prop::sample::select(WORDS);
    (name, word, prop::bool::weighted(0.7)).prop_map(|(name, word, required)| Parameter {
        name,
        word,
        required,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Keep),
        2 => prop::sample::select(NAMES).prop_map(Step::Rename),
        1 => Just(Step::Remove),
        1 => Just(Step::Flip),
        1 => prop::sample::select(WORDS).prop_map(Step::Retype),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        2 => Just(Form::Words),
        4 => Just(Form::Objects),
        1 => Just(Form::Names),
        2 => Just(Form::List),
    ]
}

/// Some parameters, what becomes of each, those that are added, and both forms.
fn upgrade() -> impl Strategy<Value = Upgrade> {
    let old = prop::collection::vec((parameter(), step()), 1..5);
    let added = prop::option::weighted(0.3, parameter());
    (old, added, any::<bool>(), form(), form()).prop_map(|(old, added, reversed, from, to)| {
        let before: Vec<_> = old.iter().map(|(parameter, _)| parameter.clone()).collect();
        let mut after: Vec<_> = old.into_iter().filter_map(changed).chain(added).collect();
        if reversed {
            after.reverse();
        }
        Upgrade { old: catalogue(&before, from), new: catalogue(&after, to) }
    })
}

fn changed((parameter, step): (Parameter, Step)) -> Option<Parameter> {
    Some(match step {
        Step::Keep => parameter,
        Step::Rename(name) => Parameter { name, ..parameter },
        Step::Remove => return None,
        Step::Flip => Parameter { required: !parameter.required, ..parameter },
        Step::Retype(word) => Parameter { word, ..parameter },
    })
}

fn catalogue(parameters: &[Parameter], form: Form) -> Value {
    // The first of a name counts, since a second one would be an error of its own.
    let mut seen = std::collections::BTreeSet::new();
    let parameters = parameters.iter().filter(|parameter| seen.insert(parameter.name));
    let parameters = match form {
        Form::Words => Value::Object(
            parameters.map(|it| (it.name.to_owned(), it.word.into())).collect::<Map<_, _>>(),
        ),
        Form::Objects => Value::Object(
            parameters
                .map(|it| (it.name.to_owned(), json!({ "type": it.word, "required": it.required })))
                .collect::<Map<_, _>>(),
        ),
        Form::Names => parameters.map(|it| it.name).collect(),
        Form::List => parameters
            .map(|it| json!({ "name": it.name, "type": it.word, "required": it.required }))
            .collect(),
    };
    json!({ "actions": { "act": { "required_parameters": parameters } } })
}

/// The case that was reported: two texts, of which the alphabet swapped the places.
fn reported() -> Upgrade {
    let parameter = |name| Parameter { name, word: "str", required: true };
    let old = catalogue(&[parameter("content"), parameter("path")], Form::Words);
    let new = catalogue(&[parameter("text"), parameter("path")], Form::Words);
    Upgrade { old, new }
}

fn generate(catalogue: &Value) -> Code {
    let mut report = Report::new();
    let bytes = catalogue.to_string();
    let snapshot = Snapshot::from_bytes("test.json", bytes.as_bytes(), &mut report);
    // Where no action has a `server`, this is told as an error, and means nothing.
    let overlay = Overlay::from_text("overlay.toml", "subject = 'server'", &mut report);
    let (snapshot, overlay) = (snapshot.expect("it is one"), overlay.expect("it is one"));
    Generator::for_other_crate().generate(&snapshot, &overlay, &mut report)
}

/// Calls as the owner of the old code would write them: with what is required, and with all.
fn calls(code: &Code) -> Vec<String> {
    let flat: String = code.files()["parameters.rs"].split_whitespace().collect();
    let mut begin = String::new();
    let (mut required, mut optional) = (String::new(), String::new());
    for (index, function) in flat.split("pubfn").skip(1).enumerate() {
        let signature = function.split_once('{').expect("it has a body").0;
        let (name, rest) = signature.split_once('(').expect("it has arguments");
        let (arguments, output) = rest.rsplit_once(")->").expect("it returns something");
        let argument = arguments.split(',').find_map(|argument| argument.split_once(':'));
        let value = argument.map(|(_, rust_type)| value_of(arguments, rust_type, index));
        let value = value.unwrap_or_default();
        if name == "new" {
            begin = format!("Act::new({value})");
        } else if output == "Self" {
            let _ = write!(optional, ".{name}({value})");
        } else {
            let _ = write!(required, ".{name}({value})");
        }
    }
    vec![format!("{begin}{required}"), format!("{begin}{optional}{required}")]
}

/// A value for an argument that no other argument gets, as far as its type has so many.
fn value_of(arguments: &str, rust_type: &str, index: usize) -> String {
    match rust_type {
        "bool" => "true".to_owned(),
        "i64" | "u64" => format!("{index}"),
        "f64" => format!("{index}.5"),
        "Vec<Value>" => format!("vec![\"v{index}\".into()]"),
        "Map<String" => format!("[(\"k\".to_owned(), \"v{index}\".into())].into_iter().collect()"),
        "implInto<String>" | "implInto<Value>" => format!("\"v{index}\""),
        _ => panic!("the test knows no value of {arguments}"),
    }
}

/// The pairs in one crate, each call in a file of its own.
#[test]
fn old_source_fails_to_compile_or_sends_the_same_values_under_the_same_names() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let sample = || upgrade().new_tree(&mut runner).expect("it can be made").current();
    let upgrades: Vec<_> =
        std::iter::once(reported()).chain(std::iter::repeat_with(sample).take(PAIRS)).collect();
    let compiled = Crate::new("upgrades");
    let mut sites = BTreeMap::new();
    for (number, Upgrade { old, new }) in upgrades.iter().enumerate() {
        let code = generate(old);
        compiled.generate(&format!("src/old_{number}"), &code);
        compiled.generate(&format!("src/new_{number}"), &generate(new));
        for (call, text) in calls(&code).into_iter().enumerate() {
            for age in ["old", "new"] {
                sites.insert(format!("site_{age}_{number}_{call}"), (number, age, text.clone()));
            }
        }
    }
    // What fails to compile is taken out, until the rest compiles.
    let all = sites.len() / 2;
    for round in 0.. {
        assert!(round < 8, "the compiler finds ever more");
        write(&compiled, &sites, upgrades.len());
        let found = compiled.check();
        let errors = found.iter().filter(|found| found.text.starts_with("error"));
        let broken: Vec<_> = errors.map(|found| &found.file).collect();
        if broken.is_empty() {
            break;
        }
        for file in broken {
            let site = file.trim_start_matches("src/").trim_end_matches(".rs");
            assert!(site.starts_with("site_new_"), "{site}: {found:#?}");
            sites.remove(site);
        }
    }
    let sent = compiled.run();
    let sent: BTreeMap<&str, Value> = sent
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(site, json)| (site, serde_json::from_str(json).expect("it is JSON")))
        .collect();
    let mut compared = 0;
    for (site, (number, age, call)) in &sites {
        if *age == "old" {
            continue;
        }
        let before = &sent[site.replace("_new_", "_old_").as_str()];
        assert_eq!(&sent[site.as_str()], before, "{call} of {:#?}", upgrades[*number]);
        compared += 1;
    }
    // The test is worth something only if both happen.
    assert!(compared > all / 8 && compared < all, "{compared} of {all} compile");
    assert!(!sites.contains_key("site_new_0_0"), "the reported case compiles");
}

fn write(compiled: &Crate, sites: &BTreeMap<String, (usize, &str, String)>, pairs: usize) {
    let mut main = String::from("#![allow(warnings)]\n");
    for number in 0..pairs {
        let _ = writeln!(main, "mod old_{number};\nmod new_{number};");
    }
    let mut body = String::new();
    for (site, (number, age, call)) in sites {
        let _ = writeln!(main, "mod {site};");
        let _ = writeln!(body, "    println!(\"{site} {{}}\", {site}::call());");
        let text = format!(
            "use agent_sdk::Action;\nuse crate::{age}_{number}::Act;\n\
             pub fn call() -> String {{\n    let action = {call};\n    \
             action.to_json().expect(\"it can be written\")\n}}\n"
        );
        compiled.write(&format!("src/{site}.rs"), &text);
    }
    compiled.write("src/main.rs", &format!("{main}fn main() {{\n{body}}}\n"));
}
