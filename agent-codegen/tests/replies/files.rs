//! The files in which schemas are.

use agent_codegen::{Generator, Overlay, Report, Snapshot};
use serde_json::Value;

use crate::outcome::generate;

#[test]
fn a_byte_order_mark_is_no_part_of_a_schema_and_messages_speak_of_schemas() {
    let overlay = "[actions.act]\nreply = 'a.json'";
    let outcome = generate("act", overlay, &[("a.json", "\u{feff}{\"properties\": {\"x\": {}}}")]);
    assert!(outcome.report.is_empty(), "{}", outcome.report);
    outcome.says(&["pub x: Option<Value>,"]);
    for text in ["{\"a\": \"\\ud800\"}", &format!("{}{}", "[".repeat(80), "]".repeat(80)), "{", ""]
    {
        let outcome = generate("act", overlay, &[("a.json", text)]);
        let told = outcome.report.to_string();
        assert!(outcome.report.has_errors(), "{text}");
        assert!(
            told.contains("chema") && !told.contains("snapshot") && !told.contains("catalogue"),
            "{told}"
        );
    }
}

/// One of the files was shown in a message, another took all memory, a third never ended.
#[test]
fn only_files_below_the_folder_of_the_overlay_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let outside = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = outside.path().join("secret.json");
    std::fs::write(&secret, "PASSWORD=hunter2").expect("it can be written");
    std::fs::create_dir(folder.path().join("folder")).expect("it can be made");
    std::fs::write(folder.path().join(".env"), "PASSWORD=hunter2").expect("it can be written");
    let large = vec![b' '; (4 << 20) + 1];
    std::fs::write(folder.path().join("large.json"), large).expect("it can be written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.path().join("link.json")).expect("it can be made");
    let secret = secret.to_str().expect("it is a text");
    for (file, told) in [
        ("/proc/self/environ", "is not below the overlay's folder"),
        ("/dev/zero", "is not below the overlay's folder"),
        (secret, "is not below the overlay's folder"),
        ("../secret.json", "is not below the overlay's folder"),
        ("folder/../../secret.json", "is not below the overlay's folder"),
        ("", "is not below the overlay's folder"),
        ("a\ncargo::rustc-env=X=y", "is not below the overlay's folder"),
        ("folder", "is no regular file"),
        ("large.json", "it is larger than 4 MiB"),
        (".env", "is no JSON Schema: line 1, column 1 is not JSON"),
        #[cfg(unix)]
        ("link.json", "is a link that leads out of the overlay's folder"),
    ] {
        let path = folder.path().join("overlay.toml");
        let text = format!("[actions.act]\nreply = {}", Value::from(file));
        std::fs::write(&path, text).expect("it can be written");
        let mut report = Report::new();
        let overlay = Overlay::read(&path, &mut report).expect("it is an overlay");
        let snapshot = Snapshot::from_bytes("x", br#"{"actions": {"act": {}}}"#, &mut report);
        Generator::new().generate(&snapshot.expect("it is one"), &overlay, &mut report);
        let message = report.iter().next().map(|found| found.message().to_owned());
        assert!(message.as_ref().is_some_and(|it| it.contains(told)), "{file}: {message:?}");
        assert!(!report.to_string().contains("hunter2"), "{report}");
        // A build script prints each file that it reads on a line of its own, for cargo.
        assert!(overlay.files().iter().all(|file| !file.to_string_lossy().contains('\n')));
    }
}
