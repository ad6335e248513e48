//! Where things are in the project.

use std::{
    env,
    path::{Path, PathBuf},
};

use agent_codegen::{Report, snapshot};

use crate::{
    failure::Failure,
    output,
    program::Program,
    transaction::{self, Change},
};

/// The project that the command works on.
#[derive(Debug, clap::Args)]
pub struct ProjectOption {
    /// The project's folder [default: the nearest one upwards that holds `schemas` and
    /// `agent-sdk`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// The project's folder; paths below it are shown as they would be typed here.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
}

impl ProjectOption {
    /// The project that is named or around this folder; `None` outside of any.
    pub fn find_if_any(&self) -> Result<Option<Project>, Failure> {
        match self.find() {
            Ok(project) => Ok(Some(project)),
            Err(_) if self.root.is_none() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Returns whether the project was named by its folder.
    pub fn is_named(&self) -> bool {
        self.root.is_some()
    }

    /// Finds the project, and finishes an update of it that was interrupted: not as `agentctl`, which
    /// may run in the folder of anybody and changes nothing there.
    pub fn find(&self) -> Result<Project, Failure> {
        let project = self.locate()?;
        if Program::running() == Program::Xtask
            && let Some(told) = transaction::recover(project.root(), &project.schemas())?
        {
            output::note(told);
        }
        Ok(project)
    }

    fn locate(&self) -> Result<Project, Failure> {
        if let Some(root) = &self.root {
            return Ok(Project { root: root.clone() });
        }
        let here = env::current_dir()
            .map_err(|error| Failure::failed(format!("there is no current folder: {error}")))?;
        let up = here.ancestors().position(is_project).ok_or_else(|| {
            Failure::failed(
                "this folder is not inside the project: no folder upwards holds `schemas` and \
                 `agent-sdk`; go there, or name it by --root DIR",
            )
        })?;
        Ok(Project { root: std::iter::repeat_n("..", up).collect() })
    }
}

fn is_project(folder: &Path) -> bool {
    folder.join("schemas").is_dir() && folder.join("agent-sdk").is_dir()
}

impl Project {
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn schemas(&self) -> PathBuf {
        self.root.join("schemas")
    }

    pub fn overlay(&self) -> PathBuf {
        self.schemas().join("overlay.toml")
    }

    pub fn generated(&self) -> PathBuf {
        self.root.join("agent-sdk").join("src").join("generated")
    }

    /// Changes files of the project: all of them or none, at whatever point the process is killed.
    pub fn commit(&self, changes: &[Change]) -> Result<(), Failure> {
        if changes.is_empty() {
            return Ok(());
        }
        let edited = transaction::commit(&self.root, &self.schemas(), changes)?;
        if !edited.is_empty() {
            output::note(format!("written{}", transaction::but_edited(&edited)));
        }
        Ok(())
    }

    /// All snapshots, from the oldest version to the newest; there is at least one. Files that are
    /// none and could be meant as one are reported.
    pub fn snapshots(&self, report: &mut Report) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.schemas();
        let files = snapshot::files(&folder, report)
            .map_err(|error| Failure::file(&folder, "searched for snapshots", &error))?;
        if files.is_empty() {
            output::print_message(report.draw(false));
            return Err(self.no_snapshot());
        }
        Ok(files)
    }

    pub fn newest_snapshot(&self) -> Result<PathBuf, Failure> {
        self.snapshots(&mut Report::new())?.pop().ok_or_else(|| self.no_snapshot())
    }

    pub fn no_snapshot(&self) -> Failure {
        Failure::failed(format!(
            "there is no snapshot `agent-<version>.json` in `{}`; `cargo xtask fetch` writes that \
             of a running agent",
            self.schemas().display()
        ))
    }

    /// Returns whether the file is one of the project's own snapshots.
    pub fn owns(&self, file: &Path) -> bool {
        let folder = |path: &Path| path.canonicalize().ok();
        let own = folder(&self.schemas());
        own.is_some() && file.canonicalize().ok().and_then(|file| folder(file.parent()?)) == own
    }
}
