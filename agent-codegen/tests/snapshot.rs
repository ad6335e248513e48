//! Every form of a catalogue, and everything that is none.

use agent_codegen::{
    Diagnostic, Report, Severity, Snapshot, snapshot::Parameter, types::ParamType,
};

fn read(text: &str) -> (Option<Snapshot>, Report) {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", text.as_bytes(), &mut report);
    (snapshot, report)
}

fn good(text: &str) -> Snapshot {
    let (snapshot, report) = read(text);
    assert!(report.is_empty(), "{text}\n{report}");
    snapshot.unwrap_or_else(|| panic!("no snapshot of {text}"))
}

const MAP: &str =
    r#"{"start": {"description": "Starts", "required_parameters": {"server": "str"}}}"#;

#[test]
fn the_three_forms_are_one_catalogue() {
    let wrapped = format!(r#"{{"actions": {MAP}}}"#);
    let reply = format!(r#"{{"idempotence": "1", "status": "ok", "parameters": {wrapped}}}"#);
    let canonical = good(&wrapped).canonical();
    assert_eq!(good(MAP).canonical(), canonical);
    assert_eq!(good(&reply).canonical(), canonical);
    assert_eq!(good(&canonical).canonical(), canonical);
    let marked = good(&format!("\u{feff}{canonical}"));
    assert_eq!(marked.canonical(), canonical);
    let is_canonical = |text: &str| good(text).is_canonical();
    assert!(is_canonical(&canonical));
    assert!(!marked.is_canonical() && !is_canonical(MAP) && !is_canonical(canonical.trim_end()));
}

#[test]
fn actions_may_be_named_like_the_keys_around_them() {
    let bare = r#"{"actions": {"description": "Lists"}, "parameters": {"description": "Shows"}}"#;
    assert_eq!(good(bare).actions().len(), 2);
    let wrapped = r#"{"actions": {"description": {"description": "Says"}, "actions": {}}}"#;
    assert_eq!(good(wrapped).actions().len(), 2);
    let parameter = r#"{
        "actions": {"description": "Lists", "required_parameters": {"description": "str"}},
        "parameters": {"description": "Shows"}
    }"#;
    assert_eq!(good(parameter).actions().len(), 2);
}

/// Its canonical form used to be taken for a bare map with an action `actions`, and wrapped again.
#[test]
fn a_bare_map_with_an_entry_like_a_description_s_is_canonical_once() {
    let (snapshot, _) = read(r#"{"a": {"description": "Says"}, "cloud_controller_only": false}"#);
    let canonical = snapshot.expect("it has an action").canonical();
    let (again, _) = read(&canonical);
    assert_eq!(again.expect("it is the same").canonical(), canonical);
}

#[test]
fn parameters_come_in_five_forms() {
    for (form, required) in [
        ("null", vec![]),
        ("[]", vec![]),
        ("{}", vec![]),
        (r#"{"server": "str", "levels": "int"}"#, vec!["levels", "server"]),
        (
            r#"{"server": {"type": "str"}, "levels": {"type": "int", "required": false}}"#,
            vec!["server"],
        ),
        (
            r#"[{"name": "server", "type": "str"}, {"name": "levels", "type": "int"}]"#,
            vec!["server", "levels"],
        ),
        (r#"[{"server": "str"}, {"name": "str"}]"#, vec!["server", "name"]),
        (r#"[{"name": "server", "type": 24}]"#, vec!["server"]),
    ] {
        let snapshot =
            good(&format!(r#"{{"actions": {{"a": {{"required_parameters": {form}}}}}}}"#));
        let parameters = snapshot.actions()["a"].parameters();
        let names: Vec<_> =
            parameters.iter().filter(|it| it.required()).map(Parameter::name).collect();
        assert_eq!(names, required, "{form}");
        for parameter in parameters {
            let known = snapshot.parameter_type("a", parameter.name());
            let expected =
                if parameter.name() == "levels" { ParamType::Integer } else { ParamType::String };
            assert_eq!(known, Some(&expected), "{form}");
        }
    }
}

#[test]
fn a_list_of_names_has_no_types_and_says_so() {
    let (snapshot, report) = read(r#"{"a": {"required_parameters": ["server", "since"]}}"#);
    let snapshot = snapshot.expect("it is a catalogue");
    assert_eq!(snapshot.parameter_type("a", "since"), Some(&ParamType::Any));
    let messages: Vec<_> = report.iter().map(Diagnostic::message).collect();
    assert_eq!(
        messages,
        ["the parameter `server` has no type", "the parameter `since` has no type"]
    );
}

#[test]
fn what_the_agent_said_is_kept_whole() {
    let text = r#"{"version": 1.50, "actions": {"a": {"new": [1e400, {"z": null, "a": "\u0007"}], "x": 18446744073709551616}}}"#;
    let canonical = good(text).canonical();
    for part in ["1.50", "1e400", "\"z\": null", "\"\\u0007\"", "18446744073709551616"] {
        assert!(canonical.contains(part), "{part} in {canonical}");
    }
    assert!(canonical.ends_with("}\n") && !canonical.contains('\r'));
}

#[test]
fn canonical_form_is_that_of_serde_json() {
    let text = r#"{"actions": {"b": {"list": [], "map": {}, "n": [1, [true]]}, "a": null}}"#;
    let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("a value can be written");
    assert_eq!(good(text).canonical(), format!("{pretty}\n"));
}

#[test]
fn what_is_no_catalogue_is_told_with_place_cause_and_remedy() {
    for (text, code, position, words) in [
        ("", "empty", (1, 1), "is empty"),
        (" \n ", "empty", (1, 1), "is empty"),
        ("<!DOCTYPE html><html>", "html", (1, 1), "HTML"),
        ("{\"actions\": {\n  \"a\": {\"descr", "json-syntax", (2, 15), "EOF"),
        ("{\"actions\": {\n  \"ä\" {}}}", "json-syntax", (2, 7), "expected `:`"),
        ("[\"whoami\", \"servers\"]", "not-a-catalogue", (1, 1), "a list"),
        ("{\"actions\": [\"whoami\"]}", "not-a-catalogue", (1, 13), "`actions` is a list"),
        ("{}", "not-a-catalogue", (1, 1), "an empty map"),
        ("{\"openapi\": \"3.1\", \"paths\": {}}", "not-a-catalogue", (1, 1), "without actions"),
        ("42", "not-a-catalogue", (1, 1), "a number"),
        (
            "{\"status\": \"error\", \"parameters\": {\"error\": {\"message\": \"no permission\"}}}",
            "error-reply",
            (1, 1),
            "the agent's refusal: no permission",
        ),
    ] {
        let (snapshot, report) = read(text);
        assert!(snapshot.is_none(), "{text}");
        let found: Vec<_> = report.iter().collect();
        let [found] = found[..] else { panic!("{text}: {report}") };
        assert_eq!((found.code(), found.severity()), (code, Severity::Error), "{text}");
        assert_eq!(found.position(), Some(position), "{text}: {found}");
        assert!(found.message().contains(words), "{text}: {found}");
        assert!(found.remedy().is_some(), "{text}");
        assert_eq!(found.file(), Some("test.json"));
    }
}

#[test]
fn other_encodings_are_told() {
    let wide: Vec<u8> = MAP.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".as_slice(), &wide].concat();
    for bytes in [wide, marked, b"{\"a\": \"\xff\"}".to_vec()] {
        let mut report = Report::new();
        assert!(Snapshot::from_bytes("test.json", &bytes, &mut report).is_none());
        assert!(report.iter().all(|found| found.code() == "not-utf8"), "{report}");
        assert!(report.has_errors());
    }
}

#[test]
fn ten_thousand_levels_are_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let (snapshot, report) = read(&text);
        assert!(snapshot.is_none());
        assert!(report.iter().all(|found| found.code() == "json-depth"), "{report}");
    }
}

#[test]
fn one_bad_action_does_not_block_the_others_and_all_are_told() {
    let (snapshot, report) = read(
        r#"{"actions": {
            "text": "Starts",
            "number": {"required_parameters": 7},
            "list": {"required_parameters": [["a", "b"]]},
            "good": {"description": "Works"}
        }}"#,
    );
    let names: Vec<_> = snapshot.expect("one is good").actions().keys().cloned().collect();
    assert_eq!(names, ["good"]);
    let paths: Vec<_> = report.iter().map(|found| found.document_path()).collect();
    assert_eq!(
        paths,
        [
            Some("$.actions.list.required_parameters[0]"),
            Some("$.actions.number.required_parameters"),
            Some("$.actions.text"),
        ]
    );
}

#[test]
fn duplicate_keys_are_told_with_both_places() {
    let (snapshot, report) =
        read("{\"actions\": {\"a\": {\"description\": \"1\"},\n\"a\": {\"description\": \"2\"}}}");
    assert_eq!(snapshot.expect("it is a catalogue").actions()["a"].description(), "2");
    assert_eq!(
        report.to_string(),
        "\
warning: `a` stands here twice; the last one counts
 --> test.json:2:1
  |
2 | \"a\": {\"description\": \"2\"}}}
  | ^^^
  |
  = note: at $.actions.a
  = help: the first is in line 1, column 14; remove one
"
    );
}

#[test]
fn the_machine_form_has_every_part() {
    let (_, report) = read(r#"{"actions": {"a": {"required_parameters": {"x": "gadget"}}}}"#);
    let json = serde_json::to_value(&report).expect("a report can be written");
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "warning",
            "code": "unknown-type",
            "message": "the type `gadget` of the parameter `x` is not known",
            "file": "test.json",
            "line": 1,
            "column": 44,
            "path": "$.actions.a.required_parameters.x",
            "help": "it takes any JSON value; say what it is in the overlay",
        }])
    );
}

#[test]
fn strict_makes_warnings_errors() {
    let mut report = Report::strict();
    let text = br#"{"a": {"required_parameters": ["x"]}}"#;
    Snapshot::from_bytes("test.json", text, &mut report);
    assert!(report.has_errors());
}
