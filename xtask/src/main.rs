//! `cargo xtask`: every command.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::xtask()
}
