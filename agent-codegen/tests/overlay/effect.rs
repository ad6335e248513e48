//! Entries of an overlay that have no effect.

use agent_codegen::{Generator, Overlay, Report, Severity, Snapshot};

const CATALOGUE: &str = r#"{"actions": {
    "lift": {"required_parameters": {
        "height": {"type": "int", "description": "How high"},
        "speed": {"type": "int", "required": false}
    }},
    "sink": {"cloud_controller_only": true, "required_parameters": {"depth": "int"}}
}}"#;

/// What generating with an overlay tells in these words: once, with a place and a remedy.
#[track_caller]
fn tells(overlay: &str, severity: Severity, message: &str) {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", CATALOGUE.as_bytes(), &mut report);
    let read = Overlay::from_text("overlay.toml", overlay, &mut report).unwrap_or_default();
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    Generator::new().generate(&snapshot, &read, &mut report);
    let found: Vec<_> = report.iter().filter(|it| it.message() == message).collect();
    let [found] = found[..] else { panic!("{overlay}: {report}") };
    assert_eq!(found.severity(), severity, "{overlay}");
    assert!(found.position().is_some() && found.remedy().is_some(), "{overlay}");
}

#[test]
fn what_has_no_effect_is_told() {
    for (overlay, severity, message) in [
        (
            "[actions.lift.parameters.height]\noptional = true",
            Severity::Error,
            "`height` cannot be optional: the catalogue requires it",
        ),
        (
            "[actions.lift.parameters.speed]\noptional = true",
            Severity::Warning,
            "`speed` is optional by the catalogue already",
        ),
        (
            "[actions.lift.parameters.height]\ntype = 'int?'",
            Severity::Error,
            "`int?` says that it may be left out, which only the catalogue decides",
        ),
        (
            "[parameters.height]\ntype = 'optional int'",
            Severity::Error,
            "`optional int` says that it may be left out, which only the catalogue decides",
        ),
        (
            "[types.Height]\nis = 'int?'\n[parameters.height]\ntype = 'Height'",
            Severity::Error,
            "`int?` says that it may be left out, which only the catalogue decides",
        ),
        (
            "[actions.lift]\ndeprecated = '  '",
            Severity::Error,
            "this is no overlay: a text that says nothing; write one, or take the line out",
        ),
        (
            "note = \"\\u200b\\n\"",
            Severity::Error,
            "this is no overlay: a text that says nothing; write one, or take the line out",
        ),
        (
            "[actions.lift]\ntimeout = 0",
            Severity::Error,
            "this is no overlay: a timeout of 0 seconds would end every call before it is sent",
        ),
        ("[actions.lift]", Severity::Warning, "`lift` is named, and nothing is said"),
        (
            "[actions.lift]\nreads = false",
            Severity::Warning,
            "`lift` is named, and nothing is said",
        ),
        (
            "[actions.lift.parameters.height]",
            Severity::Warning,
            "`height` is named, and nothing is said",
        ),
        ("[parameters.height]", Severity::Warning, "`height` is named, and nothing is said"),
        (
            "[parameters.height]\ndescription = 'x'",
            Severity::Warning,
            "every parameter `height` has a description of its own",
        ),
        (
            "[actions.sink]\ntimeout = 5",
            Severity::Warning,
            "`sink` has no method: only the vendor's cloud may call it",
        ),
    ] {
        tells(overlay, severity, message);
    }
}

#[test]
fn a_group_a_subject_and_a_related_action_without_effect_are_told() {
    for (overlay, severity, message) in [
        (
            "[actions.lift]\nrelated = ['sink']",
            Severity::Warning,
            "`sink` has no method: only the vendor's cloud may call it",
        ),
        (
            "[groups.water]\nactions = ['lift', 'sink']",
            Severity::Warning,
            "`sink` has no method: only the vendor's cloud may call it",
        ),
        ("[groups.water]", Severity::Warning, "the group `water` names no action"),
        ("[actions.lift]\nrelated = ['lift']", Severity::Warning, "`lift` is related to itself"),
        (
            "subject = 'speed'",
            Severity::Warning,
            "no action requires `speed`, so that it has no position",
        ),
        (
            "subject = 'depth'",
            Severity::Warning,
            "no action requires `depth`, so that it has no position",
        ),
    ] {
        tells(overlay, severity, message);
    }
}
