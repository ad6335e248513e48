//! `put`: a file to the agent's machine.

use std::path::{Path, PathBuf};

use super::PASSWORD_HELP;
use crate::{
    connection::Connection, failure::Failure, output::FormatOption, progress::Bar,
    transferred::Outcome,
};

/// Send a file to the agent's machine
///
/// A file that is there already is replaced by the agent as it sees fit.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Put {
    /// The file of this machine; `-` is standard input
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
  date | cargo xtask put - /servers/survival/motd.txt --password-file FILE";

impl Put {
    pub async fn run(self) -> Result<(), Failure> {
        let is_stdin = self.local == Path::new("-");
        if is_stdin && self.connection.password.is_stdin() {
            return Err(Failure::usage(
                "standard input cannot hold both the password and the file",
            ));
        }
        let agent = self.connection.connect().await?;
        let bar = Bar::new();
        let upload = agent.upload(&self.remote).max_size(self.max_size).on_progress(bar.show());
        let result = if is_stdin {
            upload.send_reader(&mut tokio::io::stdin()).await
        } else {
            upload.send_file(&self.local).await
        };
        bar.clear();
        agent.close().await;
        let outcome = Outcome::new(&self.remote, &self.local, &result?);
        self.format.result(&outcome, || outcome.to_string())
    }
}
