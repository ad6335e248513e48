//! From a build script: a crate with a snapshot of its own generates its actions when it is built.
//!
//! # Examples
//!
//! `build.rs`:
//!
//! ```no_run
//! fn main() -> Result<(), agent_codegen::build::BuildError> {
//!     agent_codegen::build::snapshot("schemas/agent-2.0.0.json")
//!         .overlay("schemas/overlay.toml")
//!         .generate()
//! }
//! ```
//!
//! `src/main.rs`:
//!
//! ```text
//! mod actions {
//!     include!(concat!(env!("OUT_DIR"), "/mod.rs"));
//! }
//! use actions::{Agent, ServerStart};
//!
//! let agent = Agent::from(agent_sdk::Agent::builder(url).connect().await?);
//! agent.server_start(ServerStart::new("survival")).await?;
//! ```
//!
//! `Cargo.toml`: by `git` or by `path`, since neither crate is on a registry.
//!
//! ```toml
//! [dependencies]
//! agent-sdk = { path = "../architect/agent-sdk", default-features = false, features = ["tls"] }
//!
//! [build-dependencies]
//! agent-codegen = { path = "../architect/agent-codegen" }
//! ```
//!
//! [`snapshots`] takes a folder of them: its newest one, or with [`supporting`](Builder::supporting) one
//! `Agent` for all versions of a range. [`only`](Builder::only) leaves out what the crate does not use.
//!
//! The `Agent` is one of the crate's own, with the methods of its own snapshot, whatever features
//! other crates enable.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    Code, Diagnostic, Generator, Overlay, Report, Severity, Snapshot,
    emit::FilesError,
    snapshot::{self, History},
    text::{Quoted, Visible},
};

/// Begins to generate from a snapshot; the path is relative to the crate's folder.
pub fn snapshot(path: impl Into<PathBuf>) -> Builder {
    Builder::new(Snapshots::File(path.into()))
}

/// Begins to generate from the newest of the snapshots `agent-<version>.json` in a folder, whose path
/// is relative to the crate's. The others tell the types that it does not, and since when there is
/// what not all of them have.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> Result<(), agent_codegen::build::BuildError> {
/// agent_codegen::build::snapshots("schemas").overlay("schemas/overlay.toml").generate()
/// # }
/// ```
pub fn snapshots(folder: impl Into<PathBuf>) -> Builder {
    Builder::new(Snapshots::Folder(folder.into()))
}

/// Where the catalogues come from.
#[derive(Clone, Debug)]
enum Snapshots {
    File(PathBuf),
    Folder(PathBuf),
}

impl Snapshots {
    /// The files, from the oldest version to the newest; Cargo watches them.
    fn files(&self, report: &mut Report) -> Option<Vec<PathBuf>> {
        let folder = match self {
            Self::File(path) => return Some(vec![in_crate(path)]),
            Self::Folder(path) => in_crate(path),
        };
        rerun_if_changed(&folder);
        let shown = folder.display().to_string();
        let problem = match snapshot::files(&folder, report) {
            Ok(files) if files.is_empty() => "holds no snapshot `agent-<version>.json`".to_owned(),
            Ok(files) => return Some(files),
            Err(error) => format!("cannot be read: {error}"),
        };
        let help = "name the folder that holds `agent-<version>.json`";
        let message = format!("{} {problem}", Quoted(&shown));
        report.push(Diagnostic::error("unreadable", message).help(help));
        None
    }
}

impl Builder {
    fn new(snapshots: Snapshots) -> Self {
        Self {
            snapshots,
            overlay: None,
            earlier: None,
            supporting: None,
            out_dir: None,
            subfolder: None,
            generator: Generator::for_other_crate().command("cargo build"),
            strict: false,
        }
    }
}

/// What to generate from a build script, and how.
#[derive(Clone, Debug)]
#[must_use = "nothing is generated until `generate` is called"]
pub struct Builder {
    snapshots: Snapshots,
    overlay: Option<PathBuf>,
    earlier: Option<PathBuf>,
    supporting: Option<String>,
    out_dir: Option<PathBuf>,
    subfolder: Option<PathBuf>,
    generator: Generator,
    strict: bool,
}

impl Builder {
    /// Takes what an overlay says into account. The default is none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json").overlay("schemas/overlay.toml").generate()
    /// # }
    /// ```
    pub fn overlay(mut self, path: impl Into<PathBuf>) -> Self {
        self.overlay = Some(path.into());
        self
    }

    /// Writes into this folder, which is relative to the crate's. The default is Cargo's `OUT_DIR`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json").out_dir("src/agent").generate()
    /// # }
    /// ```
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Writes into a folder below the one that it would write into. The default is none; a build
    /// script that generates from several snapshots needs one for each.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// use agent_codegen::build;
    ///
    /// // `include!(concat!(env!("OUT_DIR"), "/old/mod.rs"))`, and the same for `new`.
    /// build::snapshot("schemas/agent-1.1.34.json").subfolder("old").generate()?;
    /// build::snapshot("schemas/agent-2.0.0.json").subfolder("new").generate()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subfolder(mut self, name: impl Into<PathBuf>) -> Self {
        self.subfolder = Some(name.into());
        self
    }

    /// Takes types over from an older snapshot where the newer one has none, as
    /// [`Snapshot::carry_types`] does. The default is none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json")
    ///     .earlier("schemas/agent-1.1.34.json")
    ///     .generate()
    /// # }
    /// ```
    pub fn earlier(mut self, path: impl Into<PathBuf>) -> Self {
        self.earlier = Some(path.into());
        self
    }

    /// Generates for all versions of the agent in a range, which is written as
    /// [`VersionRange`](crate::snapshot::VersionRange) has it: the union of their snapshots, as
    /// [`History::supporting`] makes it. The default is the newest snapshot alone.
    ///
    /// What not all of them have says so in its documentation and in the table of actions, and
    /// `Agent::compatibility_with` tells what the connected agent lacks.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshots("schemas").supporting("1.1.34..").generate()
    /// # }
    /// ```
    pub fn supporting(mut self, range: impl Into<String>) -> Self {
        self.supporting = Some(range.into());
        self
    }

    /// Generates these actions alone; see [`Generator::only`]. The default is all.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json")
    ///     .only(["server_start", "subscribe"])
    ///     .generate()
    /// # }
    /// ```
    pub fn only(mut self, actions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.generator = self.generator.only(actions);
        self
    }

    /// By which path this crate knows the SDK; the default is `::agent_sdk`.
    ///
    /// # Examples
    ///
    /// For `sdk = { package = "agent-sdk", … }` in the manifest:
    ///
    /// ```
    /// # let builder = agent_codegen::build::snapshot("schemas/agent-2.0.0.json");
    /// let builder = builder.crate_path("::sdk");
    /// ```
    pub fn crate_path(mut self, path: impl Into<String>) -> Self {
        self.generator = self.generator.crate_path(path);
        self
    }

    /// Leaves out the `allow` that spares the generated code the lints of this crate, for a crate that
    /// forbids one of them; see [`Generator::without_allow`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json").without_allow().generate()
    /// # }
    /// ```
    pub fn without_allow(mut self) -> Self {
        self.generator = self.generator.without_allow();
        self
    }

    /// Leaves the methods out: `agent.call(ServerStart::new("survival"))` serves in their place.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json").types_only().generate()
    /// # }
    /// ```
    pub fn types_only(mut self) -> Self {
        self.generator = self.generator.types_only();
        self
    }

    /// Takes every warning for an error.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), agent_codegen::build::BuildError> {
    /// agent_codegen::build::snapshot("schemas/agent-2.0.0.json").strict().generate()
    /// # }
    /// ```
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Generates, and tells Cargo of which files this depends on. Warnings become Cargo's warnings.
    ///
    /// # Errors
    ///
    /// Something could not be read, generated or written. Returned from `main`, the error shows all
    /// that was found.
    pub fn generate(self) -> Result<(), BuildError> {
        let mut report = if self.strict { Report::strict() } else { Report::new() };
        let code = self.code(&mut report);
        let warnings = report.iter().filter(|found| found.severity() == Severity::Warning);
        let warnings: Vec<_> = warnings.collect();
        for found in warnings.iter().take(MOST_WARNINGS) {
            // One line each, or Cargo would take the rest for something else.
            found.to_string().lines().for_each(warn);
        }
        match warnings.len().saturating_sub(MOST_WARNINGS) + report.omitted() {
            0 => {}
            more => warn(&format!("… and {more} more")),
        }
        let (Some(code), false) = (code, report.has_errors()) else {
            return Err(BuildError(Kind::Found(report)));
        };
        let folder = self.folder()?;
        reserve(&folder, &code)?;
        code.write(&folder).map_err(|error| BuildError(Kind::Unwritable(error)))?;
        Ok(())
    }

    fn folder(&self) -> Result<PathBuf, BuildError> {
        let folder = match &self.out_dir {
            Some(path) => in_crate(path),
            None => std::env::var_os("OUT_DIR").ok_or(BuildError(Kind::NoFolder))?.into(),
        };
        Ok(self.subfolder.iter().fold(folder, |folder, name| folder.join(name)))
    }

    fn code(&self, report: &mut Report) -> Option<Code> {
        let overlay = match &self.overlay {
            Some(path) => {
                let path = in_crate(path);
                rerun_if_changed(&path);
                Overlay::read(&path, report)?
            }
            None => Overlay::default(),
        };
        overlay.files().iter().for_each(|path| rerun_if_changed(path));
        let snapshot = self.snapshot(report)?;
        Some(self.generator.generate(&snapshot, &overlay, report))
    }

    fn snapshot(&self, report: &mut Report) -> Option<Snapshot> {
        let mut files = Vec::from_iter(self.earlier.as_deref().map(in_crate));
        files.extend(self.snapshots.files(report)?);
        for path in &files {
            rerun_if_changed(path);
        }
        let history = History::read(&files, report);
        let Some(range) = &self.supporting else { return history.newest(report) };
        match range.parse() {
            Ok(range) => history.supporting(&range, report),
            Err(error) => {
                let found = Diagnostic::error("supporting", error.to_string());
                report.push(found.help("it is what `supporting` is given"));
                None
            }
        }
    }
}

/// A path that is relative to the crate, wherever the build script is run.
fn in_crate(path: &Path) -> PathBuf {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => Path::new(&folder).join(path),
        None => path.to_owned(),
    }
}

/// What this process wrote, by folder: one build script may generate several times.
static WRITTEN: Mutex<BTreeMap<PathBuf, Code>> = Mutex::new(BTreeMap::new());

/// Claims a folder for this code; an error if other code has it, which would be overwritten.
fn reserve(folder: &Path, code: &Code) -> Result<(), BuildError> {
    // Different paths may lead to one folder. If it cannot be made, writing the files reports why.
    let real = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
    let real = real.unwrap_or_else(|_| folder.to_owned());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = written.entry(real).or_insert_with(|| code.clone());
    if before == code {
        return Ok(());
    }
    Err(BuildError(Kind::Occupied { folder: folder.to_owned() }))
}

/// So many warnings are shown: Cargo repeats them in every build.
const MOST_WARNINGS: usize = 20;

fn warn(line: &str) {
    println!("cargo::warning={}", Visible(line));
}

/// Tells Cargo of a file. The name of one may hold what would be a directive of its own.
fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", Visible(&path.display().to_string()));
}

/// Why nothing was generated.
///
/// `Debug` shows the same as `Display`, since that is what Cargo prints of a build script's error.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct BuildError(Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("the actions were not generated:\n{0}")]
    Found(Report),
    #[error(
        "the actions were not generated: `OUT_DIR` is not set; call this from a build script, or \
         name a folder by `out_dir`"
    )]
    NoFolder,
    #[error(
        "the actions were not generated: this build script has written those of another snapshot to \
         `{}`; give each a folder of its own by `subfolder`",
        folder.display()
    )]
    Occupied { folder: PathBuf },
    #[error("the actions were not generated: {0}")]
    Unwritable(#[source] FilesError),
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
