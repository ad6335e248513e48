//! An upgrade of realistic size, in which there is a change by every rule.

#[path = "upgrade/versions.rs"]
mod upgraded;

use std::{collections::BTreeSet, path::Path};

use agent_codegen::{
    Overlay, Report, Snapshot,
    diff::{Change, Diff, Rule},
};
use serde_json::Value;
use tempfile::TempDir;
use upgraded::{Version, folder, new, old};

/// A catalogue as other text, with what is said by its version's overlay but for its subject.
fn edited(version: &Version, edit: impl FnOnce(&mut Value)) -> Snapshot {
    let mut catalogue = serde_json::from_str(version.snapshot.text()).expect("it is JSON");
    edit(&mut catalogue);
    let mut report = Report::new();
    let text = catalogue.to_string();
    let snapshot = Snapshot::from_bytes("agent-1.3.0.json", text.as_bytes(), &mut report);
    snapshot.unwrap_or_else(|| panic!("{report}"))
}

/// The newer version without optional parameters, which a list of names cannot tell.
fn required_alone() -> Version {
    let version = new();
    let snapshot = edited(&version, |catalogue| {
        each_parameters(catalogue, |parameters| {
            if let Some(map) = parameters.as_object_mut() {
                map.retain(|_, parameter| parameter["required"] != false);
            }
        });
    });
    Version { snapshot, ..version }
}

/// The same, in which the agent lists the names of parameters alone, and no parameter has a position
/// any more; with the folder in which the schemas of its replies are.
fn names_alone() -> (Version, TempDir) {
    let version = required_alone();
    let snapshot = edited(&version, |catalogue| {
        each_parameters(catalogue, |parameters| {
            if let Some(map) = parameters.as_object() {
                *parameters = map.keys().rev().cloned().collect();
            }
        });
    });
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    let from = folder().join("1.2.0");
    let text = std::fs::read_to_string(from.join("overlay.toml")).expect("it is there");
    let text = text.replacen("subject = \"server\"", "", 1);
    std::fs::write(copy.path().join("overlay.toml"), text).expect("it can be written");
    std::fs::create_dir(copy.path().join("responses")).expect("it can be made");
    for file in std::fs::read_dir(from.join("responses")).expect("it is there") {
        let file = file.expect("it is readable");
        let to = copy.path().join("responses").join(file.file_name());
        std::fs::copy(file.path(), to).expect("it can be copied");
    }
    let mut report = Report::new();
    let overlay = Overlay::read(&copy.path().join("overlay.toml"), &mut report);
    let overlay = overlay.unwrap_or_else(|| panic!("{report}"));
    (Version { snapshot, overlay }, copy)
}

fn each_parameters(catalogue: &mut Value, edit: impl Fn(&mut Value)) {
    let actions = catalogue["actions"].as_object_mut().expect("a map");
    actions.values_mut().for_each(|action| edit(&mut action["required_parameters"]));
}

/// The same with nothing but the places of all that it says changed.
fn shuffled(version: Version) -> Version {
    let snapshot = edited(&version, |_| {});
    Version { snapshot, ..version }
}

fn rules(diff: &Diff) -> BTreeSet<Rule> {
    diff.changes().iter().map(Change::rule).collect()
}

/// What only the step from types to names alone changes.
const OF_NAMES_ALONE: [Rule; 3] =
    [Rule::TypesAppeared, Rule::TypesDisappeared, Rule::SubjectChanged];

#[test]
fn every_rule_occurs_in_the_upgrade() {
    let upgrade = rules(&old().diff(&new()));
    let missing: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !upgrade.contains(rule) && !OF_NAMES_ALONE.contains(rule))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");

    let (names_alone, _folder) = names_alone();
    let names = required_alone().diff(&names_alone);
    assert_eq!(rules(&names), [Rule::TypesDisappeared, Rule::SubjectChanged].into());
    let back = names_alone.diff(&required_alone());
    assert_eq!(rules(&back), [Rule::TypesAppeared, Rule::SubjectChanged].into());
}

/// What of each change is the same the other way round.
fn cores(diff: &Diff, mirrored: bool) -> Vec<(Rule, String)> {
    let core = |change: &Change| {
        let (before, after) = (change.before(), change.after());
        let values = if mirrored { (after, before) } else { (before, after) };
        let rule = if mirrored { change.rule().mirror() } else { change.rule() };
        (rule, format!("{values:?}"))
    };
    let mut cores: Vec<_> = diff.changes().iter().map(core).collect();
    cores.sort();
    cores
}

#[test]
fn the_upgrade_and_the_way_back_mirror_each_other() {
    let (names_alone, _folder) = names_alone();
    let (old, new, required_alone) = (old(), new(), required_alone());
    for (one, other) in [(&old, &new), (&required_alone, &names_alone), (&old, &names_alone)] {
        let (there, back) = (one.diff(other), other.diff(one));
        assert_eq!(cores(&there, true), cores(&back, false));
        assert_eq!(there.changes().len(), back.changes().len());
        assert_eq!(one.diff(one).changes(), []);
    }
}

/// Compares with a golden file, or writes it.
fn expect(name: &str, text: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("it can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "`{}` is another:\n{text}", path.display());
}

#[test]
fn the_upgrade_reads_well_in_eighty_columns() {
    let text = old().diff(&new()).draw(false);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80 && line.trim_end() == line),
        "{text}"
    );
    expect("text.expected", &text);
}

#[test]
fn the_upgrade_fits_one_comment_in_which_what_breaks_comes_first_and_the_rest_is_folded() {
    let text = old().diff(&new()).markdown();
    assert!(text.chars().count() <= 65_536);
    let folded = text.find("<details><summary>Compatible").expect("it is folded");
    let breaking = text.find("<details open><summary>Breaking").expect("it can be folded");
    assert!(breaking < folded && !text[folded..].contains("breaks"), "{text}");
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    expect("markdown.expected", &text);
}

#[test]
fn the_upgrade_is_annotated_at_its_lines() {
    let text = old().diff(&new()).annotations();
    for line in text.lines() {
        assert!(
            line.starts_with("::error ")
                || line.starts_with("::warning ")
                || line.starts_with("::notice "),
            "{line}"
        );
    }
    expect("github.expected", &text);
}

#[test]
fn the_json_of_the_upgrade_is_as_the_published_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/diff.schema.json");
    let schema = std::fs::read(schema).expect("it is there");
    let schema: Value = serde_json::from_slice(&schema).expect("it is JSON");
    let (names_alone, _folder) = names_alone();
    for (one, other) in [(old(), new()), (required_alone(), names_alone), (old(), old())] {
        let json = serde_json::to_value(one.diff(&other)).expect("it can be written");
        let mut wrong = Vec::new();
        violations(&json, &schema, "", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    let diff = old().diff(&new());
    expect(
        "changes.json",
        &(serde_json::to_string_pretty(&diff).expect("it can be written") + "\n"),
    );
}

#[test]
fn a_validator_of_the_json_finds_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "a": { "enum": ["x"] }, "b": { "type": ["string", "null"] } },
        "required": ["a"],
    });
    for (json, count) in [
        (serde_json::json!({ "a": "x", "b": null }), 0),
        (serde_json::json!({ "a": "y", "b": 1 }), 2),
        (serde_json::json!({ "c": 1 }), 2),
        (serde_json::json!([]), 1),
    ] {
        let mut wrong = Vec::new();
        violations(&json, &schema, "", &mut wrong);
        assert_eq!(wrong.len(), count, "{wrong:?}");
    }
}

/// Collects how a document is not as a schema says; a key that it does not name is one, too.
fn violations(json: &Value, schema: &Value, path: &str, wrong: &mut Vec<String>) {
    let words = |key: &str| match &schema[key] {
        Value::String(word) => vec![word.clone()],
        Value::Array(words) => {
            words.iter().filter_map(|it| Some(it.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let kind = match json {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = words("type");
    if !kinds.is_empty() && !kinds.iter().any(|it| it == kind) {
        wrong.push(format!("{path}: {kind}"));
        return;
    }
    let values = schema["enum"].as_array();
    if values.is_some_and(|values| !values.contains(json)) {
        wrong.push(format!("{path}: {json} is no value"));
    }
    if schema["pattern"] == "^[0-9a-f]{16}$" {
        let text = json.as_str().unwrap_or_default();
        let is_hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() != 16 || !text.chars().all(is_hexadecimal) {
            wrong.push(format!("{path}: {json}"));
        }
    } else if !schema["pattern"].is_null() {
        wrong.push(format!("{path}: the pattern is not known here"));
    }
    for (index, item) in json.as_array().into_iter().flatten().enumerate() {
        violations(item, &schema["items"], &format!("{path}/{index}"), wrong);
    }
    let Some(object) = json.as_object() else { return };
    for key in words("required").iter().filter(|key| !object.contains_key(*key)) {
        wrong.push(format!("{path}: `{key}` is missing"));
    }
    for (key, value) in object {
        match schema["properties"].get(key) {
            Some(schema) => violations(value, schema, &format!("{path}/{key}"), wrong),
            None => wrong.push(format!("{path}: `{key}` is not described")),
        }
    }
}

#[test]
fn fingerprints_stay_where_nothing_changed_but_the_place() {
    let prints = |diff: &Diff| -> Vec<String> {
        let mut prints: Vec<_> = diff.changes().iter().map(Change::fingerprint).collect();
        prints.sort();
        prints
    };
    let before = prints(&old().diff(&new()));
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
    // Another indentation, other orders, other names of the files.
    assert_eq!(prints(&shuffled(old()).diff(&shuffled(new()))), before);
}

/// Any other word in a schema was told to break the type, and a value of an enum, too.
#[test]
fn a_reply_breaks_in_rust_only_where_its_type_does() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let version = |schema: &str, name: &str| {
        std::fs::write(folder.path().join(name), schema).expect("it can be written");
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes("x", br#"{"actions": {"lift": {}}}"#, &mut report);
        let text = format!("[actions.lift]\nreply = \"{name}\"");
        let overlay = Overlay::from_text("overlay.toml", &text, &mut report);
        let overlay = overlay.map(|overlay| overlay.in_folder(folder.path()));
        let (snapshot, overlay) = snapshot.zip(overlay).unwrap_or_else(|| panic!("{report}"));
        Version { snapshot, overlay }
    };
    let a = |schema: &str| format!(r#"{{"properties": {{"a": {schema}}}}}"#);
    let node = |more: &str| {
        let properties = format!(r##"{{"next": {{"$ref": "#/$defs/N"}}{more}}}"##);
        format!(r##"{{"$ref": "#/$defs/N", "$defs": {{"N": {{"properties": {properties}}}}}}}"##)
    };
    let text = r#"{"type": "string"}"#;
    for (old, new, breaks) in [
        (a(text), a(r#"{"type": "string", "maxLength": 5, "pattern": "x"}"#), false),
        (a(text), a(r#"{"type": "string", "title": "A", "description": "A"}"#), false),
        (a(text), format!(r#"{{"properties": {{"a": {text}, "b": {text}}}}}"#), false),
        (a(r#"{"enum": ["x"]}"#), a(r#"{"enum": ["y", "x"]}"#), false),
        (a(r#"{"enum": ["x", "y"]}"#), a(r#"{"enum": ["x"]}"#), true),
        (a(text), a(r#"{"type": ["string", "null"]}"#), false),
        (a(text), a(r#"{"type": "integer"}"#), true),
        (a(r#"{"type": "integer"}"#), a(r#"{"type": "integer", "minimum": 0}"#), true),
        (a(text), format!(r#"{{"properties": {{"a": {text}}}, "required": ["a"]}}"#), true),
        (a(text), format!(r#"{{"properties": {{"b": {text}}}}}"#), true),
        (
            a(text),
            format!(r#"{{"properties": {{"a": {text}}}, "additionalProperties": {text}}}"#),
            false,
        ),
        (node(""), node(r#", "x": {"type": "string"}"#), false),
        (node(r#", "x": {"type": "string"}"#), node(r#", "x": {"type": "boolean"}"#), true),
    ] {
        let diff = version(&old, "old.json").diff(&version(&new, "new.json"));
        let changes = diff.changes().iter().filter(|it| it.rule() == Rule::ReplyChanged);
        let found: Vec<_> =
            changes.map(|it| it.rust() == agent_codegen::diff::Rust::Breaks).collect();
        assert_eq!(found, [breaks], "{old} {new}");
    }
}

/// It was gone, and its method told not to compile any more, which it does.
#[test]
fn an_action_whose_name_is_only_written_otherwise_is_renamed_and_compiles() {
    let catalogue = |name: &str| {
        let text =
            format!(r#"{{"actions": {{"{name}": {{"required_parameters": {{"x": "str"}}}}}}}}"#);
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes("x", text.as_bytes(), &mut report);
        let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
        Version { snapshot, overlay: Overlay::default() }
    };
    for (old, new) in [("Foo", "foo"), ("server_start", "serverStart"), ("a-b", "a_b")] {
        let diff = catalogue(old).diff(&catalogue(new));
        let [change] = diff.changes() else { panic!("{diff:?}") };
        assert_eq!(change.rule(), Rule::ActionRenamed, "{old} {new}");
        assert_eq!(change.rust(), agent_codegen::diff::Rust::Works, "{old} {new}");
        assert_eq!(change.wire(), agent_codegen::diff::Wire::Breaks, "{old} {new}");
    }
}
