//! What is renamed, what belongs together, and what is left out.

use super::*;
use crate::Report;

/// The changes between two lists of actions, without an overlay.
fn between(old: &str, new: &str) -> Diff {
    with_overlays(old, new, ["", ""])
}

/// The same with an overlay of each.
fn with_overlays(old: &str, new: &str, overlays: [&str; 2]) -> Diff {
    let mut report = Report::new();
    let mut read = |actions: &str, overlay: &str| {
        let text = format!(r#"{{"actions": {actions}}}"#);
        let snapshot = Snapshot::from_bytes("catalogue", text.as_bytes(), &mut report);
        let overlay = Overlay::from_text("overlay.toml", overlay, &mut report);
        snapshot.zip(overlay).expect("both can be read")
    };
    let (old, new) = (read(old, overlays[0]), read(new, overlays[1]));
    Diff::between(&Side::new(&old.0, &old.1), &Side::new(&new.0, &new.1))
}

/// The rules of the changes, in their order.
fn rules(diff: &Diff) -> Vec<&'static str> {
    diff.changes().iter().map(|it| it.rule().id()).collect()
}

#[test]
fn what_is_in_doubt_is_no_rename() {
    let old = r#"{"a": {"required_parameters": {"x1": "int", "y": "int"}}}"#;
    let new = r#"{"a": {"required_parameters": {"x2": "int", "x3": "int", "y": "int"}}}"#;
    let added = "required-parameter-added";
    assert_eq!(rules(&between(old, new)), ["required-parameter-removed", added, added]);
}

/// What became of the action `server_restart`, which had the description `Restarts` and the parameter
/// `server`, in the presence of these others.
fn renamed_to(new: &str) -> Option<String> {
    let action = r#"{"description": "Restarts", "required_parameters": {"server": "str"}}"#;
    let diff = between(&format!(r#"{{"server_restart": {action}}}"#), new);
    let renamed = diff.changes().iter().find(|it| it.rule() == Rule::ActionRenamed);
    renamed.and_then(|it| it.after().map(ToOwned::to_owned))
}

#[test]
fn the_best_of_several_new_names_is_the_one_with_most_in_common() {
    let described = |name: &str| format!(r#""{name}": {{"description": "Restarts"}}"#);
    let with_parameters = |name: &str| {
        format!(r#""{name}": {{"description": "", "required_parameters": {{"server": "str"}}}}"#)
    };
    let both = r#""turn": {"description": "Restarts", "required_parameters": {"server": "str"}}"#;
    for (new, expected) in [
        // Two reasons each: the closer name.
        ([described("server_restar"), with_parameters("server_reset")], "server_restar"),
        ([described("server_reset"), with_parameters("server_restar")], "server_restar"),
        // Description and parameters outweigh a name.
        ([described("server_restar"), both.to_owned()], "turn"),
        ([with_parameters("server_restar"), both.to_owned()], "turn"),
    ] {
        let new = format!("{{{}}}", new.join(", "));
        assert_eq!(renamed_to(&new).as_deref(), Some(expected), "{new}");
    }
}

#[test]
fn an_action_with_other_parameters_is_no_new_name_because_of_them() {
    for (parameters, is_renamed) in [
        (r#"{"server": "str"}"#, true),
        (r#"{"server": "string"}"#, true),
        (r#"{"server": null}"#, true),
        (r#"{"server": "int"}"#, false),
        (r#"{"server": "str?"}"#, false),
        (r#"{"other": "str"}"#, false),
        (r#"{"server": "str", "other": "str"}"#, false),
    ] {
        let action = format!(r#"{{"description": "", "required_parameters": {parameters}}}"#);
        let renamed = renamed_to(&format!(r#"{{"server_restar": {action}}}"#));
        assert_eq!(renamed.is_some(), is_renamed, "{parameters}");
    }
}

/// What the parameter `height` of an action is called now, which has these parameters, and had those
/// before.
fn height_renamed_to(old: &str, new: &str) -> Option<String> {
    let action =
        |parameters: &str| format!(r#"{{"lift": {{"required_parameters": {parameters}}}}}"#);
    let diff = between(&action(old), &action(new));
    let is_it =
        |it: &&Change| it.rule() == Rule::ParameterRenamed && it.parameter() == Some("height");
    let renamed = diff.changes().iter().find(is_it)?;
    renamed.after().map(ToOwned::to_owned)
}

#[test]
fn a_parameter_is_renamed_by_its_description_its_letters_or_since_it_is_alone() {
    let described = r#"{"height": {"type": "int", "description": "How high"}, "by": "str"}"#;
    for (old, new, expected) in [
        (r#"{"height": "int"}"#, r#"{"heigth": "int"}"#, Some("heigth")),
        (r#"{"height": "int"}"#, r#"{"zoom": "int"}"#, Some("zoom")),
        (r#"{"height": "int"}"#, r#"{"zoom": "str"}"#, None),
        // Which of two it is, is not evident.
        (r#"{"height": "int"}"#, r#"{"zoom": "int", "cap": "str"}"#, None),
        (r#"{"height": "int", "cap": "str"}"#, r#"{"zoom": "int"}"#, None),
        // That both have no type says nothing.
        (r#"{"height": null, "by": "str"}"#, r#"{"zoom": null, "by": "str"}"#, None),
        // The description says more than the letters.
        (
            described,
            r#"{"zoom": {"type": "int", "description": "How high"}, "heigth": "int"}"#,
            Some("zoom"),
        ),
        (described, r#"{"zoom": {"type": "int", "description": "Zoom"}, "cap": "int"}"#, None),
    ] {
        assert_eq!(height_renamed_to(old, new).as_deref(), expected, "{old} {new}");
    }
}

#[test]
fn an_action_of_the_cloud_alone_is_no_new_name_of_another() {
    let restart = r#"{"server_restar": {"description": "Restarts", "cloud_controller_only": true,
        "required_parameters": {"server": "str"}}}"#;
    assert_eq!(renamed_to(restart), None);
    assert!(renamed_to(&restart.replace("true", "false")).is_some());
}

/// A description that a list without types had, too, changed by itself.
#[test]
fn only_what_was_not_told_before_belongs_to_the_types_that_appear() {
    let old = r#"{"lift": {"required_parameters": {"height": {"description": "A"}, "by": {}}}}"#;
    let new = r#"{"lift": {"required_parameters": {
        "height": {"type": "int", "description": "B"},
        "by": {"type": "str", "description": "C"}}}}"#;
    let described = "parameter-description-changed";
    assert_eq!(rules(&between(old, new)), ["types-appeared", described]);
    assert_eq!(rules(&between(new, old)), ["types-disappeared", described]);
}

/// `cut`, and so many actions, each of which takes a parameter `by`.
fn many_actions(count: usize) -> String {
    let action = |it| format!(r#""action_{it:03}": {{"required_parameters": {{"by": "str"}}}}"#);
    format!(r#"{{"cut": {{}}, {}}}"#, (0..count).map(action).collect::<Vec<_>>().join(", "))
}

#[test]
fn what_is_too_long_is_cut_and_says_how_much_is_left_out() {
    let (none, twenty) = (r#"{"cut": {}}"#, many_actions(20));
    let markdown = between(&twenty, none).markdown();
    assert!(markdown.contains("### Breaking (20)") && !markdown.contains("<details"), "{markdown}");
    let markdown = between(&many_actions(21), none).markdown();
    assert!(markdown.contains("<details open><summary>Breaking (21)</summary>"), "{markdown}");

    let annotations = between(&many_actions(50), none).annotations();
    assert!(!annotations.contains("not shown"), "{annotations}");
    let annotations = between(&many_actions(52), none).annotations();
    assert!(annotations.contains("; 2 more are not shown here"), "{annotations}");

    let changelog = between(none, &many_actions(30)).changelog();
    assert!(changelog.contains("`action_028` and `action_029`."), "{changelog}");
    let changelog = between(none, &many_actions(33)).changelog();
    assert!(changelog.contains("`action_029` and 3 more."), "{changelog}");

    // An argument of `new` for each action.
    let subject_of = |count| {
        let actions = many_actions(count);
        with_overlays(&actions, &actions, ["", "subject = 'by'"]).draw(false)
    };
    assert!(!subject_of(8).contains('…') && subject_of(10).contains("… and 2 more"));
}

#[test]
fn an_entry_of_a_changelog_reads_like_one_that_a_person_wrote() {
    let old = r#"{"cut": {}, "lfit": {"description": "Lifts"}, "paste": {"description": "P"}}"#;
    let new = r#"{"copy": {}, "find": {}, "lift": {"description": "Lifts"},
        "paste": {"description": "Pastes", "required_parameters": {"at": "int"}}}"#;
    let expected = "\
- Added `copy` and `find`.
- Removed `cut`.
- `lfit` is now `lift`.
- `paste`: `at` new; `int, required`.
- Described `paste` in other words.
";
    assert_eq!(between(old, new).changelog(), expected);
}

#[test]
fn what_breaks_in_rust_is_what_a_caller_has_written() {
    let (int, text) = (lifting("int"), lifting("str"));
    let items = |old: &str, new: &str, overlays: [&str; 2]| {
        let diff = with_overlays(old, new, overlays);
        diff.changes().iter().flat_map(|it| it.items().to_vec()).collect::<Vec<_>>()
    };
    let field = "field `Lift::by`".to_owned();
    // A text becomes one of its kind by `into`, as before.
    let declared = "[parameters.by]\ntype = 'Crane'\n[types.Crane]\nis = 'str'";
    let of_type = "type `Crane`".to_owned();
    assert_eq!(items(&text, &text, ["", declared]), [field.clone(), of_type]);
    let setter = "setter `Lift::by`".to_owned();
    assert_eq!(items(&int, &text, ["", ""]), [setter, field.clone()]);
    // The subject is an argument.
    let subject = "argument `by` of `Lift::new`".to_owned();
    assert_eq!(items(&int, &text, ["subject = 'by'"; 2]), [subject, field]);
}

/// An action with a parameter `by` of this type.
fn lifting(word: &str) -> String {
    format!(r#"{{"lift": {{"required_parameters": {{"by": "{word}"}}}}}}"#)
}

#[test]
fn colours_tell_how_grave_a_change_is_and_are_all_that_is_added() {
    let old = r#"{"a": {}, "b": {"description": "x"}}"#;
    let diff = between(old, r#"{"b": {"description": "y"}, "c": {}}"#);
    let text = diff.draw(true);
    for (heading, colour) in [("Breaking", 31), ("Compatible", 33), ("Documentation", 36)] {
        let coloured = format!("\u{1b}[1m\u{1b}[{colour}m{heading}\u{1b}[0m");
        assert!(text.contains(&coloured), "{heading}: {text:?}");
    }
    let parts = text.split('\u{1b}').enumerate();
    let plain: String = parts
        .map(|(index, part)| match part.split_once('m') {
            Some((_, rest)) if index > 0 => rest,
            _ => part,
        })
        .collect();
    assert_eq!(plain, diff.draw(false));
}
