//! Small workspaces of their own, built by the real cargo in a moment: they depend on nothing.

use std::{env, ffi::OsString, fs, path::Path};

use tempfile::TempDir;
use tokio::process::Command;

use super::{bare, cargo, copy_of_project};

/// A name that no crate has: what uses it does not compile.
const BROKEN: &str = "fn main() { what_the_upgrade_removed(); }";

/// Returns a command that starts the cargo that runs the tests.
pub fn cargo_command() -> Command {
    let mut command = bare(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo(&mut command);
    command
}

/// A project whose example `tour` is `example`, with nothing to build before it.
pub fn project_with_tour(example: &str) -> TempDir {
    let project = copy_of_project();
    let folder = project.path();
    package(
        folder,
        "xtask",
        "[features]\ntour = []\n[[example]]\nname = \"tour\"\n\
         path = \"agent-sdk/examples/tour.rs\"\nrequired-features = [\"tour\"]\n[workspace]\n",
    );
    write(&folder.join("agent-sdk/examples/tour.rs"), example);
    let lock = "version = 4\n[[package]]\nname = \"xtask\"\nversion = \"0.0.0\"\n";
    write(&folder.join("Cargo.lock"), lock);
    project
}

/// A workspace with a mistake in each kind of target; a default member is only the first package.
///
/// Returns the files that hold one.
pub fn broken_workspace(folder: &Path) -> Vec<String> {
    fs::write(
        folder.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"first\", \"second\"]\n\
         default-members = [\"first\"]\n",
    )
    .unwrap();
    let mut broken = Vec::new();
    for name in ["first", "second"] {
        let members = folder.join(name);
        let example = "[features]\nmore = []\n[[example]]\nname = \"gated\"\nrequired-features = [\"more\"]\n";
        package(&members, name, example);
        for kind in ["examples/gated", "tests/test", "benches/bench", "src/bin/program"] {
            write(&members.join(kind).with_extension("rs"), BROKEN);
            broken.push(format!("{name}/{kind}.rs"));
        }
    }
    broken
}

fn package(folder: &Path, name: &str, more: &str) {
    let head = "version = \"0.0.0\"\nedition = \"2024\"\n";
    write(&folder.join("Cargo.toml"), &format!("[package]\nname = \"{name}\"\n{head}{more}"));
    write(&folder.join("src/lib.rs"), "");
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
