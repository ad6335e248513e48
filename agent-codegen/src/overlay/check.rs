//! Entries of the overlay that match nothing in the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::Overlay;
use crate::{
    Snapshot,
    diagnostic::Report,
    snapshot::{Action, Parameter},
    text::{Quoted, nearest},
    types::ParamType,
};

impl Overlay {
    /// Reports every entry that matches nothing.
    pub(crate) fn check(&self, snapshot: &Snapshot, report: &mut Report) {
        let actions = snapshot.actions();
        let content = &self.content;
        for (key, entry) in &content.actions {
            let Some(action) = actions.get(key.get_ref()) else {
                self.unmatched("action", key, actions.keys().map(String::as_str), report);
                continue;
            };
            let names: BTreeSet<_> = action.parameters().iter().map(Parameter::name).collect();
            self.check_effect(key, entry, action, report);
            let unknown = entry
                .parameters
                .iter()
                .filter(|(key, entry)| !entry.optional && !names.contains(key.get_ref().as_str()));
            for (key, _) in unknown {
                self.unmatched("parameter", key, names.iter().copied(), report);
            }
        }
        let related = content.actions.values().flat_map(|entry| &entry.related);
        let grouped = content.groups.values().flat_map(|group| &group.actions);
        for key in related.chain(grouped) {
            if !actions.contains_key(key.get_ref()) {
                self.unmatched("action", key, actions.keys().map(String::as_str), report);
            }
        }
        self.check_members(snapshot, report);
        self.check_names(snapshot, report);
        let parameters = self.parameter_names(snapshot);
        for key in content.parameters.keys().chain(&self.subject_key()) {
            if !parameters.contains(key.get_ref().as_str()) {
                self.unmatched("parameter", key, parameters.iter().copied(), report);
            }
        }
    }

    /// Reports every declared type that no parameter has.
    pub(crate) fn check_types<'a>(&'a self, parameters: &[&'a ParamType], report: &mut Report) {
        let inside = self.declared.values().filter_map(|declared| match declared {
            ParamType::Named(_, inner) => inner.name(),
            _ => None,
        });
        let used: BTreeSet<_> =
            parameters.iter().filter_map(|it| it.name()).chain(inside).collect();
        for key in self.content.types.keys() {
            let name = key.get_ref();
            if !used.contains(name.as_str()) {
                let message = format!("no parameter is of the type {}", Quoted(name));
                let help = "take it out, or name it as the `type` of a parameter";
                report.push(self.error(message, key.span()).help(help));
            }
        }
    }

    /// Reports a subject that has no position anywhere.
    pub(crate) fn check_subject(&self, is_used: bool, report: &mut Report) {
        if let Some(key) = self.subject_key().filter(|_| !is_used) {
            let message =
                format!("no action requires {}, so that it has no position", Quoted(key.get_ref()));
            report.push(self.no_effect(message, &key, "name one that actions require, or none"));
        }
    }

    fn subject_key(&self) -> Option<Spanned<String>> {
        let subject = self.content.subject.as_ref()?;
        Some(Spanned::new(subject.span(), subject.get_ref().0.clone()))
    }

    /// The names of all parameters, in the catalogue and added.
    fn parameter_names<'a>(&'a self, snapshot: &'a Snapshot) -> BTreeSet<&'a str> {
        let listed = snapshot.actions().values().flat_map(Action::parameters);
        let added = self.content.actions.values().map(|entry| &entry.parameters);
        let added = added.flat_map(BTreeMap::keys).map(|key| key.get_ref().as_str());
        listed.map(Parameter::name).chain(added).collect()
    }

    fn unmatched<'a>(
        &self,
        what: &str,
        key: &Spanned<String>,
        among: impl Iterator<Item = &'a str>,
        report: &mut Report,
    ) {
        let name = key.get_ref();
        let help = match nearest(name, among) {
            Some(near) => format!("the nearest match is {}", Quoted(near)),
            None if what == "parameter" => {
                "take it out; a parameter that the catalogue lacks is added by `optional = true` \
                 in one action"
                    .to_owned()
            }
            None => "take it out".to_owned(),
        };
        let message = format!("the catalogue has no {what} {}", Quoted(name));
        report.push(self.error(message, key.span()).help(help));
    }
}
