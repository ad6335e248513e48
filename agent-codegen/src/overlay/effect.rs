//! Entries of the overlay that match something and have no effect on it: each is reported.

use toml::Spanned;

use super::{ActionEntry, NameEntry, Overlay, ParameterEntry};
use crate::{
    Snapshot,
    diagnostic::{Diagnostic, Report},
    snapshot::{Action, Parameter},
    text::Quoted,
};

const TAKE_OUT: &str = "take the entry out";

impl Overlay {
    /// Reports what has no effect of what is said about an action and its parameters.
    pub(super) fn check_effect(
        &self,
        key: &Spanned<String>,
        entry: &ActionEntry,
        action: &Action,
        report: &mut Report,
    ) {
        let name = Quoted(key.get_ref());
        if action.cloud_controller_only() {
            let message = format!("{name} has no method: only the vendor's cloud may call it");
            report.push(self.no_effect(message, key, TAKE_OUT));
        } else if entry.says_nothing() {
            report.push(self.no_effect(
                format!("{name} is named, and nothing is said"),
                key,
                TAKE_OUT,
            ));
        }
        for other in entry.related.iter().filter(|other| other.get_ref() == key.get_ref()) {
            report.push(self.no_effect(format!("{name} is related to itself"), other, TAKE_OUT));
        }
        for (key, entry) in &entry.parameters {
            let listed = action.parameters().iter().find(|it| it.name() == key.get_ref());
            self.check_parameter(key, entry, listed, report);
        }
    }

    fn check_parameter(
        &self,
        key: &Spanned<String>,
        entry: &ParameterEntry,
        listed: Option<&Parameter>,
        report: &mut Report,
    ) {
        let name = Quoted(key.get_ref());
        match listed {
            Some(listed) if entry.optional && listed.required() => {
                let message = format!("{name} cannot be optional: the catalogue requires it");
                let help = "take `optional` out; it adds parameters that the catalogue does not \
                            list";
                report.push(self.error(message, key.span()).help(help));
            }
            Some(_) if entry.optional => {
                let message = format!("{name} is optional by the catalogue already");
                report.push(self.no_effect(message, key, "take `optional` out"));
            }
            Some(_) if entry.says_nothing() => {
                let message = format!("{name} is named, and nothing is said");
                report.push(self.no_effect(message, key, TAKE_OUT));
            }
            _ => {}
        }
        if listed.is_some() || !entry.optional {
            self.check_mark(entry.word.as_ref(), report);
        }
    }

    /// Reports groups without actions, and actions without a method among those that are named.
    pub(super) fn check_members(&self, snapshot: &Snapshot, report: &mut Report) {
        for (key, _) in self.content.groups.iter().filter(|(_, group)| group.actions.is_empty()) {
            let message = format!("the group {} names no action", Quoted(key.get_ref()));
            report.push(self.no_effect(message, key, TAKE_OUT));
        }
        let related = self.content.actions.values().flat_map(|entry| &entry.related);
        let grouped = self.content.groups.values().flat_map(|group| &group.actions);
        for key in related.chain(grouped) {
            let action = snapshot.actions().get(key.get_ref());
            if action.is_some_and(Action::cloud_controller_only) {
                let name = Quoted(key.get_ref());
                let message = format!("{name} has no method: only the vendor's cloud may call it");
                report.push(self.no_effect(message, key, TAKE_OUT));
            }
        }
    }

    /// Reports what has no effect of what is said about every parameter of a name.
    pub(super) fn check_names(&self, snapshot: &Snapshot, report: &mut Report) {
        for (key, entry) in &self.content.parameters {
            if entry.says_nothing() {
                let message = format!("{} is named, and nothing is said", Quoted(key.get_ref()));
                report.push(self.no_effect(message, key, TAKE_OUT));
            }
            if !entry.description.is_empty() && self.describe_all(snapshot, key.get_ref()) {
                let message = format!(
                    "every parameter {} has a description of its own",
                    Quoted(key.get_ref())
                );
                report.push(self.no_effect(message, key, "take `description` out"));
            }
            self.check_mark(entry.word.as_ref(), report);
        }
        let types = self.content.types.values();
        types.for_each(|entry| self.check_mark(entry.is.as_ref(), report));
    }

    /// Returns whether each parameter of a name is described where it is used.
    fn describe_all(&self, snapshot: &Snapshot, name: &str) -> bool {
        let mut used = snapshot.actions().iter().filter_map(|(action, described)| {
            let listed = described.parameters().iter().find(|it| it.name() == name);
            let entry = self.content.actions.get(action.as_str());
            let entry = entry.and_then(|entry| entry.parameters.get(name));
            let added = entry.filter(|entry| entry.optional);
            (listed.is_some() || added.is_some()).then(|| {
                listed.is_some_and(|it| !it.description().is_empty())
                    || entry.is_some_and(|it| !it.description.is_empty())
            })
        });
        let first = used.next();
        first.is_some_and(|first| first && used.all(|described| described))
    }

    /// Reports a mark by which a parameter may be left out, where it cannot be.
    fn check_mark(&self, word: Option<&Spanned<String>>, report: &mut Report) {
        let Some(word) = word.filter(|word| self.read_word(word.get_ref()).optional) else {
            return;
        };
        let message = format!(
            "{} says that it may be left out, which only the catalogue decides",
            Quoted(word.get_ref())
        );
        let help = "for a value that may be `null` write `str | null`; `optional = true` adds a \
                    parameter that the catalogue does not list";
        report.push(self.error(message, word.span()).help(help));
    }

    pub(crate) fn no_effect(
        &self,
        message: String,
        key: &Spanned<String>,
        help: &str,
    ) -> Diagnostic {
        Diagnostic::warning("no-effect", message).at(&self.source, key.span()).help(help)
    }
}

impl ActionEntry {
    fn says_nothing(&self) -> bool {
        let Self { name, description, deprecated, timeout, reads, related, reply, parameters } =
            self;
        name.is_none()
            && description.is_empty()
            && deprecated.is_empty()
            && timeout.is_none()
            && !reads
            && related.is_empty()
            && reply.is_none()
            && parameters.is_empty()
    }
}

impl ParameterEntry {
    fn says_nothing(&self) -> bool {
        let Self { name, word, description, optional, secret } = self;
        name.is_none() && word.is_none() && description.is_empty() && !optional && secret.is_none()
    }
}

impl NameEntry {
    fn says_nothing(&self) -> bool {
        let Self { word, description, secret } = self;
        word.is_none() && description.is_empty() && secret.is_none()
    }
}
