//! `fetch`: the catalogue of a running agent, as a snapshot.

use std::{
    io,
    path::{Path, PathBuf},
};

use agent_codegen::{Snapshot, emit::write_whole};
use serde::Serialize;

use super::PASSWORD_HELP;
use crate::{
    catalogue::{self, Catalogue},
    connection::Connection,
    failure::Failure,
    live,
    output::FormatOption,
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
        let changes = self.changes(&snapshot);
        let path = match self.out.clone() {
            Some(path) => path,
            None => self.default_path().await?,
        };
        let text = snapshot.canonical();
        let is_new = std::fs::read(&path).map_or(true, |before| before != text.as_bytes());
        if is_new {
            write(&path, &text)?;
        }
        let fetched = Fetched { path, actions: snapshot.actions().len(), changed: is_new };
        let lines = [Some(fetched.text()), changes];
        let text = || lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        self.format.result(&fetched, text)?;
        if report.has_errors() {
            return Err(Failure::failed(
                "parts of the catalogue are not understood; the findings above say which",
            ));
        }
        Ok(())
    }

    /// The snapshot's place in the project, by the version that the agent tells.
    async fn default_path(&self) -> Result<PathBuf, Failure> {
        let folder = self.project.find()?.schemas();
        let version = catalogue::version(&self.connection).await?;
        Ok(folder.join(format!("agent-{version}.json")))
    }

    /// What changed since the newest snapshot of the project, in a line; nothing without one.
    fn changes(&self, snapshot: &Snapshot) -> Option<String> {
        let project = self.project.find().ok()?;
        let newest = project.newest_snapshot().ok()?;
        let overlay = catalogue::overlay_of(Some(&project));
        let overlay = || catalogue::read_overlay(overlay.as_deref()).ok();
        let before = Catalogue::new(catalogue::read_snapshot(&newest).ok()?, overlay()?);
        let after = Catalogue::new(snapshot.clone(), overlay()?);
        let changes = before.diff(&after, None).ok()?.summary();
        Some(format!("since `{}`: {changes}", newest.display()))
    }
}

impl Fetched {
    fn text(&self) -> String {
        let how = if self.changed { "written" } else { "unchanged" };
        format!("{}: {} actions, {how}", self.path.display(), self.actions)
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let result: io::Result<()> = write_whole(path, content);
    result.map_err(|error| Failure::file(path, "written", &error))
}
