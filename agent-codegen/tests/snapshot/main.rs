//! Every form of a catalogue, and everything that is none.

mod parameters;

use agent_codegen::{Diagnostic, Report, Severity, Snapshot};

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

/// They were written as they came, for a terminal and an editor to obey.
#[test]
fn what_is_not_seen_is_escaped_in_a_snapshot_and_means_the_same() {
    let catalogue =
        "{\"actions\": {\"a\u{9b}\": {\"description\": \"\u{202e}\u{7f}\u{e0041}\u{e9}\"}}}";
    let snapshot = good(catalogue);
    let canonical = snapshot.canonical();
    assert!(canonical.contains(r#""a\u009b""#), "{canonical}");
    assert!(canonical.contains("\"\\u202e\\u007f\\udb40\\udc41\u{e9}\""), "{canonical}");
    let action = |snapshot: &Snapshot| {
        let (name, action) = snapshot.actions().first_key_value().unwrap();
        (name.clone(), action.description().to_owned())
    };
    assert_eq!(action(&good(&canonical)), action(&snapshot));
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
fn a_bare_map_with_an_entry_like_that_of_a_description_is_canonical_once() {
    let (snapshot, _) = read(r#"{"a": {"description": "Says"}, "cloud_controller_only": false}"#);
    let canonical = snapshot.expect("it has an action").canonical();
    let (again, _) = read(&canonical);
    assert_eq!(again.expect("it is the same").canonical(), canonical);
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
    let (_, report) = read(r#"{"actions": {"a": {"description": 5}}}"#);
    let json = serde_json::to_value(&report).expect("a report can be written");
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "warning",
            "code": "not-a-description",
            "message": "a description is a number, and a string is expected",
            "file": "test.json",
            "line": 1,
            "column": 35,
            "path": "$.actions.a.description",
            "help": "it is left out of the documentation",
        }])
    );
}

#[test]
fn strict_makes_warnings_errors() {
    let mut report = Report::strict();
    Snapshot::from_bytes("test.json", br#"{"a": {"description": 5}}"#, &mut report);
    assert!(report.has_errors());
}

/// It used to make an empty SDK in the place of a full one, with a warning at most.
#[test]
fn a_refusal_or_an_empty_catalogue_is_an_error() {
    for (text, code) in [
        (
            r#"{"status": "error", "parameters": {"actions": {"a": {"description": "A"}}}}"#,
            "error-reply",
        ),
        (r#"{"status": " Error", "actions": {"a": {"description": "A"}}}"#, "error-reply"),
        (r#"{"status": "error", "a": {"description": "A"}}"#, "error-reply"),
        (r#"{"parameters": {"status": "error", "actions": {"a": {}}}}"#, "error-reply"),
        (r#"{"status": "error", "actions": ["a"]}"#, "error-reply"),
        (r#"{"actions": {}}"#, "no-actions"),
        (r#"{"status": "ok", "parameters": {"actions": {}}}"#, "no-actions"),
        (r#"{"actions": {"a": "text", "b": 5}}"#, "no-actions"),
    ] {
        let (snapshot, report) = read(text);
        let found = report.iter().any(|it| it.code() == code && it.severity() == Severity::Error);
        let empty =
            snapshot.is_none_or(|it| it.actions().values().all(|it| it.parameters().is_empty()));
        assert!(found && empty, "{text}: {report}");
    }
    let (_, report) = read(r#"{"actions": {"a": {"cloud_controller_only": true}}}"#);
    assert!(report.has_errors(), "there is no action that a client may call");
}

/// Only the word `error` was no success, and the actions beside any other were generated.
#[test]
fn actions_beside_a_status_that_is_no_success_are_no_catalogue() {
    let wrapped = |entry: &str| {
        [
            format!(r#"{{{entry}, "actions": {MAP}}}"#),
            format!(r#"{{{entry}, "parameters": {{"actions": {MAP}}}}}"#),
            format!(r#"{{"parameters": {{{entry}, "actions": {MAP}}}}}"#),
            format!(r#"{{"actions": {{{entry}, "actions": {MAP}}}}}"#),
            format!(r#"{{"actions": {{{entry}, "parameters": {{"actions": {MAP}}}}}}}"#),
            format!("{{{entry}, {}", &MAP[1..]),
        ]
    };
    for entry in [
        r#""status": "failed""#,
        r#""status": "denied""#,
        r#""status": "pending""#,
        r#""Status": "ERROR""#,
        r#""status": false"#,
        r#""status": 403"#,
        r#""status": ["error"]"#,
        r#""success": false"#,
        r#""ok": 0"#,
        r#""error": "forbidden""#,
        r#""error": true"#,
    ] {
        for text in wrapped(entry) {
            let (snapshot, report) = read(&text);
            assert!(snapshot.is_none(), "{text}");
            let codes: Vec<_> = report.iter().map(Diagnostic::code).collect();
            assert_eq!(codes, ["error-reply"], "{text}: {report}");
        }
    }
    let [refused, ..] = wrapped(r#""status": "failed""#);
    assert!(read(&refused).1.to_string().contains(r#"its `status` is "failed""#));
    for entry in [
        r#""status": "ok""#,
        r#""status": " Success ""#,
        r#""status": true"#,
        r#""status": 200"#,
        r#""status": null"#,
        r#""success": true"#,
        r#""ok": 1"#,
        r#""error": null"#,
        r#""error": """#,
        r#""error": false"#,
    ] {
        let [beside, whole, ..] = wrapped(entry);
        for text in [beside, whole] {
            assert!(read(&text).0.is_some_and(|it| it.actions().len() == 1), "{text}");
        }
    }
    let own = r#"{"status": {"description": "A"}, "error": {"description": "B"}, "ok": {}}"#;
    assert_eq!(good(own).actions().len(), 3, "actions may be called so");
}

/// It used to generate one action, `actions`.
#[test]
fn a_catalogue_in_two_envelopes_is_unwrapped() {
    let canonical = good(MAP).canonical();
    for text in [
        format!(r#"{{"actions": {{"actions": {MAP}}}}}"#),
        format!(r#"{{"actions": {{"actions": {{"actions": {MAP}}}}}}}"#),
        format!(r#"{{"parameters": {{"actions": {{"actions": {MAP}}}}}}}"#),
        format!(r#"{{"actions": {{"parameters": {{"actions": {MAP}}}}}}}"#),
        format!(r#"{{"actions": {{"status": "ok", "parameters": {{"actions": {MAP}}}}}}}"#),
        format!(r#"{{"parameters": {{"actions": {{"data": {{"actions": {MAP}}}}}}}}}"#),
    ] {
        assert_eq!(good(&text).canonical(), canonical, "{text}");
    }
    let refused = format!(r#"{{"actions": {{"status": "error", "actions": {MAP}}}}}"#);
    assert!(read(&refused).0.is_none());
    // An action of that name is none of it.
    let own = r#"{"actions": {"actions": {"description": "Lists", "required_parameters": {"description": "str"}}}}"#;
    assert_eq!(good(own).actions()["actions"].parameters().len(), 1);
}

/// 2 MiB took 39 seconds: each finding counted the columns of the whole line.
#[test]
fn many_findings_on_one_line_take_linear_time() {
    let begun = std::time::Instant::now();
    let twice = r#""a":0,"#.repeat(200_000);
    let (_, report) = read(&format!(r#"{{"actions":{{{twice}"a":0}}}}"#));
    let text = report.to_string();
    let json = serde_json::to_string(&report).expect("it can be written");
    assert!(report.has_errors());
    assert!(text.contains("… and ") && text.len() < 100_000, "{}", text.len());
    assert!(json.contains("… and ") && json.len() < 1_000_000, "{}", json.len());
    // Twenty times what a slow machine takes, and a fraction of what the square would.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn a_column_is_counted_in_characters_wherever_it_is() {
    for length in [0, 1, 340, 341, 342, 1023, 1024, 1025, 5000] {
        let before = "ä€".repeat(length);
        let (_, report) = read(&format!("{{\n\"actions\": {{\"{before}\": 5}}}}"));
        let position = report.iter().next().and_then(Diagnostic::position);
        assert_eq!(position, Some((2, 17 + 2 * length)), "{length}");
    }
}

/// 8 MiB of it took 1.3 GB.
#[test]
fn what_is_larger_than_any_catalogue_is_an_error() {
    let error = |text: &str| {
        let (snapshot, report) = read(text);
        assert!(snapshot.is_none());
        report.iter().next().map(Diagnostic::code).unwrap_or_default()
    };
    let maps = r#"{"":0},"#.repeat(300_000);
    assert_eq!(error(&format!("[{maps}0]")), "too-many-values");
    let actions: Vec<_> = (0..10_001).map(|it| format!("\"a{it}\":{{}}")).collect();
    assert_eq!(error(&format!(r#"{{"actions":{{{}}}}}"#, actions.join(","))), "too-many-actions");
    let names: Vec<_> = (0..201).map(|it| format!("\"p{it}\"")).collect();
    let parameters =
        format!(r#"{{"actions":{{"a":{{"required_parameters":[{}]}}}}}}"#, names.join(","));
    assert_eq!(error(&parameters), "too-many-parameters");
    let many: Vec<_> = (0..101)
        .map(|it| format!("\"a{it}\":{{\"required_parameters\":[{}]}}", names[..200].join(",")))
        .collect();
    assert_eq!(error(&format!(r#"{{"actions":{{{}}}}}"#, many.join(","))), "too-many-parameters");
    let long = "x".repeat(1025);
    assert_eq!(error(&format!(r#"{{"actions":{{"{long}":{{}}}}}}"#)), "name-too-long");
    let long = format!(r#"{{"actions":{{"a":{{"required_parameters":{{"{long}":"int"}}}}}}}}"#);
    assert_eq!(error(&long), "name-too-long");
    assert_eq!(error(&" ".repeat((16 << 20) + 1)), "too-large");
    assert_eq!(error(&format!("{}0{}", "[".repeat(100), "]".repeat(100))), "json-depth");
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_read_only_so_far() {
    let mut report = Report::new();
    assert!(Snapshot::read(std::path::Path::new("/dev/zero"), &mut report).is_none());
    assert_eq!(report.iter().map(Diagnostic::code).collect::<Vec<_>>(), ["too-large"]);
}
