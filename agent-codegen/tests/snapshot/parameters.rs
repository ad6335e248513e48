//! Every form in which an action tells its parameters.

use agent_codegen::{Diagnostic, snapshot::Parameter, types::ParamType};

use crate::{good, read};

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

/// Whatever was not a boolean used to be ignored, and `optional` always: the parameter was
/// mandatory, unsaid.
#[test]
fn a_parameter_that_is_optional_in_any_form_is_optional() {
    let parameter = |form: &str| {
        let text = format!(r#"{{"actions": {{"a": {{"required_parameters": {{"x": {form}}}}}}}}}"#);
        let (snapshot, report) = read(&text);
        let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
        (snapshot.actions()["a"].parameters()[0].clone(), report)
    };
    for (form, told) in [
        (r#"{"type": "str", "required": false}"#, false),
        (r#"{"type": "str", "required": "false"}"#, true),
        (r#"{"type": "str", "required": "No"}"#, true),
        (r#"{"type": "str", "required": 0}"#, true),
        (r#"{"type": "str", "required": 0.0}"#, true),
        (r#"{"type": "str", "required": "optional"}"#, true),
        (r#"{"type": "str", "optional": true}"#, false),
        (r#"{"type": "str", "optional": "true"}"#, true),
        (r#"{"type": "str", "optional": 1}"#, true),
        (r#"{"Type": "str", "Required": false}"#, false),
        (r#"{"Type": "str", "Optional": true}"#, false),
        (r#"{"type": {"type": "str", "required": false}}"#, false),
        (r#"{"type": {"name": "str", "optional": "yes"}}"#, true),
        (r#"{"schema": {"type": "str"}, "required": "false"}"#, true),
        (r#"{"schema": {"type": "str", "default": "x"}}"#, false),
        (r#"{"type": "str", "constraints": {"required": false}}"#, false),
        (r#"{"type": "str?"}"#, false),
        (r#""str?""#, false),
        (r#"{"type": "str", "mandatory": false}"#, false),
        (r#"{"type": "str", "Mandatory": "no"}"#, true),
        (r#"{"type": "str", "MANDATORY": 0}"#, true),
        (r#"{"type": "str", "REQUIRED": false}"#, false),
        (r#"{"type": "str", "isRequired": false}"#, false),
        (r#"{"type": "str", "is_optional": true}"#, false),
        (r#"{"schema": {"type": "str", "mandatory": false}}"#, false),
    ] {
        let (found, report) = parameter(form);
        assert_eq!(found.param_type(), &ParamType::String, "{form}");
        assert!(!found.required(), "{form}");
        assert_eq!(!report.is_empty(), told, "{form}: {report}");
    }
    for (form, told) in [
        (r#"{"type": "str", "required": "true"}"#, true),
        (r#"{"type": "str", "required": 1}"#, true),
        (r#"{"type": "str", "optional": false}"#, false),
        (r#"{"type": "str", "optional": "never"}"#, true),
        (r#"{"type": "str", "required": "perhaps"}"#, true),
        (r#"{"type": "str", "required": true, "optional": true}"#, true),
        (r#"{"type": "str", "mandatory": true}"#, false),
        (r#"{"type": "str", "mandatory": true, "required": false}"#, true),
        (r#"{"type": "str", "isOptional": false}"#, false),
        (r#"{"type": "str", "required": null}"#, false),
        (r#"{"type": "str", "required": ["y"]}"#, false),
    ] {
        let (found, report) = parameter(form);
        assert!(found.required(), "{form}");
        assert_eq!(!report.is_empty(), told, "{form}: {report}");
    }
}

/// Its keywords became the parameters `type`, `properties` and `required`.
#[test]
fn a_json_schema_of_all_parameters_is_read_as_one() {
    let required = |schema: &str| {
        let text = format!(r#"{{"actions": {{"a": {{"required_parameters": {schema}}}}}}}"#);
        let parameters = good(&text).actions()["a"].parameters().to_owned();
        parameters.into_iter().map(|it| (it.name().to_owned(), it.required())).collect::<Vec<_>>()
    };
    let properties = r#""properties": {"server": {"type": "string"}, "levels": {"type": "int"}}"#;
    let both = |server, levels| vec![("levels".into(), levels), ("server".into(), server)];
    assert_eq!(
        required(&format!(r#"{{"type": "object", {properties}, "required": ["server"]}}"#)),
        both(true, false)
    );
    assert_eq!(required(&format!(r#"{{"type": "object", {properties}}}"#)), both(true, true));
    // Words for types in the same places are parameters of these names.
    let own = r#"{"type": "object", "properties": {"type": "map"}, "required": "bool"}"#;
    assert_eq!(required(own).len(), 3);
    let names: Vec<_> = (0..201).map(|it| format!("\"p{it}\": {{}}")).collect();
    let many = format!(r#"{{"type": "object", "properties": {{{}}}}}"#, names.join(","));
    let (_, report) =
        read(&format!(r#"{{"actions": {{"a": {{"required_parameters": {many}}}}}}}"#));
    assert!(report.iter().any(|it| it.code() == "too-many-parameters"), "{report}");
}

/// They used to be dropped.
#[test]
fn numbers_and_null_among_the_values_are_kept() {
    let text = r#"{"a": {"required_parameters": {"x": {"type": "int", "enum": [1, 2.50, true, null, "b", [3]]}}}}"#;
    let (snapshot, report) = read(text);
    let snapshot = snapshot.expect("it is a catalogue");
    let parameter = &snapshot.actions()["a"].parameters()[0];
    assert_eq!(parameter.values(), ["1", "2.50", "true", "null", "b"]);
    assert_eq!(parameter.param_type(), &ParamType::Integer.nullable());
    assert_eq!(report.iter().map(Diagnostic::code).collect::<Vec<_>>(), ["enum-value"]);
}
