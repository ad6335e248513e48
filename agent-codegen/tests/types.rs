//! What is known of a parameter's type, from the catalogue, the overlay and an earlier catalogue.

use agent_codegen::{Generator, Overlay, Report, Snapshot, types::ParamType};

fn snapshot(name: &str, text: &str) -> Snapshot {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes(name, text.as_bytes(), &mut report);
    assert!(report.is_empty(), "{report}");
    snapshot.unwrap_or_else(|| panic!("it is no snapshot: {text}"))
}

fn findings(snapshot: &Snapshot, overlay: &str) -> Report {
    let mut report = Report::new();
    let overlay = Overlay::from_text("overlay.toml", overlay, &mut report);
    let overlay = overlay.unwrap_or_else(|| panic!("{report}"));
    Generator::new().generate(snapshot, &overlay, &mut report);
    report
}

const LISTS: &str = r#"{"actions": {
    "cut": {"required_parameters": ["server", "text"]},
    "lift": {"required_parameters": ["server", "height"]},
    "paste": {"required_parameters": {"text": "gadget"}},
    "sink": {"cloud_controller_only": true, "required_parameters": ["depth"]}
}}"#;

/// There was one warning of eight lines for each parameter of each action.
#[test]
fn a_name_without_a_type_is_one_line_however_many_actions_take_it() {
    let report = findings(&snapshot("test.json", LISTS), "");
    let expected = "\
warning: the parameter `height` has no type in the action `lift`
warning: the parameter `server` has no type in 2 actions: `cut`, `lift`
warning: the parameter `text` has no type in the action `cut`
warning: the type `gadget` of the parameter `text` is not known in the action `paste`

note: a parameter without a known type takes any JSON value
 |
 = help: say in the overlay what it is:
         # In `lift`
         [parameters.height]
         type = \"any\"
         # In `cut`, `lift`
         [parameters.server]
         type = \"any\"
         # In `cut`, `paste`
         [parameters.text]
         type = \"any\"
";
    assert_eq!(report.to_string(), expected);
    let json = serde_json::to_value(&report).expect("it can be written");
    let places = serde_json::json!([
        { "action": "cut", "line": 2, "column": 37 },
        { "action": "lift", "line": 3, "column": 38 },
    ]);
    assert_eq!(json[1]["actions"], places);
}

/// `server` was told to have no type though the overlay gives it one.
#[test]
fn what_the_overlay_types_is_not_told_and_any_silences() {
    let overlay = r#"
        [parameters.server]
        type = "str"
        [parameters.height]
        type = "any"
        [actions.cut.parameters.text]
        type = "str"
        [actions.paste.parameters.text]
        type = "any"
    "#;
    let report = findings(&snapshot("test.json", LISTS), overlay);
    assert!(report.is_empty(), "{report}");
}

#[test]
fn the_draft_of_an_overlay_silences_every_warning() {
    let odd = r#"{"actions": {
        "a b": {"required_parameters": ["x.y", "q\"\u007f", "ü", "typed", "mixed"]},
        "c": {"required_parameters": {"typed": "int", "mixed": "int", "e\nf": ""}},
        "d": {"required_parameters": {"mixed": "str"}}
    }}"#;
    for text in [LISTS, odd] {
        let snapshot = snapshot("test.json", text);
        let draft = Overlay::default().draft(&snapshot);
        let report = findings(&snapshot, &draft);
        assert!(!report.to_string().contains("warning"), "{draft}\n{report}");
        let overlay = Overlay::from_text("draft", &draft, &mut Report::new()).expect("it is one");
        assert_eq!(overlay.draft(&snapshot), "");
    }
    let draft = Overlay::default().draft(&snapshot("test.json", odd));
    assert!(draft.contains("[parameters.typed]\ntype = \"int\""), "{draft}");
    assert!(draft.contains("[actions.\"a b\".parameters.mixed]\ntype = \"any\""), "{draft}");
}

/// A table that is there twice is no TOML.
#[test]
fn the_draft_can_be_added_to_an_overlay_that_describes_the_same_parameters() {
    let overlay = r#"
        [parameters.server]
        description = "Which"
        [actions.cut]
        timeout = 5
        [actions.cut.parameters.text]
        description = "What"
        [parameters.text]
        description = "What"
    "#;
    let snapshot = snapshot("test.json", LISTS);
    let mut report = Report::new();
    let read = Overlay::from_text("overlay.toml", overlay, &mut report);
    let draft = read.unwrap_or_else(|| panic!("{report}")).draft(&snapshot);
    assert!(draft.contains("# Add to [actions.cut.parameters.text]: type = \"any\""), "{draft}");
    let report = findings(&snapshot, &format!("{overlay}\n{draft}"));
    let left: Vec<_> = report.iter().filter(|it| it.code() == "no-type").collect();
    assert_eq!(left.len(), 1, "what is a comment is left to a person: {report}");
}

#[test]
fn types_are_carried_over_from_an_earlier_catalogue_in_one_line() {
    let old = r#"{"actions": {
        "cut": {"required_parameters": {"server": "str", "text": "gadget"}},
        "lift": {"required_parameters": {"server": "str", "height": "int"}},
        "paste": {"required_parameters": {"text": "str"}}
    }}"#;
    let old = snapshot("agent-1.json", old);
    let mut new = snapshot("agent-2.json", LISTS);
    let before = new.canonical();
    let mut report = Report::new();
    new.carry_types(&old, &mut report);
    assert_eq!(new.parameter_type("lift", "height"), Some(&ParamType::Integer));
    assert_eq!(new.parameter_type("cut", "server"), Some(&ParamType::String));
    assert_eq!(new.parameter_type("paste", "text"), Some(&ParamType::Any), "the agent says more");
    assert_eq!(new.canonical(), before, "the snapshot is what the agent said");
    assert_eq!(
        report.to_string(),
        "note: `agent-2.json` has no type for 3 parameters; they keep that of `agent-1.json`\n"
    );
    assert_eq!(findings(&new, "").iter().filter(|it| it.code() == "no-type").count(), 1);
}
