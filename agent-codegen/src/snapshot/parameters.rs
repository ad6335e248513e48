//! What each action says of itself.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Action, Parameter,
    json::{Json, Kind, Member, Path},
    type_word::type_word,
};
use crate::{
    diagnostic::{Diagnostic, Report, Source},
    text::Quoted,
    types::{ParamType, Word},
};

const LEFT_OUT: &str = "the action is left out; mend this place, or call it by `Agent::call_raw`";

/// Reads all actions of a catalogue; one that cannot be read is reported and left out.
pub(super) fn actions(
    source: &Arc<Source>,
    catalogue: &Json,
    report: &mut Report,
) -> BTreeMap<String, Action> {
    let mut reader = Reader { source, report };
    let top = Path::Top;
    let path = top.key("actions");
    let Some(actions) = catalogue.get("actions") else { return BTreeMap::new() };
    let map = actions.as_map().into_iter().flatten();
    let read = |(name, member): (&String, &Member)| {
        reader.action(member, &path.key(name)).map(|action| (name.clone(), action))
    };
    let read: BTreeMap<_, _> = map.filter_map(read).collect();
    if actions.as_map().is_some_and(BTreeMap::is_empty) {
        report.push(
            Diagnostic::warning("no-actions", "the catalogue holds no actions")
                .at(source, actions.at.clone())
                .path(path)
                .help("an agent tells each user the actions it may call; fetch it as root"),
        );
    }
    read
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn action(&mut self, member: &Member, path: &Path<'_>) -> Option<Action> {
        let json = &member.value;
        let none = BTreeMap::new();
        let map = match &json.kind {
            Kind::Map(map) => map,
            // An action of which nothing is said.
            Kind::Null => &none,
            _ => {
                let message = format!("an action is {}, and a map is expected", json.what());
                self.push(Diagnostic::error("not-an-action", message).help(LEFT_OUT), json, path);
                return None;
            }
        };
        let value = |key: &str| map.get(key).map(|member| &member.value);
        let parameters = match value("required_parameters") {
            Some(json) => self.parameters(json, &path.key("required_parameters"))?,
            None => Vec::new(),
        };
        Some(Action {
            description: self.description(value("description"), path),
            parameters,
            cloud_controller_only: self.flag(value("cloud_controller_only"), path),
            place: member.key_at.clone(),
        })
    }

    fn description(&mut self, json: Option<&Json>, path: &Path<'_>) -> String {
        match json.map(|json| (json, &json.kind)) {
            Some((_, Kind::Text(text))) => text.clone(),
            None | Some((_, Kind::Null)) => String::new(),
            Some((json, _)) => {
                let message = format!("a description is {}, and a string is expected", json.what());
                let found = Diagnostic::warning("not-a-description", message)
                    .help("it is left out of the documentation");
                self.push(found, json, &path.key("description"));
                String::new()
            }
        }
    }

    fn flag(&mut self, json: Option<&Json>, path: &Path<'_>) -> bool {
        match json.map(|json| (json, &json.kind)) {
            Some((_, Kind::Boolean(flag))) => *flag,
            None | Some((_, Kind::Null)) => false,
            Some((json, _)) => {
                let message = format!(
                    "`cloud_controller_only` is {}, and a boolean is expected",
                    json.what()
                );
                let found = Diagnostic::warning("not-a-flag", message)
                    .help("it is taken for `false`, so the action gets a method");
                self.push(found, json, &path.key("cloud_controller_only"));
                false
            }
        }
    }

    /// Null, or a list of names or objects, or a map from names to types or objects.
    fn parameters(&mut self, json: &Json, path: &Path<'_>) -> Option<Vec<Parameter>> {
        match &json.kind {
            Kind::Null => Some(Vec::new()),
            Kind::Map(map) => {
                let each = map.iter();
                Some(
                    each.map(|(name, member)| {
                        let place = member.key_at.clone();
                        self.parameter(name, Some(&member.value), place, &path.key(name))
                    })
                    .collect(),
                )
            }
            Kind::List(items) => {
                let read: Vec<_> = (0..)
                    .zip(items)
                    .map(|(index, item)| self.listed(item, &path.index(index)))
                    .collect();
                Some(self.distinct(read.into_iter().collect::<Option<_>>()?, path))
            }
            _ => {
                let message = format!(
                    "`required_parameters` is {}; expected are null, a list of names, or \
                             a map from names to types",
                    json.what()
                );
                self.push(Diagnostic::error("not-parameters", message).help(LEFT_OUT), json, path);
                None
            }
        }
    }

    /// One item of a list: a name, or an object that holds `name`, or `{name: type}`.
    fn listed(&mut self, item: &Json, path: &Path<'_>) -> Option<Parameter> {
        if let Kind::Text(name) = &item.kind {
            return Some(self.parameter(name, None, item.at.clone(), path));
        }
        let only = item.as_map().filter(|map| map.len() == 1).and_then(BTreeMap::first_key_value);
        let named = item.get("name").and_then(Json::as_text);
        // `{"name": "str"}` is a parameter that is called `name`.
        if let Some(name) = named.filter(|it| only.is_none() || !Word::read(it).unknown.is_empty())
        {
            return Some(self.parameter(name, Some(item), item.at.clone(), path));
        }
        if let Some((name, member)) = only {
            let place = member.key_at.clone();
            return Some(self.parameter(name, Some(&member.value), place, &path.key(name)));
        }
        let message = format!(
            "a parameter in a list is {}; expected are its name, or a map that \
                               holds `name` and `type`",
            item.what()
        );
        self.push(Diagnostic::error("not-a-parameter", message).help(LEFT_OUT), item, path);
        None
    }

    /// A list may say one name twice; a JSON object cannot send it twice.
    fn distinct(&mut self, all: Vec<Parameter>, path: &Path<'_>) -> Vec<Parameter> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut distinct: Vec<Parameter> = Vec::new();
        for parameter in all {
            let index = *seen.entry(parameter.name.clone()).or_insert(distinct.len());
            let Some(first) = distinct.get_mut(index) else {
                distinct.push(parameter);
                continue;
            };
            let message = format!(
                "the parameter {} is listed twice; the last one counts",
                Quoted(&parameter.name)
            );
            let found = Diagnostic::warning("duplicate-parameter", message).help("remove one");
            self.report.push(found.at(self.source, parameter.place.clone()).path(path));
            *first = parameter;
        }
        distinct
    }

    fn parameter(
        &mut self,
        name: &str,
        json: Option<&Json>,
        place: std::ops::Range<usize>,
        path: &Path<'_>,
    ) -> Parameter {
        let is_object = json.is_some_and(|json| json.as_map().is_some());
        let field = |key: &str| json.and_then(|json| json.get(key));
        let word = if is_object { field("type") } else { json };
        let read = word.and_then(|word| type_word(word, field("items")));
        let read = read.unwrap_or_else(|| {
            self.untyped(name, json, &place, path);
            (String::new(), Word { param_type: ParamType::Any, optional: false, unknown: vec![] })
        });
        let (word, Word { param_type, optional, unknown }) = read;
        for part in &unknown {
            let of = if *part == word { String::new() } else { format!(" in {}", Quoted(&word)) };
            let message = format!(
                "the type {}{of} of the parameter {} is not known",
                Quoted(part),
                Quoted(name)
            );
            let found = Diagnostic::warning("unknown-type", message)
                .help("it takes any JSON value; say what it is in the overlay");
            self.report.push(found.at(self.source, place.clone()).path(path));
        }
        let boolean = |key: &str| {
            field(key).and_then(|json| match json.kind {
                Kind::Boolean(flag) => Some(flag),
                _ => None,
            })
        };
        let has_default = field("default").is_some_and(|json| json.kind != Kind::Null);
        let nullable = boolean("nullable") == Some(true);
        Parameter {
            name: name.to_owned(),
            word,
            param_type: if nullable { param_type.nullable() } else { param_type },
            required: boolean("required").unwrap_or(!optional && !has_default),
            description: field("description")
                .and_then(Json::as_text)
                .unwrap_or_default()
                .to_owned(),
            values: field("enum").map(texts).unwrap_or_default(),
            place,
        }
    }

    fn untyped(
        &mut self,
        name: &str,
        json: Option<&Json>,
        place: &std::ops::Range<usize>,
        path: &Path<'_>,
    ) {
        let why = match json {
            Some(Json { kind: Kind::Map(_) | Kind::Null | Kind::Text(_), .. }) | None => {
                "has no type".to_owned()
            }
            Some(json) => format!("has {} for a type", json.what()),
        };
        let message = format!("the parameter {} {why}", Quoted(name));
        let found = Diagnostic::warning("no-type", message)
            .help("it takes any JSON value; say what it is in the overlay");
        self.report.push(found.at(self.source, place.clone()).path(path));
    }

    fn push(&mut self, diagnostic: Diagnostic, json: &Json, path: &Path<'_>) {
        self.report.push(diagnostic.at(self.source, json.at.clone()).path(path));
    }
}

/// The texts of a list; what else is in it has no word in the documentation.
fn texts(json: &Json) -> Vec<String> {
    let Kind::List(items) = &json.kind else { return Vec::new() };
    items.iter().filter_map(Json::as_text).map(ToOwned::to_owned).collect()
}
