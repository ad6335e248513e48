//! `get`: a file from the agent's machine.

use std::path::{Path, PathBuf};

use agent_sdk::transfer::Transferred;

use super::PASSWORD_HELP;
use crate::{
    connection::Connection, failure::Failure, output::FormatOption, progress::Bar, text::printable,
    transferred::Outcome,
};

/// Fetch a file from the agent's machine
///
/// The file of this machine is replaced once the whole of the other one is there, and is what it was
/// before otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Get {
    /// The path on the agent's machine
    remote: String,

    /// The file of this machine; `-` is standard output [default: the same name, in this folder]
    local: Option<PathBuf>,

    /// The largest file that is fetched
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 30)]
    max_size: u64,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask get /servers/survival/server.log
  cargo xtask get /backups/backup-1.zip /var/backups/survival.zip
  cargo xtask get /servers/survival/motd.txt -";

impl Get {
    pub async fn run(self) -> Result<(), Failure> {
        let local = self.local()?;
        let agent = self.connection.connect().await?;
        let bar = Bar::new();
        let download = agent.download(&self.remote).max_size(self.max_size).on_progress(bar.show());
        let result = if local == Path::new("-") {
            download.write_to(&mut tokio::io::stdout()).await
        } else {
            download.save_to(&local).await
        };
        bar.clear();
        agent.close().await;
        let done = result?;
        if local == Path::new("-") {
            return Ok(());
        }
        self.tell(&local, &done)
    }

    /// Where the file goes.
    fn local(&self) -> Result<PathBuf, Failure> {
        if let Some(local) = &self.local {
            return Ok(local.clone());
        }
        // The agent may run on another system than this one.
        let name = self.remote.rsplit(['/', '\\']).next().unwrap_or_default();
        if name.is_empty() || name == "." || name == ".." {
            return Err(Failure::usage(format!(
                "`{}` names no file: say where it is to go",
                printable(&self.remote)
            )));
        }
        Ok(PathBuf::from(name))
    }

    fn tell(&self, local: &Path, done: &Transferred) -> Result<(), Failure> {
        let outcome = Outcome::new(&self.remote, local, done);
        self.format.result(&outcome, || outcome.to_string())
    }
}
