//! An application that has actions which the SDK does not know.
//!
//! It also holds what the generator makes of its golden snapshots, so that compiler, clippy and
//! rustdoc judge all of it.

#![deny(warnings, clippy::all, clippy::pedantic, rustdoc::all)]

/// The actions of this crate's own snapshot.
pub mod actions {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

/// What the generator makes of its golden snapshots.
pub mod golden {
    include!(concat!(env!("OUT_DIR"), "/golden.rs"));
}

use actions::{Agent, ExportWorld, World};
use agent_sdk::Error;

/// Exports each world of an agent and returns how large all of them are.
///
/// # Errors
///
/// A call failed.
pub async fn export_all(agent: &Agent, to: &str) -> Result<u64, Error> {
    let mut size = 0;
    for World { id, size: bytes, .. } in agent.worlds().await?.worlds {
        agent.export_world(ExportWorld::new(id).target(to).compress(true)).await?;
        size += bytes.unwrap_or(0);
    }
    Ok(size)
}
