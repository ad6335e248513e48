//! `put`: a file to agents' machines.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueHint;

use super::PASSWORD_HELP;
use crate::{
    connection::{Connection, Target, Targets},
    failure::Failure,
    fleet,
    output::FormatOption,
    progress::Bar,
    transferred::Outcome,
};

/// Send a file to the agent's machine, or the machines of several
///
/// A file that is there already is replaced by the agent as it sees fit.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Put {
    /// The file of this machine; `-` is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    local: PathBuf,

    /// The path on the agent's machine
    remote: String,

    /// The largest file that is sent; the agent has a limit of its own, 32 MiB unless configured
    #[arg(long, value_name = "BYTES", default_value_t = 32 << 20)]
    max_size: u64,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask put types.xml /servers/survival/mpmissions/types.xml
  cargo xtask put motd.txt /servers/survival/motd.txt --tag eu --one-by-one
  date | cargo xtask put - /servers/survival/motd.txt --password-file FILE";

impl Put {
    pub async fn run(self) -> Result<(), Failure> {
        let is_stdin = self.local == Path::new("-");
        if is_stdin && self.connection.password.is_stdin() {
            return Err(Failure::usage(
                "standard input cannot hold both the password and the file",
            ));
        }
        if !is_stdin {
            self.refuse_unless_file()?;
        }
        let targets = self.connection.targets()?;
        if is_stdin && matches!(targets, Targets::Several { .. }) {
            return Err(Failure::usage(
                "standard input can be read once, and not for each agent: put it into a file first",
            ));
        }
        let this = &self;
        fleet::run(targets, &self.format, async |target| this.send(&target).await).await
    }

    /// Refuses what cannot be sent, before any agent is connected to.
    fn refuse_unless_file(&self) -> Result<(), Failure> {
        let found = fs::metadata(&self.local)
            .map_err(|error| Failure::file(&self.local, "read", &error))?;
        if found.is_file() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "`{}` is no regular file; `put - REMOTE` sends what comes by standard input",
            self.local.display()
        )))
    }

    async fn send(&self, target: &Target) -> Result<Outcome, Failure> {
        let agent = target.connect().await?;
        let bar = Bar::of_bytes(&target.shown_name());
        let upload = agent.upload(&self.remote).max_size(self.max_size).on_progress(bar.show());
        let result = if self.local == Path::new("-") {
            upload.send_reader(&mut tokio::io::stdin()).await
        } else {
            upload.send_file(&self.local).await
        };
        drop(bar);
        agent.close().await;
        Ok(Outcome::new(&self.remote, &self.local, &result?))
    }
}
