//! `agentctl`: the commands that need no checkout.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::agentctl()
}
