//! What changed of the parameters of one action.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Rule, Wire,
    lowered::{Both, said},
    relation::Relation,
    rename::{self, ALIKE},
};
use crate::{
    model::{Action, Parameter, Role},
    snapshot,
    types::ParamType,
};

/// A parameter as the catalogue and the model have it; the overlay adds some to the latter.
#[derive(Clone, Copy)]
struct Known<'a> {
    told: Option<&'a snapshot::Parameter>,
    made: &'a Parameter,
    /// The action that it belongs to.
    action: &'a Action,
}

fn known(action: Both<'_>) -> BTreeMap<&str, Known<'_>> {
    let told: BTreeMap<_, _> = action.told.parameters().iter().map(|it| (it.name(), it)).collect();
    let made = action.made.parameters.iter();
    made.map(|made| {
        let told = told.get(made.wire.as_str()).copied();
        (made.wire.as_str(), Known { told, made, action: action.made })
    })
    .collect()
}

/// Returns whether two actions take the same as far as the catalogues tell: names, types and what
/// is required. What people say of an action is said by its name, so it does not follow a rename by
/// itself.
pub(super) fn are_the_same(old: Both<'_>, new: Both<'_>) -> bool {
    let of = |action: &'_ snapshot::Action| -> BTreeMap<String, (ParamType, bool)> {
        let all = action.parameters().iter();
        all.map(|it| (it.name().to_owned(), (it.param_type().clone(), it.required()))).collect()
    };
    let (old, new) = (of(old.told), of(new.told));
    old.keys().eq(new.keys())
        && old.values().zip(new.values()).all(|((old, was_required), (new, is_required))| {
            use Relation::{Known, Same, Unknown};
            was_required == is_required && matches!(Relation::of(old, new), Same | Known | Unknown)
        })
}

/// What changed between an action's parameters here and there.
pub(super) fn changes(old: Both<'_>, new: Both<'_>) -> Vec<Change> {
    let (before, after) = (known(old), known(new));
    let names = |all: &BTreeMap<&str, Known<'_>>| -> BTreeSet<String> {
        all.keys().map(ToString::to_string).collect()
    };
    let (old_names, new_names) = (names(&before), names(&after));
    let gone: BTreeSet<_> = old_names.difference(&new_names).map(String::as_str).collect();
    let added: BTreeSet<_> = new_names.difference(&old_names).map(String::as_str).collect();
    let is_alone = gone.len() == 1 && added.len() == 1;
    let renamed = rename::pairs(&gone, &added, |old, new| {
        evidence(before.get(old)?, after.get(new)?, is_alone)
    });
    let mut found = Vec::new();
    for pair in &renamed {
        if let (Some(old), Some(new)) = (before.get(pair.old), after.get(pair.new)) {
            let mut change = renamed_change(old, new);
            change.evidence = Some(pair.evidence.clone());
            found.extend(placed([change], Some(old), Some(new)));
            found.extend(placed(compare(old, new), Some(old), Some(new)));
        }
    }
    for name in gone.iter().filter(|name| renamed.iter().all(|it| it.old != **name)) {
        let Some(old) = before.get(name) else { continue };
        found.extend(placed([removed_change(old, new.made)], Some(old), None));
    }
    for name in added.iter().filter(|name| renamed.iter().all(|it| it.new != **name)) {
        let Some(new) = after.get(name) else { continue };
        found.extend(placed([added_change(new, old.made)], None, Some(new)));
    }
    for name in old_names.intersection(&new_names) {
        let pair = (before.get(name.as_str()), after.get(name.as_str()));
        let (Some(old), Some(new)) = pair else { continue };
        found.extend(placed(compare(old, new), Some(old), Some(new)));
    }
    found
}

/// The changes with the name of their parameter and its places.
fn placed(
    changes: impl IntoIterator<Item = Change>,
    old: Option<&Known<'_>>,
    new: Option<&Known<'_>>,
) -> Vec<Change> {
    let name = old.or(new).map(|it| it.made.wire.clone());
    let place = |of: Option<&Known<'_>>| of?.told.map(|it| it.place.clone());
    let changes = changes.into_iter().map(|mut change| {
        change.parameter.clone_from(&name);
        (change.old, change.new) = (place(old), place(new));
        change
    });
    changes.collect()
}

/// Why two parameters are one under two names, if that is evident.
fn evidence(old: &Known<'_>, new: &Known<'_>, is_alone: bool) -> Option<(u32, String)> {
    if old.made.required != new.made.required || old.relation(new) != Relation::Same {
        return None;
    }
    let likeness = rename::likeness(&old.made.wire, &new.made.wire);
    let description = |of: &Known<'_>| of.told.map_or("", |it| it.description()).to_owned();
    let described = !description(old).is_empty() && description(old) == description(new);
    let mut reasons = Vec::new();
    reasons.extend(described.then(|| "the descriptions are the same".to_owned()));
    reasons.extend((likeness >= ALIKE).then(|| format!("the names are {likeness}% alike")));
    let is_typed = old.made.param_type != ParamType::Any;
    reasons.extend((is_alone && is_typed).then(|| {
        "it is the only one that is gone, the other the only new one, and of the same type"
            .to_owned()
    }));
    let score = 100 * u32::from(described) + u32::from(likeness);
    (!reasons.is_empty()).then(|| (score, reasons.join(", ")))
}

fn renamed_change(old: &Known<'_>, new: &Known<'_>) -> Change {
    // A parameter that may be left out is missed by those who sent it.
    let wire = if new.made.required { Wire::Breaks } else { Wire::Partly };
    let [before, after] = [old, new].map(|it| Some(it.made.wire.clone()));
    let change = Change::new(Rule::ParameterRenamed, wire).between(before, after);
    change.breaking(vec![old.given(), old.field()])
}

fn removed_change(old: &Known<'_>, new_action: &Action) -> Change {
    let (rule, items) = if old.made.required {
        let items = [vec![old.given(), old.field()], method_form(old.action, new_action)].concat();
        (Rule::RequiredParameterRemoved, items)
    } else {
        (Rule::OptionalParameterRemoved, vec![old.given(), old.field()])
    };
    // The agent never knew one that only the overlay has.
    let wire = if old.told.is_some() { Wire::Partly } else { Wire::Works };
    Change::new(rule, wire).between(Some(old.summary()), None).breaking(items)
}

fn added_change(new: &Known<'_>, old_action: &Action) -> Change {
    let summary = Some(new.summary());
    if !new.made.required {
        let change = Change::new(Rule::OptionalParameterAdded, Wire::Works);
        return change.between(None, summary).with(vec![new.given()]);
    }
    let change = Change::new(Rule::RequiredParameterAdded, Wire::Breaks).between(None, summary);
    if new.made.role == Role::Optional {
        // It may be `null`, which it is until it is set.
        return change.with(vec![new.given()]);
    }
    change.breaking([vec![new.given()], method_form(old_action, new.action)].concat())
}

/// A parameter that both have.
fn compare(old: &Known<'_>, new: &Known<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    found.extend(requirement(old, new));
    found.extend(param_type(old, new));
    found.extend(values(old, new));
    if old.made.wire == new.made.wire && old.made.field != new.made.field {
        let [before, after] = [old, new].map(|it| Some(it.made.field.clone()));
        let change = Change::new(Rule::RustNameChanged, Wire::Works).between(before, after);
        found.push(change.breaking(vec![old.given(), old.field()]));
    }
    let mut compare = |rule, before: Option<String>, after: Option<String>| {
        let differs = before != after;
        if differs {
            found.push(Change::new(rule, Wire::Works).between(before, after));
        }
        differs
    };
    let description = |of: &Known<'_>| of.told.and_then(|it| said(it.description()));
    let listed = |of: &Known<'_>| of.told.map(|it| it.values().to_owned());
    let rewritten = compare(Rule::ParameterDescriptionChanged, description(old), description(new));
    if !rewritten && listed(old) == listed(new) {
        compare(Rule::OverlayDescriptionChanged, said(&old.made.docs), said(&new.made.docs));
    }
    let metadata = |of: &Known<'_>| of.told.and_then(|it| said(&it.metadata));
    compare(Rule::ParameterMetadataChanged, metadata(old), metadata(new));
    let secret = |of: &Known<'_>| of.made.secret.then(|| "hidden".to_owned());
    compare(Rule::SecrecyChanged, secret(old), secret(new));
    found
}

fn requirement(old: &Known<'_>, new: &Known<'_>) -> Option<Change> {
    let (rule, wire) = match (old.made.required, new.made.required) {
        (true, false) => (Rule::ParameterBecameOptional, Wire::Works),
        (false, true) => (Rule::ParameterBecameRequired, Wire::Breaks),
        _ => return None,
    };
    let change = Change::new(rule, wire).between(Some(old.summary()), Some(new.summary()));
    let (before, after) = (&old.made.role, &new.made.role);
    let mut items = Vec::new();
    if std::mem::discriminant(before) != std::mem::discriminant(after) {
        let subject = [old, new].into_iter().find(|it| it.made.role == Role::Subject);
        // A setter that must be called now, or an argument that is no longer one.
        items.extend(subject.map(Known::given));
        items.extend(matches!(after, Role::Required(_)).then(|| new.given()));
        items.push(old.field());
        items.extend(method_form(old.action, new.action));
    }
    Some(change.breaking(items))
}

fn param_type(old: &Known<'_>, new: &Known<'_>) -> Option<Change> {
    let relation = old.relation(new);
    let (rule, wire) = match relation {
        Relation::Same => (Rule::RustTypeChanged, Wire::Works),
        Relation::Widened => (Rule::TypeWidened, Wire::Works),
        Relation::Narrowed => (Rule::TypeNarrowed, Wire::Partly),
        // The agent says more or less than before, which is no sign that it does something else.
        Relation::Known => (Rule::TypeBecameKnown, Wire::Works),
        Relation::Unknown => (Rule::TypeBecameUnknown, Wire::Works),
        Relation::Other => (Rule::TypeChanged, Wire::Breaks),
    };
    let items = type_items(old, new);
    if relation == Relation::Same && items.is_empty() {
        let [before, after] = [old, new].map(|it| it.told.and_then(|it| said(it.word())));
        let change = Change::new(Rule::TypeWordChanged, Wire::Works);
        return (before != after).then(|| change.between(before, after));
    }
    let [before, after] = if relation == Relation::Same {
        [old, new].map(|it| Some(type_name(&it.made.param_type)))
    } else {
        [old, new].map(|it| it.told.and_then(|it| said(it.word())))
    };
    Some(Change::new(rule, wire).between(before, after).breaking(items))
}

/// The items that have another type in Rust.
fn type_items(old: &Known<'_>, new: &Known<'_>) -> Vec<String> {
    let (before, after) = (old.made.value_type(), new.made.value_type());
    if before == after {
        return Vec::new();
    }
    // Whatever was a text before becomes one of its kind by `into`.
    let is_text = |of: &ParamType| matches!(of, ParamType::String);
    let converts = is_text(before) && is_text(new.inner());
    let setter = (!converts).then(|| old.given());
    // A declared type that holds something else has the name that it had.
    let field = (!before.is_written_as(after)).then(|| old.field());
    setter.into_iter().chain(field).collect()
}

fn values(old: &Known<'_>, new: &Known<'_>) -> Option<Change> {
    let values = |of: &Known<'_>| -> BTreeSet<String> {
        of.told.map(|it| it.values().iter().cloned().collect()).unwrap_or_default()
    };
    let (before, after) = (values(old), values(new));
    if before == after {
        return None;
    }
    // A parameter without a list takes any value.
    let widens = after.is_empty() || (!before.is_empty() && before.is_subset(&after));
    let narrows = before.is_empty() || (!after.is_empty() && after.is_subset(&before));
    let (rule, wire) = match (widens, narrows) {
        (true, _) => (Rule::ValuesAdded, Wire::Works),
        (_, true) => (Rule::ValuesRemoved, Wire::Partly),
        _ => (Rule::ValuesChanged, Wire::Partly),
    };
    let text = |values: BTreeSet<String>| {
        (!values.is_empty()).then(|| values.into_iter().collect::<Vec<_>>().join(", "))
    };
    Some(Change::new(rule, wire).between(text(before), text(after)))
}

impl Known<'_> {
    /// How the values on the wire compare, as far as the catalogues tell.
    fn relation(&self, new: &Known<'_>) -> Relation {
        match (self.told, new.told) {
            (Some(old), Some(new)) => Relation::of(old.param_type(), new.param_type()),
            _ => Relation::Same,
        }
    }

    /// The type below the one that the overlay declares.
    fn inner(&self) -> &ParamType {
        match self.made.value_type() {
            ParamType::Named(_, inner) => inner,
            other => other,
        }
    }

    /// What a caller writes to give it.
    fn given(&self) -> String {
        match self.made.role {
            Role::Subject => argument(self.action, self.made),
            _ => format!("setter `{}::{}`", self.action.name.camel, self.made.field),
        }
    }

    fn field(&self) -> String {
        format!("field `{}::{}`", self.action.name.camel, self.made.field)
    }

    fn summary(&self) -> String {
        let word = self.told.map_or("", |it| it.word());
        let word = if word.is_empty() { "no type" } else { word };
        format!("{word}, {}", if self.made.required { "required" } else { "optional" })
    }
}

/// The method of an action.
pub(super) fn method(action: &Action) -> String {
    format!("method `Agent::{}`", action.name.snake)
}

/// An argument of `new`.
pub(super) fn argument(action: &Action, parameter: &Parameter) -> String {
    format!("argument `{}` of `{}::new`", parameter.field, action.name.camel)
}

/// The method, if it takes an argument on one side only: one that demands nothing takes none.
fn method_form(old: &Action, new: &Action) -> Vec<String> {
    (old.demands_anything() != new.demands_anything()).then(|| method(old)).into_iter().collect()
}

/// A type in Rust, for people.
fn type_name(of: &ParamType) -> String {
    match of {
        ParamType::Named(name, inner) => format!("{name}, {inner}"),
        other => other.to_string(),
    }
}
