//! The commands, one file each.

mod actions;
mod call;
mod check;
mod completions;
mod demo;
mod describe;
mod diff;
mod fetch;
mod fingerprint;
mod generate;
mod get;
mod man;
mod mock_agent;
mod probe;
mod put;
mod soak;
mod update;
mod watch;

use clap::{CommandFactory, Parser};
use tracing_subscriber::filter::LevelFilter;

use crate::{failure::Failure, program::Program};

/// From the catalogue of an Architect agent to typed calls
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 80)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Xtask {
    #[command(subcommand)]
    pub command: ProjectCommand,
}

/// Calls and watches Architect agents
#[derive(Debug, Parser)]
#[command(name = "agentctl", bin_name = "agentctl", version, max_term_width = 80)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Agentctl {
    #[command(subcommand)]
    pub command: OperatorCommand,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done, nothing found
  1  a check found a difference, or the agent rejected the call
  2  the command line is wrong
  3  it could not be done: unreadable input, no connection
  4  of several agents some failed, and others did not

Results go to standard output, talk to standard error. RUST_LOG=debug shows
what the connection does; NO_COLOR=1 shows it without colours.";

/// All that can be done in a checkout.
#[derive(Debug, clap::Subcommand)]
pub enum ProjectCommand {
    Fetch(fetch::Fetch),
    Generate(generate::Generate),
    Check(check::Check),
    Diff(diff::DiffCommand),
    Update(update::Update),
    #[command(flatten)]
    Operator(OperatorCommand),
    Soak(soak::Soak),
    Demo(demo::Demo),
}

/// What can be done anywhere.
#[derive(Debug, clap::Subcommand)]
pub enum OperatorCommand {
    Actions(actions::Actions),
    Describe(describe::Describe),
    Call(call::Call),
    Watch(watch::Watch),
    Get(get::Get),
    Put(put::Put),
    Fingerprint(fingerprint::Fingerprint),
    Probe(probe::Probe),
    Completions(completions::Completions),
    Man(man::Man),
    MockAgent(mock_agent::MockAgentCommand),
}

impl ProjectCommand {
    /// What is worth a line on standard error.
    pub fn log_level(&self) -> LevelFilter {
        match self {
            // It breaks connections by the hundred, on purpose.
            Self::Soak(_) => LevelFilter::ERROR,
            _ => LevelFilter::WARN,
        }
    }

    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Fetch(command) => command.run().await,
            Self::Generate(command) => command.run(),
            Self::Check(command) => command.run().await,
            Self::Diff(command) => command.run().await,
            Self::Update(command) => command.run().await,
            Self::Operator(command) => command.run().await,
            Self::Soak(command) => command.run().await,
            Self::Demo(command) => command.run().await,
        }
    }
}

impl OperatorCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Actions(command) => command.run().await,
            Self::Describe(command) => command.run().await,
            Self::Call(command) => command.run().await,
            Self::Watch(command) => command.run().await,
            Self::Get(command) => command.run().await,
            Self::Put(command) => command.run().await,
            Self::Fingerprint(command) => command.run().await,
            Self::Probe(command) => command.run().await,
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(Program::Agentctl.rename(Agentctl::command())),
            Self::MockAgent(command) => command.run().await,
        }
    }
}

/// Ends the help of each command that logs in.
const PASSWORD_HELP: &str = "\
The password comes from AGENT_PASSWORD or the file AGENT_PASSWORD_FILE in the
environment, --password-file, --password-command or --password-stdin; never
from an argument, since `ps` shows those.";
