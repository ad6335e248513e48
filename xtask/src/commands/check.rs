//! `check`: whether snapshots, generated code and running agent agree.

use std::path::Path;

use agent_codegen::{
    Overlay, Report, Snapshot,
    diff::{Diff, Side},
    snapshot::{self, Version},
};

use super::PASSWORD_HELP;
use crate::{
    catalogue::{self, Catalogue, FailOn},
    connection::Connection,
    failure::Failure,
    generation::{Altered, Live, Mode, Plan},
    git,
    only::Only,
    output::{self, FormatOption},
    project::{Project, ProjectOption},
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

    /// Fail where a snapshot that this revision has was altered or removed
    #[arg(long, value_name = "REV")]
    against: Option<String>,

    /// With --live: which changes to fail on
    #[arg(long, value_enum, default_value = "breaking", requires = "live")]
    fail_on: FailOn,

    /// With --live: judge these actions alone, with commas between them, or those that a file names
    #[arg(long, value_name = "ACTION,…|FILE", requires = "live")]
    only: Option<String>,

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
  cargo xtask check --against origin/main
  cargo xtask check --live --url wss://203.0.113.7 --known-agents ~/.agents";

impl Check {
    pub async fn run(self) -> Result<(), Failure> {
        if !self.live {
            self.connection.refuse_agent("add --live")?;
        }
        let only = self.only.as_deref().map(Only::read).transpose()?;
        let project = self.project.find()?;
        let plan = Plan::as_generated(&project)?;
        let mut outcome = plan.run(Mode::Check)?;
        if let Some(revision) = &self.against {
            outcome.altered = altered(&project, revision)?;
        }
        if self.live {
            outcome.live = Some(self.compare(&plan, only.as_ref()).await?);
        }
        print_report(&outcome, Mode::Check, &format!("`{}`", plan.command), &self.format)
    }

    /// What the running agent changed of the newest snapshot.
    async fn compare(&self, plan: &Plan, only: Option<&Only>) -> Result<Live, Failure> {
        let overlay = || catalogue::read_overlay(plan.overlay.as_deref());
        let running = Catalogue::new(catalogue::running(&self.connection).await?, overlay()?);
        // An older agent is what its own snapshot says, if that is there.
        let version = catalogue::version(&self.connection).await.ok();
        let version = version.and_then(|version| Version::read(&version));
        let own = plan.canonical.iter().find(|path| snapshot::version(path) == version);
        let path = own.unwrap_or(&plan.snapshot);
        if version.is_some() && version < snapshot::version(&plan.snapshot) {
            output::note(format!(
                "the agent is older than `{}`; it is compared with `{}`",
                plan.snapshot.display(),
                path.display()
            ));
        }
        let ours = Catalogue::new(catalogue::read_snapshot(path)?, overlay()?);
        let changes = ours.diff(&running, only)?;
        let fails = self.fail_on.fails(changes.verdict());
        Ok(Live { snapshot: path.clone(), changes, fails })
    }
}

/// The snapshots that are not as a revision has them.
fn altered(project: &Project, revision: &str) -> Result<Vec<Altered>, Failure> {
    let folder = project.schemas();
    let names = git::list(&folder, revision)?;
    let is_snapshot = |name: &String| snapshot::version(Path::new(name)).is_some();
    let mut altered = Vec::new();
    for name in names.into_iter().filter(is_snapshot) {
        let path = folder.join(&name);
        if !path.exists() {
            altered.push(Altered { path, changes: None });
            continue;
        }
        let mut report = Report::new();
        let bytes = git::show(&folder, &format!("{revision}:./{name}"))?;
        let before = Snapshot::from_bytes(&name, &bytes, &mut report);
        // One that was none may become one.
        let (Some(before), Some(after)) = (before, Snapshot::read(&path, &mut report)) else {
            continue;
        };
        if before.canonical() != after.canonical() {
            let nothing = Overlay::default();
            let sides = (Side::new(&before, &nothing), Side::new(&after, &nothing));
            altered.push(Altered { path, changes: Some(Diff::between(&sides.0, &sides.1)) });
        }
    }
    Ok(altered)
}
