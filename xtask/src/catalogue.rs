//! A catalogue that is named on the command line: a file, a file of a revision, or the running
//! agent's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use agent_codegen::{
    Overlay, Report, Snapshot,
    diff::{Diff, Side, Verdict},
    snapshot::Version,
};
use tempfile::TempDir;

use crate::{
    connection::{Connection, Target},
    failure::Failure,
    git, live,
    only::Only,
    project::Project,
};

/// The word for the running agent's catalogue.
pub const LIVE: &str = "live";

/// How a catalogue is named that is in a folder or a revision.
const ONE_FILE: &str = "name a snapshot in it, such as `schemas/agent-1.1.34.json` or, of a revision, \
                        `main:schemas/agent-1.1.34.json`";

/// A catalogue and what people know about it.
pub struct Catalogue {
    pub snapshot: Snapshot,
    overlay: Overlay,
    /// Where the overlay of a revision was put, with the schemas that it names.
    _folder: Option<TempDir>,
}

impl Catalogue {
    pub fn new(snapshot: Snapshot, overlay: Overlay) -> Self {
        Self { snapshot, overlay, _folder: None }
    }

    /// Reads the catalogue of that name. What people know of it is said by the overlay that is asked
    /// for, or else by the one beside it, or else by the project's.
    pub async fn named(
        name: &str,
        asked: Option<&Path>,
        project: Option<&Path>,
        connection: &Connection,
    ) -> Result<Self, Failure> {
        if name == LIVE {
            return Ok(Self::new(running(connection).await?, read_overlay(asked.or(project))?));
        }
        let path = Path::new(name);
        if path.is_dir() {
            return Err(Failure::failed(format!("`{name}` is a folder; {ONE_FILE}")));
        }
        if path.exists() {
            let beside = path.with_file_name("overlay.toml");
            let beside = Some(beside.as_path()).filter(|path| path.exists());
            let overlay = read_overlay(asked.or(beside).or(project))?;
            return Ok(Self::new(read_snapshot(path)?, overlay));
        }
        let Some((revision, path)) = name.split_once(':') else {
            let is_revision = git::resolve(Path::new("."), name).is_ok();
            let revision = format!("`{name}` is a revision; {ONE_FILE}");
            let nothing = format!("`{name}` is no file, and neither `REV:path` nor `{LIVE}`");
            return Err(Failure::failed(if is_revision { revision } else { nothing }));
        };
        let bytes = git::show(Path::new("."), name)?;
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes(name, &bytes, &mut report);
        let snapshot = usable(name, snapshot, &report)?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if asked.is_none()
            && let Some((folder, overlay)) = overlay_at(revision, folder)?
        {
            return Ok(Self { snapshot, overlay, _folder: Some(folder) });
        }
        Ok(Self::new(snapshot, read_overlay(asked.or(project))?))
    }

    pub fn side(&self) -> Side<'_> {
        Side::new(&self.snapshot, &self.overlay)
    }

    /// What changed from here to there, as far as it concerns `only` these actions.
    pub fn diff(&self, new: &Self, only: Option<&Only>) -> Result<Diff, Failure> {
        let diff = Diff::between(&self.side(), &new.side());
        let Some(only) = only else { return Ok(diff) };
        only.check(&[&self.snapshot, &new.snapshot])?;
        Ok(diff.only(only.names()))
    }
}

/// Asks the running agent.
pub async fn running(connection: &Connection) -> Result<Snapshot, Failure> {
    let agent = connection.connect().await?;
    let reply = live::catalogue(&agent).await;
    agent.close().await;
    Ok(live::snapshot(&agent, &reply?)?.0)
}

/// The version that the one agent tells that is meant.
pub async fn version(connection: &Connection) -> Result<String, Failure> {
    version_of(&connection.one()?).await
}

/// The version that a running agent tells, which can name a file.
pub async fn version_of(target: &Target) -> Result<String, Failure> {
    let health = target.builder()?.health();
    let health = target.while_it_takes("waiting for its version", health).await?;
    let version = health.version().filter(|version| is_file_name(version));
    version.map(str::to_owned).ok_or_else(|| {
        Failure::failed(
            "the agent's health check tells no version that can name a file; say where to write \
             by `cargo xtask fetch --out FILE`",
        )
    })
}

/// Returns whether a version, which comes from the network, is safe as a part of a file's name, and
/// tells which snapshot is newer.
fn is_file_name(version: &str) -> bool {
    version.len() <= 64 && Version::read(version).is_some()
}

/// Reads a snapshot from a file.
pub fn read_snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let mut report = Report::new();
    let snapshot = Snapshot::read(path, &mut report);
    usable(&path.display().to_string(), snapshot, &report)
}

/// The overlay of a project, if there is one.
pub fn overlay_of(project: Option<&Project>) -> Option<PathBuf> {
    project.map(Project::overlay).filter(|path| path.exists())
}

/// Reads an overlay; nothing is known where none is named.
pub fn read_overlay(path: Option<&Path>) -> Result<Overlay, Failure> {
    let Some(path) = path else { return Ok(Overlay::default()) };
    let mut report = Report::new();
    Overlay::read(path, &mut report).ok_or_else(|| {
        Failure::failed(format!("the overlay `{}` cannot be used:\n{report}", path.display()))
    })
}

fn usable(name: &str, snapshot: Option<Snapshot>, report: &Report) -> Result<Snapshot, Failure> {
    snapshot.ok_or_else(|| Failure::failed(format!("`{name}` cannot be used:\n{report}")))
}

/// The overlay in a folder of a revision, put into a folder of its own with what it names.
fn overlay_at(revision: &str, folder: &str) -> Result<Option<(TempDir, Overlay)>, Failure> {
    let at = |file: &str| match folder {
        "" => format!("{revision}:{file}"),
        folder => format!("{revision}:{folder}/{file}"),
    };
    let Ok(text) = git::show(Path::new("."), &at("overlay.toml")) else { return Ok(None) };
    let target = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    let write = |file: &str, content: &[u8]| {
        let path = target.path().join(file);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, content))
            .map_err(|error| Failure::file(&path, "written", &error))
    };
    // It is called by its revision: where the copies are says nothing to a reader.
    let (name, text) = (at("overlay.toml"), String::from_utf8_lossy(&text));
    let mut report = Report::new();
    let overlay = Overlay::from_text(&name, &text, &mut report).ok_or_else(|| {
        Failure::failed(format!("the overlay `{name}` cannot be used:\n{report}"))
    })?;
    let overlay = overlay.in_folder(target.path());
    for file in overlay.files() {
        let Some(name) = file.strip_prefix(target.path()).ok().and_then(Path::to_str) else {
            continue;
        };
        if let Ok(content) = git::show(Path::new("."), &at(name)) {
            write(name, &content)?;
        }
    }
    Ok(Some((target, overlay)))
}

/// Which changes a command fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// On those that break something.
    Breaking,
    /// On every one.
    Any,
    /// On none.
    Never,
}

impl FailOn {
    pub fn fails(self, verdict: Verdict) -> bool {
        match self {
            Self::Breaking => verdict == Verdict::Breaking,
            Self::Any => verdict != Verdict::None,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_from_the_network_cannot_leave_the_folder() {
        for version in ["1.1.34", "2.0.0-rc.1+build_7"] {
            assert!(is_file_name(version), "{version}");
        }
        let long = format!("1-{}", "a".repeat(64));
        for version in ["", "../../etc/passwd", "1/2", "1\\2", "1\0", "ä", "latest", &long] {
            assert!(!is_file_name(version), "{version}");
        }
    }
}
