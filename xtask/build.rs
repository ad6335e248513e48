//! Finds the newest snapshot and its overlay, to be embedded: a call has the same types wherever it is
//! typed.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
};

use agent_codegen::{Report, snapshot};

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../schemas");
    println!("cargo::rerun-if-changed={}", schemas.display());
    // What is missing is empty: the program that writes a snapshot must build without one.
    let nothing = Path::new(&env::var("OUT_DIR")?).join("nothing");
    std::fs::write(&nothing, "")?;
    let newest = snapshot::files(&schemas, &mut Report::new()).unwrap_or_default().pop();
    let overlay = Some(schemas.join("overlay.toml"));
    let name = newest.as_deref().and_then(Path::file_name).unwrap_or_default();
    println!("cargo::rustc-env=NEWEST_SNAPSHOT_NAME={}", name.to_string_lossy());
    for (variable, path) in [("NEWEST_SNAPSHOT", newest), ("NEWEST_OVERLAY", overlay)] {
        let path = path.filter(|path: &PathBuf| path.exists()).unwrap_or_else(|| nothing.clone());
        println!("cargo::rustc-env={variable}={}", path.canonicalize()?.display());
    }
    Ok(())
}
