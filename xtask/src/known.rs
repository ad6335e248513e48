//! What is known of the actions: by the project where there is one, by this program elsewhere.

use agent_codegen::{KnownAction, Overlay, Report, Snapshot};

use crate::{
    failure::Failure,
    generation::read_snapshot,
    project::{Project, ProjectOption},
};

/// A snapshot and its overlay.
pub struct Known {
    pub snapshot: Snapshot,
    pub overlay: Overlay,
}

impl Known {
    /// The project's newest snapshot with its overlay, or those that this program was built with.
    pub fn find(project: &ProjectOption) -> Result<Self, Failure> {
        let of_project = project.find().ok().and_then(|project| Self::of(&project));
        of_project.or_else(Self::embedded).ok_or_else(|| {
            Failure::failed(
                "no catalogue is known: this program was built without one; run it in a project \
                 with `schemas/agent-<version>.json`",
            )
        })
    }

    /// `generate` says what is wrong with either file.
    fn of(project: &Project) -> Option<Self> {
        let mut report = Report::new();
        let mut earlier = project.snapshots(&mut report).ok()?;
        let newest = earlier.pop()?;
        let snapshot = read_snapshot(&earlier, &newest, &[], &mut report)?;
        let overlay = Overlay::read(&project.overlay(), &mut report).unwrap_or_default();
        Some(Self { snapshot, overlay })
    }

    /// The newest snapshot when this program was built.
    pub fn embedded() -> Option<Self> {
        let mut report = Report::new();
        let snapshot = include_bytes!(env!("NEWEST_SNAPSHOT"));
        let snapshot = Snapshot::from_bytes(env!("NEWEST_SNAPSHOT_NAME"), snapshot, &mut report)?;
        let overlay = include_str!(env!("NEWEST_OVERLAY"));
        let overlay = Overlay::from_text("overlay", overlay, &mut report).unwrap_or_default();
        Some(Self { snapshot, overlay })
    }

    pub fn actions(&self) -> Vec<KnownAction> {
        KnownAction::all(&self.snapshot, &self.overlay)
    }

    pub fn action(&self, name: &str) -> Option<KnownAction> {
        KnownAction::find(&self.snapshot, &self.overlay, name)
    }
}
