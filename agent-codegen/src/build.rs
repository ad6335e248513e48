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
//! use actions::{AgentActions as _, ServerStart};
//!
//! agent.server_start(ServerStart::new("survival")).await?;
//! ```
//!
//! `Cargo.toml`: without the feature `actions`, since the SDK's own methods would stand before those
//! of the same name.
//!
//! ```toml
//! [dependencies]
//! agent-sdk = { version = "0.1", default-features = false, features = ["tls"] }
//!
//! [build-dependencies]
//! agent-codegen = "0.1"
//! ```

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::{Generator, Overlay, Report, Severity, Snapshot};

/// Begins to generate from a snapshot; the path is relative to the crate.
pub fn snapshot(path: impl Into<PathBuf>) -> Builder {
    Builder {
        snapshot: path.into(),
        overlay: None,
        out_dir: None,
        generator: Generator::for_other_crate().command("cargo build"),
        strict: false,
    }
}

/// What to generate from a build script, and how.
#[derive(Clone, Debug)]
#[must_use = "nothing is generated until `generate` is called"]
pub struct Builder {
    snapshot: PathBuf,
    overlay: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    generator: Generator,
    strict: bool,
}

impl Builder {
    /// Takes what an overlay says into account. The default is none.
    pub fn overlay(mut self, path: impl Into<PathBuf>) -> Self {
        self.overlay = Some(path.into());
        self
    }

    /// Writes into this folder. The default is Cargo's `OUT_DIR`.
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Leaves the methods out: `agent.call(ServerStart::new("survival"))` serves in their place.
    pub fn types_only(mut self) -> Self {
        self.generator = self.generator.types_only();
        self
    }

    /// Takes every warning for an error.
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
        for found in report.iter().filter(|found| found.severity() == Severity::Warning) {
            // One line each, or Cargo would take the rest for something else.
            for line in found.to_string().lines() {
                println!("cargo::warning={line}");
            }
        }
        let (Some(code), false) = (code, report.has_errors()) else {
            return Err(BuildError(Kind::Found(report)));
        };
        let folder = self.out_dir.or_else(|| std::env::var_os("OUT_DIR").map(PathBuf::from));
        let folder = folder.ok_or(BuildError(Kind::NoFolder))?;
        match code.write(&folder) {
            Ok(_) => Ok(()),
            Err(error) => Err(BuildError(Kind::Unwritable { folder, error })),
        }
    }

    fn code(&self, report: &mut Report) -> Option<crate::Code> {
        rerun_if_changed(&self.snapshot);
        let overlay = match &self.overlay {
            Some(path) => {
                rerun_if_changed(path);
                Overlay::read(path, report)?
            }
            None => Overlay::default(),
        };
        overlay.files().iter().for_each(|path| rerun_if_changed(path));
        let snapshot = Snapshot::read(&self.snapshot, report)?;
        Some(self.generator.generate(&snapshot, &overlay, report))
    }
}

fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
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
    #[error("the actions cannot be written to `{}`: {error}", folder.display())]
    Unwritable {
        folder: PathBuf,
        #[source]
        error: io::Error,
    },
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
