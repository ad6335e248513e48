//! From two models to their changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Rule, Rust, Side, Wire,
    lowered::{Both, Lowered, said},
    parameters,
    rename::{self, ALIKE, Renamed},
    replies, schema,
};
use crate::{
    Report, Snapshot,
    model::{Action, Declared, Model},
    snapshot::{self, Doubt},
};

/// Both sides, and what was found of them.
struct Comparison<'a> {
    old: Lowered<'a>,
    new: Lowered<'a>,
    /// The change of the whole catalogue in how it tells types, if there is one.
    types: Option<Change>,
    changes: Vec<Change>,
}

pub(super) fn changes(old: &Side<'_>, new: &Side<'_>) -> Vec<Change> {
    let mut carried = new.snapshot.clone();
    carried.carry_types(old.snapshot, &mut Report::new());
    let mut comparison = Comparison {
        old: Lowered::new(*old, old.snapshot),
        new: Lowered::new(*new, &carried),
        types: types_told(old.snapshot, new.snapshot),
        changes: Vec::new(),
    };
    comparison.catalogue();
    comparison.declared_types();
    comparison.actions();
    comparison.changes.extend(comparison.types.take());
    comparison.changes
}

/// The change between a catalogue that tells no types and one that does; its items are added later.
fn types_told(old: &Snapshot, new: &Snapshot) -> Option<Change> {
    let parameters = |snapshot: &Snapshot| {
        let all = snapshot.actions().values().flat_map(snapshot::Action::parameters);
        let (untyped, typed): (Vec<_>, Vec<_>) =
            all.partition(|it| matches!(it.doubt, Some(Doubt::NoType(_))));
        (untyped.len(), typed.len())
    };
    let rule = match (parameters(old), parameters(new)) {
        ((2.., 0), (_, 1..)) => Rule::TypesAppeared,
        ((_, 1..), (2.., 0)) => Rule::TypesDisappeared,
        _ => return None,
    };
    Some(Change::new(rule, Wire::Works))
}

impl Comparison<'_> {
    fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Returns whether a change follows from how the whole catalogue tells types, which is one
    /// change: names alone have neither types nor any other facts about a parameter.
    fn merges(&mut self, change: &Change) -> bool {
        let Some(types) = &mut self.types else { return false };
        let untold = if types.rule == Rule::TypesAppeared { &change.before } else { &change.after };
        match change.rule {
            Rule::TypeBecameKnown | Rule::TypeBecameUnknown => {}
            Rule::ParameterDescriptionChanged
            | Rule::ParameterMetadataChanged
            | Rule::ValuesAdded
            | Rule::ValuesRemoved
                if untold.is_none() => {}
            _ => return false,
        }
        types.items.extend_from_slice(&change.items);
        if !change.items.is_empty() {
            types.rust = Rust::Breaks;
        }
        true
    }

    fn catalogue(&mut self) {
        let [before, after] = [&self.old, &self.new].map(|it| it.side.snapshot.metadata(None));
        if before != after {
            let change = Change::new(Rule::CatalogueMetadataChanged, Wire::Works);
            self.push(change.between(before, after));
        }
        let [before, after] =
            [&self.old, &self.new].map(|it| it.side.overlay.subject().map(ToOwned::to_owned));
        if before != after {
            let news = |subject: &Option<String>, of: &Lowered<'_>| -> Vec<String> {
                let actions = of.model.callable();
                let taken = actions.filter_map(|it| Some((it, it.subject()?)));
                let taken = taken.filter(|(_, it)| Some(&it.wire) == subject.as_ref());
                taken.map(|(action, it)| parameters::argument(action, it)).collect()
            };
            let items = [news(&before, &self.old), news(&after, &self.new)].concat();
            let change = Change::new(Rule::SubjectChanged, Wire::Works);
            self.push(change.between(before, after).breaking(items));
        }
    }

    fn declared_types(&mut self) {
        let (old, new) = (declared(&self.old.model), declared(&self.new.model));
        let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        let changes = names.into_iter().filter_map(|name| {
            let (before, after) = (old.get(name).copied(), new.get(name).copied());
            let mut change = declared_type(name, before, after)?;
            change.old = before.and_then(|_| self.old.side.overlay.place_of_type(name));
            change.new = after.and_then(|_| self.new.side.overlay.place_of_type(name));
            Some(change)
        });
        let changes: Vec<_> = changes.collect();
        self.changes.extend(changes);
    }

    fn actions(&mut self) {
        let (old, new) = (self.old.names(), self.new.names());
        let gone: BTreeSet<_> = old.difference(&new).copied().collect();
        let added: BTreeSet<_> = new.difference(&old).copied().collect();
        let renamed = self.renamed(&gone, &added);
        for Renamed { old, new, evidence } in &renamed {
            self.action(old, new, Some(evidence));
        }
        for name in gone.iter().filter(|name| renamed.iter().all(|it| it.old != **name)) {
            self.removed(name);
        }
        for name in added.iter().filter(|name| renamed.iter().all(|it| it.new != **name)) {
            self.added(name);
        }
        for name in old.intersection(&new) {
            self.action(name, name, None);
        }
    }

    fn renamed<'n>(&self, gone: &BTreeSet<&'n str>, added: &BTreeSet<&'n str>) -> Vec<Renamed<'n>> {
        rename::pairs(gone, added, |old, new| {
            let likeness = rename::likeness(old, new);
            let (old, new) = (self.old.action(old)?, self.new.action(new)?);
            if old.told.cloud_controller_only() || new.told.cloud_controller_only() {
                return None;
            }
            let description = old.told.description();
            let described = !description.is_empty() && description == new.told.description();
            let alike = likeness >= ALIKE;
            let parameters = parameters::are_the_same(old, new);
            let mut reasons = Vec::new();
            reasons.extend(described.then(|| "the descriptions are the same".to_owned()));
            reasons.extend(parameters.then(|| "the parameters are the same".to_owned()));
            reasons.extend(alike.then(|| format!("the names are {likeness}% alike")));
            let score = 100 * u32::from(described) + 100 * u32::from(parameters);
            (reasons.len() >= 2).then(|| (score + u32::from(likeness), reasons.join(", ")))
        })
    }

    fn removed(&mut self, name: &str) {
        let Some(action) = self.old.action(name) else { return };
        // An action that could not be called is not missed.
        let wire = if items(action.made).is_empty() { Wire::Works } else { Wire::Breaks };
        let change = Change::new(Rule::ActionRemoved, wire).of(name).breaking(self.missed(action));
        let mut change = change.between(Some(summary(action)), None);
        change.old = Some(action.told.place.clone());
        self.push(change);
    }

    /// The Rust items of an action that the new code does not have. It has some of one whose name is
    /// written otherwise on the wire alone.
    fn missed(&self, action: Both<'_>) -> Vec<String> {
        let kept: BTreeSet<_> = self.new.model.callable().flat_map(items).collect();
        items(action.made).into_iter().filter(|item| !kept.contains(item)).collect()
    }

    fn added(&mut self, name: &str) {
        let Some(action) = self.new.action(name) else { return };
        let change = Change::new(Rule::ActionAdded, Wire::Works).of(name).with(items(action.made));
        let mut change = change.between(None, Some(summary(action)));
        change.new = Some(action.told.place.clone());
        self.push(change);
    }

    /// Compares an action that both have.
    fn action(&mut self, old_name: &str, new_name: &str, renamed: Option<&str>) {
        let mut found = Vec::new();
        if let (Some(old), Some(new)) = (self.old.action(old_name), self.new.action(new_name)) {
            found = self.found(old, new, renamed);
            for change in &mut found {
                change.action = Some(old_name.to_owned());
                change.old.get_or_insert_with(|| old.told.place.clone());
                change.new.get_or_insert_with(|| new.told.place.clone());
            }
        }
        for change in found {
            if !self.merges(&change) {
                self.push(change);
            }
        }
    }

    fn found(&self, old: Both<'_>, new: Both<'_>, renamed: Option<&str>) -> Vec<Change> {
        let mut found = Vec::new();
        if let Some(evidence) = renamed {
            let [before, after] = [old, new].map(|it| Some(it.made.wire.clone()));
            let mut change = Change::new(Rule::ActionRenamed, Wire::Breaks);
            change.evidence = Some(evidence.to_owned());
            found.push(change.between(before, after).breaking(self.missed(old)));
        }
        found.extend(texts(old, new));
        let metadata = [(&self.old, old), (&self.new, new)]
            .map(|(side, action)| side.side.snapshot.metadata(Some(&action.made.wire)));
        let [before, after] = metadata;
        if before != after {
            let change = Change::new(Rule::ActionMetadataChanged, Wire::Works);
            found.push(change.between(before, after));
        }
        match (old.told.cloud_controller_only(), new.told.cloud_controller_only()) {
            (true, true) => return found,
            (false, true) => {
                let change = Change::new(Rule::ActionBecameCloudOnly, Wire::Breaks);
                found.push(change.breaking(items(old.made)));
                return found;
            }
            (true, false) => {
                let change = Change::new(Rule::ActionNoLongerCloudOnly, Wire::Works);
                found.push(change.with(items(new.made)));
                return found;
            }
            (false, false) => {}
        }
        if renamed.is_none() && old.made.name.snake != new.made.name.snake {
            let [before, after] = [old, new].map(|it| Some(it.made.name.snake.clone()));
            let change = Change::new(Rule::RustNameChanged, Wire::Works);
            found.push(change.between(before, after).breaking(items(old.made)));
        }
        found.extend(overlay(old.made, new.made));
        found.extend(self.reply(old.made, new.made));
        found.extend(parameters::changes(old, new));
        found
    }

    /// What the overlay says of the reply.
    fn reply(&self, old: &Action, new: &Action) -> Option<Change> {
        let schema = |of: &Lowered<'_>, action: &Action| {
            action.output.as_ref().and_then(|_| of.side.overlay.reply_schema(&action.wire))
        };
        let (before, after) = (schema(&self.old, old), schema(&self.new, new));
        let item = |action: &Action| match &action.output {
            Some(name) => format!("type `{name}`"),
            None => format!("reply of `Agent::{}`", action.name.snake),
        };
        let text = |schema: &crate::snapshot::json::Json| snapshot::written(schema);
        let (rule, breaks) = match (&before, &after) {
            (None, None) => return None,
            (None, Some(_)) => (Rule::ReplyTyped, true),
            (Some(_), None) => (Rule::ReplyUntyped, true),
            (Some(before), Some(after)) if text(before) == text(after) => return None,
            (Some(_), Some(_)) => {
                let reply = old.output.as_deref().unwrap_or_default();
                let is_kept = old.output == new.output
                    && replies::are_kept(&self.old.model, &self.new.model, reply);
                (Rule::ReplyChanged, !is_kept)
            }
        };
        let [before, after] = match (&before, &after) {
            (Some(before), Some(after)) => schema::differences(before, after).map(Some),
            (before, after) => [before, after].map(|it| it.as_ref().map(schema::outline)),
        };
        let change = Change::new(rule, Wire::Works).between(before, after);
        let items = vec![item(old)];
        Some(if breaks { change.breaking(items) } else { change.with(items) })
    }
}

/// What people read of an action: the agent's words and the overlay's.
fn texts(old: Both<'_>, new: Both<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    let told = [old, new].map(|it| said(it.told.description()));
    let made = [old, new].map(|it| said(&it.made.docs));
    let [before, after] = told;
    if before != after {
        let change = Change::new(Rule::ActionDescriptionChanged, Wire::Works);
        found.push(change.between(before, after));
    } else if let [before, after] = made
        && before != after
    {
        let change = Change::new(Rule::OverlayDescriptionChanged, Wire::Works);
        found.push(change.between(before, after));
    }
    found
}

/// What the overlay says of a call.
fn overlay(old: &Action, new: &Action) -> Vec<Change> {
    let mut found = Vec::new();
    let mut compare = |rule, before: Option<String>, after: Option<String>| {
        if before != after {
            found.push(Change::new(rule, Wire::Works).between(before, after));
        }
    };
    let seconds = |action: &Action| action.timeout.map(|it| format!("{it} s"));
    compare(Rule::TimeoutChanged, seconds(old), seconds(new));
    let reads = |action: &Action| action.reads.then(|| "only reads".to_owned());
    compare(Rule::ReadsChanged, reads(old), reads(new));
    compare(Rule::DeprecationChanged, said(&old.deprecated), said(&new.deprecated));
    found
}

/// The Rust items of an action; none of one that only the cloud may call.
fn items(action: &Action) -> Vec<String> {
    if action.cloud_controller_only {
        return Vec::new();
    }
    vec![parameters::method(action), format!("struct `{}`", action.name.camel)]
}

/// An action in a line: what it takes.
fn summary(action: Both<'_>) -> String {
    if action.made.cloud_controller_only {
        return "for the vendor's cloud only".to_owned();
    }
    let parameters = action.made.parameters.iter().filter(|it| it.required);
    let names: Vec<_> = parameters.map(|it| it.wire.as_str()).collect();
    match names.as_slice() {
        [] => "requires nothing".to_owned(),
        names => format!("requires {}", names.join(", ")),
    }
}

fn declared(model: &Model) -> BTreeMap<&str, &Declared> {
    model.types.iter().map(|it| (it.name.as_str(), it)).collect()
}

/// What became of a type that the overlay declares.
fn declared_type(name: &str, old: Option<&Declared>, new: Option<&Declared>) -> Option<Change> {
    let item = vec![format!("type `{name}`")];
    let between = |rule, is_named: bool| {
        let text =
            |it: Option<&Declared>| it.map(|it| format!("{name}: {}", meaning(it, is_named)));
        Change::new(rule, Wire::Works).between(text(old), text(new))
    };
    let (before, after) = match (old, new) {
        (Some(before), Some(after)) => (before, after),
        (None, _) => return Some(between(Rule::DeclaredTypeAdded, false).with(item)),
        (_, None) => return Some(between(Rule::DeclaredTypeRemoved, false).breaking(item)),
    };
    if (&before.inner, &before.values) == (&after.inner, &after.values) {
        return None;
    }
    // The names of values are told where nothing else differs.
    let change =
        between(Rule::DeclaredTypeChanged, meaning(before, false) == meaning(after, false));
    let is_kept = |value| after.values.contains(value);
    let is_extended = !before.values.is_empty() && before.values.iter().all(is_kept);
    Some(if is_extended { change.with(item) } else { change.breaking(item) })
}

/// What a declared type is made of, with the names of its values in Rust if they are asked for.
fn meaning(declared: &Declared, is_named: bool) -> String {
    let values = declared
        .values
        .iter()
        .map(|(value, name)| if is_named { format!("{value} as {name}") } else { value.clone() });
    let values: Vec<_> = values.collect();
    match values.as_slice() {
        [] => declared.inner.to_string(),
        values => format!("one of {}", values.join(", ")),
    }
}
