//! What is left to do after an update.

use std::fmt;

use agent_codegen::{
    Report, Severity,
    diff::{Change, Diff, Rust},
};
use serde::Serialize;

use crate::cargo::CompileError;

/// Something that only a person can do.
#[derive(Debug, Serialize)]
pub(super) struct Task {
    file: Option<String>,
    line: Option<usize>,
    what: String,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: {}", self.what),
            (Some(file), None) => write!(f, "{file}: {}", self.what),
            _ => f.write_str(&self.what),
        }
    }
}

/// What the overlay says that is no longer true.
pub(super) fn of_overlay(report: &Report) -> Vec<Task> {
    let errors = report.iter().filter(|found| found.severity() == Severity::Error);
    let task = errors.map(|found| {
        let remedy = found.remedy().map(|it| format!("; {it}")).unwrap_or_default();
        Task {
            file: found.file().map(str::to_owned),
            line: found.position().map(|(line, _)| line),
            what: format!("{}{remedy}", found.message()),
        }
    });
    task.collect()
}

/// What no longer compiles, with the changes that explain it.
pub(super) fn of_compiler(errors: Vec<CompileError>, changes: &Diff) -> Vec<Task> {
    let task = |error: CompileError| {
        let reasons: Vec<_> =
            reasons(&error, changes).into_iter().take(MOST_REASONS).map(Change::line).collect();
        let reason = if reasons.is_empty() { "" } else { " — " };
        let what = format!("{}{reason}{}", error.message, reasons.join("; "));
        let (file, line) = error.place.unzip();
        Task { file, line, what }
    };
    errors.into_iter().map(task).collect()
}

/// So many changes are told for one error.
const MOST_REASONS: usize = 3;

/// The changes of the action that an error is about; of several those of the parameter, if it is about
/// one.
fn reasons<'a>(error: &CompileError, changes: &'a Diff) -> Vec<&'a Change> {
    let breaking = changes.changes().iter().filter(|change| change.rust() == Rust::Breaks);
    let of_action: Vec<_> = breaking
        .filter(|change| change.items().iter().any(|item| mentions(error, item, Part::Owner)))
        .collect();
    let of_parameter = of_action
        .iter()
        .copied()
        .filter(|change| change.items().iter().any(|item| mentions(error, item, Part::Member)));
    let of_parameter: Vec<_> = of_parameter.collect();
    if of_parameter.is_empty() { of_action } else { of_parameter }
}

/// A part of the name of an item, such as ``setter `Subscribe::since` `` or ``method `Agent::kill` ``.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The struct or the method of an action.
    Owner,
    /// What belongs to the struct.
    Member,
}

/// Returns whether an error has to do with that part of an item.
fn mentions(error: &CompileError, item: &str, part: Part) -> bool {
    let Some(path) = item.rsplit('`').nth(1) else { return false };
    let name = match (path.split_once("::"), part) {
        (Some(("Agent", method)), Part::Owner) => method,
        (Some((owner, _)), Part::Owner) => owner,
        (None, Part::Owner) => path,
        (Some((owner, member)), Part::Member) if owner != "Agent" && member != "new" => member,
        (_, Part::Member) => return false,
    };
    error.words.contains(name)
}
