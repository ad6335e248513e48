//! What the compiler says to those who forgot something.

use agent_codegen::{Generator, Overlay, Report, Snapshot};

use crate::crates::Crate;

const CATALOGUE: &str = r#"{"actions": {
    "write_file": {"required_parameters": {"server": "str", "path": "str", "content": "str"}}
}}"#;

#[test]
fn a_forgotten_parameter_is_named_by_the_compiler() {
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes("test.json", CATALOGUE.as_bytes(), &mut report);
    let overlay = Overlay::from_text("overlay.toml", "subject = 'server'", &mut report);
    let (snapshot, overlay) = (snapshot.expect("it is one"), overlay.expect("it is one"));
    let crate_ = Crate::new("messages");
    let code = Generator::for_other_crate().generate(&snapshot, &overlay, &mut report);
    crate_.generate("src/actions", &code);
    crate_.write("src/lib.rs", "pub mod actions;\npub mod called;\npub mod by_method;\n");
    let begin = "use crate::actions::*;\n";
    crate_.write(
        "src/called.rs",
        &format!(
            "{begin}pub fn call(agent: &Agent) {{\n    \
             let _ = agent.call(WriteFile::new(\"survival\").path(\"a\"));\n}}\n"
        ),
    );
    crate_.write(
        "src/by_method.rs",
        &format!(
            "{begin}pub fn call(agent: &Agent) {{\n    \
             let _ = agent.write_file(WriteFile::new(\"survival\").content(\"a\"));\n}}\n"
        ),
    );
    let found = crate_.check();
    let text = |file: &str| -> String {
        let texts = found.iter().filter(|found| found.file == file).map(|found| &*found.text);
        texts.collect()
    };
    // By the words that matter: the rest is the compiler's, and changes with it.
    let called = text("src/called.rs");
    for part in [
        "WriteFile<MissingContent>` is no complete action",
        "a parameter that the agent requires is not set",
        "set it by the method of that name, as in `.path(…)` for `MissingPath`",
    ] {
        assert!(called.contains(part), "{part}: {found:#?}");
    }
    let by_method = text("src/by_method.rs");
    assert!(by_method.contains("MissingPath"), "{found:#?}");
    assert!(!by_method.contains("MissingContent"), "{found:#?}");
}
