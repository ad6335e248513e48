//! Finds the snapshots and the newest one's overlay, to be embedded: a call has the same types wherever
//! it is typed.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use agent_codegen::{Report, snapshot};

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../schemas");
    println!("cargo::rerun-if-changed={}", schemas.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // There may be none: the program that writes a snapshot must build without one.
    let snapshots = snapshot::files(&schemas, &mut Report::new()).unwrap_or_default();
    let entries = snapshots.iter().map(|path| entry(path)).collect::<io::Result<String>>()?;
    fs::write(out.join("snapshots.rs"), format!("[{entries}]"))?;

    let overlay = schemas.join("overlay.toml");
    let overlay = if overlay.exists() { overlay.canonicalize()? } else { out.join("nothing") };
    fs::write(out.join("nothing"), "")?;
    println!("cargo::rustc-env=NEWEST_OVERLAY={}", overlay.display());
    Ok(())
}

/// An element of an array of names and contents, in Rust.
fn entry(snapshot: &Path) -> io::Result<String> {
    let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
    let path = snapshot.canonicalize()?;
    Ok(format!("({name:?}, include_bytes!({:?}).as_slice()),", path.to_string_lossy()))
}
