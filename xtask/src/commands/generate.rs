//! `generate`: from a snapshot to Rust.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use agent_codegen::{Generator, Report};

use crate::{
    failure::Failure,
    generation::{Mode, Plan},
    output::FormatOption,
    project::ProjectOption,
    report::print_report,
};

/// Generate the typed actions from a snapshot
///
/// Without --snapshot, the project's own snapshots are brought into the canonical form too.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Generate {
    /// The snapshot [default: the newest in `schemas`]
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// What people know and the snapshot does not say [default: schemas/overlay.toml for the
    /// project's own snapshots, none for others]
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,

    /// The folder to write to [default: agent-sdk/src/generated]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Write nothing; exit with 1 if anything is not as it would be written
    #[arg(long)]
    check: bool,

    /// Take warnings for errors
    #[arg(long)]
    strict: bool,

    /// Generate for another crate: with absolute paths, and the methods on an
    /// `Agent` of its own, which is made of the SDK's
    #[arg(long, requires = "out")]
    downstream: bool,

    /// By which path the other crate knows the SDK [default: `::agent_sdk`]
    #[arg(long, value_name = "PATH", requires = "downstream")]
    crate_path: Option<String>,

    /// An older snapshot, whose types hold where this one has none [default: those before it in
    /// `schemas`]
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,

    /// Write to this new file what the overlay could say of parameters without a type, and nothing
    /// else
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    draft_overlay: Option<PathBuf>,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    format: FormatOption,
}

const AFTER_HELP: &str = "\
Exit code 3 means that the input could not be read, or only in part: what could
be made of it is written all the same.

Examples:
  cargo xtask generate
  cargo xtask generate --check --format json
  cargo xtask generate --draft-overlay more.toml
  cargo xtask generate --downstream --snapshot mine.json --out src/actions";

impl Generate {
    pub fn run(self) -> Result<(), Failure> {
        let mode = if self.check { Mode::Check } else { Mode::Write };
        let plan = self.plan()?;
        if let Some(path) = &self.draft_overlay {
            return write_new(path, &plan.draft_overlay()?);
        }
        let outcome = plan.run(mode)?;
        print_report(&outcome, mode, &self.format)
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let Some(snapshot) = self.snapshot.clone() else {
            let mut plan = Plan::of(&self.project.find()?)?;
            self.adjust(&mut plan);
            return Ok(plan);
        };
        // A file of somebody's own needs the project only for what is not given.
        let project = self.project.find();
        let own = project.as_ref().ok().filter(|project| project.owns(&snapshot));
        let overlay = own.map(crate::project::Project::overlay).filter(|path| path.exists());
        let earlier = own.map(|project| project.snapshots_before(&snapshot)).transpose()?;
        let out = match &self.out {
            Some(out) => out.clone(),
            None => project?.generated(),
        };
        let mut plan = Plan {
            snapshot,
            overlay,
            out,
            canonical: Vec::new(),
            earlier: earlier.unwrap_or_default(),
            findings: Report::new(),
            generator: Generator::new(),
            strict: false,
        };
        self.adjust(&mut plan);
        Ok(plan)
    }

    fn adjust(&self, plan: &mut Plan) {
        if let Some(overlay) = &self.overlay {
            plan.overlay = Some(overlay.clone());
        }
        if let Some(earlier) = &self.earlier {
            plan.earlier = vec![earlier.clone()];
        }
        if let Some(out) = &self.out {
            plan.out.clone_from(out);
        }
        if self.downstream {
            plan.generator = Generator::for_other_crate();
        }
        if let Some(path) = &self.crate_path {
            let command = format!("cargo xtask generate --downstream --crate-path {path}");
            plan.generator = plan.generator.clone().crate_path(path).command(command);
        }
        plan.strict = self.strict;
    }
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, content: &str) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|error| Failure::file(path, "written", &error))
}
