//! What a difference says of Rust, held to the compiler: of old source that uses each kind of item,
//! exactly what was predicted no longer compiles against the new code.

use std::collections::BTreeSet;

use agent_codegen::{
    Generator, Overlay, Report, Snapshot,
    diff::{Diff, Rule, Rust},
    snapshot::History,
};

use crate::{
    crates::Found,
    upgraded::{self, Version},
    uses::{Source, crate_of, sources},
};

const OLD: &str = r#"{"actions": {
    "keep": {"required_parameters": {"to": "str"}},
    "cut": {"required_parameters": {"at": "int"}},
    "find": {"required_parameters": {"what": "str", "depth": "int"}},
    "gone": {"required_parameters": {"x": "int"}},
    "lfit": {"description": "Lifts a load", "required_parameters": {"load": "str"}},
    "lift": {"required_parameters": {"height": "int"}},
    "limit": {"required_parameters": {"most": "int?", "least": "int?"}},
    "note": {"required_parameters": {"text": null}},
    "paste": {"required_parameters": {"at": "int", "by": "str?"}},
    "same": {"required_parameters": {"server": "str", "x": "int", "y": "str?"}},
    "ship": {"required_parameters": {"server": "str", "to": "str"}},
    "tag": {"required_parameters": {"by": "str"}},
    "turn": {"required_parameters": {"heigth": "int"}}
}}"#;

const NEW: &str = r#"{"actions": {
    "added": {"required_parameters": {"x": "int"}},
    "keep": {"required_parameters": {"to": "str?"}},
    "cut": {"required_parameters": {"at": "int", "deep": "bool"}},
    "find": {"required_parameters": {"what": "str"}},
    "lift": {"required_parameters": {"height": "float"}},
    "limit": {"required_parameters": {"most": "int?", "other": "str?"}},
    "note": {"required_parameters": {"text": "str"}},
    "paste": {"required_parameters": {"at": "int", "by": "str"}},
    "same": {"description": "As before", "required_parameters": {"y": "str?", "x": "int", "server": "str"}},
    "ship": {"required_parameters": {"to": "str"}},
    "tag": {"required_parameters": {"by": "str"}},
    "turn": {"required_parameters": {"height": "int"}},
    "tilf": {"description": "Lifts a load", "required_parameters": {"load": "str"}}
}}"#;

const OLD_OVERLAY: &str = "subject = 'server'";

const NEW_OVERLAY: &str = "subject = 'server'\n\
    [types.Label]\nis = 'str'\n[actions.tag.parameters.by]\ntype = 'Label'";

/// The items that a difference predicts to break, as old source uses them.
fn predicted(diff: &Diff) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for change in diff.changes().iter().filter(|it| it.rust() == Rust::Breaks) {
        for item in change.items() {
            items.insert(match change.rule() {
                // Old source does not call the setter that it has to call now.
                Rule::RequiredParameterAdded | Rule::ParameterBecameRequired => {
                    let of = item.strip_prefix("setter `").and_then(|it| it.split_once("::"));
                    of.map_or_else(|| item.clone(), |(name, _)| format!("required of `{name}`"))
                }
                // What is gone cannot be named.
                Rule::DeclaredTypeRemoved | Rule::ReplyUntyped => {
                    item.replacen("type", "name of", 1)
                }
                _ => item.clone(),
            });
        }
    }
    items
}

/// Old source compiles against the old code, and exactly what is predicted not against the new code.
fn hold_to_the_compiler(name: &str, old: &Version, new: &Version) {
    let code = |versions: &[&Version]| {
        let mut report = Report::new();
        let history = History::new(versions.iter().map(|it| it.snapshot.clone()).collect());
        let newest = history.newest(&mut report).zip(versions.last());
        let (snapshot, version) = newest.expect("there is one");
        Generator::for_other_crate().generate(&snapshot, &version.overlay, &mut report)
    };
    let before = code(&[old]);
    let sources = sources(&before);
    let predicted = predicted(&old.diff(new));
    let breaks = |source: &Source| source.uses.iter().any(|item| predicted.contains(item));
    let expected: BTreeSet<_> =
        sources.iter().filter(|(_, it)| breaks(it)).map(|(name, _)| name.as_str()).collect();
    for (code, expected) in [(before, BTreeSet::new()), (code(&[old, new]), expected)] {
        let found = crate_of(name, &code, &sources).check();
        let broken: BTreeSet<_> = found.iter().filter(|it| !it.file.is_empty()).map(file).collect();
        let missed: Vec<_> = broken.difference(&expected).collect();
        let wrong: Vec<_> = expected.difference(&broken).collect();
        assert!(
            missed.is_empty() && wrong.is_empty(),
            "broken and not predicted: {missed:?}; predicted and not broken: {wrong:?}; {found:#?}"
        );
    }
}

#[test]
fn exactly_what_a_difference_predicts_no_longer_compiles() {
    let mut report = Report::new();
    let mut read = |text: &str, overlay: &str| {
        let snapshot = Snapshot::from_bytes("test.json", text.as_bytes(), &mut report);
        let overlay = Overlay::from_text("overlay.toml", overlay, &mut report);
        let (snapshot, overlay) = snapshot.zip(overlay).unwrap_or_else(|| panic!("{report}"));
        Version { snapshot, overlay }
    };
    hold_to_the_compiler("predicted", &read(OLD, OLD_OVERLAY), &read(NEW, NEW_OVERLAY));
}

#[test]
fn exactly_what_an_upgrade_of_realistic_size_predicts_no_longer_compiles() {
    hold_to_the_compiler("upgraded", &upgraded::old(), &upgraded::new());
}

#[test]
fn exactly_what_the_way_back_predicts_no_longer_compiles() {
    hold_to_the_compiler("downgraded", &upgraded::new(), &upgraded::old());
}

/// The name of the module in which the compiler found something.
fn file(found: &Found) -> &str {
    let path = found.file.strip_prefix("src/").unwrap_or(&found.file);
    path.strip_suffix(".rs").unwrap_or(path)
}
