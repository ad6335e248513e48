//! Actions that belong together.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use crate::{
    Overlay, Snapshot,
    diagnostic::{Diagnostic, Report},
    text::{Listed, Quoted, prose, prose_lines},
};

/// Actions that belong together, of those that have a method.
#[derive(Debug)]
pub(crate) struct Group {
    /// `Files`.
    pub title: String,
    /// Lines of Markdown, or nothing.
    pub docs: String,
    /// By wire name.
    pub actions: BTreeSet<String>,
}

/// The groups that the overlay names, by name, and at the end one for what is left. If the overlay
/// has none, all actions are in one group without a title.
pub(super) fn read(
    actions: &[Action],
    snapshot: &Snapshot,
    overlay: &Overlay,
    report: &mut Report,
) -> Vec<Group> {
    let callable = actions.iter().filter(|action| !action.cloud_controller_only);
    let mut left: BTreeSet<&str> = callable.map(|action| action.wire.as_str()).collect();
    let mut groups = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, entry) in &overlay.content.groups {
        let mut members = BTreeSet::new();
        for wire in &entry.actions {
            let name = wire.get_ref().as_str();
            if let Some(owner) = owners.insert(name, key.get_ref()) {
                let message = format!("{} is in the group {}, too", Quoted(name), Quoted(owner));
                let help = "take it out of one of the two";
                report.push(overlay.error(message, wire.span()).help(help));
            } else if left.remove(name) {
                members.insert(name.to_owned());
            }
        }
        if !members.is_empty() {
            let (title, docs) = (title(key.get_ref()), prose_lines(&entry.description));
            groups.push(Group { title, docs, actions: members });
        }
    }
    if left.is_empty() {
        return groups;
    }
    let title = if groups.is_empty() { String::new() } else { "Other".to_owned() };
    if !groups.is_empty() {
        let message = format!("no group has {}", Listed(left.iter()));
        let help = "name it among the `actions` of one of the `groups` in the overlay";
        let found = Diagnostic::note("no-group", message).help(help);
        report.push(found.at(snapshot.source(), 0..0));
    }
    let actions = left.into_iter().map(ToOwned::to_owned).collect();
    groups.push(Group { title, docs: String::new(), actions });
    groups
}

/// A group's name as a title: `game_files` is `Game files`.
fn title(name: &str) -> String {
    let words = prose(&name.replace('_', " "));
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
