//! Writing and checking are one path.

use std::{fs, path::Path};

use agent_codegen::{Code, Generator, Overlay, Report, Snapshot, emit::Difference};

fn generate(snapshot: &str) -> Code {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", snapshot.as_bytes(), &mut report);
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    Generator::new().generate(&snapshot, &Overlay::default(), &mut report)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is readable");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("the entry is readable").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn what_is_missing_changed_or_stale_is_told_and_mended() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("made/by/us");
    let code = generate(r#"{"actions": {"a": null}}"#);
    let all = code.files().len();

    let missing = code.check(&path).expect("a missing folder is no error");
    assert!(missing.iter().all(|it| matches!(it, Difference::Missing { .. })));
    assert_eq!(missing.len(), all);
    assert!(!path.exists(), "checking writes nothing");

    code.write(&path).expect("it can be written");
    assert_eq!(code.check(&path).expect("it can be read"), []);
    assert_eq!(files(&path).len(), all, "no temporary file is left");

    fs::write(path.join("methods.rs"), "broken").expect("it can be written");
    let stale = path.join("stale.rs");
    fs::write(&stale, &code.files()["mod.rs"]).expect("it can be written");
    fs::write(path.join("mine.rs"), "// by hand").expect("it can be written");
    let expected = [
        Difference::Changed { path: path.join("methods.rs") },
        Difference::Superfluous { path: stale },
    ];
    assert_eq!(code.check(&path).expect("it can be read"), expected);
    assert_eq!(code.write(&path).expect("it can be written"), expected);
    assert_eq!(code.check(&path).expect("it can be read"), []);
    assert!(path.join("mine.rs").exists(), "what is not ours stays");
}

#[test]
fn a_file_that_is_right_is_not_touched() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let code = generate(r#"{"actions": {"a": null}}"#);
    code.write(folder.path()).expect("it can be written");
    let file = folder.path().join("mod.rs");
    let mut permissions = fs::metadata(&file).expect("it is there").permissions();
    let before = fs::metadata(&file).and_then(|data| data.modified()).expect("it is there");
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).expect("permissions can be set");
    assert_eq!(code.write(folder.path()).expect("nothing is to be written"), []);
    let after = fs::metadata(&file).and_then(|data| data.modified()).expect("it is there");
    assert_eq!(before, after);
}

#[test]
fn the_order_of_the_catalogue_does_not_matter() {
    let one = r#"{"actions": {"a": {"required_parameters": {"x": "int", "y": "str"}}, "b": null}}"#;
    let other =
        r#"{"actions": {"b": null, "a": {"required_parameters": {"y": "str", "x": "int"}}}}"#;
    assert_eq!(generate(one), generate(other));
}

#[test]
fn output_has_unix_line_ends_and_no_carriage_return_from_a_description() {
    let code = generate(r#"{"actions": {"a": {"description": "one\r\ntwo\rthree"}}}"#);
    for text in code.files().values() {
        assert!(!text.contains('\r') && text.ends_with('\n'));
    }
}
