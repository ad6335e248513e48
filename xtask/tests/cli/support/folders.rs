//! The project's folder, and copies of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A copy of what the commands work on, to be broken.
pub fn copy_of_project() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for folder in ["schemas", "agent-sdk/src/generated"] {
        copy_folder(&root().join(folder), &copy.path().join(folder));
    }
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}

/// Every file in a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Adds a newer snapshot to a project: the newest one, edited.
pub fn newer_snapshot(project: &Path, version: &str, edit: impl FnOnce(&mut Value)) {
    let schemas = project.join("schemas");
    let text = fs::read(schemas.join("agent-1.1.34.json")).unwrap();
    let mut catalogue: Value = serde_json::from_slice(&text).unwrap();
    edit(&mut catalogue["actions"]);
    let text = serde_json::to_string_pretty(&catalogue).unwrap() + "\n";
    fs::write(schemas.join(format!("agent-{version}.json")), text).unwrap();
}
