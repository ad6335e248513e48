//! A mock agent that serves a snapshot, for `mock-agent` and `demo`.

use std::{io, path::Path};

use agent_codegen::{Report, Snapshot};
pub use agent_sdk::mock::Builder;
use agent_sdk::mock::MockAgent;
use serde_json::Value;

use crate::{failure::Failure, known::Known, output};

/// Returns a builder of a mock agent with the catalogue of a snapshot, and the version in its name.
pub fn builder(snapshot: &Path) -> Result<Builder, Failure> {
    let builder = MockAgent::builder(catalogue(snapshot)?);
    Ok(match version_of(snapshot) {
        Some(version) => builder.version(version),
        None => builder,
    })
}

/// Returns the same with the catalogue that this program was built with.
pub fn embedded() -> Result<Builder, Failure> {
    let known = Known::embedded().ok_or_else(no_catalogue)?;
    let name = known.snapshot.name().to_owned();
    let builder = MockAgent::builder(value(&known.snapshot).ok_or_else(no_catalogue)?);
    Ok(match version_of(Path::new(&name)) {
        Some(version) => builder.version(version),
        None => builder,
    })
}

fn no_catalogue() -> Failure {
    Failure::failed("this program was built without a catalogue: name one by --snapshot FILE")
}

/// Starts a mock agent.
pub async fn start(builder: Builder) -> Result<MockAgent, Failure> {
    builder.start().await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => "; another process has this port: choose another one",
            _ => "",
        };
        Failure::failed(format!("the mock agent cannot start: {error}{remedy}"))
    })
}

/// Reads a snapshot as a catalogue.
fn catalogue(path: &Path) -> Result<Value, Failure> {
    let mut report = Report::new();
    let snapshot = Snapshot::read(path, &mut report);
    if !report.is_empty() {
        output::print_message(&report);
    }
    let unusable = || Failure::failed(format!("`{}` is no catalogue", path.display()));
    value(&snapshot.ok_or_else(unusable)?).ok_or_else(unusable)
}

fn value(snapshot: &Snapshot) -> Option<Value> {
    serde_json::from_str(&snapshot.canonical()).ok()
}

/// Returns the version in the name of a snapshot: `1.1.34` of `agent-1.1.34.json`.
fn version_of(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    name.strip_prefix("agent-").map(str::to_owned)
}
