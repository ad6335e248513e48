//! What each action says of itself.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::{
    Action, Availability, Doubt, Parameter,
    described::{Described, Flag, lists_null, meaning, not_a_word, parameters_of},
    json::{Json, Kind, Member, Path},
    type_word::type_word,
};
use crate::{
    diagnostic::{Diagnostic, Place, Report, Source},
    text::Quoted,
    types::Word,
};

const LEFT_OUT: &str = "the action is left out; mend this place, or call it by `Agent::call_raw`";

/// So many actions a catalogue may hold, and parameters an action and all actions: agents have about a
/// hundred, ten and three hundred. What is generated from more would keep a compiler busy for hours.
const MOST_ACTIONS: usize = 10_000;
const MOST_PARAMETERS: usize = 200;
const MOST_PARAMETERS_IN_ALL: usize = 20_000;

/// The longest name of an action or a parameter that is read, in bytes.
const LONGEST_NAME: usize = 1024;

/// Reads all actions of a catalogue; one that cannot be read is reported and left out. `None` if
/// there is none, or if there are too many.
pub(super) fn actions(
    source: &Arc<Source>,
    catalogue: &Json,
    report: &mut Report,
) -> Option<BTreeMap<String, Action>> {
    let top = Path::Top;
    let path = top.key("actions");
    let actions = catalogue.get("actions")?;
    let map = actions.as_map()?;
    let about = |found: Diagnostic| found.at(source, actions.at.clone()).path(path);
    if map.len() > MOST_ACTIONS {
        let message = format!("holds {} actions; at most {MOST_ACTIONS} are read", map.len());
        let found = Diagnostic::error("too-many-actions", message);
        report.push(about(found).help("no agent has as many; is it the right file?"));
        return None;
    }
    let parameters = map.values().filter_map(|it| it.value.get("required_parameters"));
    let count: usize = parameters.map(|it| parameters_of(it).0.len()).sum();
    if count > MOST_PARAMETERS_IN_ALL {
        let message =
            format!("holds {count} parameters; at most {MOST_PARAMETERS_IN_ALL} are read");
        let found = Diagnostic::error("too-many-parameters", message);
        report.push(about(found).help("no agent has as many; is it the right file?"));
        return None;
    }
    let mut reader = Reader { source, report };
    let read = |(name, member): (&String, &Member)| {
        let path = path.key(name);
        let names = reader.names_are_short(name, &member.value, &path);
        let action = names.then(|| reader.action(member, &path)).flatten();
        action.map(|action| (name.clone(), action))
    };
    let read: BTreeMap<_, _> = map.iter().filter_map(read).collect();
    // Code of an empty catalogue would take the place of that of a full one.
    if read.values().all(Action::cloud_controller_only) {
        let message = "the catalogue holds no action that a client may call";
        report.push(
            about(Diagnostic::error("no-actions", message))
                .help("an agent tells each user the actions it may call; fetch it as root"),
        );
    }
    (!read.is_empty()).then_some(read)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    report: &'a mut Report,
}

impl Reader<'_> {
    /// Returns whether a name can be read by a person; an error if it is longer, or one of the
    /// parameters.
    fn names_are_short(&mut self, action: &str, json: &Json, path: &Path<'_>) -> bool {
        let parameters = json.get("required_parameters").map(|it| &parameters_of(it).0.kind);
        let longest = match parameters {
            Some(Kind::Map(map)) => map.keys().map(String::len).max(),
            Some(Kind::List(items)) => items.iter().filter_map(Json::as_text).map(str::len).max(),
            _ => None,
        };
        let longest = action.len().max(longest.unwrap_or(0));
        if longest > LONGEST_NAME {
            let message = format!("a name has {longest} bytes; at most {LONGEST_NAME} are read");
            self.push(Diagnostic::error("name-too-long", message).help(LEFT_OUT), json, path);
        }
        longest <= LONGEST_NAME
    }

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
            availability: Availability::default(),
            place: self.place(&member.key_at),
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

    /// Null, or a list of names or objects, or a map from names to types or objects, or a JSON Schema
    /// with such a map.
    fn parameters(&mut self, json: &Json, path: &Path<'_>) -> Option<Vec<Parameter>> {
        let (json, required) = parameters_of(json);
        let mut all = self.each_parameter(json, path)?;
        for parameter in &mut all {
            let is_listed = |names: Vec<&str>| names.contains(&parameter.name.as_str());
            parameter.required = required.clone().map_or(parameter.required, is_listed);
        }
        Some(all)
    }

    fn each_parameter(&mut self, json: &Json, path: &Path<'_>) -> Option<Vec<Parameter>> {
        match &json.kind {
            Kind::Null => Some(Vec::new()),
            Kind::Map(_) | Kind::List(_) if json.len() > MOST_PARAMETERS => {
                let message = format!(
                    "an action has {} parameters; at most {MOST_PARAMETERS} are read",
                    json.len()
                );
                self.push(
                    Diagnostic::error("too-many-parameters", message).help(LEFT_OUT),
                    json,
                    path,
                );
                None
            }
            Kind::Map(map) => {
                let each = map.iter();
                Some(
                    each.map(|(name, member)| {
                        let place = self.place(&member.key_at);
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
            return Some(self.parameter(name, None, self.place(&item.at), path));
        }
        let only = item.as_map().filter(|map| map.len() == 1).and_then(BTreeMap::first_key_value);
        let named = item.get("name").and_then(Json::as_text);
        // `{"name": "str"}` is a parameter that is called `name`.
        if let Some(name) = named.filter(|it| only.is_none() || !Word::read(it).unknown.is_empty())
        {
            return Some(self.parameter(name, Some(item), self.place(&item.at), path));
        }
        if let Some((name, member)) = only {
            let place = self.place(&member.key_at);
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
            self.report.push(found.at_place(&parameter.place).path(path));
            *first = parameter;
        }
        distinct
    }

    fn parameter(
        &mut self,
        name: &str,
        json: Option<&Json>,
        place: Place,
        path: &Path<'_>,
    ) -> Parameter {
        let described = Described::new(json);
        let word = described.word().and_then(|word| type_word(word, described.get("items")));
        let known = word.is_some();
        let (word, read) = word.unwrap_or_default();
        let doubt = if known {
            read.unknown.into_iter().next().map(Doubt::UnknownWord)
        } else {
            Some(Doubt::NoType(json.and_then(not_a_word)))
        };
        let values = described.get("enum");
        let flags = self.flags(&described, name, path);
        let nullable = flags.iter().any(Flag::lets_be_null) || values.is_some_and(lists_null);
        let demanded = self.demanded(&flags, name, path);
        let param_type = read.param_type;
        Parameter {
            name: name.to_owned(),
            word,
            param_type: if nullable { param_type.nullable() } else { param_type },
            doubt,
            required: demanded.unwrap_or(!read.optional && !described.has_default()),
            description: described.text("description").to_owned(),
            values: values.map(|values| self.values(values, name, path)).unwrap_or_default(),
            metadata: described.metadata(),
            availability: Availability::default(),
            requiring: Availability::default(),
            place,
        }
    }

    /// Returns whether the agent demands a parameter by its flags, if they say so. Where they
    /// disagree it does: what is demanded and left out is rejected, and not the other way round.
    fn demanded(&mut self, flags: &[Flag<'_>], name: &str, path: &Path<'_>) -> Option<bool> {
        let saying = |demanded| flags.iter().find(|flag| flag.demands() == Some(demanded));
        let (yes, no) = (saying(true), saying(false));
        if let (Some(yes), Some(no)) = (yes, no) {
            let message = format!(
                "the parameter {} is `{yes}` and `{no}`; it is taken for required",
                Quoted(name)
            );
            let found = Diagnostic::warning("contradiction", message)
                .help("if it is not, this place is wrong: the agent cannot mean both");
            self.push(found, no.json, path);
        }
        yes.or(no).map(|_| yes.is_some())
    }

    /// The flags of a parameter that mean something; what is not a boolean is reported.
    fn flags<'a>(&mut self, of: &Described<'a>, name: &str, path: &Path<'_>) -> Vec<Flag<'a>> {
        let mut flags = Vec::new();
        for (key, says, json) in of.flags() {
            let flag = meaning(json).map(|value| Flag { key, says, value, json });
            let shown = match &json.kind {
                // JSON Schema lists the members of a map that are required.
                Kind::Null | Kind::List(_) => continue,
                Kind::Boolean(_) => None,
                Kind::Text(text) => Some(format!("the text {}", Quoted(text))),
                Kind::Number(number) => Some(format!("the number {}", Quoted(number))),
                Kind::Map(_) => Some(json.what().to_owned()),
            };
            if let Some(shown) = shown {
                let taken = match &flag {
                    Some(flag) => format!("is taken for `{}`", flag.value),
                    None => "is ignored".to_owned(),
                };
                let (key, name) = (Quoted(key), Quoted(name));
                let message = format!("{key} of the parameter {name} is {shown}, which {taken}");
                let found =
                    Diagnostic::warning("not-a-flag", message).help("a boolean is expected");
                self.push(found, json, path);
            }
            flags.extend(flag);
        }
        flags
    }

    /// The values that a parameter takes, as JSON writes them; texts without their quotes.
    fn values(&mut self, json: &Json, name: &str, path: &Path<'_>) -> Vec<String> {
        let Kind::List(items) = &json.kind else { return Vec::new() };
        let mut values = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Text(text) | Kind::Number(text) => values.push(text.clone()),
                Kind::Boolean(flag) => values.push(flag.to_string()),
                Kind::Null => values.push("null".to_owned()),
                Kind::List(_) | Kind::Map(_) => {
                    let message = format!(
                        "{} is among the values of the parameter {}",
                        item.what(),
                        Quoted(name)
                    );
                    let found = Diagnostic::warning("enum-value", message)
                        .help("the documentation does not show it");
                    self.push(found, item, path);
                }
            }
        }
        values
    }

    fn place(&self, range: &Range<usize>) -> Place {
        Place::new(self.source, range.clone())
    }

    fn push(&mut self, diagnostic: Diagnostic, json: &Json, path: &Path<'_>) {
        self.report.push(diagnostic.at(self.source, json.at.clone()).path(path));
    }
}
