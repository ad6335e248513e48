//! Generates the actions of this crate's own snapshot.

use agent_codegen::build::{BuildError, snapshot};

fn main() -> Result<(), BuildError> {
    snapshot("schemas/agent.json").overlay("schemas/overlay.toml").strict().generate()
}
