//! Parameters of which neither the catalogue nor the overlay says what they hold.

use std::collections::{BTreeMap, BTreeSet};

use super::Selection;
use crate::{
    Overlay, Snapshot,
    diagnostic::{Diagnostic, Place, Report},
    overlay::toml_key,
    snapshot::{Action, Doubt},
    text::{Listed, Quoted},
};

/// So many entries of an overlay are shown as an example.
const MOST_SHOWN: usize = 3;

/// An entry of more bytes than this is no example: a hostile name may be of any length.
const LONGEST_SHOWN: usize = 400;

/// Reports each name once, however many actions take a parameter that is called so: an agent that
/// tells no types at all would otherwise fill screens.
pub(super) fn report(
    snapshot: &Snapshot,
    overlay: &Overlay,
    selection: Selection<'_>,
    report: &mut Report,
) {
    let groups = groups(snapshot, overlay, selection);
    for group in &groups {
        report.push(group.diagnostic());
    }
    if groups.is_empty() {
        return;
    }
    let entries = entries(&groups, snapshot, overlay);
    let short = entries.iter().filter(|entry| entry.len() <= LONGEST_SHOWN);
    let example: String = short.take(MOST_SHOWN).map(String::as_str).collect();
    let more = match entries.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        more => format!("\n… and {more} more"),
    };
    report.push(
        Diagnostic::note("any-value", "a parameter without a known type takes any JSON value")
            .help(format!("say in the overlay what it is:\n{}{more}", example.trim_end())),
    );
}

impl Overlay {
    /// Entries that this overlay lacks: one for each parameter of which neither it nor the catalogue
    /// says what it holds, as TOML that can be added to it. What belongs into a table that it has
    /// already is a comment. Empty if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{Overlay, Report, Snapshot};
    ///
    /// let catalogue = br#"{ "actions": { "lift": { "required_parameters": ["height"] } } }"#;
    /// let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut Report::new()).unwrap();
    /// let draft = Overlay::default().draft(&snapshot);
    /// assert_eq!(draft.trim_end(), "# In `lift`\n[parameters.height]\ntype = \"any\"");
    /// ```
    #[must_use]
    pub fn draft(&self, snapshot: &Snapshot) -> String {
        entries(&groups(snapshot, self, Selection(None)), snapshot, self).join("\n")
    }
}

/// What the overlay would say of each name.
fn entries(groups: &[Group<'_>], snapshot: &Snapshot, overlay: &Overlay) -> Vec<String> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for group in groups {
        let actions = group.places.iter().map(|(action, _)| *action);
        names.entry(group.name).or_default().extend(actions);
    }
    let words = words(snapshot);
    let nothing = BTreeSet::new();
    let entry = |(name, actions): (&str, Vec<&str>)| {
        entry(name, &actions, words.get(name).unwrap_or(&nothing), overlay)
    };
    names.into_iter().map(entry).collect()
}

/// The words for types that each name of a parameter has, where it has one.
fn words(snapshot: &Snapshot) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let parameters = snapshot.actions().values().flat_map(Action::parameters);
    for parameter in parameters.filter(|it| it.doubt.is_none()) {
        words.entry(parameter.name()).or_default().insert(parameter.word());
    }
    words
}

/// What the overlay would say of a name: the type that it has elsewhere, or `any`, which is what the
/// parameter has without it.
fn entry(name: &str, actions: &[&str], words: &BTreeSet<&str>, overlay: &Overlay) -> String {
    let key = toml_key(name);
    let word = match words.first() {
        Some(word) if words.len() == 1 => word,
        _ => "any",
    };
    let word = serde_json::Value::from(word);
    // A type for the name could not hold for all of them, or its table is there already.
    if words.len() < 2 && !overlay.content.parameters.contains_key(name) {
        let actions = Listed(actions.iter());
        return format!("# In {actions}\n[parameters.{key}]\ntype = {word}\n");
    }
    let tables = actions.iter().map(|action| {
        let table = format!("[actions.{}.parameters.{key}]", toml_key(action));
        let here = overlay.content.actions.get(*action);
        if here.is_some_and(|it| it.parameters.contains_key(name)) {
            format!("# Add to {table}: type = {word}\n")
        } else {
            format!("{table}\ntype = {word}\n")
        }
    });
    tables.collect()
}

/// The parameters of one name that are in doubt for one reason.
struct Group<'a> {
    name: &'a str,
    doubt: &'a Doubt,
    /// The actions, and where each names the parameter.
    places: Vec<(&'a str, Place)>,
}

fn groups<'a>(
    snapshot: &'a Snapshot,
    overlay: &Overlay,
    selection: Selection<'_>,
) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(&str, &Doubt), Vec<_>> = BTreeMap::new();
    let callable = snapshot.actions().iter().filter(|(_, it)| !it.cloud_controller_only());
    for (wire, action) in callable.filter(|(wire, _)| selection.holds(wire)) {
        for parameter in action.parameters() {
            if let Some(doubt) = &parameter.doubt
                && !overlay.types(wire, parameter.name())
            {
                let group = groups.entry((parameter.name(), doubt)).or_default();
                group.push((wire.as_str(), parameter.place.clone()));
            }
        }
    }
    let group = |((name, doubt), places)| Group { name, doubt, places };
    groups.into_iter().map(group).collect()
}

impl Group<'_> {
    fn diagnostic(&self) -> Diagnostic {
        let name = Quoted(self.name);
        let (code, what) = match self.doubt {
            Doubt::NoType(None) => ("no-type", format!("the parameter {name} has no type")),
            Doubt::NoType(Some(kind)) => {
                ("no-type", format!("the parameter {name} has {kind} for a type"))
            }
            Doubt::Differs(types) => {
                ("types-differ", format!("the parameter {name} has different types: {types},"))
            }
            Doubt::UnknownWord(word) => {
                let word = Quoted(word);
                ("unknown-type", format!("the type {word} of the parameter {name} is not known"))
            }
        };
        let actions = Listed(self.places.iter().map(|(action, _)| action));
        let message = match self.places.len() {
            1 => format!("{what} in the action {actions}"),
            many => format!("{what} in {many} actions: {actions}"),
        };
        let places = self.places.iter().map(|(action, place)| (*action, place.clone()));
        Diagnostic::warning(code, message).in_actions(places)
    }
}
