//! The command line of the SDK, as two programs: `cargo xtask` has every command, and `agentctl` those
//! that need no checkout. `--help` tells what they do.
//!
//! It holds no logic of its own: what a catalogue is belongs to `agent-codegen`, how an agent is
//! reached to `agent-sdk`.
//!
//! # Where things are
//!
//! ARCHITECTURE.md has a line for each module: `commands` holds one file for each command, and the
//! other modules what several of them share.

mod agents;
mod cargo;
mod catalogue;
mod commands;
mod completion;
mod connection;
mod environment;
mod failure;
mod fleet;
mod generation;
mod git;
mod input;
mod interrupt;
mod json;
mod known;
mod live;
mod mock;
mod only;
mod output;
mod password;
mod program;
mod progress;
mod project;
mod report;
mod soak;
mod spelling;
mod text;
mod transaction;
mod transferred;

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use clap::Parser;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use commands::{Agentctl, Xtask};
use failure::{Exit, Failure};
use program::Program;

/// Runs `cargo xtask`, which has every command, with the arguments of the process.
#[must_use]
pub fn xtask() -> ExitCode {
    let command = parse::<Xtask>(Program::Xtask).command;
    log(command.log_level());
    finish(run(command.run()))
}

/// Runs `agentctl`, which has the commands that need no checkout, with the arguments of the process.
#[must_use]
pub fn agentctl() -> ExitCode {
    completion::answer::<Agentctl>();
    let command = parse::<Agentctl>(Program::Agentctl).command;
    log(LevelFilter::WARN);
    finish(run(command.run()))
}

/// Reads the arguments; wrong ones end the process, as does `--help`.
fn parse<T: Parser>(program: Program) -> T {
    program.set();
    password::hide_variable();
    let parsed = program.rename(T::command()).try_get_matches();
    parsed.and_then(|matches| T::from_arg_matches(&matches)).unwrap_or_else(|error| refuse(&error))
}

/// Shows what is wrong with the arguments, or the help that they ask for, and ends the process.
fn refuse(error: &clap::Error) -> ! {
    let shown = error.print().and_then(|()| stdout().flush());
    let code = match output::written(shown) {
        Err(failure) if !error.use_stderr() => {
            output::error(&failure);
            failure.exit as i32
        }
        _ => error.exit_code(),
    };
    std::process::exit(code)
}

fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_silent() => failure.exit.into(),
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

fn run(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime can be made: {error}")))?;
    let result = runtime.block_on(command);
    // A thread that waits for a full pipe must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Shows what the SDK tells of itself, on standard error: what is at least as grave as `level`, unless
/// `RUST_LOG` says otherwise.
fn log(level: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(level.into());
    let filter = filter.from_env().unwrap_or_else(|error| {
        output::warning(format!("RUST_LOG is left out, since it is no filter: {error}"));
        EnvFilter::default().add_directive(level.into())
    });
    // Without the `tracing-log` bridge, which is a feature that is off: what other crates log may
    // hold the login header. An error would mean that there is a subscriber already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output::has_colours(&stderr()))
        // It would panic where standard error cannot be written.
        .log_internal_errors(false)
        .with_writer(stderr)
        .try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Agentctl, Program, Xtask};

    #[test]
    fn the_command_lines_are_well_formed() {
        Program::Xtask.rename(Xtask::command()).debug_assert();
        Program::Agentctl.rename(Agentctl::command()).debug_assert();
    }
}
