//! `fetch`: the catalogue of a running agent, as a snapshot.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use agent_codegen::{Snapshot, emit::write_whole};
use agent_sdk::{Agent, Reply};
use serde::Serialize;

use super::PASSWORD_HELP;
use crate::{
    catalogue::{self, Catalogue},
    connection::{Connection, Target, Targets},
    failure::Failure,
    fleet::{self, Outcome, Verdict},
    json, live,
    output::FormatOption,
    project::{Project, ProjectOption},
    text::printable,
};

/// Fetch a running agent's catalogue and write it as a snapshot
///
/// Of several agents, one snapshot is written for each version. Those of one version have to agree:
/// where they do not, nothing is written of it, and both are named.
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
  cargo xtask fetch --out now.json --raw-out reply.json
  cargo xtask fetch --all";

/// The result for a machine.
#[derive(Serialize)]
struct Fetched {
    #[serde(serialize_with = "json::path")]
    path: PathBuf,
    actions: usize,
    /// Whether the file was not there or held something else.
    changed: bool,
    /// What changed since the newest snapshot of the project, in a line.
    #[serde(skip)]
    since: Option<String>,
}

/// What an agent said.
struct Told {
    snapshot: Snapshot,
    version: String,
}

/// Ends a command whose snapshot was written.
const PARTLY: &str = "parts of the catalogue are not understood; the findings above say which";

impl Fetch {
    pub async fn run(self) -> Result<(), Failure> {
        match self.connection.targets()? {
            Targets::One(target) => self.fetch(&target).await,
            Targets::Several { all, one_by_one } => self.fetch_all(all, one_by_one).await,
        }
    }

    async fn fetch(&self, target: &Target) -> Result<(), Failure> {
        // Before the agent is asked.
        if self.out.is_none() {
            self.project.find()?;
        }
        if self.out.is_some() && self.out == self.raw_out {
            return Err(Failure::usage(
                "--out and --raw-out name the same file: give each one of its own",
            ));
        }
        for path in [&self.out, &self.raw_out].into_iter().flatten() {
            if path == Path::new("-") {
                return Err(Failure::usage(
                    "standard output has the result: name a file for the snapshot",
                ));
            }
            Failure::unless_writable(path)?;
        }
        let (agent, reply) = ask(target).await?;
        if let Some(path) = &self.raw_out {
            write(path, reply.message())?;
        }
        let (snapshot, report) = live::snapshot(&agent, &reply)?;
        let since = self.changes(&snapshot)?;
        let path = match self.out.clone() {
            Some(path) => path,
            None => self.default_path(&catalogue::version_of(target).await?)?,
        };
        let fetched = keep(path, &snapshot, since)?;
        self.format.result(&fetched, || fetched.to_string())?;
        if report.has_errors() { Err(Failure::failed(PARTLY)) } else { Ok(()) }
    }

    /// Writes a snapshot for each version. Agents of one version that have different catalogues are
    /// refused, and nothing is written of that version.
    async fn fetch_all(&self, targets: Vec<Target>, one_by_one: bool) -> Result<(), Failure> {
        if self.out.is_some() || self.raw_out.is_some() {
            return Err(Failure::usage(
                "--out and --raw-out are for one agent: of several, each version has a snapshot of its \
                 own in `schemas`",
            ));
        }
        // Before any agent is asked.
        self.project.find()?;
        let mut outcomes = Vec::new();
        let mut verdict = Verdict::of(targets.len());
        // The results are reported below, once all are known.
        let _ = fleet::each(
            targets,
            one_by_one,
            async |target| told(&target).await,
            |outcome| {
                outcomes.push(outcome);
                Ok(())
            },
        )
        .await;
        let catalogues = Catalogues::of(&outcomes);
        for Outcome { agent, result, is_tried } in outcomes {
            let result = result.and_then(|told| {
                catalogues.refuse_conflict(&agent, &told)?;
                let since = self.changes(&told.snapshot)?;
                keep(self.default_path(&told.version)?, &told.snapshot, since)
            });
            let outcome = Outcome { agent, result, is_tried };
            fleet::print(&self.format, &outcome)?;
            verdict.add(&outcome);
        }
        verdict.reached()
    }

    /// The snapshot's place in the project, by the version that the agent tells.
    fn default_path(&self, version: &str) -> Result<PathBuf, Failure> {
        Ok(self.project.find()?.schemas().join(format!("agent-{version}.json")))
    }

    /// What changed since the newest snapshot of the project, in a line; nothing without one.
    fn changes(&self, snapshot: &Snapshot) -> Result<Option<String>, Failure> {
        let project = self.project.find_if_any()?;
        Ok(project.and_then(|project| changes(&project, snapshot)))
    }
}

/// The same within a project.
fn changes(project: &Project, snapshot: &Snapshot) -> Option<String> {
    let newest = project.newest_snapshot().ok()?;
    let overlay = catalogue::overlay_of(Some(project));
    let overlay = || catalogue::read_overlay(overlay.as_deref()).ok();
    let before = Catalogue::new(catalogue::read_snapshot(&newest).ok()?, overlay()?);
    let after = Catalogue::new(snapshot.clone(), overlay()?);
    let changes = before.diff(&after, None).ok()?.summary();
    Some(format!("since `{}`: {changes}", newest.display()))
}

/// Asks an agent for its catalogue.
async fn ask(target: &Target) -> Result<(Agent, Reply), Failure> {
    let agent = target.connect().await?;
    let reply = live::catalogue(&agent).await;
    agent.close().await;
    Ok((agent, reply?))
}

/// Asks one of several agents.
async fn told(target: &Target) -> Result<Told, Failure> {
    let (agent, reply) = ask(target).await?;
    let (snapshot, report) = live::snapshot(&agent, &reply)?;
    if report.has_errors() {
        return Err(Failure::failed(PARTLY));
    }
    Ok(Told { snapshot, version: catalogue::version_of(target).await? })
}

/// The catalogues of several agents by version, with the agent that told each first.
struct Catalogues(BTreeMap<String, Vec<(String, String)>>);

impl Catalogues {
    fn of(outcomes: &[Outcome<Told>]) -> Self {
        let mut catalogues = BTreeMap::<String, Vec<(String, String)>>::new();
        for outcome in outcomes {
            let Ok(told) = &outcome.result else { continue };
            let known = catalogues.entry(told.version.clone()).or_default();
            let text = told.snapshot.canonical();
            if known.iter().all(|(_, other)| *other != text) {
                known.push((outcome.agent.clone(), text));
            }
        }
        Self(catalogues)
    }

    fn refuse_conflict(&self, agent: &str, told: &Told) -> Result<(), Failure> {
        let text = told.snapshot.canonical();
        let known = self.0.get(&told.version).into_iter().flatten();
        let mut others = known.filter(|(other, catalogue)| other != agent && *catalogue != text);
        let Some((other, _)) = others.next() else { return Ok(()) };
        Err(Failure::check_failed(format!(
            "its catalogue of version {} is another than that of `{}`: nothing is written of this \
             version; `fetch --agent NAME --out FILE` writes one of them, and `diff` tells what differs",
            printable(&told.version),
            printable(other)
        )))
    }
}

/// Writes a snapshot, if the file holds something else.
fn keep(path: PathBuf, snapshot: &Snapshot, since: Option<String>) -> Result<Fetched, Failure> {
    let text = snapshot.canonical();
    // Of a pipe, nothing can be read back.
    let is_same = || std::fs::read(&path).is_ok_and(|before| before == text.as_bytes());
    let changed = !(path.is_file() && is_same());
    if changed {
        write(&path, &text)?;
    }
    Ok(Fetched { path, actions: snapshot.actions().len(), changed, since })
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.changed { "written" } else { "unchanged" };
        write!(f, "{}: {} actions, {how}", self.path.display(), self.actions)?;
        self.since.iter().try_for_each(|since| write!(f, "\n{since}"))
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let result: io::Result<()> = write_whole(path, content);
    result.map_err(|error| Failure::file(path, "written", &error))
}
