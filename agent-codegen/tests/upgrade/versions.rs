//! The two versions of the catalogue, with their overlays.

use std::path::{Path, PathBuf};

use agent_codegen::{
    Overlay, Report, Snapshot,
    diff::{Diff, Side},
};

/// A catalogue and what people know about it.
pub struct Version {
    pub snapshot: Snapshot,
    pub overlay: Overlay,
}

impl Version {
    /// Reads a version of which nothing is left to say.
    fn read(version: &str) -> Self {
        let folder = folder().join(version);
        let name = format!("agent-{version}.json");
        let text = std::fs::read(folder.join(&name)).expect("it is there");
        let mut report = Report::new();
        let snapshot = Snapshot::from_bytes(&name, &text, &mut report);
        let overlay = Overlay::read(&folder.join("overlay.toml"), &mut report);
        let (snapshot, overlay) = snapshot.zip(overlay).unwrap_or_else(|| panic!("{report}"));
        Self { snapshot, overlay }
    }

    pub fn diff(&self, new: &Self) -> Diff {
        let (old, new) =
            (Side::new(&self.snapshot, &self.overlay), Side::new(&new.snapshot, &new.overlay));
        Diff::between(&old, &new)
    }
}

/// Below the package's folder, where tests run: a path that is the same on each machine.
pub fn folder() -> PathBuf {
    Path::new("tests").join("upgrade")
}

pub fn old() -> Version {
    Version::read("1.1.34")
}

pub fn new() -> Version {
    Version::read("1.2.0")
}
