//! Generates the actions of this crate's own snapshot, and, for the compiler to judge them, those of
//! all golden snapshots of the generator.

use std::{env, error::Error, fmt::Write, fs, path::Path};

use agent_codegen::{Generator, Overlay, Report, Snapshot, build};

fn main() -> Result<(), Box<dyn Error>> {
    build::snapshot("schemas/agent.json").overlay("schemas/overlay.toml").strict().generate()?;
    golden(Path::new("../golden"), &Path::new(&env::var("OUT_DIR")?).join("golden"))
}

fn golden(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", from.display());
    let mut modules = String::new();
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json").filter(|it| !it.ends_with(".schema")) else {
            continue;
        };
        // Their findings are the golden test's business; here only the code matters.
        let mut report = Report::new();
        let snapshot = Snapshot::read(&path, &mut report).ok_or(report.to_string())?;
        let overlay = path.with_extension("toml");
        let overlay = if overlay.exists() { Overlay::read(&overlay, &mut report) } else { None };
        let overlay = overlay.unwrap_or_default();
        let code = Generator::for_other_crate().generate(&snapshot, &overlay, &mut report);
        let folder = to.join(stem);
        fs::create_dir_all(&folder)?;
        for (name, text) in code.files() {
            fs::write(folder.join(name), strict(text))?;
        }
        writeln!(modules, "/// From `{name}`.")?;
        writeln!(modules, "pub mod {} {{", stem.replace('-', "_"))?;
        writeln!(modules, "include!(concat!(env!(\"OUT_DIR\"), \"/golden/{stem}/mod.rs\"));\n}}")?;
    }
    fs::write(to.with_extension("rs"), modules)?;
    Ok(())
}

/// The lints that spare other crates become those that the SDK allows itself, so that every other
/// lint judges the code.
fn strict(text: &str) -> String {
    let Some((before, after)) = text.split_once("#[allow(") else { return text.to_owned() };
    let after = after.split_once(")]").map_or(after, |(_, after)| after);
    format!("{before}#[allow({})]{after}", SDK_LINTS.join(", "))
}

/// As the generator writes them for the SDK.
const SDK_LINTS: &[&str] = &[
    "clippy::doc_markdown",
    "clippy::self_named_constructors",
    "clippy::struct_field_names",
    "clippy::too_many_lines",
    "deprecated",
    "clippy::type_complexity",
    "non_snake_case",
];
