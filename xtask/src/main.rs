//! The command line of the SDK: `cargo xtask --help` tells what it does.
//!
//! It holds no logic of its own: what a catalogue is belongs to `agent-codegen`, how an agent is
//! reached to `agent-sdk`.
//!
//! # Where things are
//!
//! `commands` one file each · `connection` and `password` the options for reaching an agent ·
//! `project` where things are · `generation` from snapshot to code · `live` the catalogue of a
//! running agent · `mock` an agent that serves a snapshot · `soak` load and faults · `report`, `output`, `json`, `text` and
//! `progress` what is printed · `failure` exit codes · `interrupt` signals

mod cargo;
mod catalogue;
mod commands;
mod connection;
mod failure;
mod generation;
mod git;
mod interrupt;
mod json;
mod live;
mod mock;
mod output;
mod password;
mod progress;
mod project;
mod report;
mod soak;
mod text;
mod transferred;

use std::{
    io::{IsTerminal, stderr},
    process::ExitCode,
};

use clap::Parser;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use commands::Command;
use failure::{Exit, Failure};

/// From the catalogue of an Architect agent to typed calls
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 80)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done, nothing found
  1  a check found a difference, or the agent rejected the call
  2  the command line is wrong
  3  it could not be done: unreadable input, no connection

Results go to standard output, talk to standard error. RUST_LOG=debug shows
what the connection does; NO_COLOR=1 shows it without colours.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(arguments.command.log_level());
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            let hint = failure.exit == Exit::Usage;
            if hint {
                output::print_message("For more information, try `--help`.");
            }
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime can be made: {error}")))?;
    let result = runtime.block_on(command.run());
    // A thread that waits for a full pipe must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Shows what the SDK tells of itself, on standard error: what is at least as grave as `level`, unless
/// `RUST_LOG` says otherwise.
fn log(level: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let colours =
        stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Without the `tracing-log` bridge, which is a feature that is off: what other crates log may
    // hold the login header. An error would mean that there is a subscriber already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(stderr)
        .try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
