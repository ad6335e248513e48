//! Keeps the floors of ARCHITECTURE.md: a module imports from floors below its own, and files in no
//! circle. The picture of all imports:
//!
//! ```sh
//! cargo test -p xtask --test floors -- --nocapture picture
//! ```

mod floors;
mod imports;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use floors::Floors;
use imports::Imports;
use source::Crate;

/// The crates with floors: the heading in ARCHITECTURE.md, and the file at the root of its modules.
const CRATES: [(&str, &str); 4] = [
    ("agent-codegen", "agent-codegen/src/lib.rs"),
    ("agent-sdk", "agent-sdk/src/lib.rs"),
    ("xtask", "xtask/src/lib.rs"),
    ("agent-sdk/benches/compare", "agent-sdk/benches/compare/main.rs"),
];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn imports_of(root: &Path) -> Imports {
    Imports::of(&Crate::read(root).unwrap_or_else(|error| panic!("{}: {error}", root.display())))
}

fn each_crate() -> impl Iterator<Item = (&'static str, Floors, Imports)> {
    let architecture = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    CRATES.into_iter().map(move |(name, root)| {
        let floors = Floors::parse(&architecture, name);
        let floors = floors.unwrap_or_else(|| panic!("ARCHITECTURE.md has no floors of {name}"));
        (name, floors, imports_of(&project().join(root)))
    })
}

#[test]
fn modules_import_from_floors_below_their_own() {
    for (name, floors, imports) in each_crate() {
        let wrong = floors.wrong(&imports);
        assert!(wrong.is_empty(), "{name}, see ARCHITECTURE.md:\n{}", wrong.join("\n"));
    }
}

#[test]
fn files_import_each_other_in_no_circle() {
    for (name, _, imports) in each_crate() {
        let circles = imports.circles();
        assert!(circles.is_empty(), "{name}: these files import each other:\n{circles:#?}");
    }
}

#[test]
fn picture() {
    for (name, floors, imports) in each_crate() {
        println!("{name}\n{}", floors.picture(&imports));
    }
}

/// A crate of these files, in a folder of its own.
fn imports_among(files: &[(&str, &str)]) -> Imports {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    imports_of(&folder.path().join("lib.rs"))
}

const TWO_FLOORS: &str = "## `sample`\n```text\nupper: above\nlower: below\n```\n";

#[test]
fn an_import_upwards_is_found_however_it_is_written() {
    let floors = Floors::parse(TWO_FLOORS, "sample").unwrap();
    let root = "mod lower; mod upper; pub use upper::Upper;";
    let upper = "pub struct Upper; use crate::lower::Lower;";
    for import in [
        "use crate::upper::Upper;",
        "use crate::{upper, lower};",
        "use crate::{lower::X, upper::{self, Upper}};",
        "use super::upper::Upper as Other;",
        "use super::upper::*;",
        "use crate::Upper;",
        "fn f() { use crate::upper::Upper; }",
        "fn f(_: crate::upper::Upper) {}",
        "fn f() { println!(\"{}\", crate::upper::f()) }",
        "mod inner { use super::super::upper::Upper; }",
    ] {
        let lower = format!("pub struct Lower; pub struct X; {import}");
        let imports = imports_among(&[("lib.rs", root), ("upper.rs", upper), ("lower.rs", &lower)]);
        assert_eq!(floors.wrong(&imports), ["lower imports upper"], "{import}");
        assert_eq!(imports.circles(), [["lower", "upper"]], "{import}");
    }
    for harmless in [
        "#[cfg(test)] mod tests { use crate::upper::Upper; }",
        "//! See [`crate::upper::Upper`].",
        "use std::fmt; use other::upper::Upper;",
    ] {
        let lower = format!("{harmless}\n pub struct Lower; pub struct X;");
        let imports = imports_among(&[("lib.rs", root), ("upper.rs", upper), ("lower.rs", &lower)]);
        assert_eq!(floors.wrong(&imports), [""; 0], "{harmless}");
        assert_eq!(imports.circles(), [[""; 0]; 0], "{harmless}");
    }
}

#[test]
fn what_a_parent_only_passes_on_is_no_circle() {
    let imports = imports_among(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod one; mod two; pub use one::One; use two::Two; fn f(_: Two) {}"),
        ("a/one.rs", "pub struct One;"),
        ("a/two.rs", "use super::One; pub struct Two(One);"),
    ]);
    assert_eq!(imports.circles(), [[""; 0]; 0]);
    let imports = imports_among(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod one; mod two; pub use one::One; pub use two::Two; pub struct Both;"),
        ("a/one.rs", "use super::{Both, Two}; pub struct One(Box<Two>);"),
        ("a/two.rs", "use super::One; pub struct Two(Box<One>);"),
    ]);
    assert_eq!(imports.circles(), [["a::one", "a::two"]]);
}

#[test]
fn a_module_without_a_floor_and_a_floor_without_a_module_are_found() {
    let floors = Floors::parse(TWO_FLOORS, "sample").unwrap();
    let imports =
        imports_among(&[("lib.rs", "mod upper; mod attic;"), ("upper.rs", ""), ("attic.rs", "")]);
    assert_eq!(floors.wrong(&imports), ["attic is on no floor", "lower is no module"]);
}
