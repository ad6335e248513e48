//! Every rule by its example, in every form.
//!
//! `UPDATE_GOLDEN=1 cargo test -p agent-codegen --lib diff` renews the table of the documentation and
//! the golden files; read the difference before you commit it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
};

use super::Rule;
use crate::{
    Overlay, Report, Snapshot,
    diff::{Diff, Rust, Side, Verdict, Wire},
};

/// The actions before and after, and the overlay before and after.
#[rustfmt::skip]
fn example(rule: Rule) -> (&'static str, &'static str, &'static str, &'static str) {
    match rule {
        Rule::ActionAdded => (r#"{"cut": {}}"#, r#"{"cut": {}, "lift": {"description": "Lifts"}}"#, "", ""),
        Rule::ActionRemoved => (r#"{"cut": {}, "lift": {"description": "Lifts"}}"#, r#"{"cut": {}}"#, "", ""),
        Rule::ActionRenamed => (r#"{"lfit": {"description": "Lifts", "required_parameters": {"height": "int"}}}"#, r#"{"lift": {"description": "Lifts", "required_parameters": {"height": "int"}}}"#, "", ""),
        Rule::ActionBecameCloudOnly => (r#"{"cut": {}, "lift": {}}"#, r#"{"cut": {}, "lift": {"cloud_controller_only": true}}"#, "", ""),
        Rule::ActionNoLongerCloudOnly => (r#"{"cut": {}, "lift": {"cloud_controller_only": true}}"#, r#"{"cut": {}, "lift": {}}"#, "", ""),
        Rule::ActionDescriptionChanged => (r#"{"lift": {"description": "Lifts"}}"#, r#"{"lift": {"description": "Lifts a load"}}"#, "", ""),
        Rule::ActionMetadataChanged => (r#"{"lift": {"since": 1}}"#, r#"{"lift": {"since": 2}}"#, "", ""),
        Rule::RequiredParameterAdded => (r#"{"lift": {}}"#, r#"{"lift": {"required_parameters": {"height": "int"}}}"#, "", ""),
        Rule::RequiredParameterRemoved => (r#"{"lift": {"required_parameters": {"height": "int"}}}"#, r#"{"lift": {}}"#, "", ""),
        Rule::OptionalParameterAdded => (r#"{"lift": {}}"#, r#"{"lift": {"required_parameters": {"speed": "int?"}}}"#, "", ""),
        Rule::OptionalParameterRemoved => (r#"{"lift": {"required_parameters": {"speed": "int?"}}}"#, r#"{"lift": {}}"#, "", ""),
        Rule::ParameterRenamed => (r#"{"lift": {"required_parameters": {"heigth": "int"}}}"#, r#"{"lift": {"required_parameters": {"height": "int"}}}"#, "", ""),
        Rule::ParameterBecameOptional => (r#"{"lift": {"required_parameters": {"height": "int"}}}"#, r#"{"lift": {"required_parameters": {"height": "int?"}}}"#, "", ""),
        Rule::ParameterBecameRequired => (r#"{"lift": {"required_parameters": {"height": "int?"}}}"#, r#"{"lift": {"required_parameters": {"height": "int"}}}"#, "", ""),
        Rule::TypeWidened => (r#"{"lift": {"required_parameters": {"height": "int"}}}"#, r#"{"lift": {"required_parameters": {"height": "float"}}}"#, "", ""),
        Rule::TypeNarrowed => (r#"{"lift": {"required_parameters": {"height": "float"}}}"#, r#"{"lift": {"required_parameters": {"height": "int"}}}"#, "", ""),
        Rule::TypeBecameKnown => (r#"{"lift": {"required_parameters": {"height": null, "by": "str"}}}"#, r#"{"lift": {"required_parameters": {"height": "int", "by": "str"}}}"#, "", ""),
        Rule::TypeBecameUnknown => (r#"{"lift": {"required_parameters": {"height": "int", "by": "str"}}}"#, r#"{"lift": {"required_parameters": {"height": null, "by": "str"}}}"#, "", ""),
        Rule::TypeChanged => (r#"{"lift": {"required_parameters": {"height": "int"}}}"#, r#"{"lift": {"required_parameters": {"height": "str"}}}"#, "", ""),
        Rule::TypesAppeared => (r#"{"lift": {"required_parameters": ["height", "by"]}}"#, r#"{"lift": {"required_parameters": {"height": "int", "by": "str"}}}"#, "", ""),
        Rule::TypesDisappeared => (r#"{"lift": {"required_parameters": {"height": "int", "by": "str"}}}"#, r#"{"lift": {"required_parameters": ["height", "by"]}}"#, "", ""),
        Rule::ValuesAdded => (r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["a"]}}}}"#, r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["a", "b"]}}}}"#, "", ""),
        Rule::ValuesRemoved => (r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["a", "b"]}}}}"#, r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["a"]}}}}"#, "", ""),
        Rule::ValuesChanged => (r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["a"]}}}}"#, r#"{"lift": {"required_parameters": {"by": {"type": "str", "enum": ["b"]}}}}"#, "", ""),
        Rule::ParameterDescriptionChanged => (r#"{"lift": {"required_parameters": {"by": {"type": "str", "description": "What"}}}}"#, r#"{"lift": {"required_parameters": {"by": {"type": "str", "description": "Who"}}}}"#, "", ""),
        Rule::ParameterMetadataChanged => (r#"{"lift": {"required_parameters": {"by": {"type": "str", "since": 1}}}}"#, r#"{"lift": {"required_parameters": {"by": {"type": "str", "since": 2}}}}"#, "", ""),
        Rule::TypeWordChanged => (r#"{"lift": {"required_parameters": {"by": "str"}}}"#, r#"{"lift": {"required_parameters": {"by": "string"}}}"#, "", ""),
        Rule::CatalogueMetadataChanged => (r#"{"version": 1, "actions": {"lift": {}}}"#, r#"{"version": 2, "actions": {"lift": {}}}"#, "", ""),
        Rule::RustNameChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\nname = \"raise\""),
        Rule::RustTypeChanged => (r#"{"lift": {"required_parameters": {"by": null}}}"#, r#"{"lift": {"required_parameters": {"by": null}}}"#, "[parameters.by]\ntype = \"int\"", "[parameters.by]\ntype = \"str\""),
        Rule::SubjectChanged => (r#"{"lift": {"required_parameters": {"by": "str"}}}"#, r#"{"lift": {"required_parameters": {"by": "str"}}}"#, "", "subject = \"by\""),
        Rule::DeclaredTypeAdded => (r#"{"lift": {"required_parameters": {"by?": "str"}}}"#, r#"{"lift": {"required_parameters": {"by?": "str"}}}"#, "", "[types.Crane]\nis = \"str\""),
        Rule::DeclaredTypeRemoved => (r#"{"lift": {"required_parameters": {"by?": "str"}}}"#, r#"{"lift": {"required_parameters": {"by?": "str"}}}"#, "[types.Crane]\nis = \"str\"", ""),
        Rule::DeclaredTypeChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "[types.Crane]\nis = \"str\"", "[types.Crane]\nis = \"int\""),
        Rule::ReplyTyped => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\nreply = \"old.schema.json\""),
        Rule::ReplyUntyped => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "[actions.lift]\nreply = \"old.schema.json\"", ""),
        Rule::ReplyChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "[actions.lift]\nreply = \"old.schema.json\"", "[actions.lift]\nreply = \"new.schema.json\""),
        Rule::TimeoutChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\ntimeout = 60"),
        Rule::ReadsChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\nreads = true"),
        Rule::DeprecationChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\ndeprecated = \"it fell\""),
        Rule::SecrecyChanged => (r#"{"lift": {"required_parameters": {"by": "str"}}}"#, r#"{"lift": {"required_parameters": {"by": "str"}}}"#, "", "[parameters.by]\nsecret = true"),
        Rule::OverlayDescriptionChanged => (r#"{"lift": {}}"#, r#"{"lift": {}}"#, "", "[actions.lift]\ndescription = \"Lifts\""),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff")
}

/// One side of a rule's example.
fn read(name: &str, actions: &str, overlay: &str) -> (Snapshot, Overlay) {
    let mut report = Report::new();
    let text = if actions.contains("\"actions\"") {
        actions.to_owned()
    } else {
        format!("{{\n  \"actions\": {actions}\n}}")
    };
    let snapshot = Snapshot::from_bytes(name, text.as_bytes(), &mut report);
    // The schemas of replies are found from the folder in which tests run.
    let folder = folder();
    let folder = folder.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("it is below the crate");
    let overlay = overlay.replace("reply = \"", &format!("reply = \"{}/", folder.display()));
    let overlay = Overlay::from_text("overlay.toml", &overlay, &mut report);
    let both = snapshot.zip(overlay);
    both.unwrap_or_else(|| panic!("{name}: {report}"))
}

fn diff(rule: Rule) -> Diff {
    let (old, new, old_overlay, new_overlay) = example(rule);
    let old = read("old.json", old, old_overlay);
    let new = read("new.json", new, new_overlay);
    Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1))
}

fn mirrored(rule: Rule) -> Diff {
    let (old, new, old_overlay, new_overlay) = example(rule);
    let old = read("old.json", old, old_overlay);
    let new = read("new.json", new, new_overlay);
    Diff::between(&Side::new(&new.0, &new.1), &Side::new(&old.0, &old.1))
}

/// The rule's own change in its example.
fn change(rule: Rule) -> crate::diff::Change {
    let diff = diff(rule);
    let changes = diff.changes();
    let own = changes.iter().find(|change| change.rule() == rule);
    own.unwrap_or_else(|| panic!("{}: {changes:#?}", rule.id())).clone()
}

fn expect(path: &Path, text: &str) -> bool {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).expect("it can be written");
    }
    std::fs::read_to_string(path).unwrap_or_default() == text
}

#[test]
fn every_rule_has_an_example_and_a_golden_file_in_every_form() {
    let different: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| {
            change(**rule);
            let diff = diff(**rule);
            let json = serde_json::to_string_pretty(&diff).expect("it can be written");
            let text = format!(
                "==== text\n\n{}\n==== markdown\n\n{}\n==== github\n\n{}\n==== json\n\n{json}\n",
                diff.draw(false),
                diff.markdown(),
                diff.annotations(),
            );
            !expect(&folder().join(format!("{}.expected", rule.id())), &text)
        })
        .collect();
    assert!(different.is_empty(), "not as expected: {different:#?}");
}

#[test]
fn a_change_says_the_same_in_rust_as_in_json() {
    for rule in Rule::ALL {
        let change = change(*rule);
        let json = serde_json::to_value(&change).expect("it can be written");
        assert_eq!(json["items"], serde_json::json!(change.items()));
        for (key, text) in [
            ("rule", Some(change.rule().id())),
            ("action", change.action()),
            ("parameter", change.parameter()),
            ("before", change.before()),
            ("after", change.after()),
            ("evidence", change.evidence()),
        ] {
            assert_eq!(json[key].as_str(), text, "{key} of {}", rule.id());
        }
    }
}

#[test]
fn the_table_of_the_documentation_is_made_from_the_rules() {
    let mut table =
        String::from("| rule | means | on the wire | in Rust | example |\n|---|---|---|---|---|\n");
    for rule in Rule::ALL {
        let change = change(*rule);
        let wire = match change.wire() {
            Wire::Works => "works",
            Wire::Partly => "partly",
            Wire::Breaks => "**breaks**",
        };
        let rust = if change.rust() == Rust::Breaks { "**breaks**" } else { "works" };
        let example = change.line().replace('|', "\\|");
        let (id, meaning) = (rule.id(), rule.meaning());
        writeln!(table, "| `{id}` | {meaning} | {wire} | {rust} | {example} |")
            .expect("a string can be written");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diff/rules.md");
    assert!(expect(&path, &table), "`{}` is another table", path.display());
}

/// What of each change is the same the other way round, in an order of its own.
fn cores(diff: &Diff, mirrored: bool) -> Vec<impl Ord + std::fmt::Debug + use<>> {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    // What is renamed is called by its old name, and by its new one the other way round.
    let renamed = |rule: Rule, action: Option<&str>, name: Option<&str>| {
        let mut changes = diff.changes().iter().filter(|it| it.rule() == rule && mirrored);
        let is_it = |it: &&crate::diff::Change| {
            it.before() == name && (action.is_none() || it.action() == action)
        };
        changes.find(is_it).map_or_else(|| owned(name), |it| owned(it.after()))
    };
    let core = |change: &crate::diff::Change| {
        let (mut before, mut after) = (owned(change.before()), owned(change.after()));
        if mirrored {
            std::mem::swap(&mut before, &mut after);
        }
        let rule = if mirrored { change.rule().mirror() } else { change.rule() };
        let action = renamed(Rule::ActionRenamed, None, change.action());
        let parameter = renamed(Rule::ParameterRenamed, change.action(), change.parameter());
        (rule, action, parameter, before, after)
    };
    let mut cores: Vec<_> = diff.changes().iter().map(core).collect();
    cores.sort();
    cores
}

#[test]
fn every_rule_mirrors_the_other_way_round() {
    for rule in Rule::ALL {
        assert_eq!(rule.mirror().mirror(), *rule);
        assert_eq!(cores(&diff(*rule), true), cores(&mirrored(*rule), false), "{}", rule.id());
    }
}

#[test]
fn names_and_fingerprints_are_stable_and_distinct() {
    let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    let kebab = |id: &str| id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(ids.iter().all(|id| kebab(id)));
    let prints: BTreeSet<_> = Rule::ALL.iter().map(|rule| change(*rule).fingerprint()).collect();
    assert_eq!(prints.len(), Rule::ALL.len());
    // What was written down yesterday has to be found tomorrow.
    assert_eq!(change(Rule::ActionAdded).fingerprint(), "e6d25136a9f6cbc0");
}

#[test]
fn nothing_changed_is_no_change_in_whatever_order() {
    let old = read("old.json", r#"{"a": {"required_parameters": ["x", "y"]}, "b": {}}"#, "");
    let new = read("new.json", r#"{"b": {}, "a": {"required_parameters": ["y", "x"]}}"#, "");
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    assert_eq!(diff.changes(), []);
    assert_eq!(diff.verdict(), Verdict::None);
    assert_eq!(diff.draw(false), "no changes\n");
}

/// What the overlay said of the old name, and not of the new one, made it another action.
#[test]
fn an_action_is_renamed_whatever_the_overlay_says_of_either_name() {
    let action = r#"{"description": "Cancels", "required_parameters": {"download": "int"}}"#;
    let old = format!(r#"{{"steam_cancel_download": {action}, "cut": {{}}}}"#);
    let new = format!(r#"{{"steam_download_cancel": {action}, "cut": {{}}}}"#);
    let overlay = "[types.DownloadId]\nis = 'int'\n\
        [actions.steam_cancel_download.parameters.download]\ntype = 'DownloadId'";
    let (old, new) = (read("old.json", &old, overlay), read("new.json", &new, ""));
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    let renamed = diff.changes().iter().find(|it| it.rule() == Rule::ActionRenamed);
    let evidence = renamed.and_then(crate::diff::Change::evidence).expect("it is told");
    let parts = ["the descriptions are the same", "the parameters are the same", "100% alike"];
    assert!(parts.iter().all(|part| evidence.contains(part)), "{evidence}");
}

/// The rules of a change of the overlay alone, and whether each breaks in Rust.
fn of_overlays(old: &str, new: &str) -> Vec<(&'static str, bool)> {
    let actions = r#"{"lift": {"required_parameters": {"by": "str"}}}"#;
    let (old, new) = (read("old.json", actions, old), read("new.json", actions, new));
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    diff.changes().iter().map(|it| (it.rule().id(), it.rust() == Rust::Breaks)).collect()
}

/// One more value used to be told as breaking, and another name of one not at all.
#[test]
fn a_declared_type_breaks_by_what_it_loses_and_not_by_one_more_value() {
    let by = |values: &str| {
        format!("[parameters.by]\ntype = 'Crane'\n[types.Crane]\nvalues = [{values}]")
    };
    let changed = "declared-type-changed";
    for (old, new, breaks) in [
        ("'a'", "'a', 'b'", false),
        ("'a', 'b'", "'b', 'a'", false),
        ("'a', 'b'", "'a'", true),
        ("'a'", "'b'", true),
        ("'+1'", "{ value = '+1', name = 'Up' }", true),
        ("{ value = '+1', name = 'Up' }", "{ value = '+1', name = 'More' }", true),
    ] {
        assert_eq!(of_overlays(&by(old), &by(new)), [(changed, breaks)], "{old} {new}");
    }
}

#[test]
fn the_project_turned_into_lists_is_one_change() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read(root.join("schemas/agent-1.1.34.json")).expect("it is there");
    let mut lists: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
    for action in lists["actions"].as_object_mut().expect("a map").values_mut() {
        if let Some(map) = action["required_parameters"].as_object() {
            action["required_parameters"] = map.keys().cloned().collect();
        }
    }
    let mut report = Report::new();
    let old = Snapshot::from_bytes("old", &text, &mut report).expect("it is one");
    let new = Snapshot::from_bytes("new", lists.to_string().as_bytes(), &mut report);
    let new = new.expect("it is one");
    let overlay =
        Overlay::read(&root.join("schemas/overlay.toml"), &mut report).expect("it is one");
    let diff = Diff::between(&Side::new(&old, &overlay), &Side::new(&new, &overlay));
    let rules: Vec<_> = diff.changes().iter().map(super::super::Change::rule).collect();
    assert_eq!(rules, [Rule::TypesDisappeared]);
    assert_eq!(diff.verdict(), Verdict::Compatible, "the types are carried over: {diff:?}");
    let back = Diff::between(&Side::new(&new, &overlay), &Side::new(&old, &overlay));
    let rules: Vec<_> = back.changes().iter().map(super::super::Change::rule).collect();
    assert_eq!(rules, [Rule::TypesAppeared]);
}

#[test]
fn only_some_actions_are_judged_and_the_others_counted() {
    let old = read("old.json", r#"{"a": {}, "b": {}, "lfit": {"description": "Lifts"}}"#, "");
    let new = r#"{"b": {"required_parameters": {"x": "int"}}, "lift": {"description": "Lifts"}}"#;
    let new = read("new.json", new, "");
    let whole = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    assert_eq!(whole.changes().len(), 3, "{whole:?}");
    for (name, rule) in
        [("lift", "action-renamed"), ("lfit", "action-renamed"), ("a", "action-removed")]
    {
        let only = whole.clone().only(&BTreeSet::from([name.to_owned()]));
        let rules: Vec<_> = only.changes().iter().map(|it| it.rule().id()).collect();
        assert_eq!(rules, [rule], "{name}");
        assert_eq!(only.elsewhere(), 2);
        assert!(only.summary().contains("2 changes of other actions"), "{}", only.summary());
    }
    let none = whole.only(&BTreeSet::from(["whoami".to_owned()]));
    assert_eq!(none.verdict(), Verdict::None);
    assert_eq!(none.draw(false), "no changes; 3 changes of other actions\n");
}

#[test]
fn hostile_names_end_neither_a_line_nor_a_command() {
    let odd = r#"{"a": {"description": "x\n::error::y|z%"}, "q`\n\u001b[2J\u202e": {"required_parameters": {"p:,\n": "int"}}}"#;
    let old = read("old.json", r#"{"a": {"description": "x"}}"#, "");
    let new = read("n,e:w\n.json", odd, "");
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    for text in [diff.draw(false), diff.markdown(), diff.annotations()] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with("::error::y")), "{text}");
    }
    assert!(
        diff.annotations().lines().all(|line| line.starts_with("::")),
        "{}",
        diff.annotations()
    );
}

#[test]
fn a_large_upgrade_fits_one_comment_and_eighty_columns() {
    let actions = |word: &str| -> String {
        let action = |it: usize| {
            format!(r#""action_{it:04}": {{"required_parameters": {{"a_parameter": "{word}"}}}}"#)
        };
        format!("{{{}}}", (0..3000).map(action).collect::<Vec<_>>().join(","))
    };
    let old = read("old.json", &actions("int"), "");
    let new = read("new.json", &actions("str"), "");
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    assert_eq!(diff.changes().len(), 3000);
    assert!(diff.markdown().len() < 65_536, "{}", diff.markdown().len());
    assert!(diff.markdown().contains("more\n"));
    assert!(diff.draw(false).lines().all(|line| line.chars().count() <= 80));
    let counts: BTreeMap<_, usize> =
        diff.changes().iter().fold(BTreeMap::new(), |mut counts, it| {
            *counts.entry(it.fingerprint()).or_default() += 1;
            counts
        });
    assert!(counts.values().all(|count| *count == 1));
}

/// The schema that is published, made from the rules.
fn json_schema() -> serde_json::Value {
    use serde_json::json;

    let text = json!({ "type": ["string", "null"] });
    let place = json!({
        "type": "object",
        "description": "Where it stands: a file, and a line and a column from 1.",
        "properties": {
            "file": { "type": "string" },
            "line": { "type": "integer" },
            "column": { "type": "integer" },
        },
        "required": ["file", "line", "column"],
    });
    let verdicts = ["breaking", "compatible", "documentation"];
    let all_verdicts = [&verdicts[..], &["none"]].concat();
    let ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    let change = json!({
        "type": "object",
        "properties": {
            "rule": { "enum": ids },
            "severity": { "enum": verdicts },
            "action": text,
            "parameter": { "type": "string" },
            "wire": { "enum": ["breaks", "partly", "works"] },
            "rust": { "enum": ["breaks", "works"] },
            "before": text,
            "after": text,
            "items": { "type": "array", "items": { "type": "string" } },
            "evidence": { "type": "string" },
            "old": place,
            "new": place,
            "fingerprint": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
        },
        "required": [
            "rule", "severity", "action", "wire", "rust", "before", "after", "items", "fingerprint"
        ],
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What changed between two catalogues of actions",
        "type": "object",
        "properties": {
            "verdict": { "enum": all_verdicts },
            "version_step": { "enum": ["major", "minor", "patch", "none"] },
            "changes": { "type": "array", "items": change },
            "elsewhere": {
                "type": "integer",
                "description": "How many changes concern actions that were not asked for.",
            },
        },
        "required": ["verdict", "version_step", "changes", "elsewhere"],
    })
}

#[test]
fn the_published_schema_is_made_from_the_rules_and_names_every_key() {
    let schema = json_schema();
    let text = serde_json::to_string_pretty(&schema).expect("it can be written") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/diff.schema.json");
    assert!(expect(&path, &text), "`{}` is another schema", path.display());
    for rule in Rule::ALL {
        let diff = serde_json::to_value(diff(*rule)).expect("it can be written");
        holds(&diff, &schema);
        let properties = &schema["properties"]["changes"]["items"];
        diff["changes"].as_array().expect("a list").iter().for_each(|it| holds(it, properties));
    }
}

/// Returns whether an object has every key that is required, and no other than are described.
fn holds(object: &serde_json::Value, schema: &serde_json::Value) {
    let keys: BTreeSet<_> = object.as_object().expect("a map").keys().map(String::as_str).collect();
    let described = schema["properties"].as_object().expect("a map");
    assert!(keys.iter().all(|key| described.contains_key(*key)), "{keys:?}");
    let required = schema["required"].as_array().expect("a list");
    assert!(required.iter().all(|key| keys.contains(key.as_str().expect("a text"))), "{keys:?}");
}

/// A catalogue of a few actions and parameters whose names are alike, in both forms.
fn any_catalogue() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;

    let word =
        prop::sample::select(vec!["str", "int", "float", "str?", "int?", "list<int>", "", "odd"]);
    let name = prop::sample::select(vec!["server", "servers", "path", "paths", "x", "y", "text"]);
    let parameters = prop_oneof![
        4 => prop::collection::btree_map(name.clone(), word, 0..5).prop_map(|map| serde_json::json!(map)),
        1 => prop::collection::btree_set(name, 0..4).prop_map(|set| serde_json::json!(set)),
    ];
    let description = prop::sample::select(vec!["", "Starts", "Stops"]);
    let action = (description, parameters, prop::bool::weighted(0.1), prop::option::of(0..2))
        .prop_map(|(description, parameters, cloud, since)| {
            serde_json::json!({
                "description": description,
                "required_parameters": parameters,
                "cloud_controller_only": cloud,
                "since": since,
            })
        });
    let name = prop::sample::select(vec!["start", "stop", "strat", "restart", "starts", "list"]);
    prop::collection::btree_map(name, action, 1..6)
        .prop_map(|actions| serde_json::json!({ "actions": actions }).to_string())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn any_two_catalogues_mirror_each_other(old in any_catalogue(), new in any_catalogue()) {
        let [Some(old), Some(new)] = [&old, &new].map(|text| {
            Snapshot::from_bytes("test.json", text.as_bytes(), &mut Report::new())
        }) else {
            return Ok(());
        };
        let nothing = Overlay::default();
        let (old, new) = (Side::new(&old, &nothing), Side::new(&new, &nothing));
        let (there, back) = (Diff::between(&old, &new), Diff::between(&new, &old));
        proptest::prop_assert_eq!(cores(&there, true), cores(&back, false));
        proptest::prop_assert_eq!(Diff::between(&old, &old), Diff::default());
        let prints: BTreeSet<_> = there.changes().iter().map(crate::diff::Change::fingerprint).collect();
        proptest::prop_assert_eq!(prints.len(), there.changes().len());
    }
}
