//! `update`: the morning after an agent replaced itself.

mod tasks;

use std::path::{Path, PathBuf};

use agent_codegen::{
    Code, Overlay, Report, Snapshot,
    diff::Diff,
    snapshot::{self, History, Version},
};
use agent_sdk::{Error, Reply};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use self::tasks::Task;
use super::PASSWORD_HELP;
use crate::{
    cargo,
    catalogue::{self, Catalogue},
    connection::Connection,
    failure::Failure,
    generation::{self, Plan},
    json, live,
    output::{self, FormatOption},
    progress,
    project::{Project, ProjectOption},
    transaction::Change,
};

/// Follow the running agent: fetch, compare, write, generate, compile
///
/// In the end it says what is left to do, with file and line. Until everything that it writes is
/// ready, it changes nothing; interrupted after that, the next command finishes it.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{RESULT_HELP}\n\n{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Update {
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Follow a catalogue that lost more than half of its actions, or that was told to a user who
    /// may not call all of them
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    connection: Connection,
}

const RESULT_HELP: &str = "\
Exit code 1 means that something is left to do: entries of the overlay that
match nothing any more, or source that no longer compiles.";

const EXAMPLES: &str = "\
Examples:
  cargo xtask update --url wss://203.0.113.7 --known-agents ~/.agents
  cargo xtask update --dry-run";

/// How the running agent relates to the snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It has a version that no snapshot has, newer than all of them.
    Newer,
    /// It is older than the newest snapshot.
    Older,
    /// It has the newest version, and another catalogue than its snapshot.
    Other,
    /// It has the catalogue of its version's snapshot.
    Unchanged,
}

/// What was done, and what is left to do; its JSON is the result for a machine.
#[derive(Debug, Serialize)]
struct Updated {
    state: State,
    version: String,
    /// The snapshot of this version.
    #[serde(serialize_with = "json::path")]
    snapshot: PathBuf,
    /// The files that were written, or would be.
    #[serde(serialize_with = "json::paths")]
    written: Vec<PathBuf>,
    /// What changed since the newest snapshot.
    changes: Diff,
    /// What is left to do.
    tasks: Vec<Task>,
}

/// A running agent, as far as it was asked.
struct Running {
    snapshot: Snapshot,
    version: String,
    /// Why the catalogue may be only a part of the agent's, if it may.
    doubt: Option<String>,
}

impl Update {
    pub async fn run(self) -> Result<(), Failure> {
        let project = self.project.find()?;
        let plan = Plan::as_generated(&project)?;
        let running = self.ask().await?;
        let target = project.schemas().join(format!("agent-{}.json", running.version));
        let mut updated = self.compare(&plan, &running, &target)?;
        // Also where nothing changed: the snapshot may be there without its code, by `fetch`.
        self.follow(&project, &plan, &running, &mut updated)?;
        // The result says what was written, whatever becomes of the compiler.
        let compiled = self.compile(&project, &mut updated).await;
        self.format.result(&updated, || updated.text(self.dry_run))?;
        compiled?;
        if updated.tasks.is_empty() {
            return Ok(());
        }
        Err(Failure::check_failed(
            "there is something left to do; the list above says what and where. The compiler may \
             find more once that is done",
        ))
    }

    /// Asks the agent for its catalogue, its version, and what its user may do.
    async fn ask(&self) -> Result<Running, Failure> {
        let agent = self.connection.connect().await?;
        let reply = live::catalogue(&agent).await;
        let who = agent.call_raw("whoami", ());
        let who = progress::with_progress("waiting for what the user may do", who).await;
        agent.close().await;
        let (snapshot, report) = live::snapshot(&agent, &reply?)?;
        if report.has_errors() {
            return Err(Failure::failed(
                "parts of the catalogue are not understood; the lines above say which",
            ));
        }
        let doubt = doubt(who, &snapshot);
        let version = catalogue::version(&self.connection).await?;
        Ok(Running { snapshot, version, doubt })
    }

    /// Compares with the snapshot of the agent's version, or else with the newest one.
    fn compare(&self, plan: &Plan, running: &Running, target: &Path) -> Result<Updated, Failure> {
        let (newest, version) =
            (snapshot::version(&plan.snapshot), Version::read(&running.version));
        // The same version may be written otherwise.
        let own = plan.canonical.iter().find(|path| snapshot::version(path) == version);
        let target = own.map_or(target, PathBuf::as_path);
        let known = own.map(|path| catalogue::read_snapshot(path)).transpose()?;
        let is_known =
            known.as_ref().is_some_and(|it| it.canonical() == running.snapshot.canonical());
        let state = if version < newest {
            State::Older
        } else if is_known {
            State::Unchanged
        } else if version > newest {
            State::Newer
        } else {
            State::Other
        };
        let base = catalogue::read_snapshot(&plan.snapshot)?;
        if matches!(state, State::Newer | State::Other) {
            self.refuse(&base, running)?;
        }
        let overlay = || catalogue::read_overlay(plan.overlay.as_deref());
        let base = Catalogue::new(base, overlay()?);
        let changes = base.diff(&Catalogue::new(running.snapshot.clone(), overlay()?), None)?;
        let written = if is_known { Vec::new() } else { vec![target.to_owned()] };
        let (version, snapshot) = (running.version.clone(), target.to_owned());
        Ok(Updated { state, version, snapshot, written, changes, tasks: Vec::new() })
    }

    /// An error for a catalogue that is likely only a part of the agent's.
    fn refuse(&self, before: &Snapshot, running: &Running) -> Result<(), Failure> {
        let after = running.snapshot.actions();
        let lost = before.actions().keys().filter(|name| !after.contains_key(*name)).count();
        let reason = if lost * 2 > before.actions().len() {
            format!("{lost} of {} actions are gone", before.actions().len())
        } else if let Some(doubt) = &running.doubt {
            doubt.clone()
        } else {
            return Ok(());
        };
        if self.force {
            output::note(format!("{reason}; followed by --force"));
            return Ok(());
        }
        Err(Failure::failed(format!(
            "{reason}, so this may be only a part of the agent's catalogue, and nothing was \
             written; log in as root, or follow it by --force"
        )))
    }

    /// Writes the snapshot, its entry in the changelog and the code, and finds what is left to do in the
    /// overlay.
    fn follow(
        &self,
        project: &Project,
        plan: &Plan,
        running: &Running,
        updated: &mut Updated,
    ) -> Result<(), Failure> {
        let mut report = Report::new();
        let overlay = match &plan.overlay {
            Some(path) => Overlay::read(path, &mut report),
            None => Some(Overlay::default()),
        };
        let overlay = overlay
            .ok_or_else(|| Failure::failed(format!("the overlay cannot be used:\n{report}")))?;
        let code = generate(plan, running, updated, &overlay, &mut report)?;
        updated.tasks = tasks::of_overlay(&report);
        let others = files(project, running, updated)?;
        let (_, generated) = generation::changes(&code, &plan.out)?;
        let changes: Vec<_> = others.into_iter().chain(generated).collect();
        updated.written = changes.iter().map(|change| change.path.clone()).collect();
        if self.dry_run { Ok(()) } else { project.commit(&changes) }
    }

    /// Compiles what was written, and finds what is left to do in the source.
    async fn compile(&self, project: &Project, updated: &mut Updated) -> Result<(), Failure> {
        let has_workspace = project.root().join("Cargo.toml").exists();
        if self.dry_run || !has_workspace || updated.written.is_empty() {
            return Ok(());
        }
        let check = cargo::check(project.root());
        let errors = progress::with_progress("compiling the workspace", check).await?;
        updated.tasks.extend(tasks::of_compiler(errors, &updated.changes));
        Ok(())
    }
}

/// The files beside the code: the snapshot if it is new, and then its entry in the changelog.
fn files(project: &Project, running: &Running, updated: &Updated) -> Result<Vec<Change>, Failure> {
    if updated.written.is_empty() {
        return Ok(Vec::new());
    }
    let path = project.schemas().join("CHANGELOG.md");
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => CHANGELOG.to_owned(),
        Err(error) => return Err(Failure::file(&path, "read", &error)),
    };
    let today = OffsetDateTime::now_utc().date();
    let text = with_entry(&before, &updated.entry(&today.to_string()));
    let snapshot =
        Change { path: updated.snapshot.clone(), content: Some(running.snapshot.canonical()) };
    Ok(vec![Change { path, content: Some(text) }, snapshot])
}

/// Why the agent may have told only a part of its catalogue to this user, by the answer to `whoami`.
fn doubt(who: Result<Reply, Error>, snapshot: &Snapshot) -> Option<String> {
    let doubt = || Some("this user may not call every action".to_owned());
    let who: Value = match who {
        Ok(reply) => reply.decode().ok()?,
        // An agent that does not have the action rejects it, too.
        Err(Error::Rejected(_)) if snapshot.actions().contains_key("whoami") => return doubt(),
        Err(_) => return None,
    };
    let permissions = who.get("permissions")?.as_array()?;
    let may_all = permissions.iter().any(|permission| permission == "*");
    if may_all { None } else { doubt() }
}

/// The code of the newest catalogue, once the running agent's is among the snapshots.
fn generate(
    plan: &Plan,
    running: &Running,
    updated: &Updated,
    overlay: &Overlay,
    report: &mut Report,
) -> Result<Code, Failure> {
    let mut paths = plan.canonical.clone();
    if !paths.contains(&updated.snapshot) {
        paths.push(updated.snapshot.clone());
    }
    paths.sort_by_cached_key(|path| (snapshot::version(path), path.clone()));
    let read = |path: &PathBuf| -> Result<Snapshot, Failure> {
        if *path != updated.snapshot {
            return catalogue::read_snapshot(path);
        }
        let (name, text) = (path.display().to_string(), running.snapshot.canonical());
        let snapshot = Snapshot::from_bytes(&name, text.as_bytes(), &mut Report::new());
        snapshot.ok_or_else(|| Failure::failed("the agent's catalogue cannot be written"))
    };
    let history = History::new(paths.iter().map(read).collect::<Result<_, _>>()?);
    let snapshot = plan.select(&history, report);
    let snapshot = snapshot.ok_or_else(|| Failure::failed("there is no snapshot"))?;
    Ok(plan.generator().generate(&snapshot, overlay, report))
}

/// What a changelog of catalogues begins with.
const CHANGELOG: &str = "\
# What agents changed

An entry for each snapshot, from the last one that was captured to the first; `cargo xtask update`
adds them, and people may edit them.
";

/// Puts an entry before the others, unless a run that was killed has put it there.
fn with_entry(changelog: &str, entry: &str) -> String {
    if changelog.contains(entry) {
        return changelog.to_owned();
    }
    match changelog.find("\n## ") {
        Some(at) => {
            let (before, after) = changelog.split_at(at + 1);
            format!("{before}{entry}\n{after}")
        }
        None => format!("{}\n\n{entry}", changelog.trim_end()),
    }
}

impl Updated {
    /// The entry in the changelog.
    fn entry(&self, date: &str) -> String {
        let title = format!("## {} ({date})", self.version);
        let changes = self.changes.changelog();
        let introduction = match self.state {
            State::Other => "The same version, with another catalogue than before.",
            State::Older => {
                "Captured from an agent that is older than the newest snapshot; compared with that:"
            }
            State::Newer | State::Unchanged if changes.is_empty() => {
                "The catalogue is that of the version before."
            }
            State::Newer | State::Unchanged => return format!("{title}\n\n{changes}"),
        };
        let changes = if changes.is_empty() { changes } else { format!("\n{changes}") };
        format!("{title}\n\n{introduction}\n{changes}")
    }

    fn text(&self, dry_run: bool) -> String {
        let path = self.snapshot.display();
        let version = &self.version;
        let state = match self.state {
            State::Newer => format!("the agent is newer: {version}"),
            State::Other => {
                format!(
                    "the agent is {version} as before, with another catalogue than `{path}` had"
                )
            }
            State::Older => format!(
                "the agent is older than the newest snapshot: {version}; the code follows the newest, and \
                 this is what differs there"
            ),
            State::Unchanged => {
                format!("nothing changed: the agent has the catalogue of `{path}`")
            }
        };
        let mut lines = vec![state];
        if self.state != State::Unchanged {
            let changes = self.changes.draw(false).trim_end().to_owned();
            lines.splice(0..0, [changes, String::new()]);
        }
        let verb = if dry_run { "would write" } else { "wrote" };
        let (code, others): (Vec<_>, Vec<_>) = self.written.iter().partition(|it| is_rust(it));
        lines.extend(others.iter().map(|path| format!("{verb} {}", path.display())));
        if let Some(folder) = code.first().and_then(|path| path.parent()) {
            lines.push(format!("{verb} {} files in {}", code.len(), folder.display()));
        }
        if !self.tasks.is_empty() {
            lines.push("\nleft to do:".to_owned());
        }
        lines.extend(self.tasks.iter().map(|task| format!("- {task}")));
        lines.join("\n")
    }
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_before_the_others_and_after_the_introduction() {
        let first = with_entry(CHANGELOG, "## 1 (2026-11-25)\n\n- One.\n");
        assert!(
            first.starts_with(CHANGELOG)
                && first.ends_with("them.\n\n## 1 (2026-11-25)\n\n- One.\n")
        );
        let second = with_entry(&first, "## 2 (2026-11-26)\n\n- Two.\n");
        assert!(second.ends_with("- Two.\n\n## 1 (2026-11-25)\n\n- One.\n"), "{second}");
        assert_eq!(second.matches("# What agents changed").count(), 1);
        assert_eq!(with_entry(&second, "## 2 (2026-11-26)\n\n- Two.\n"), second);
    }
}
