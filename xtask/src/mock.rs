//! A mock agent that serves a snapshot, for `mock-agent` and `demo`.

use std::path::Path;

use agent_codegen::{Report, Snapshot};
pub use agent_sdk::mock::Builder;
use agent_sdk::mock::MockAgent;
use serde_json::Value;

use crate::{failure::Failure, output};

/// Returns a builder of a mock agent with the catalogue of a snapshot, and the version in its name.
pub fn builder(snapshot: &Path) -> Result<Builder, Failure> {
    let builder = MockAgent::builder(catalogue(snapshot)?);
    Ok(match version_of(snapshot) {
        Some(version) => builder.version(version),
        None => builder,
    })
}

/// Starts a mock agent.
pub async fn start(builder: Builder) -> Result<MockAgent, Failure> {
    let failed = |error| Failure::failed(format!("the mock agent cannot start: {error}"));
    builder.start().await.map_err(failed)
}

/// Reads a snapshot as a catalogue.
fn catalogue(path: &Path) -> Result<Value, Failure> {
    let mut report = Report::new();
    let snapshot = Snapshot::read(path, &mut report);
    if !report.is_empty() {
        output::print_message(&report);
    }
    let unusable = || Failure::failed(format!("`{}` is no catalogue", path.display()));
    let text = snapshot.ok_or_else(unusable)?.canonical();
    serde_json::from_str(&text).map_err(|_| unusable())
}

/// Returns the version in the name of a snapshot: `1.1.34` of `agent-1.1.34.json`.
fn version_of(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    name.strip_prefix("agent-").map(str::to_owned)
}
