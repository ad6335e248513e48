//! What a build script gets.

use std::{fs, path::Path};

use agent_codegen::build;

fn snapshot(folder: &Path, name: &str, action: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!(r#"{{"actions": {{"{action}": null}}}}"#)).expect("it can be written");
    path
}

/// The second one used to overwrite the first one.
#[test]
fn two_snapshots_in_one_build_script_get_a_folder_each_or_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let out = folder.path().join("out");
    let old = snapshot(folder.path(), "old.json", "lift");
    let new = snapshot(folder.path(), "new.json", "sink");
    build::snapshot(&old).out_dir(&out).generate().expect("it is the first");
    build::snapshot(&old).out_dir(&out).generate().expect("it is the same again");
    let error = build::snapshot(&new).out_dir(&out).generate().expect_err("it is another");
    assert!(error.to_string().contains("by `subfolder`"), "{error}");
    // By whatever name the folder goes.
    let error = build::snapshot(&new).out_dir(&out).subfolder("x/..").generate();
    let error = error.expect_err("it is the same folder").to_string();
    assert!(error.contains("by `subfolder`"), "{error}");
    let methods = |path: &str| fs::read_to_string(out.join(path)).expect("it is there");
    assert!(methods("methods.rs").contains("fn lift("));
    build::snapshot(&new).out_dir(&out).subfolder("new").generate().expect("it has a folder");
    assert!(methods("methods.rs").contains("fn lift("));
    assert!(methods("new/methods.rs").contains("fn sink("));
}

/// What a build script prints on a line of its own is obeyed: a flag for the compiler is code.
#[cfg(unix)]
#[test]
fn a_line_break_in_a_path_or_a_name_is_no_directive_for_cargo() {
    const DIRECTIVE: &str = "cargo::rustc-env=STOLEN=1";
    if let Some(folder) = std::env::var_os("HOSTILE_FOLDER") {
        let folder = Path::new(&folder);
        let name = format!("agent\n{DIRECTIVE}\r{DIRECTIVE}.json");
        let action = format!("lift\\n{DIRECTIVE}\\r{DIRECTIVE}\\u2028{DIRECTIVE}");
        let path = snapshot(folder, &name, &action);
        let hostile = format!(
            "{{\"actions\": {{\"{action}\": {{\"required_parameters\": {{\"{action}\": \"{action}\"}}}}}}}}"
        );
        fs::write(&path, hostile).expect("it can be written");
        let overlay = folder.join(format!("overlay\n{DIRECTIVE}.toml"));
        fs::write(&overlay, format!("note = \"{action}\"\n")).expect("it can be written");
        let missing = folder.join(format!("\n{DIRECTIVE}\n"));
        let _ = build::snapshot(&path).overlay(&overlay).out_dir(folder.join("out")).generate();
        let _ = build::snapshot(&missing).out_dir(folder.join("out")).generate();
        let _ = build::snapshot(&path).overlay(&missing).out_dir(folder.join("out")).generate();
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let test = "a_line_break_in_a_path_or_a_name_is_no_directive_for_cargo";
    let output = std::process::Command::new(std::env::current_exe().expect("it runs"))
        .args(["--exact", test, "--nocapture"])
        .env("HOSTILE_FOLDER", folder.path())
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("it is text");
    let directives: Vec<_> = said.split(['\n', '\r']).filter(|it| it.contains("cargo:")).collect();
    assert!(directives.len() > 2, "{said}");
    for line in directives {
        let is_own = ["cargo::warning=", "cargo::rerun-if-changed="];
        assert!(is_own.iter().any(|begin| line.starts_with(begin)), "{line}");
    }
}

#[test]
fn a_folder_of_snapshots_gives_the_newest_one_or_the_union_of_a_range() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    snapshot(folder.path(), "agent-1.9.json", "lift");
    snapshot(folder.path(), "agent-1.10.json", "sink");
    let out = |name: &str| folder.path().join(name);
    let methods =
        |name: &str| fs::read_to_string(out(name).join("methods.rs")).expect("it is there");
    let build = || build::snapshots(folder.path());
    build().out_dir(out("newest")).generate().expect("there are some");
    assert!(!methods("newest").contains("fn lift(") && methods("newest").contains("fn sink("));
    assert!(methods("newest").contains("Since 1.10."));
    build().supporting("1.9..").out_dir(out("union")).generate().expect("there are some");
    assert!(methods("union").contains("fn lift(") && methods("union").contains("fn sink("));
    assert!(methods("union").contains("Until 1.9."));
    let some = build().supporting("..").only(["lift"]).out_dir(out("some"));
    some.generate().expect("it is one of them");
    assert!(methods("some").contains("fn lift(") && !methods("some").contains("sink"));
}

#[test]
fn a_build_script_fails_with_what_is_wrong_of_a_range_an_action_or_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let error = |builder: build::Builder| {
        let error = builder.out_dir(folder.path().join("out")).generate();
        error.expect_err("it is wrong").to_string()
    };
    let none = error(build::snapshots(folder.path()));
    assert!(none.contains("holds no snapshot `agent-<version>.json`"), "{none}");
    let missing = error(build::snapshots(folder.path().join("nowhere")));
    assert!(missing.contains("cannot be read"), "{missing}");
    snapshot(folder.path(), "agent-1.9.json", "lift");
    let build = || build::snapshots(folder.path());
    let one = error(build().supporting("1.9"));
    assert!(one.contains("`1.9` is no range of versions: it is one version"), "{one}");
    let later = error(build().supporting("2.."));
    assert!(later.contains("no snapshot is of a version in `2..`"), "{later}");
    let unknown = error(build().only(["lfit"]));
    assert!(unknown.contains("the nearest match is `lift`"), "{unknown}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn paths_are_relative_to_the_crate_and_not_to_the_current_folder() {
    // The tests of a package run in its folder: what else is current, only a child can say.
    if std::env::var_os("ELSEWHERE").is_some() {
        let out = std::env::var_os("ELSEWHERE_OUT").expect("the parent sets it");
        let built = build::snapshot("tests/downstream/schemas/agent.json")
            .overlay("tests/downstream/schemas/overlay.toml")
            .out_dir(Path::new(&out))
            .generate();
        return built.expect("both are there");
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let test = "paths_are_relative_to_the_crate_and_not_to_the_current_folder";
    let output = std::process::Command::new(std::env::current_exe().expect("it runs"))
        .args(["--exact", test])
        .current_dir(&folder)
        .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
        .env("ELSEWHERE", "1")
        .env("ELSEWHERE_OUT", folder.path().join("out"))
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    assert!(folder.path().join("out/mod.rs").exists());
}

/// Cargo obeys each line of a build script that begins by `cargo::`.
#[test]
fn what_an_overlay_says_cannot_give_cargo_an_order() {
    const ORDER: &str = "cargo::rustc-env=ORDER=obeyed";
    if let Some(folder) = std::env::var_os("OVERLAY_FOLDER") {
        let folder = Path::new(&folder);
        let built = build::snapshot(folder.join("agent.json"))
            .overlay(folder.join("overlay.toml"))
            .out_dir(folder.join("out"))
            .generate();
        println!("\n{}", built.expect_err("the reply is not there"));
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    snapshot(folder.path(), "agent.json", &format!("lift\\n{ORDER}"));
    let name = format!("lift\\n{ORDER}");
    let overlay = format!(
        "[actions.\"{name}\"]\nreply = \"x\\n{ORDER}.json\"\n\
         [actions.\"x\\r\\n{ORDER}\"]\nname = \"y\\n{ORDER}\"\n"
    );
    fs::write(folder.path().join("overlay.toml"), overlay).expect("it can be written");
    let output = std::process::Command::new(std::env::current_exe().expect("it runs"))
        .args(["--exact", "what_an_overlay_says_cannot_give_cargo_an_order", "--nocapture"])
        .env("OVERLAY_FOLDER", folder.path())
        .output()
        .expect("it can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("cargo::rerun-if-changed="), "{text}");
    let is_order = |line: &str| line.trim_start().starts_with(ORDER);
    assert!(!text.split(['\n', '\r']).any(is_order), "{text}");
}
