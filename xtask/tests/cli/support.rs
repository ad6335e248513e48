//! What the tests share.

mod agent;
mod fleet;
mod folders;
mod process;
mod sdk;
mod workspace;

use std::time::Duration;

pub use agent::Mock;
pub use fleet::{Fleet, rows};
pub use folders::{copy_of_project, files, newer_snapshot, root};
pub use process::{
    Ended, StdoutLines, bare, cargo, ended, line_with, lines, next_line, program, run,
    run_with_input, run_within, terminate,
};
pub use sdk::project_with_application;
pub use workspace::{broken_workspace, cargo_command, project_with_tour};

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(120);
