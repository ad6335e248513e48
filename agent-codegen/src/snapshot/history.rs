//! The catalogues of several versions of an agent, and what they are together.

use std::{collections::BTreeSet, path::Path};

use super::{Action, Availability, Parameter, Snapshot, VersionRange, union};
use crate::{
    diagnostic::{Diagnostic, Report},
    text::{Listed, Quoted},
};

/// The catalogues of several versions of one agent.
///
/// # Examples
///
/// ```
/// use agent_codegen::{Generator, Overlay, Report, Snapshot, snapshot::History};
///
/// let mut report = Report::new();
/// let mut read = |name: &str, text: &str| {
///     Snapshot::from_bytes(name, text.as_bytes(), &mut report).unwrap()
/// };
/// let history = History::new(vec![
///     read("agent-1.0.json", r#"{"actions": {"lift": {}}}"#),
///     read("agent-1.1.json", r#"{"actions": {"lift": {}, "sink": {}}}"#),
/// ]);
/// let union = history.supporting(&"1.0..".parse()?, &mut report).unwrap();
/// let code = Generator::new().generate(&union, &Overlay::default(), &mut report);
/// assert!(code.files()["methods.rs"].contains("/// Action `sink`. Since 1.1."));
/// # Ok::<(), agent_codegen::snapshot::VersionRangeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    /// From the oldest to the newest.
    snapshots: Vec<Snapshot>,
}

impl History {
    /// Takes snapshots from the oldest version to the newest, as [`files`](super::files) lists them.
    #[must_use]
    pub fn new(snapshots: Vec<Snapshot>) -> Self {
        Self { snapshots }
    }

    /// Reads snapshots from files, from the oldest version to the newest. One of which nothing can be
    /// made is reported and left out.
    pub fn read<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, report: &mut Report) -> Self {
        let read = paths.into_iter().filter_map(|path| Snapshot::read(path.as_ref(), report));
        Self::new(read.collect())
    }

    /// Returns the newest catalogue, completed as by [`History::completed`]; `None` if there is none.
    pub fn newest(&self, report: &mut Report) -> Option<Snapshot> {
        self.completed(self.snapshots.len().checked_sub(1)?, report)
    }

    /// Returns a catalogue, counted from the oldest one, with what the others tell of it: the types
    /// that it does not tell and older ones do, as [`Snapshot::carry_types`] has it, and since and
    /// until when there is what not all of them have. `None` if there are not so many.
    pub fn completed(&self, index: usize, report: &mut Report) -> Option<Snapshot> {
        let (older, rest) = self.snapshots.split_at_checked(index)?;
        let mut snapshot = rest.first()?.clone();
        for earlier in older.iter().rev() {
            if !snapshot.lacks_types() {
                break;
            }
            snapshot.carry_types(earlier, report);
        }
        self.tell_availability(&mut snapshot);
        Some(snapshot)
    }

    /// Returns the union of the catalogues in a range of versions: every action and every parameter
    /// that one of them has. `None` if none is in the range, which is an error in the report.
    ///
    /// A parameter that one version does not require is optional. Where versions tell different types
    /// of a parameter, it takes any JSON value, with a warning unless an overlay says its type. All
    /// else, and the canonical text, is that of the newest one.
    pub fn supporting(&self, range: &VersionRange, report: &mut Report) -> Option<Snapshot> {
        for unnamed in self.snapshots.iter().filter(|it| it.version().is_none()) {
            let file = Quoted(unnamed.file_name());
            let message = format!("{file} has no version in its name, so no range holds it");
            let help = "call it `agent-<version>.json`, as in `agent-1.1.34.json`";
            report.push(Diagnostic::error("supporting", message).help(help));
        }
        let is_in = |it: &&Snapshot| it.parsed_version().is_some_and(|it| range.contains(&it));
        let supported: Vec<_> = self.snapshots.iter().filter(is_in).collect();
        let Some(newest) = supported.last() else {
            let known = Listed(self.snapshots.iter().map(Snapshot::file_name));
            let message = format!("no snapshot is of a version in `{range}`");
            let help = format!("there are {known}");
            report.push(Diagnostic::error("supporting", message).help(help));
            return None;
        };
        self.check_ends(range, report);
        let names: BTreeSet<_> = supported.iter().flat_map(|it| it.actions.keys()).collect();
        let actions = names
            .into_iter()
            .filter_map(|name| Some((name.clone(), union::action(name, &supported, report)?)))
            .collect();
        let united = supported.iter().map(|it| it.file_name().to_owned()).collect();
        let mut union = Snapshot { actions, united, ..(*newest).clone() };
        self.tell_availability(&mut union);
        Some(union)
    }

    /// Tells of ends of a range about which no snapshot says anything, or which surprise.
    fn check_ends(&self, range: &VersionRange, report: &mut Report) {
        let has = |end| self.snapshots.iter().any(|it| it.parsed_version().as_ref() == Some(end));
        if range.start().is_some_and(|start| !has(start)) {
            let message = format!("no snapshot is of the version with which `{range}` begins");
            let help = "what only that version has is not generated; fetch its catalogue, or begin \
                        with a version that has a snapshot";
            report.push(Diagnostic::warning("supporting", message).help(help));
        }
        if range.excluded_end().is_some_and(has) {
            let message = format!("`{range}` does not hold the version with which it ends");
            let help = "`..=` in the place of `..` includes it";
            report.push(Diagnostic::note("supporting", message).help(help));
        }
    }

    /// Notes of each action and parameter which versions have it.
    fn tell_availability(&self, of: &mut Snapshot) {
        let known: Vec<(&str, &Snapshot)> =
            self.snapshots.iter().filter_map(|it| Some((it.plain_version()?, it))).collect();
        if known.len() < 2 {
            return;
        }
        of.compared = known
            .first()
            .zip(known.last())
            .map(|((oldest, _), (newest, _))| ((*oldest).to_owned(), (*newest).to_owned()));
        for (name, action) in &mut of.actions {
            // What only the cloud may call is not there for others.
            let cloud = action.cloud_controller_only;
            let versions = known.iter().map(|(version, it)| {
                (*version, it.actions.get(name).filter(|it| cloud || !it.cloud_controller_only))
            });
            let versions: Vec<_> = versions.collect();
            action.availability =
                Availability::of(versions.iter().map(|(version, it)| (*version, it.is_some())));
            // A parameter of a new action is as new as that, which is said once.
            let having: Vec<_> =
                versions.into_iter().filter_map(|(version, it)| Some((version, it?))).collect();
            for parameter in &mut action.parameters {
                parameter.tell_availability(&having);
            }
        }
    }
}

impl Parameter {
    /// Notes which of the versions that have the action have the parameter, and which require it.
    fn tell_availability(&mut self, having: &[(&str, &Action)]) {
        let told = having.iter().map(|(version, action)| (*version, action.parameter(&self.name)));
        let told: Vec<_> = told.collect();
        self.availability =
            Availability::of(told.iter().map(|(version, it)| (*version, it.is_some())));
        if !self.required {
            self.requiring = Availability::of(
                told.iter().map(|(version, it)| (*version, it.is_some_and(|it| it.required))),
            );
        }
    }
}
