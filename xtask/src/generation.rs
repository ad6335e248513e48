//! From the snapshots to the generated code: what `generate`, `check` and `demo` share.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use agent_codegen::{
    Code, Generator, Overlay, Report, Snapshot,
    diff::Diff,
    emit::{Difference, FilesError},
    snapshot::{Action, History, VersionRange},
};
use serde::Serialize;
use similar::TextDiff;

use crate::{failure::Failure, json, only::Only, project::Project, transaction::Change};

/// What makes the code of the project itself, unless it was asked for otherwise.
pub const GENERATE: &str = "cargo xtask generate";

/// From what, how, and where to.
#[derive(Debug)]
pub struct Plan {
    /// The project whose own code it is; `None` for code from a user's own file.
    pub project: Option<Project>,
    pub snapshot: PathBuf,
    /// `None` where nothing is known beyond the catalogue.
    pub overlay: Option<PathBuf>,
    pub out: PathBuf,
    /// Snapshots that are held to the canonical form.
    pub canonical: Vec<PathBuf>,
    /// Older snapshots, from the oldest to the newest: they tell types that the snapshot does not, and
    /// since when there is what they have not.
    pub earlier: Vec<PathBuf>,
    /// Newer snapshots, from the oldest to the newest.
    pub later: Vec<PathBuf>,
    /// The versions of which the union is generated; `None` for the snapshot alone.
    pub supporting: Option<VersionRange>,
    /// The actions that are generated; `None` for all.
    pub only: Option<Only>,
    /// What was found on the way to this plan.
    pub findings: Report,
    pub generator: Generator,
    /// What makes the same code of the same snapshots; the files name it.
    pub command: String,
    pub strict: bool,
}

/// What came of it; its JSON is the result for a machine.
#[derive(Debug, Serialize)]
pub struct Outcome {
    #[serde(serialize_with = "json::path")]
    pub snapshot: PathBuf,
    #[serde(serialize_with = "json::path")]
    out: PathBuf,
    /// Snapshots that are not, or were not, in the canonical form.
    #[serde(serialize_with = "json::paths")]
    pub not_canonical: Vec<PathBuf>,
    /// Those of them whose lines end with CRLF, and which are canonical apart from that.
    #[serde(skip)]
    crlf: Vec<PathBuf>,
    /// Generated files that are not, or were not, as they should be.
    pub differences: Vec<Difference>,
    /// What was found while reading and generating.
    #[serde(rename = "diagnostics")]
    pub report: Report,
    /// How the changed files differ, for people; only of a check.
    #[serde(skip)]
    pub shown: Vec<String>,
    /// Snapshots that are not as a revision has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<Altered>,
    /// What the running agent changed; `None` if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// What a running agent changed.
#[derive(Debug, Serialize)]
pub struct Live {
    /// The snapshot that it is compared with.
    #[serde(skip)]
    pub snapshot: PathBuf,
    pub changes: Diff,
    /// Whether the check fails by it.
    pub fails: bool,
}

/// A snapshot that is not as a revision has it.
#[derive(Debug, Serialize)]
pub struct Altered {
    #[serde(serialize_with = "json::path")]
    pub path: PathBuf,
    /// What changed; `None` if it is gone.
    pub changes: Option<Diff>,
}

/// Whether files are brought up to date or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Write,
    Check,
}

impl Plan {
    /// What the project itself is made by: its newest snapshot, its overlay, its folder.
    pub fn of(project: &Project) -> Result<Self, Failure> {
        let mut findings = Report::new();
        let canonical = project.snapshots(&mut findings)?;
        let mut earlier = canonical.clone();
        let snapshot = earlier.pop().ok_or_else(|| project.no_snapshot())?;
        Ok(Self {
            project: Some(project.clone()),
            snapshot,
            overlay: existing(project.overlay()),
            out: project.generated(),
            canonical,
            earlier,
            later: Vec::new(),
            supporting: None,
            only: None,
            findings,
            generator: Generator::new(),
            command: GENERATE.to_owned(),
            strict: false,
        })
    }

    /// As [`Plan::of`], for the versions and the actions for which the code that is there was generated:
    /// its header names the command that makes it.
    pub fn as_generated(project: &Project) -> Result<Self, Failure> {
        let mut plan = Self::of(project)?;
        let entry = std::fs::read_to_string(plan.out.join("mod.rs")).unwrap_or_default();
        let command = entry
            .lines()
            .nth(1)
            .and_then(|line| line.strip_prefix("// `")?.strip_suffix("` writes it anew."));
        let Some(command) = command else { return Ok(plan) };
        let mut words = shlex::split(command).unwrap_or_default().into_iter();
        while let Some(word) = words.next() {
            match &*word {
                "--supporting" => plan.supporting = words.next().and_then(|it| it.parse().ok()),
                "--only" => {
                    let only = words.next().map(|it| only_of_header(project, &it));
                    plan.only = only.transpose()?;
                }
                _ => {}
            }
        }
        if plan.supporting.is_some() || plan.only.is_some() {
            command.clone_into(&mut plan.command);
        }
        Ok(plan)
    }

    /// What generates, with the actions that it is for.
    pub fn generator(&self) -> Generator {
        let generator = self.generator.clone().command(&self.command);
        match &self.only {
            Some(only) => generator.only(only.names()),
            None => generator,
        }
    }

    /// The catalogue of which code is made: the newest one, or the union of the versions to support.
    pub fn select(&self, history: &History, report: &mut Report) -> Option<Snapshot> {
        match &self.supporting {
            Some(range) => history.supporting(range, report),
            None => history.newest(report),
        }
    }

    /// Entries that the overlay lacks, as TOML.
    pub fn draft_overlay(&self) -> Result<String, Failure> {
        let mut report = Report::new();
        let input = self.read(&mut report).filter(|_| !report.has_errors());
        let (snapshot, overlay) = input.ok_or_else(|| unusable(&self.snapshot, &report))?;
        Ok(overlay.draft(&snapshot))
    }

    /// Generates, and writes or compares.
    ///
    /// The report says what is wrong with the input; what could be made of it is made.
    pub fn run(&self, mode: Mode) -> Result<Outcome, Failure> {
        let uncanonical = self.uncanonical()?;
        let mut outcome = Outcome {
            snapshot: self.snapshot.clone(),
            out: self.out.clone(),
            not_canonical: uncanonical.iter().map(|(path, _)| path.clone()).collect(),
            crlf: crlf(&uncanonical),
            differences: Vec::new(),
            report: if self.strict { Report::strict() } else { Report::new() },
            shown: Vec::new(),
            altered: Vec::new(),
            live: None,
        };
        outcome.report.extend(&self.findings);
        let Some(code) = self.generate(&mut outcome.report)? else { return Ok(outcome) };
        outcome.differences = match mode {
            Mode::Write => self.write(&code, &uncanonical)?,
            Mode::Check => code.check(&self.out).map_err(|error| unwritten(&error))?,
        };
        if mode == Mode::Check {
            outcome.shown = unified(&code, &outcome.differences);
        }
        Ok(outcome)
    }

    /// Writes the code and canonical snapshots; all of them or none in the project's own folder.
    fn write(
        &self,
        code: &Code,
        uncanonical: &[(PathBuf, Snapshot)],
    ) -> Result<Vec<Difference>, Failure> {
        let snapshots = uncanonical.iter().map(|(path, snapshot)| Change {
            path: path.clone(),
            content: Some(snapshot.canonical()),
        });
        let snapshots: Vec<_> = snapshots.collect();
        let Some(project) = &self.project else {
            return code.write(&self.out).map_err(|error| unwritten(&error));
        };
        if self.out != project.generated() {
            let differences = code.write(&self.out).map_err(|error| unwritten(&error))?;
            project.commit(&snapshots)?;
            return Ok(differences);
        }
        let (differences, mut changes) = changes(code, &self.out)?;
        changes.extend(snapshots);
        project.commit(&changes)?;
        Ok(differences)
    }

    fn generate(&self, report: &mut Report) -> Result<Option<Code>, Failure> {
        let Some((snapshot, overlay)) = self.read(report) else { return Ok(None) };
        // The code of an empty catalogue must not take the place of that of a full one.
        if snapshot.actions().values().all(Action::cloud_controller_only) {
            return Ok(None);
        }
        self.only.as_ref().map_or(Ok(()), |only| only.check(&[&snapshot]))?;
        Ok(Some(self.generator().generate(&snapshot, &overlay, report)))
    }

    fn read(&self, report: &mut Report) -> Option<(Snapshot, Overlay)> {
        let snapshot = match &self.supporting {
            Some(_) => self.union(report),
            None => read_snapshot(&self.earlier, &self.snapshot, &self.later, report),
        };
        let overlay = match &self.overlay {
            Some(path) => Overlay::read(path, report),
            None => Some(Overlay::default()),
        };
        Some((snapshot?, overlay?))
    }

    fn union(&self, report: &mut Report) -> Option<Snapshot> {
        let paths = self.earlier.iter().chain([&self.snapshot]).chain(&self.later);
        let mut found = Report::new();
        let history = History::read(paths, &mut found);
        report.extend(&found);
        // What could be read of one in part would be said to be gone from it.
        (!found.has_errors()).then(|| self.select(&history, report))?
    }

    /// The snapshots that are not in their canonical form.
    fn uncanonical(&self) -> Result<Vec<(PathBuf, Snapshot)>, Failure> {
        let mut found = Vec::new();
        for path in &self.canonical {
            let mut report = Report::new();
            let snapshot = Snapshot::read(path, &mut report);
            // Writing one with errors again would lose what could not be read.
            let snapshot = snapshot.filter(|_| !report.has_errors());
            let snapshot = snapshot.ok_or_else(|| unusable(path, &report))?;
            if !snapshot.is_canonical() {
                found.push((path.clone(), snapshot));
            }
        }
        Ok(found)
    }
}

/// The actions that a header names: what is wrong with them was not typed.
fn only_of_header(project: &Project, value: &str) -> Result<Only, Failure> {
    let names_file = value.contains(['/', '.']);
    if names_file && !project.root().join(value).is_file() {
        return Err(Failure::failed(format!(
            "the generated code is of the actions in `{value}`, which is not there: restore that \
             file, or run `{GENERATE}` with other actions or none"
        )));
    }
    Only::read_below(project.root(), value)
}

/// What is different in a folder, and the changes that bring it up to date.
pub fn changes(code: &Code, out: &Path) -> Result<(Vec<Difference>, Vec<Change>), Failure> {
    let differences = code.check_writable(out).map_err(|error| unwritten(&error))?;
    let changes = differences.iter().map(|difference| Change {
        path: difference.path().to_owned(),
        content: code.content(difference).map(str::to_owned),
    });
    let changes = changes.collect();
    Ok((differences, changes))
}

fn unwritten(error: &FilesError) -> Failure {
    Failure::failed(error.to_string())
}

/// The files whose snapshots are canonical except for their line endings.
fn crlf(uncanonical: &[(PathBuf, Snapshot)]) -> Vec<PathBuf> {
    let only_line_endings =
        |snapshot: &Snapshot| snapshot.text().replace("\r\n", "\n") == snapshot.canonical();
    uncanonical
        .iter()
        .filter(|(_, snapshot)| only_line_endings(snapshot))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Reads a snapshot, with what older and newer ones tell of it.
pub fn read_snapshot(
    earlier: &[PathBuf],
    path: &Path,
    later: &[PathBuf],
    report: &mut Report,
) -> Option<Snapshot> {
    // What is wrong with another one is for those who check all of them.
    let whole = |path: &PathBuf| {
        let mut report = Report::new();
        Snapshot::read(path, &mut report).filter(|_| !report.has_errors())
    };
    let mut snapshots: Vec<_> = earlier.iter().filter_map(whole).collect();
    let index = snapshots.len();
    snapshots.push(Snapshot::read(path, report)?);
    snapshots.extend(later.iter().filter_map(whole));
    History::new(snapshots).completed(index, report)
}

impl Outcome {
    /// Returns whether everything is, or was, as it should be.
    pub fn is_current(&self) -> bool {
        self.not_canonical.is_empty()
            && self.differences.is_empty()
            && self.altered.is_empty()
            && self.live.as_ref().is_none_or(|live| !live.fails)
    }

    /// What was done to each file that was different, one a line.
    pub fn written(&self) -> String {
        let snapshots = self.not_canonical.iter().map(|path| ("rewrote", &**path));
        let files = self.differences.iter().map(|difference| {
            let verb = match difference {
                Difference::Missing { .. } => "wrote",
                Difference::Superfluous { .. } => "removed",
                _ => "rewrote",
            };
            (verb, difference.path())
        });
        let lines = snapshots.chain(files).map(|(verb, path)| format!("{verb} {}", path.display()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What is different, one a line; empty where nothing is.
    pub fn list(&self) -> String {
        let snapshots = self.not_canonical.iter();
        let snapshots = snapshots.map(|path| {
            let but =
                if self.crlf.contains(path) { " in its line endings alone: CRLF" } else { "" };
            format!("{} is not in the canonical form{but}", path.display())
        });
        let files = self.differences.iter().map(ToString::to_string);
        let altered = self.altered.iter().map(|altered| {
            let path = altered.path.display();
            match &altered.changes {
                Some(changes) => format!("{path} was altered: {}", changes.summary()),
                None => format!("{path} was removed"),
            }
        });
        let lists = snapshots.chain(files).chain(altered);
        lists.chain(self.shown.iter().cloned()).collect::<Vec<_>>().join("\n")
    }
}

/// So many lines of how a file differs are shown, and of so many files; a check is to be read.
const MOST_LINES: usize = 40;
const MOST_FILES: usize = 3;

/// How long the differences of one file are searched for; what is not found then is shown coarser.
const SEARCH: Duration = Duration::from_secs(1);

/// How changed files differ, as unified diffs.
fn unified(code: &Code, differences: &[Difference]) -> Vec<String> {
    let changed = differences.iter().filter_map(|difference| match difference {
        Difference::Changed { path } => Some(path),
        _ => None,
    });
    let texts = changed.take(MOST_FILES).filter_map(|path| {
        let made = code.files().get(path.file_name()?.to_str()?)?;
        let found = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
        let diff = TextDiff::configure().timeout(SEARCH).diff_lines(found.as_str(), made.as_str());
        let header = (path.display().to_string(), "as it would be generated");
        let text = diff.unified_diff().context_radius(2).header(&header.0, header.1).to_string();
        let more = text.lines().count().saturating_sub(MOST_LINES);
        let mut lines: Vec<_> = text.lines().take(MOST_LINES).map(str::to_owned).collect();
        lines.extend((more > 0).then(|| format!("… and {more} more lines")));
        Some(lines.join("\n"))
    });
    texts.collect()
}

/// A snapshot of which nothing can be made, and why.
pub fn unusable(path: &Path, report: &Report) -> Failure {
    Failure::failed(format!("the snapshot `{}` cannot be used:\n{report}", path.display()))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
