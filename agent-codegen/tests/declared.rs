//! The types that an overlay declares.

use agent_codegen::{Generator, Overlay, Report, Severity, Snapshot};

/// Generates with an overlay from an action that has a parameter for each declared type.
fn generate(overlay: &str, parameters: &[(&str, &str)]) -> (String, Report) {
    let mut report = Report::new();
    let required: Vec<_> =
        parameters.iter().map(|(name, _)| format!("\"{name}\": \"any\"")).collect();
    let snapshot = format!(
        r#"{{"actions": {{"act": {{"required_parameters": {{{}}}}}}}}}"#,
        required.join(", ")
    );
    let typed = |(name, word): &(&str, &str)| format!("\n[parameters.{name}]\ntype = '{word}'\n");
    let overlay = overlay.to_owned() + &parameters.iter().map(typed).collect::<String>();
    let snapshot = Snapshot::from_bytes("test.json", snapshot.as_bytes(), &mut report);
    let overlay = Overlay::from_text("overlay.toml", &overlay, &mut report).unwrap_or_default();
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    let text: Vec<_> = code.files().values().flat_map(|text| text.split_whitespace()).collect();
    (text.join(" "), report)
}

fn errors(report: &Report) -> Vec<String> {
    let errors = report.iter().filter(|found| found.severity() == Severity::Error);
    errors.map(|found| format!("{} | {}", found.message(), found.remedy().unwrap_or(""))).collect()
}

#[test]
fn a_type_named_like_a_word_is_made_of_that_word_and_not_of_itself() {
    for (name, word, inner) in [
        ("Uuid", "uuid", "String"),
        ("Path", "path", "String"),
        ("Url", "url", "String"),
        ("Date", "date", "String"),
        ("Int", "int", "i64"),
        ("Text", "list<text>", "Vec<String>"),
        ("Json", "map[string]json", "Map<String, Value>"),
    ] {
        let overlay = format!("[types.{name}]\nis = '{word}'");
        let (code, report) = generate(&overlay, &[("p", name), ("q", word)]);
        assert!(report.is_empty(), "{report}");
        assert!(code.contains(&format!("pub struct {name}({inner});")), "{code}");
        assert!(
            code.contains(&format!("pub q: {inner}")) || code.contains(&format!("= {inner}>")),
            "{code}"
        );
    }
}

#[test]
fn an_enum_named_like_a_word_does_not_take_the_word_over() {
    let (code, report) = generate(
        "[types.Str]\nvalues = ['a']\n[types.Id]\nis = 'str'",
        &[("p", "Str"), ("q", "Id")],
    );
    assert!(report.is_empty(), "{report}");
    assert!(code.contains("pub struct Id(String);"), "{code}");
}

#[test]
fn a_type_may_be_made_of_one_that_is_declared_below_it() {
    let (code, report) = generate(
        "[types.Ids]\nis = 'list<ServerId>'\n[types.ServerId]\nis = 'str'",
        &[("p", "Ids")],
    );
    assert!(report.is_empty(), "{report}");
    assert!(code.contains("pub struct Ids(Vec<ServerId>);"), "{code}");
    // The parameters name one of the two, and an unused import would be a warning.
    assert!(code.contains("types::Ids};"), "{code}");
}

#[test]
fn another_spelling_of_a_name_is_another_name() {
    let (_, report) = generate("[types.Foo]\nis = 'str'", &[("p", "FOO"), ("q", "Foo")]);
    let expected = "the type `FOO` is not known | the nearest type that is declared is `Foo`";
    assert_eq!(errors(&report), [expected], "{report}");
}

#[test]
fn types_that_are_made_of_each_other_are_refused_with_their_names() {
    for (overlay, expected) in [
        (
            "[types.Able]\nis = 'list<Baker>'\n[types.Baker]\nis = 'Able?'",
            "`Able`, `Baker` are made of each other",
        ),
        (
            "[types.Able]\nis = 'map[string]Able'\n[types.Baker]\nis = 'Able'",
            "`Able` is made of itself",
        ),
        (
            "[types.A]\nis='B'\n[types.B]\nis='C'\n[types.C]\nis='D'\n[types.D]\nis='E'\n[types.E]\nis='F'\n[types.F]\nis='A'",
            "`A`, `B`, `C`, `D`, `E`, `F` are made of each other",
        ),
    ] {
        let (_, report) = generate(overlay, &[("p", "str")]);
        let errors = errors(&report);
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{report}");
        assert!(report.iter().all(|found| found.position().is_some()), "{report}");
    }
}

#[test]
fn thousands_of_types_in_a_chain_are_an_error_and_no_exhaustion() {
    for (count, expected) in [
        (20_000, "20001 types are declared; 4096 is the limit"),
        (4_000, "is made of more than 16 declared types, one of the other"),
    ] {
        let chain = (0..count).map(|it| format!("[types.T{it}]\nis = 'list<T{}>'\n", it + 1));
        let overlay = chain.collect::<String>() + &format!("[types.T{count}]\nis = 'str'\n");
        let (_, report) = generate(&overlay, &[("p", "T0")]);
        let errors = errors(&report);
        assert!(errors.iter().any(|error| error.contains(expected)), "{errors:?}");
        assert!(errors.len() <= 2, "{errors:?}");
    }
}

#[test]
fn values_that_no_variant_can_be_named_by_are_told_with_the_way_out() {
    for (values, message, help) in [
        (
            "'+1', '-1'",
            "`Vote` cannot be declared: the values `+1` and `-1` would both be called `Value1`",
            r#"choose a name for one of them: `values = [{ value = "-1", name = "LikeThis" }, …]`"#,
        ),
        (
            "'GET', 'get'",
            "`Vote` cannot be declared: the values `GET` and `get` would both be called `Get`",
            r#"choose a name for one of them: `values = [{ value = "get", name = "LikeThis" }, …]`"#,
        ),
        (
            "''",
            "`Vote` cannot be declared: the value `` has no letter or digit to be named by",
            r#"choose a name for it: `values = [{ value = "", name = "LikeThis" }, …]`"#,
        ),
        ("'a', 'a'", "`Vote` cannot be declared: the value `a` is there twice", "remove one"),
        (
            "{ value = 'a', name = 'Other' }",
            "`Vote` cannot be declared: the value `a` cannot be called `Other`",
            "a variant's name is written `LikeThis`, and is not `Other`, which every other value has",
        ),
    ] {
        let (_, report) = generate(&format!("[types.Vote]\nvalues = [{values}]"), &[]);
        assert_eq!(errors(&report), [format!("{message} | {help}")], "{report}");
    }
}

#[test]
fn a_chosen_name_makes_a_variant_of_any_value() {
    let overlay = "[types.Vote]\nvalues = [{ value = '+1', name = 'Up' }, { value = '-1', name = 'Down' }, '0']";
    let (code, report) = generate(overlay, &[("p", "Vote")]);
    assert!(report.is_empty(), "{report}");
    for part in [r#"Self::Up => "+1","#, r#""-1" => Self::Down,"#, r#""0" => Self::Value0,"#] {
        assert!(code.contains(part), "{part} in {code}");
    }
}

#[test]
fn five_thousand_values_make_a_variant_each() {
    let values: Vec<_> = (0..5_000).map(|number| format!("\"mod-{number}\"")).collect();
    let overlay = format!("[types.ModName]\nvalues = [{}]\n", values.join(", "));
    let (text, report) = generate(&overlay, &[("mod", "ModName")]);
    assert!(errors(&report).is_empty(), "{report}");
    for number in [0, 1, 2_500, 4_999] {
        let arm = format!("Self::Mod{number} => \"mod-{number}\"");
        assert!(text.contains(&arm), "{arm}");
    }
}

/// Code in a description was compiled as a test of another crate, and swallowed what followed it.
#[test]
fn what_people_write_runs_nowhere_and_ends_before_what_follows() {
    let catalogue = br#"{"actions": {"act": {"required_parameters": {
        "x": {"type": "str", "enum": ["a"]}, "y": {"type": "str", "enum": ["b"]}
    }}}}"#;
    let overlay = "[actions.act]\ndescription = \"Acts:\\n```\\nact x\"\n\
                   [parameters.x]\ndescription = \"As in\\n\\n    x = a\"\n\
                   [parameters.y]\ndescription = \"One line.\"\n\
                   [groups.\"of\\u202e_all\"]\nactions = [\"act\"]\n";
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", catalogue, &mut report).expect("it is one");
    let overlay = Overlay::from_text("overlay.toml", overlay, &mut report).expect("it is one");
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    assert!(!report.has_errors(), "{report}");
    let (parameters, methods) = (&code.files()["parameters.rs"], &code.files()["methods.rs"]);
    for part in [
        "/// Acts:\n/// ```text\n/// act x\n/// ```\n///\n/// Action `act`",
        "    /// As in\n    ///\n    /// ```text\n    /// x = a\n    /// ```\n    ///\n    /// One of `a`.",
        "    /// One line. One of `b`.",
    ] {
        assert!(parameters.contains(part), "{part}\n{parameters}");
    }
    // The compiler refuses what reverses the direction of reading.
    assert!(methods.contains("/// # Of all\n"), "{methods}");
}
