//! What is known of the actions: by the project where there is one, by this program elsewhere.

use agent_codegen::{KnownAction, Overlay, Report, Snapshot, snapshot::History};

use crate::{
    failure::Failure,
    generation::{read_snapshot, unusable},
    output,
    project::{Project, ProjectOption},
};

/// The snapshots when this program was built, from the oldest to the newest: their files' names, and
/// what they hold.
static SNAPSHOTS: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/snapshots.rs"));

/// A snapshot and its overlay.
pub struct Known {
    pub snapshot: Snapshot,
    pub overlay: Overlay,
}

impl Known {
    /// The project's newest snapshot with its overlay, or those that this program was built with.
    pub fn find(project: &ProjectOption) -> Result<Self, Failure> {
        Self::find_if_any(project)?.ok_or_else(|| {
            Failure::failed(
                "no catalogue is known: this program was built without one; run it in a project \
                 with `schemas/agent-<version>.json`",
            )
        })
    }

    /// The same for what can be done without; an error only where a project was named.
    pub fn find_if_any(option: &ProjectOption) -> Result<Option<Self>, Failure> {
        let Some(project) = option.find_if_any()? else { return Ok(Self::embedded()) };
        match Self::of(&project) {
            Ok(known) => Ok(Some(known)),
            Err(failure) if option.is_named() => Err(failure),
            Err(failure) => {
                output::note(format!("{failure}\nThe catalogue of this program is used instead"));
                Ok(Self::embedded())
            }
        }
    }

    fn of(project: &Project) -> Result<Self, Failure> {
        let mut report = Report::new();
        let mut earlier = project.snapshots(&mut report)?;
        let newest = earlier.pop().ok_or_else(|| project.no_snapshot())?;
        let snapshot = read_snapshot(&earlier, &newest, &[], &mut report);
        let snapshot = snapshot.ok_or_else(|| unusable(&newest, &report))?;
        // `generate` says what is wrong with the overlay.
        let overlay = Overlay::read(&project.overlay(), &mut report).unwrap_or_default();
        Ok(Self { snapshot, overlay })
    }

    /// The newest snapshot when this program was built, completed by the older ones.
    pub fn embedded() -> Option<Self> {
        let mut report = Report::new();
        let snapshots = SNAPSHOTS.iter();
        let snapshots =
            snapshots.filter_map(|(name, text)| Snapshot::from_bytes(name, text, &mut report));
        let snapshot = History::new(snapshots.collect()).newest(&mut Report::new())?;
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
