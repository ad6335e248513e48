//! `fetch`: the catalogue of a running agent, as a snapshot.

use std::{
    io,
    path::{Path, PathBuf},
};

use agent_codegen::{emit::write_whole, snapshot::Version};
use serde::Serialize;

use super::PASSWORD_HELP;
use crate::{
    connection::Connection, failure::Failure, live, output::FormatOption, progress,
    project::ProjectOption,
};

/// Fetch a running agent's catalogue and write it as a snapshot
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Fetch {
    /// Where to; `schemas/agent-<version>.json` unless given, by the version that the agent tells
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Keep the reply as it came too, also when it cannot be understood
    #[arg(long, value_name = "FILE")]
    raw_out: Option<PathBuf>,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask fetch --url wss://203.0.113.7 --fingerprint sha256:9f86d081...
  cargo xtask fetch --out now.json --raw-out reply.json";

/// The result for a machine.
#[derive(Serialize)]
struct Fetched {
    path: PathBuf,
    actions: usize,
    /// Whether the file was not there or held something else.
    changed: bool,
}

impl Fetch {
    pub async fn run(self) -> Result<(), Failure> {
        let agent = self.connection.connect().await?;
        let reply = live::catalogue(&agent).await;
        agent.close().await;
        let reply = reply?;
        if let Some(path) = &self.raw_out {
            write(path, reply.message())?;
        }
        let (snapshot, report) = live::snapshot(&agent, &reply)?;
        let path = match self.out.clone() {
            Some(path) => path,
            None => self.default_path().await?,
        };
        let text = snapshot.canonical();
        let changed = std::fs::read(&path).map_or(true, |before| before != text.as_bytes());
        if changed {
            write(&path, &text)?;
        }
        let fetched = Fetched { path, actions: snapshot.actions().len(), changed };
        self.format.result(&fetched, || fetched.text())?;
        if report.has_errors() {
            return Err(Failure::failed(
                "parts of the catalogue are not understood; what stands above says which",
            ));
        }
        Ok(())
    }

    /// The snapshot's place in the project, by the version that the agent tells.
    async fn default_path(&self) -> Result<PathBuf, Failure> {
        let folder = self.project.find()?.schemas();
        let health = self.connection.builder()?.health();
        let health = progress::with_progress("waiting for the agent's version", health).await?;
        let version = health.version().filter(|version| is_file_name(version));
        let version = version.ok_or_else(|| {
            Failure::failed(
                "the agent's health check tells no version that can name a file; say where to \
                 write by --out FILE",
            )
        })?;
        Ok(folder.join(format!("agent-{version}.json")))
    }
}

impl Fetched {
    fn text(&self) -> String {
        let how = if self.changed { "written" } else { "unchanged" };
        format!("{}: {} actions, {how}", self.path.display(), self.actions)
    }
}

/// Whether a version, which comes from the network, is safe as a part of a file's name, and tells
/// which snapshot is newer.
fn is_file_name(version: &str) -> bool {
    version.len() <= 64 && Version::read(version).is_some()
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let result: io::Result<()> = write_whole(path, content);
    result.map_err(|error| Failure::file(path, "written", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_from_the_network_cannot_leave_the_folder() {
        for version in ["1.1.34", "2.0.0-rc.1+build_7"] {
            assert!(is_file_name(version), "{version}");
        }
        let long = format!("1-{}", "a".repeat(64));
        for version in ["", "../../etc/passwd", "1/2", "1\\2", "1\0", "ä", "latest", &long] {
            assert!(!is_file_name(version), "{version}");
        }
    }
}
