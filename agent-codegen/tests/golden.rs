//! Telling snapshots and what becomes of them, findings and code.
//!
//! `UPDATE_GOLDEN=1 cargo test -p agent-codegen --test golden` writes the expectations anew; read
//! the difference before you commit it. That the code compiles without a warning is proven by the
//! crate `downstream`, whose build script generates all of it.

mod total;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use agent_codegen::{Generator, Overlay, Report, Snapshot};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The golden snapshots, by name.
fn snapshots() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder is readable");
    let mut paths: Vec<_> = entries.map(|it| it.expect("the entry is readable").path()).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".json") && !name.ends_with(".schema.json")
    });
    paths.sort();
    paths
}

/// Everything that comes of a snapshot, as one text.
fn outcome(path: &Path) -> String {
    let mut report = Report::new();
    let bytes = std::fs::read(path).expect("it is readable");
    let name = path.file_name().expect("it is a file").to_string_lossy();
    let snapshot = Snapshot::from_bytes(&name, &bytes, &mut report).expect("it is a snapshot");
    let overlay = path.with_extension("toml");
    let overlay = if overlay.exists() {
        Overlay::read(&overlay, &mut report).unwrap_or_else(|| panic!("{report}"))
    } else {
        Overlay::default()
    };
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    let root = folder().to_string_lossy().into_owned() + "/";
    let mut text = format!("{report}").replace(&root, "");
    for (name, content) in code.files() {
        write!(text, "\n==== {name}\n\n{content}").expect("a string can be written");
    }
    text
}

#[test]
fn golden_snapshots_give_the_expected_findings_and_code() {
    let snapshots = snapshots();
    assert!(snapshots.len() >= 12, "{snapshots:?}");
    let mut different = Vec::new();
    for path in snapshots {
        let outcome = outcome(&path);
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&expected, &outcome).expect("it can be written");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != outcome {
            different.push(expected);
        }
    }
    assert!(different.is_empty(), "not as expected: {different:#?}");
}

#[test]
fn golden_snapshots_keep_every_promise() {
    for path in snapshots() {
        total::check(&std::fs::read(path).expect("it is readable"));
    }
}
