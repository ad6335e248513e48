//! The project's own snapshot, from one end to the other.

use std::path::{Path, PathBuf};

use agent_codegen::{Code, Generator, Overlay, Report, Severity, Snapshot};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn snapshot() -> Snapshot {
    let mut report = Report::new();
    let path = root().join("schemas/agent-1.1.34.json");
    let snapshot = Snapshot::read(&path, &mut report);
    assert!(report.is_empty(), "{report}");
    snapshot.expect("a snapshot without findings is there")
}

fn generate() -> Code {
    let mut report = Report::strict();
    let overlay = Overlay::read(&root().join("schemas/overlay.toml"), &mut report);
    let overlay = overlay.unwrap_or_else(|| panic!("{report}"));
    let code = Generator::new().generate(&snapshot(), &overlay, &mut report);
    assert!(report.iter().all(|found| found.severity() == Severity::Note), "{report}");
    code
}

#[test]
fn of_114_actions_112_have_a_method_and_a_struct() {
    let snapshot = snapshot();
    let actions = snapshot.actions();
    assert_eq!(actions.len(), 114);
    assert_eq!(actions.values().filter(|action| action.cloud_controller_only()).count(), 2);

    let code = generate();
    let lines = |file: &str, begin: &str| {
        let lines = code.files()[file].lines().map(str::trim_start);
        lines.filter(|line| line.starts_with(begin)).count()
    };
    assert_eq!(lines("methods.rs", "pub fn "), 112);
    assert_eq!(lines("parameters.rs", "pub struct "), 112);
    assert_eq!(lines("parameters.rs", "impl Action for "), 112);
    assert_eq!(lines("catalogue.rs", "ActionInfo::new("), 114);
}

#[test]
fn actions_with_the_names_of_keywords_and_nouns_are_callable() {
    let code = generate();
    let methods = &code.files()["methods.rs"];
    for method in ["mod_", "kill", "restart", "server", "servers", "settings", "transaction"] {
        assert!(methods.contains(&format!("pub fn {method}(&self")), "{method}");
    }
}

#[test]
fn the_committed_snapshot_is_canonical() {
    let path = root().join("schemas/agent-1.1.34.json");
    let text = std::fs::read_to_string(path).expect("the snapshot is readable");
    assert_eq!(text, snapshot().canonical());
}

#[test]
fn the_committed_code_is_what_the_generator_makes() {
    let folder = root().join("agent-sdk/src/generated");
    let differences = generate().check(&folder).expect("the folder is readable");
    assert!(differences.is_empty(), "run `cargo xtask generate`: {differences:?}");
}

#[test]
fn a_password_is_not_shown() {
    let code = generate();
    let parameters = &code.files()["parameters.rs"];
    // `Debug` shows what is added, but for what is marked.
    let marked = parameters.matches(r#"parameters.secret().add("password","#).count();
    assert!(marked >= 3, "{marked}");
    assert!(!parameters.contains(r#"parameters.add("password","#));
    assert!(!parameters.contains("Debug, PartialEq"), "a derive knows nothing of secrets");
}
