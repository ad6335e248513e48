//! `check`: whether snapshots, generated code and running agent agree.

use super::PASSWORD_HELP;
use crate::{
    connection::Connection,
    failure::Failure,
    generation::{Mode, Outcome, Plan},
    live,
    output::FormatOption,
    project::ProjectOption,
    report::print_report,
};

/// Check that the snapshots are canonical and the generated code is current
///
/// This is what CI needs; it connects to nothing unless --live is given.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Check {
    /// Compare the newest snapshot with a running agent too
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask check
  cargo xtask check --live --url wss://203.0.113.7 --known-agents ~/.agents";

impl Check {
    pub async fn run(self) -> Result<(), Failure> {
        let mut outcome = Plan::of(&self.project.find()?)?.run(Mode::Check)?;
        if self.live {
            outcome.live = Some(self.compare(&outcome).await?);
        }
        print_report(&outcome, Mode::Check, &self.format)
    }

    /// Whether the running agent has the catalogue of the snapshot.
    async fn compare(&self, outcome: &Outcome) -> Result<bool, Failure> {
        let agent = self.connection.connect().await?;
        let reply = live::catalogue(&agent).await;
        agent.close().await;
        let live = live::snapshot(&agent, &reply?)?.0.canonical();
        let path = &outcome.snapshot;
        let ours = std::fs::read(path).map_err(|error| Failure::file(path, "read", &error))?;
        Ok(ours == live.as_bytes())
    }
}
