//! `generate`: from a snapshot to Rust.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use agent_codegen::{
    Generator, Report,
    snapshot::{self, VersionRange},
};

use crate::{
    failure::Failure,
    generation::{GENERATE, Mode, Plan},
    only::Only,
    output::FormatOption,
    project::{Project, ProjectOption},
    report::print_report,
    text::shell_word,
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

    /// Generate for all versions of the agent in this range, as in `1.1.34..` or `1.1.34..=1.2.0`: the
    /// union of their snapshots, in which what not all have is optional or says so
    #[arg(long, value_name = "RANGE")]
    supporting: Option<VersionRange>,

    /// Generate these actions alone, with commas between them, or those that a file names
    #[arg(long, value_name = "ACTION,…|FILE")]
    only: Option<String>,

    /// An older snapshot, whose types hold where this one has none [default: those before it in
    /// `schemas`]
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,

    /// Write to this new file what the overlay could say of parameters without a type, and nothing
    /// else
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["check", "downstream", "only", "out", "strict"])]
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
  cargo xtask generate --supporting 1.1.34..
  cargo xtask generate --downstream --only server_start,subscribe --out src/actions
  cargo xtask generate --downstream --snapshot mine.json --out src/actions";

impl Generate {
    pub fn run(self) -> Result<(), Failure> {
        let mode = if self.check { Mode::Check } else { Mode::Write };
        let plan = self.plan()?;
        if let Some(path) = &self.draft_overlay {
            return write_new(path, &plan.draft_overlay()?);
        }
        let outcome = plan.run(mode)?;
        print_report(&outcome, mode, "the same command without `--check`", &self.format)
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let Some(snapshot) = self.snapshot.clone() else {
            let mut plan = Plan::of(&self.project.find()?)?;
            self.adjust(&mut plan)?;
            return Ok(plan);
        };
        // A file from outside of the project needs the project only for what is not given.
        let project = self.project.find();
        let own = project.as_ref().ok().filter(|project| project.owns(&snapshot));
        let overlay = own.map(Project::overlay).filter(|path| path.exists());
        // For one version from outside of the project, nothing else is read.
        let (earlier, later) = if own.is_some() || self.supporting.is_some() {
            beside(&snapshot)?
        } else {
            (Vec::new(), Vec::new())
        };
        let out = match &self.out {
            Some(out) => out.clone(),
            None => project?.generated(),
        };
        let mut plan = Plan {
            project: None,
            snapshot,
            overlay,
            out,
            canonical: Vec::new(),
            earlier,
            later,
            supporting: None,
            only: None,
            findings: Report::new(),
            generator: Generator::new(),
            command: String::new(),
            strict: false,
        };
        self.adjust(&mut plan)?;
        Ok(plan)
    }

    fn adjust(&self, plan: &mut Plan) -> Result<(), Failure> {
        if let Some(overlay) = &self.overlay {
            plan.overlay = Some(overlay.clone());
        }
        if let Some(earlier) = &self.earlier {
            plan.earlier = vec![earlier.clone()];
        }
        if let Some(out) = &self.out {
            plan.out.clone_from(out);
        }
        plan.supporting.clone_from(&self.supporting);
        plan.only = self.only.as_deref().map(Only::read).transpose()?;
        plan.strict = self.strict;
        if self.downstream {
            plan.generator = Generator::for_other_crate();
        }
        if let Some(path) = &self.crate_path {
            plan.generator = plan.generator.clone().crate_path(path);
        }
        plan.command = self.command(plan.only.as_ref());
        Ok(())
    }

    /// Returns what makes the same code of the same snapshots, from any folder.
    fn command(&self, only: Option<&Only>) -> String {
        let mut words = vec![GENERATE.to_owned()];
        words.extend(self.downstream.then(|| "--downstream".to_owned()));
        let supporting = self.supporting.as_ref().map(ToString::to_string);
        let project = self.project.find().ok();
        let only = only.map(|only| only.spelled(project.as_ref().map(Project::root)));
        let options =
            [("--crate-path", &self.crate_path), ("--supporting", &supporting), ("--only", &only)];
        for (option, value) in options {
            words.extend(value.as_ref().map(|value| format!("{option} {}", shell_word(value))));
        }
        words.join(" ")
    }
}

/// The older and the newer snapshots in the folder of one.
fn beside(snapshot: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let folder = snapshot.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut earlier = snapshot::files(folder, &mut Report::new())
        .map_err(|error| Failure::file(folder, "searched for snapshots", &error))?;
    let name = snapshot.file_name();
    let at = earlier.iter().position(|path| path.file_name() == name);
    let later = at.map(|at| earlier.split_off(at).split_off(1));
    Ok(later.map(|later| (earlier, later)).unwrap_or_default())
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, content: &str) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::failed(format!(
            "`{}` is there already, and is not written over; name a new file",
            path.display()
        )),
        _ => Failure::file(path, "written", &error),
    })
}
