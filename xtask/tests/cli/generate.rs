//! Generated code: written, checked, restored.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{Ended, copy_of_project, ended, files, program, root};

async fn run(project: &Path, arguments: &[&str]) -> Ended {
    let mut command = program(arguments);
    command.current_dir(project);
    ended(command).await
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test]
async fn emptied_code_is_noticed_and_restored_byte_for_byte() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    assert_eq!(run(project.path(), &["check"]).await.code, Some(0));
    for (name, _) in files(&generated) {
        fs::remove_file(generated.join(name)).unwrap();
    }
    let found = run(project.path(), &["check"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stderr.contains("`cargo xtask generate`"), "{found:?}");
    assert!(found.stdout.contains("agent-sdk/src/generated/methods.rs is missing"), "{found:?}");

    // It said of what it had written that it is missing.
    fs::write(generated.join("stale.rs"), &files(&root().join("agent-sdk/src/generated"))[0].1)
        .unwrap();
    let written = run(project.path(), &["generate"]).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    for line in ["wrote agent-sdk/src/generated/mod.rs", "removed agent-sdk/src/generated/stale.rs"]
    {
        assert!(written.stdout.lines().any(|it| it == line), "{line}: {written:?}");
    }
    assert_eq!(files(&generated), files(&root().join("agent-sdk/src/generated")));
    assert_eq!(run(project.path(), &["check"]).await.code, Some(0));
}

#[tokio::test]
async fn the_folder_may_be_gone_and_the_project_be_named_from_elsewhere() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    fs::remove_dir_all(&generated).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let root = project.path().to_str().unwrap();
    for (command, code) in [("check", 1), ("generate", 0), ("check", 0)] {
        let ended = run(elsewhere.path(), &[command, "--root", root]).await;
        assert_eq!(ended.code, Some(code), "{command}: {ended:?}");
    }
    let lost = run(elsewhere.path(), &["check"]).await;
    assert!(lost.one_line(3).contains("--root DIR"), "{lost:?}");
}

#[tokio::test]
async fn a_machine_reads_what_is_different() {
    let project = copy_of_project();
    let methods = project.path().join("agent-sdk/src/generated/methods.rs");
    fs::write(&methods, "// somebody was here").unwrap();
    for arguments in
        [&["check", "--format", "json"][..], &["generate", "--check", "--format", "json"]]
    {
        let found = run(project.path(), arguments).await;
        assert_eq!(found.code, Some(1), "{found:?}");
        let differences = &json(&found)["differences"];
        assert_eq!(differences[0]["state"], "changed", "{found:?}");
        assert_eq!(differences[0]["path"], "agent-sdk/src/generated/methods.rs");
        assert_eq!(differences.as_array().unwrap().len(), 1);
    }
    assert_eq!(fs::read_to_string(methods).unwrap(), "// somebody was here");
}

#[tokio::test]
async fn a_snapshot_is_held_to_its_canonical_form() {
    let project = copy_of_project();
    let path = project.path().join("schemas/agent-1.1.34.json");
    let canonical = fs::read_to_string(&path).unwrap();
    fs::write(&path, canonical.replace("  ", "\t")).unwrap();
    let found = run(project.path(), &["check"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stdout.contains("agent-1.1.34.json is not in the canonical form"), "{found:?}");
    assert_eq!(run(project.path(), &["generate"]).await.code, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), canonical);
}

#[tokio::test]
async fn a_snapshot_that_is_none_is_told_with_its_place_and_nothing_is_written() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    let before = files(&generated);
    fs::write(project.path().join("schemas/agent-9.0.0.json"), "{ \"actions\": {").unwrap();
    for command in ["check", "generate"] {
        let ended = run(project.path(), &[command]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("agent-9.0.0.json"), "{ended:?}");
    }
    assert_eq!(files(&generated), before);
}

#[tokio::test]
async fn a_snapshot_of_ones_own_is_generated_for_another_crate() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = r#"{ "lift": { "required_parameters": { "height": "gadget" } } }"#;
    fs::write(folder.path().join("mine.json"), snapshot).unwrap();
    let arguments = ["generate", "--downstream", "--snapshot", "mine.json", "--out", "out"];
    let ended = run(folder.path(), &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // An unknown word for a type is worth a warning, and with `--strict` an error.
    assert!(ended.stderr.contains("gadget"), "{ended:?}");
    let methods = fs::read_to_string(folder.path().join("out/methods.rs")).unwrap();
    assert!(methods.contains("::agent_sdk::"), "{methods}");
    let strict = run(folder.path(), &[&arguments[..], &["--strict"]].concat()).await;
    assert_eq!(strict.code, Some(3), "{strict:?}");
}

/// It used to replace them, and to exit with 0.
#[tokio::test]
async fn the_files_of_a_person_are_refused_by_name_and_nothing_is_written() {
    let project = copy_of_project();
    let src = project.path().join("src");
    fs::create_dir(&src).unwrap();
    for name in ["mod.rs", "types.rs", "lib.rs"] {
        fs::write(src.join(name), format!("// my own {name}")).unwrap();
    }
    let before = files(&src);
    let snapshot = project.path().join("schemas/agent-1.1.34.json");
    let odd = fs::read_to_string(&snapshot).unwrap().replace("  ", "\t");
    fs::write(&snapshot, &odd).unwrap();
    let ended = run(project.path(), &["generate", "--out", "src"]).await;
    let told = ended.one_line(3);
    assert!(told.contains("`src/mod.rs`, `src/types.rs`") && !told.contains("lib.rs"), "{told}");
    assert_eq!(files(&src), before);
    assert_eq!(fs::read_to_string(&snapshot).unwrap(), odd, "nothing was written");
}

#[tokio::test]
async fn a_checkout_with_other_line_endings_is_told_as_exactly_that() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    let snapshot = project.path().join("schemas/agent-1.1.34.json");
    let paths = files(&generated).into_iter().map(|(name, _)| generated.join(name));
    for path in paths.chain([snapshot]) {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    }
    let found = run(project.path(), &["check"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let told = found.stdout.lines();
    assert!(told.clone().count() > 4 && told.clone().all(|it| it.contains("CRLF")), "{found:?}");
}

/// 152 warnings on 1,223 lines, 32 of them for what the overlay says.
#[tokio::test]
async fn an_agent_that_stops_telling_types_does_not_untype_the_project() {
    let project = copy_of_project();
    let schemas = project.path().join("schemas");
    let generated = project.path().join("agent-sdk/src/generated");
    let old = fs::read(schemas.join("agent-1.1.34.json")).unwrap();
    let lists = lists_of_names(&serde_json::from_slice(&old).unwrap());
    fs::write(schemas.join("agent-1.2.0.json"), lists.to_string()).unwrap();
    let before = fs::read_to_string(generated.join("parameters.rs")).unwrap();
    let ended = run(project.path(), &["generate"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Vec<_> = ended.stderr.lines().filter(|it| it.contains("has no type")).collect();
    assert_eq!(told.len(), 1, "{ended:?}");
    assert!(told[0].starts_with("note: ") && told[0].contains("152 parameters"), "{told:?}");
    let after = fs::read_to_string(generated.join("parameters.rs")).unwrap();
    let body = |text: &str| text.lines().skip(2).collect::<Vec<_>>().join("\n");
    assert_eq!(body(&after), body(&before));

    // Without the older one, each name is one line, and the draft of an overlay silences it.
    fs::remove_file(schemas.join("agent-1.1.34.json")).unwrap();
    let ended = run(project.path(), &["generate"]).await;
    let told: Vec<_> = ended.stderr.lines().filter(|it| it.contains("has no type")).collect();
    assert!(told.len() < 90, "{}", told.len());
    assert!(told.iter().all(|it| !it.contains("`server`") && it.starts_with("warning: ")));
    assert!(ended.stderr.lines().count() < 120, "{}", ended.stderr);
    assert!(ended.stderr.contains("--draft-overlay FILE"), "{ended:?}");
    let drafted = run(project.path(), &["generate", "--draft-overlay", "more.toml"]).await;
    assert_eq!(drafted.code, Some(0), "{drafted:?}");
    let mut overlay = fs::read_to_string(schemas.join("overlay.toml")).unwrap();
    overlay += &fs::read_to_string(project.path().join("more.toml")).unwrap();
    fs::write(schemas.join("overlay.toml"), overlay).unwrap();
    let ended = run(project.path(), &["generate", "--strict"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let again = run(project.path(), &["generate", "--draft-overlay", "more.toml"]).await;
    assert!(again.one_line(3).contains("more.toml"), "what is there is not written over");
}

/// The same catalogue with the other form of `required_parameters`.
fn lists_of_names(catalogue: &Value) -> Value {
    let mut catalogue = catalogue.clone();
    for action in catalogue["actions"].as_object_mut().unwrap().values_mut() {
        if let Some(parameters) = action["required_parameters"].as_object() {
            action["required_parameters"] = parameters.keys().cloned().collect();
        }
    }
    catalogue
}

#[tokio::test]
async fn a_snapshot_whose_version_cannot_be_read_is_told_and_not_chosen() {
    let project = copy_of_project();
    let schemas = project.path().join("schemas");
    for name in ["agent-99999999999999999999.json", "agent-latest.json"] {
        fs::write(schemas.join(name), "{}").unwrap();
        let ended = run(project.path(), &["check"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains(name), "{ended:?}");
    }
}

#[tokio::test]
async fn an_empty_catalogue_does_not_replace_a_full_one() {
    let project = copy_of_project();
    let generated = project.path().join("agent-sdk/src/generated");
    let before = files(&generated);
    for text in [
        r#"{"actions": {}}"#,
        r#"{"status": "error", "parameters": {"actions": {"a": {"description": "A"}}}}"#,
        r#"{"actions": {"cloud": {"cloud_controller_only": true}}}"#,
    ] {
        fs::write(project.path().join("mine.json"), text).unwrap();
        let ended = run(project.path(), &["generate", "--snapshot", "mine.json"]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert_eq!(files(&generated), before);
    }
}
