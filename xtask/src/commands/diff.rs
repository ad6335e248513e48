//! `diff`: what changed between two catalogues, and what breaks.

use std::{io, path::PathBuf};

use agent_codegen::{
    Report,
    diff::{Diff, Verdict},
};

use super::PASSWORD_HELP;
use crate::{
    catalogue::{self, Catalogue, FailOn, LIVE},
    connection::Connection,
    failure::Failure,
    only::Only,
    output::{self, FormatOption},
    project::ProjectOption,
};

/// Show what changed between two catalogues, and what breaks
///
/// Each side is a snapshot's file, `REV:path` from git, or `live` for the running agent.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{RESULT_HELP}\n\n{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct DiffCommand {
    /// The older side [default: the newest snapshot but one]
    old: Option<String>,

    /// The newer side [default: the newest snapshot]; `live` alone compares the newest snapshot
    /// with the running agent
    new: Option<String>,

    #[command(flatten)]
    format: FormatOption<Format>,

    /// Exit with 1 on such changes
    #[arg(long, value_enum, default_value = "never")]
    fail_on: FailOn,

    /// Judge these actions alone, with commas between them, or those that a file names; the rest is
    /// counted
    #[arg(long, value_name = "ACTION,…|FILE")]
    only: Option<String>,

    /// What people know and the catalogues do not say [default: the `overlay.toml` beside each; where
    /// there is none, schemas/overlay.toml]
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

/// The forms of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For machines: one JSON document, as `schemas/diff.schema.json` describes it.
    Json,
    /// For a pull request.
    Markdown,
    /// For the lines of a file in a pull request: workflow commands.
    Github,
}

const RESULT_HELP: &str = "\
Each change has two verdicts: on the wire, for an SDK made from the older side
at an agent of the newer one, and in Rust, for source that uses the older code.";

const EXAMPLES: &str = "\
Examples:
  cargo xtask diff
  cargo xtask diff live --url wss://203.0.113.7 --known-agents ~/.agents
  cargo xtask diff main:schemas/agent-1.1.34.json schemas/agent-1.2.0.json
  cargo xtask diff --only server_start,subscribe --fail-on breaking
  cargo xtask diff --format markdown > comment.md";

impl DiffCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let only = self.only.as_deref().map(Only::read).transpose()?;
        let (old, new) = self.sides()?;
        if ![&old, &new].contains(&&LIVE.to_owned()) {
            self.connection.refuse_agent("`live` is the side of the running agent")?;
        }
        let project = self.project.find_if_any()?;
        let of_project = catalogue::overlay_of(project.as_ref());
        let (asked, of_project) = (self.overlay.as_deref(), of_project.as_deref());
        let read = async |name| Catalogue::named(name, asked, of_project, &self.connection).await;
        let (old, new) = (read(&old).await?, read(&new).await?);
        let diff = old.diff(&new, only.as_ref())?;
        self.print(&diff)?;
        if self.fail_on.fails(diff.verdict()) {
            return Err(Failure::check_failed(match diff.verdict() {
                Verdict::Breaking => "the newer catalogue breaks what worked with the older one",
                _ => "the catalogues differ",
            }));
        }
        Ok(())
    }

    /// The names of both sides. Those that were not given are told.
    fn sides(&self) -> Result<(String, String), Failure> {
        if let (Some(old), Some(new)) = (&self.old, &self.new) {
            return Ok((old.clone(), new.clone()));
        }
        let mut report = Report::new();
        let mut snapshots = self.project.find()?.snapshots(&mut report)?;
        if !report.is_empty() {
            output::print_message(report.draw(false));
        }
        let mut newest = || {
            let path = snapshots.pop()?;
            Some(path.to_string_lossy().into_owned())
        };
        let new = newest().unwrap_or_default();
        let (old, new) = match self.old.as_deref() {
            Some(LIVE) => (new, LIVE.to_owned()),
            Some(old) => (old.to_owned(), new),
            None => match newest() {
                Some(old) => (old, new),
                None => {
                    return Err(Failure::failed(format!(
                        "there is only one snapshot, `{new}`; name the other side: `live`, or \
                         `REV:path` from git, such as `cargo xtask diff HEAD~1:schemas/…`"
                    )));
                }
            },
        };
        output::note(format!("compares `{old}` with `{new}`"));
        Ok((old, new))
    }

    fn print(&self, diff: &Diff) -> Result<(), Failure> {
        match self.format.format {
            Format::Text => output::drawn(diff.draw(output::has_colours(&io::stdout())).trim_end()),
            Format::Markdown => output::result(diff.markdown().trim_end()),
            Format::Github => output::result(diff.annotations().trim_end()),
            Format::Json => output::json(diff),
        }
    }
}
