//! Several versions of an agent: since and until when there is something, what they are together, and
//! some actions of them.

use std::collections::BTreeMap;

use agent_codegen::{Code, Generator, Overlay, Report, Severity, Snapshot, snapshot::History};

/// Each version, from the oldest to the newest, and its actions.
const VERSIONS: [(&str, &str); 3] = [
    (
        "agent-1.1.34.json",
        r#"{"actions": {
            "keep": {"required_parameters": {"server": "str", "by": "int"}},
            "old": {"description": "Is old", "required_parameters": {"server": "str"}},
            "part": {"required_parameters": {"server": "str", "gone": "str?", "was": "int"}},
            "cloud": {"cloud_controller_only": true}
        }}"#,
    ),
    (
        "agent-v1.1.35.json",
        r#"{"actions": {
            "cloud": {},
            "keep": {"required_parameters": {"server": "str", "by": "int"}},
            "old": {"required_parameters": {"server": "str"}},
            "part": {"required_parameters": {"server": "str", "more": "str?", "was": "int?"}}
        }}"#,
    ),
    (
        "agent-1.2.0-rc.1.json",
        r#"{"actions": {
            "cloud": {},
            "keep": {"required_parameters": {"by": "int", "server": "str"}},
            "new": {"required_parameters": {"server": "str", "since": "int"}},
            "part": {"required_parameters": {"server": "str", "more": "str", "was": "float"}}
        }}"#,
    ),
];

fn history(versions: &[(&str, &str)]) -> History {
    let mut report = Report::new();
    let read = versions.iter().map(|(name, text)| {
        Snapshot::from_bytes(name, text.as_bytes(), &mut report).expect("it is one")
    });
    let history = History::new(read.collect());
    assert!(report.is_empty(), "{report}");
    history
}

fn generate(generator: &Generator, snapshot: &Snapshot, overlay: &str) -> (Code, Report) {
    let mut report = Report::new();
    let overlay = Overlay::from_text("overlay.toml", overlay, &mut report).expect("it is one");
    let code = generator.generate(snapshot, &overlay, &mut report);
    (code, report)
}

/// The union of the versions in a range, as code.
fn union(range: &str, overlay: &str) -> (Code, Report) {
    let mut report = Report::new();
    let range = range.parse().expect("it is a range");
    let snapshot = history(&VERSIONS).supporting(&range, &mut report).expect("there are some");
    let (code, found) = generate(&Generator::new(), &snapshot, overlay);
    report.extend(&found);
    (code, report)
}

fn file<'a>(code: &'a Code, name: &str) -> &'a str {
    &code.files()[name]
}

/// A struct of parameters with its documentation and what follows up to the next one.
fn structure<'a>(code: &'a Code, name: &str) -> &'a str {
    let text = file(code, "parameters.rs");
    let at = text.find(&format!("pub struct {name}")).unwrap_or_else(|| panic!("{name}: {text}"));
    let begin = text[..at].rfind("\n\n").unwrap_or_default();
    let end = text[at + 1..].find("\npub struct ").map_or(text.len(), |length| at + 1 + length);
    &text[begin..end]
}

const SUBJECT: &str = "subject = 'server'";

#[test]
fn each_action_and_parameter_says_since_when_it_exists() {
    let history = history(&VERSIONS);
    let newest = history.newest(&mut Report::new()).expect("there are some");
    let (code, report) = generate(&Generator::new(), &newest, SUBJECT);
    assert!(!report.has_errors(), "{report}");
    let methods = file(&code, "methods.rs");
    assert!(
        methods.contains("/// Action `new`: `New::new(server).since(…)`. Since 1.2.0-rc.1.\n"),
        "{methods}"
    );
    // Before, only the vendor's cloud could call it.
    assert!(methods.contains("/// Action `cloud`. Since 1.1.35.\n"), "{methods}");
    assert!(methods.contains("/// Action `keep`: `Keep::new(server).by(…)`.\n"), "{methods}");
    let part = structure(&code, "Part");
    assert!(part.contains("/// `more`: `str` in the catalogue. Since 1.1.35.\n"), "{part}");
    assert!(part.contains("/// Sets `more`. Since 1.1.35.\n"), "{part}");
    assert!(part.contains("/// `was`: `float` in the catalogue.\n"), "{part}");
    // The parameter is as new as its action, which is said there.
    assert!(structure(&code, "New").contains("/// `since`: `int` in the catalogue.\n"));

    let table = file(&code, "catalogue.rs");
    assert!(table.contains("from 1.1.34 to 1.2.0-rc.1."), "{table}");
    let table: String = table.split_whitespace().collect();
    for row in [
        r#",false,).since("1.2.0-rc.1"),"#,
        r#"ActionInfo::new("cloud","",&[],false).since("1.1.35"),"#,
        r#"ParameterInfo::new("more","str",true).since("1.1.35"),"#,
        r#"ParameterInfo::new("was","float",true),"#,
    ] {
        assert!(table.contains(row), "{row}: {table}");
    }
}

#[test]
fn an_older_catalogue_says_until_when_there_is_what_newer_ones_lack() {
    let oldest = history(&VERSIONS).completed(0, &mut Report::new()).expect("there are some");
    let (code, _) = generate(&Generator::new(), &oldest, SUBJECT);
    let methods = file(&code, "methods.rs");
    assert!(methods.contains("/// Action `old`: `Old::new(server)`. Until 1.1.35.\n"), "{methods}");
    let part = structure(&code, "Part");
    assert!(part.contains("/// `gone`: `str?` in the catalogue. Until 1.1.34.\n"), "{part}");
}

#[test]
fn one_catalogue_alone_says_nothing_of_versions() {
    let alone = history(&VERSIONS[2..]).newest(&mut Report::new()).expect("there is one");
    let (code, _) = generate(&Generator::new(), &alone, SUBJECT);
    for (name, text) in code.files() {
        assert!(!text.contains("Since 1") && !text.contains(".since(\""), "{name}: {text}");
    }
}

#[test]
fn a_union_has_whatever_one_of_its_versions_has() {
    let (code, report) = union("1.1.34..", SUBJECT);
    assert!(!report.has_errors(), "{report}");
    let methods = file(&code, "methods.rs");
    for method in ["cloud", "keep", "new_", "old", "part"] {
        assert!(methods.contains(&format!("pub fn {method}(")), "{method}: {methods}");
    }
    assert!(methods.contains("/// Action `old`: `Old::new(server)`. Until 1.1.35.\n"), "{methods}");
    // The newest version that has it says nothing of it, and an older one does.
    assert!(methods.contains("/// Is old\n"), "{methods}");
    let part = structure(&code, "Part");
    assert!(part.contains("pub gone: Option<String>"), "{part}");
    assert!(part.contains("/// `gone`: `str?` in the catalogue. Until 1.1.34.\n"), "{part}");
    let first = methods.lines().next().expect("it has a header");
    assert_eq!(
        first,
        "// @generated by agent-codegen from agent-1.1.34.json, agent-v1.1.35.json, \
         agent-1.2.0-rc.1.json; do not edit."
    );
    assert!(file(&code, "catalogue.rs").contains("AGENT_VERSION: &str = \"1.2.0-rc.1\""));

    let (code, _) = union("1.1.34..=1.1.35", SUBJECT);
    assert!(!file(&code, "methods.rs").contains("pub fn new_("));
    assert!(file(&code, "catalogue.rs").contains("AGENT_VERSION: &str = \"v1.1.35\""));
}

#[test]
fn what_only_some_versions_require_is_optional_and_says_so() {
    let (code, report) = union("1.1.34..", SUBJECT);
    let part = structure(&code, "Part");
    assert!(part.contains("pub more: Option<String>"), "{part}");
    let docs = "/// Sets `more`. Since 1.1.35. Required since 1.2.0-rc.1.\n";
    assert!(part.contains(docs), "{part}");
    let table: String = file(&code, "catalogue.rs").split_whitespace().collect();
    let row = r#"ParameterInfo::new("more","str",false).since("1.1.35").required_by_some(),"#;
    assert!(table.contains(row), "{table}");
    let told = report.to_string();
    assert!(
        told.contains(
            "the parameter `more` of `part` is required in `agent-1.2.0-rc.1.json` and not in"
        ),
        "{told}"
    );
    // What is required everywhere stays so, and what is new is required where its action is.
    assert!(structure(&code, "Keep").contains("MissingBy"));
    assert!(structure(&code, "New").contains("MissingSince"));
}

#[test]
fn types_that_differ_between_versions_become_any_value_with_a_warning() {
    let (code, report) = union("1.1.34..", SUBJECT);
    let part = structure(&code, "Part");
    assert!(part.contains("pub was: Option<Value>"), "{part}");
    assert!(part.contains("value: impl Into<Value>"), "{part}");
    assert!(
        part.contains("/// `was`: `int | int? | float` in the catalogue, which is any value."),
        "{part}"
    );
    let warning = report.iter().find(|it| it.code() == "types-differ").expect("it is told");
    assert_eq!(warning.severity(), Severity::Warning);
    assert_eq!(
        warning.message(),
        "the parameter `was` has different types: `int` in `agent-1.1.34.json`, `int?` in \
         `agent-v1.1.35.json`, `float` in `agent-1.2.0-rc.1.json`, in the action `part`"
    );
    let overlay = "subject = 'server'\n[actions.part.parameters.was]\ntype = 'float'";
    let (code, report) = union("1.1.34..", overlay);
    assert!(report.iter().all(|it| it.code() != "types-differ"), "{report}");
    assert!(structure(&code, "Part").contains("pub was: Option<f64>"));
}

#[test]
fn types_that_a_newer_version_does_not_tell_are_those_of_the_older_ones() {
    let versions = [
        (
            "agent-1.json",
            r#"{"lift": {"required_parameters": {"height": "int", "by": "str", "at": null}}}"#,
        ),
        ("agent-2.json", r#"{"lift": {"required_parameters": ["height", "by", "at"]}}"#),
        (
            "agent-3.json",
            r#"{"lift": {"required_parameters": {"height": "int", "by": "str | null", "at": "int"}}}"#,
        ),
    ];
    let mut report = Report::new();
    let range = "1..".parse().expect("it is a range");
    let union = history(&versions).supporting(&range, &mut report).expect("there are some");
    let (code, found) = generate(&Generator::new(), &union, "");
    let lift = structure(&code, "Lift");
    assert!(lift.contains("pub fn height(self, value: i64)"), "{lift}");
    // `null` is what it is where nothing else is set, as in the version that takes it.
    assert!(lift.contains("pub by: Option<String>"), "{lift}");
    assert!(lift.contains("pub fn by(mut self, value: impl Into<String>)"), "{lift}");
    // Source for the oldest version may give any value, and has to compile.
    assert!(lift.contains("pub fn at(self, value: impl Into<Value>)"), "{lift}");
    let told: Vec<_> = found.iter().filter(|it| it.severity() > Severity::Note).collect();
    assert!(
        matches!(*told, [at] if at.message().contains("none in `agent-2.json`, `int` in")),
        "{found}"
    );
}

#[test]
fn a_setter_takes_what_it_took_for_the_oldest_version() {
    let optional = |word: &str| format!(r#"{{"type": "{word}", "required": false}}"#);
    let (text, null) = (optional("str"), optional("str | null"));
    for (older, newer, argument) in [
        (text.as_str(), null.as_str(), "impl Into<String>"),
        (&null, &text, "Option<String>"),
        (r#""str""#, &null, "impl Into<String>"),
        (r#""str | null""#, &text, "impl Into<String>"),
        (r#""str""#, r#""str | null""#, "impl Into<String>"),
    ] {
        let catalogue =
            |by: &str| format!(r#"{{"lift": {{"required_parameters": {{"by": {by}}}}}}}"#);
        let (older, newer) = (catalogue(older), catalogue(newer));
        let versions = [("agent-1.json", older.as_str()), ("agent-2.json", newer.as_str())];
        let range = "..".parse().expect("it is a range");
        let both = history(&versions).supporting(&range, &mut Report::new()).expect("both are");
        let (code, _) = generate(&Generator::new(), &both, "");
        let setter = format!("pub fn by(mut self, value: {argument}) -> Self");
        assert!(structure(&code, "Lift").contains(&setter), "{older} {newer}");
    }
}

#[test]
fn a_range_without_a_snapshot_or_with_an_odd_end_is_told() {
    let history = history(&VERSIONS);
    let told = |range: &str| {
        let mut report = Report::new();
        let union = history.supporting(&range.parse().expect(range), &mut report);
        (union.is_some(), report.to_string())
    };
    let (some, text) = told("2.0..");
    assert!(!some && text.contains("no snapshot is of a version in `2.0..`"), "{text}");
    assert!(text.contains("`agent-1.1.34.json`, `agent-v1.1.35.json`"), "{text}");
    let (some, text) = told("1.1.30..");
    assert!(some && text.contains("no snapshot is of the version with which"), "{text}");
    let (some, text) = told("1.1.34..1.1.35");
    assert!(some && text.contains("does not hold the version with which it ends"), "{text}");
    for range in ["..", "1.1.34..", "..=1.2.0", "1.1.35..1.3"] {
        let (some, text) = told(range);
        assert!(some && !text.contains("with which"), "{range}: {text}");
    }
}

/// It would be left out of the union without a word.
#[test]
fn a_snapshot_without_a_version_in_its_name_is_an_error_of_every_range() {
    let versions = [VERSIONS[0], ("mine.json", VERSIONS[2].1)];
    let mut report = Report::new();
    history(&versions).supporting(&"..".parse().expect("it is a range"), &mut report);
    assert!(report.has_errors(), "{report}");
    assert!(report.to_string().contains("`mine.json` has no version in its name"), "{report}");
}

const CATALOGUE: &str = r#"{"actions": {
    "foo-bar": {"required_parameters": {"server": "str"}},
    "foo_bar": {"required_parameters": {"server": "str", "to": "gadget"}},
    "lift": {"required_parameters": {"server": "str", "by": "int"}},
    "sink": {"required_parameters": {"odd": "gadget", "tag": "str"}},
    "vendor": {"cloud_controller_only": true}
}}"#;

const OVERLAY: &str = "
    subject = 'server'
    [types.ServerId]\nis = 'str'
    [types.Tag]\nis = 'Label'
    [types.Label]\nis = 'str'
    [parameters.server]\ntype = 'ServerId'
    [parameters.tag]\ntype = 'Tag'
    [groups.up]\nactions = ['lift', 'foo_bar']
    [groups.down]\nactions = ['sink', 'foo-bar']
    [actions.lift]\nrelated = ['sink', 'foo_bar']
";

/// The code of some actions, and what was found.
fn subset(actions: &[&str]) -> (Code, Report) {
    let snapshot = history(&[("catalogue.json", CATALOGUE)]).newest(&mut Report::new());
    let snapshot = snapshot.expect("it is one");
    generate(&Generator::new().only(actions.iter().copied()), &snapshot, OVERLAY)
}

#[test]
fn a_subset_has_the_chosen_actions_alone_with_the_types_that_they_need() {
    let (code, report) = subset(&["lift", "foo_bar"]);
    assert!(!report.has_errors(), "{report}");
    let (whole, _) = subset(&["foo-bar", "foo_bar", "lift", "sink"]);
    assert_eq!(code.files().keys().collect::<Vec<_>>(), whole.files().keys().collect::<Vec<_>>());
    for (name, text) in code.files() {
        for other in ["sink", "Sink", "foo-bar", "Tag", "Label", "Odd"] {
            assert!(!text.contains(other), "{name} has {other}: {text}");
        }
    }
    assert!(file(&code, "types.rs").contains("ServerId"));
    assert!(
        file(&code, "methods.rs").contains("# Up") && !file(&code, "methods.rs").contains("# Down")
    );
    let (sink, _) = subset(&["sink"]);
    let types = file(&sink, "types.rs");
    assert!(types.contains("struct Tag") && types.contains("struct Label"), "{types}");
    assert!(!types.contains("ServerId"), "{types}");
}

#[test]
fn an_action_has_the_same_names_in_every_subset() {
    let (whole, _) = subset(&["foo-bar", "foo_bar", "lift", "sink"]);
    let methods = |code: &Code| -> BTreeMap<String, String> {
        let text = file(code, "methods.rs").to_owned();
        let actions = text.split("/// Action `").skip(1).filter_map(|it| {
            let (action, rest) = it.split_once('`')?;
            let (_, name) = rest.split_once("pub fn ")?;
            Some((action.to_owned(), name.split('(').next()?.to_owned()))
        });
        actions.collect()
    };
    let all = methods(&whole);
    assert_eq!(all.len(), 4, "{all:?}");
    for (action, name) in &all {
        let (code, _) = subset(&[action]);
        assert_eq!(methods(&code), BTreeMap::from([(action.clone(), name.clone())]));
    }
}

#[test]
fn only_what_concerns_the_chosen_actions_is_told() {
    let (_, report) = subset(&["lift"]);
    assert!(report.is_empty(), "{report}");
    let (_, report) = subset(&["sink"]);
    let told = report.to_string();
    assert!(told.contains("`gadget` of the parameter `odd`") && !told.contains("`to`"), "{told}");
}

#[test]
fn an_unknown_action_of_a_subset_is_an_error_with_the_nearest_one() {
    for (name, told) in [
        ("lfit", "the nearest match is `lift`"),
        ("xyz", "take it out"),
        ("vendor", "only the vendor's cloud may call it"),
    ] {
        let (_, report) = subset(&["sink", name]);
        let found = report.iter().find(|it| it.code() == "unknown-action").expect(name);
        assert_eq!(found.severity(), Severity::Error);
        let text = found.to_string();
        assert!(text.contains(&format!("`{name}`")) && text.contains(told), "{text}");
    }
    let (_, report) = subset(&[]);
    assert!(report.has_errors(), "the code of nothing would take the place of that of all");
}
