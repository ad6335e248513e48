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

    /// Reports each name of which no method can be made, and a selection of nothing.
    pub fn check(self, snapshot: &Snapshot, report: &mut Report) {
        let Some(names) = self.0 else { return };
        let mut tell = |message: String, help: String| {
            report.push(Diagnostic::error("unknown-action", message).help(help));
        };
        if names.is_empty() {
            tell("no action is chosen to generate".to_owned(), "name at least one".to_owned());
        }
        let file = Quoted(snapshot.file_name());
        for name in names {
            let take_out = "take it out of the actions to generate".to_owned();
            let name = name.as_str();
            match snapshot.actions().get(name) {
                None => {
                    let nearest = snapshot.nearest_action(name);
                    let nearest = nearest.map(|it| format!("the nearest match is {}", Quoted(it)));
                    let message = format!("{file} has no action {} to generate", Quoted(name));
                    tell(message, nearest.unwrap_or(take_out));
                }
                Some(action) if action.cloud_controller_only() => {
                    let name = Quoted(name);
                    tell(
                        format!("{name} has no method: only the vendor's cloud may call it"),
                        take_out,
                    );
                }
                Some(_) => {}
            }
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
