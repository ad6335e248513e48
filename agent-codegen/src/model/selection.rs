//! The actions that are to be generated, where these are not all.

use std::collections::BTreeSet;

use super::Declared;
use crate::{
    Snapshot,
    diagnostic::{Diagnostic, Report},
    text::Quoted,
    types::ParamType,
};

/// Names of actions; `None` means all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a>(pub Option<&'a BTreeSet<String>>);

impl Selection<'_> {
    pub fn is_all(self) -> bool {
        self.0.is_none()
    }

    pub fn holds(self, action: &str) -> bool {
        self.0.is_none_or(|names| names.contains(action))
    }

    /// Reports each name of which no method can be made.
    pub fn check(self, snapshot: &Snapshot, report: &mut Report) {
        for name in self.0.into_iter().flatten() {
            let (message, help) = match snapshot.actions().get(name) {
                Some(action) if action.cloud_controller_only() => (
                    format!("{} has no method: only the vendor's cloud may call it", Quoted(name)),
                    "take it out of the actions to generate".to_owned(),
                ),
                Some(_) => continue,
                None => (
                    format!("the catalogue has no action {} to generate", Quoted(name)),
                    match snapshot.nearest_action(name) {
                        Some(near) => format!("the nearest match is {}", Quoted(near)),
                        None => "take it out of the actions to generate".to_owned(),
                    },
                ),
            };
            let found = Diagnostic::error("unknown-action", message).help(help);
            report.push(found.at(snapshot.source(), 0..0));
        }
    }

    /// Keeps the declared types that others are written with, and those within them.
    pub fn retain_types(self, declared: &mut Vec<Declared>, used: &[&ParamType]) {
        if self.0.is_some() {
            let used: BTreeSet<_> = used.iter().flat_map(|it| names(it)).collect();
            declared.retain(|declared| used.contains(declared.name.as_str()));
        }
    }
}

/// The names of the declared types of which a type is made, from the outermost to the innermost.
fn names(param_type: &ParamType) -> Vec<&str> {
    let mut names = Vec::new();
    let mut leaf = param_type.leaf();
    while let ParamType::Named(name, inner) = leaf {
        names.push(name.as_str());
        leaf = inner.leaf();
    }
    names
}
