//! What a difference says of Rust, held to the compiler: of old source that uses each kind of item,
//! exactly what was predicted no longer compiles against the new code.

use std::collections::{BTreeMap, BTreeSet};

use agent_codegen::{
    Generator, Overlay, Report, Snapshot,
    diff::{Diff, Rule, Side},
};

use crate::crates::Crate;

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

/// A parameter of an old action: its name, the type of its field, and a value for its setter.
type Parameter = (&'static str, &'static str, &'static str);

const INT: (&str, &str) = ("i64", "1_i64");
const TEXT: (&str, &str) = ("String", "String::from(\"a\")");

/// Each old action: its struct, whether it takes a server, and its parameters, required ones first.
fn uses() -> Vec<(&'static str, &'static str, bool, Vec<Parameter>, usize)> {
    let int = |name| (name, INT.0, INT.1);
    let text = |name| (name, TEXT.0, TEXT.1);
    let any = |name| (name, "Value", "Value::Null");
    vec![
        ("keep", "Keep", false, vec![text("to")], 1),
        ("cut", "Cut", false, vec![int("at")], 1),
        ("find", "Find", false, vec![text("what"), int("depth")], 2),
        ("gone", "Gone", false, vec![int("x")], 1),
        ("lfit", "Lfit", false, vec![text("load")], 1),
        ("lift", "Lift", false, vec![int("height")], 1),
        ("limit", "Limit", false, vec![int("most"), int("least")], 0),
        ("note", "Note", false, vec![any("text")], 1),
        ("paste", "Paste", false, vec![int("at"), text("by")], 1),
        ("same", "Same", true, vec![int("x"), text("y")], 1),
        ("ship", "Ship", true, vec![text("to")], 1),
        ("tag", "Tag", false, vec![text("by")], 1),
        ("turn", "Turn", false, vec![int("heigth")], 1),
    ]
}

/// Old source, a file for each use of an item, and the items that each file uses.
fn sources() -> BTreeMap<String, (String, Vec<String>)> {
    let mut sources = BTreeMap::new();
    for (action, name, server, parameters, required) in uses() {
        let new = if server { format!("{name}::new(\"s\")") } else { format!("{name}::new()") };
        let structure = format!("struct `{name}`");
        let mut made = vec![structure.clone()];
        made.extend(server.then(|| format!("argument `server` of `{name}::new`")));
        let mut whole = new.clone();
        let mut complete = made.clone();
        for (index, (field, kind, value)) in parameters.iter().enumerate() {
            let setter = format!("setter `{name}::{field}`");
            let mut used = made.clone();
            used.push(setter.clone());
            let text = format!("pub fn f() {{ let _ = {new}.{field}({value}); }}");
            sources.insert(format!("{action}_{field}_setter"), (text, used));
            let kind =
                if index < required { (*kind).to_owned() } else { format!("Option<{kind}>") };
            let text = format!("pub fn f(it: &{name}) -> &{kind} {{ &it.{field} }}");
            let used = vec![structure.clone(), format!("field `{name}::{field}`")];
            sources.insert(format!("{action}_{field}_field"), (text, used));
            if index < required {
                whole.extend([".", field, "(", value, ")"]);
                complete.push(setter);
            }
        }
        complete.push(format!("required of `{name}`"));
        let text = format!("pub fn f(agent: &Agent) {{ let _ = agent.call({whole}); }}");
        sources.insert(format!("{action}_call"), (text, complete.clone()));
        complete.push(format!("method `Agent::{action}`"));
        let takes = server || required > 0;
        let argument = if takes { whole.as_str() } else { "" };
        let text = format!("pub fn f(agent: &Agent) {{ let _ = agent.{action}({argument}); }}");
        sources.insert(format!("{action}_method"), (text, complete));
    }
    sources
}

/// The items that a difference predicts to break, as old source uses them.
fn predicted(diff: &Diff) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for change in diff.changes() {
        let is_demanded =
            matches!(change.rule(), Rule::RequiredParameterAdded | Rule::ParameterBecameRequired);
        if change.rust() != agent_codegen::diff::Rust::Breaks {
            continue;
        }
        for item in change.items() {
            // Old source does not call the setter that it has to call now.
            let of = item.strip_prefix("setter `").and_then(|it| it.split_once("::"));
            match of.filter(|_| is_demanded) {
                Some((name, _)) => items.insert(format!("required of `{name}`")),
                None => items.insert(item.clone()),
            };
        }
    }
    items
}

#[test]
fn exactly_what_a_difference_predicts_no_longer_compiles() {
    let mut report = Report::new();
    let mut read = |text: &str, overlay: &str| {
        let snapshot = Snapshot::from_bytes("test.json", text.as_bytes(), &mut report);
        let overlay = Overlay::from_text("overlay.toml", overlay, &mut report);
        snapshot.zip(overlay).unwrap_or_else(|| panic!("{report}"))
    };
    let (old, new) = (read(OLD, OLD_OVERLAY), read(NEW, NEW_OVERLAY));
    let diff = Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1));
    let predicted = predicted(&diff);
    let sources = sources();
    for (side, expected) in [(&old, BTreeSet::new()), (&new, predicted)] {
        let code = Generator::for_other_crate().generate(&side.0, &side.1, &mut Report::new());
        let crate_ = Crate::new("predicted");
        crate_.generate("src/actions", &code);
        let modules: Vec<_> = sources.keys().map(|name| format!("pub mod {name};")).collect();
        let modules = modules.join("\n");
        crate_.write("src/lib.rs", &format!("#![allow(warnings)]\npub mod actions;\n{modules}"));
        for (name, (text, _)) in &sources {
            let imports =
                "use crate::actions::*;\nuse agent_sdk::generated_code::serde_json::Value;\n";
            crate_.write(&format!("src/{name}.rs"), &format!("{imports}{text}\n"));
        }
        let found = crate_.check();
        let broken: BTreeSet<_> = found.iter().filter(|it| !it.file.is_empty()).map(file).collect();
        let breaks = |used: &[String]| used.iter().any(|item| expected.contains(item));
        let expected: BTreeSet<_> = sources
            .iter()
            .filter(|(_, (_, used))| breaks(used))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(broken, expected, "{found:#?}");
    }
}

/// The name of the module in which the compiler found something.
fn file(found: &crate::crates::Found) -> &str {
    let path = found.file.strip_prefix("src/").unwrap_or(&found.file);
    path.strip_suffix(".rs").unwrap_or(path)
}
