//! What several versions tell of one action, as one that serves all of them.

use std::collections::BTreeSet;

use super::{Action, Doubt, Parameter, Snapshot};
use crate::{
    diagnostic::{Diagnostic, Report},
    text::{Listed, Quoted},
    types::ParamType,
};

/// An action as a union of what snapshots, from the oldest to the newest, tell of it; `None` if none
/// has it. Those in which only the vendor's cloud may call it count only if there is no other.
pub(super) fn action(name: &str, among: &[&Snapshot], report: &mut Report) -> Option<Action> {
    let having = among.iter().filter_map(|it| Some((it.file_name(), it.actions.get(name)?)));
    let mut told: Vec<_> = having.collect();
    if told.iter().any(|(_, action)| !action.cloud_controller_only) {
        told.retain(|(_, action)| !action.cloud_controller_only);
    }
    let (_, newest) = told.last()?;
    let names: BTreeSet<_> =
        told.iter().flat_map(|(_, it)| &it.parameters).map(Parameter::name).collect();
    let parameters = names.into_iter().filter_map(|parameter| {
        let told = told.iter().map(|(file, action)| (*file, action.parameter(parameter)));
        Union { action: name, told: told.collect() }.parameter(report)
    });
    let described = told.iter().rev().find(|(_, it)| !it.description.is_empty());
    Some(Action {
        parameters: parameters.collect(),
        description: described.map(|(_, it)| it.description.clone()).unwrap_or_default(),
        ..(*newest).clone()
    })
}

/// What the versions that have an action tell of one of its parameters, from the oldest to the newest:
/// each file, and nothing where it does not have it.
struct Union<'a> {
    action: &'a str,
    told: Vec<(&'a str, Option<&'a Parameter>)>,
}

impl<'a> Union<'a> {
    fn parameter(&self, report: &mut Report) -> Option<Parameter> {
        let newest = self.all().last()?;
        let required = self.told.iter().all(|(_, it)| it.is_some_and(|it| it.required));
        if !required && self.all().any(|it| it.required) {
            report.push(self.required_by_some(newest));
        }
        let described = self.all().filter(|it| !it.description.is_empty()).last();
        let mut united = Parameter {
            required,
            description: described.map(|it| it.description.clone()).unwrap_or_default(),
            values: self.values(),
            ..newest.clone()
        };
        self.unite_types(&mut united);
        Some(united)
    }

    fn all(&self) -> impl Iterator<Item = &'a Parameter> {
        self.told.iter().filter_map(|(_, parameter)| *parameter)
    }

    /// The values that one of the versions takes; none where one takes any.
    fn values(&self) -> Vec<String> {
        if self.all().any(|it| it.values.is_empty()) {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let values = self.all().flat_map(|it| &it.values).filter(|value| seen.insert(*value));
        values.cloned().collect()
    }

    /// Gives the parameter a type that takes what each version takes: any JSON value where they
    /// differ, since no narrower type takes what source was written with for each of them. For the
    /// same reason a version that tells no type leaves that of older ones, and none to newer ones.
    fn unite_types(&self, united: &mut Parameter) {
        let is_typed = |it: &&Parameter| !matches!(it.doubt, Some(Doubt::NoType(_)));
        let telling: Vec<_> = self.all().filter(is_typed).collect();
        let Some(newest) = telling.last() else { return };
        let types: BTreeSet<_> = telling.iter().map(|it| &it.param_type).collect();
        let inner: BTreeSet<_> = types.iter().map(|it| without_null(it)).collect();
        united.word.clone_from(&newest.word);
        united.doubt.clone_from(&newest.doubt);
        let begins_typed = self.all().next().is_some_and(|it| is_typed(&it));
        united.param_type = match (types.len(), inner.len()) {
            (1, _) if begins_typed => newest.param_type.clone(),
            (_, 1) if begins_typed => newest.param_type.clone().nullable(),
            _ => {
                united.word = self.words();
                united.doubt = Some(Doubt::Differs(self.types()));
                ParamType::Any
            }
        };
        if !united.required {
            // A setter takes what it took for the oldest version: `null` only where that let it be
            // left out as well.
            let takes_null =
                |it: &Parameter| !it.required && matches!(it.param_type, ParamType::Nullable(_));
            let value = without_null(&united.param_type).clone();
            let is_null = self.all().next().is_some_and(takes_null);
            united.param_type = if is_null { value.nullable() } else { value };
        }
    }

    /// The words for the type, as one word.
    fn words(&self) -> String {
        let mut seen = BTreeSet::new();
        let words = self.all().map(|it| it.word.as_str());
        let words = words.filter(|word| !word.is_empty() && seen.insert(*word));
        words.collect::<Vec<_>>().join(" | ")
    }

    /// The words for the type, each with the last file that tells it.
    fn types(&self) -> String {
        let told = self.told.iter().filter_map(|(file, it)| Some((*file, it.as_ref()?)));
        let mut types: Vec<(&str, &str)> = Vec::new();
        for (file, parameter) in told {
            types.retain(|(word, _)| *word != parameter.word);
            types.push((&parameter.word, file));
        }
        let types = types.iter().map(|(word, file)| match *word {
            "" => format!("none in {}", Quoted(file)),
            word => format!("{} in {}", Quoted(word), Quoted(file)),
        });
        types.collect::<Vec<_>>().join(", ")
    }

    fn required_by_some(&self, newest: &Parameter) -> Diagnostic {
        let requires = |it: Option<&Parameter>| it.is_some_and(|it| it.required);
        let (requiring, others): (Vec<_>, Vec<_>) =
            self.told.iter().partition(|(_, it)| requires(*it));
        let files = |of: Vec<&(&'a str, _)>| {
            let files: Vec<_> = of.into_iter().map(|(file, _)| *file).collect();
            Listed(files.into_iter()).to_string()
        };
        let message = format!(
            "the parameter {} of {} is required in {} and not in {}; it is optional in Rust",
            Quoted(&newest.name),
            Quoted(self.action),
            files(requiring),
            files(others),
        );
        let help =
            "set it where the agent requires it: `Agent::compatibility` tells whether it does";
        Diagnostic::note("required-by-some", message).help(help).at_place(&newest.place)
    }
}

fn without_null(of: &ParamType) -> &ParamType {
    match of {
        ParamType::Nullable(inner) => inner,
        other => other,
    }
}
