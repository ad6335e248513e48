//! What each action says of itself.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::{
    Action, Availability, Doubt, Parameter,
    json::{Json, Kind, Member, Path},
    type_word::type_word,
    written,
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
    let count: usize = parameters.map(Json::len).sum();
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
        let parameters = json.get("required_parameters").map(|it| &it.kind);
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

    /// Null, or a list of names or objects, or a map from names to types or objects.
    fn parameters(&mut self, json: &Json, path: &Path<'_>) -> Option<Vec<Parameter>> {
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
        let nullable = self.switch(&described, "nullable", name, path) == Some(true)
            || values.is_some_and(lists_null);
        let param_type = read.param_type;
        Parameter {
            name: name.to_owned(),
            word,
            param_type: if nullable { param_type.nullable() } else { param_type },
            doubt,
            required: self.required(&described, read.optional, name, path),
            description: described.text("description").to_owned(),
            values: values.map(|values| self.values(values, name, path)).unwrap_or_default(),
            metadata: described.metadata(),
            availability: Availability::default(),
            requiring: Availability::default(),
            place,
        }
    }

    /// Returns whether the agent demands a parameter. It does unless its description says
    /// otherwise, in whatever form: what is demanded and left out is rejected, and not the other
    /// way round.
    fn required(
        &mut self,
        of: &Described<'_>,
        optional: bool,
        name: &str,
        path: &Path<'_>,
    ) -> bool {
        let required = self.switch(of, "required", name, path);
        let marked = self.switch(of, "optional", name, path);
        match (required, marked) {
            (Some(required), Some(marked)) if required == marked => {
                let message = format!(
                    "the parameter {} is `required: {required}` and `optional: {marked}`; it is \
                     taken for required",
                    Quoted(name)
                );
                let found = Diagnostic::warning("contradiction", message)
                    .help("if it is not, this place is wrong: the agent cannot mean both");
                if let Some(place) = of.get("optional") {
                    self.push(found, place, path);
                }
                true
            }
            (Some(required), _) => required,
            (None, Some(marked)) => !marked,
            (None, None) => {
                let has_default = of.get("default").is_some_and(|json| json.kind != Kind::Null);
                !optional && !has_default
            }
        }
    }

    /// A flag of a parameter in every form that could mean one; what is not a boolean is reported.
    fn switch(
        &mut self,
        of: &Described<'_>,
        key: &str,
        name: &str,
        path: &Path<'_>,
    ) -> Option<bool> {
        let json = of.get(key)?;
        let meaning = match &json.kind {
            Kind::Boolean(flag) => return Some(*flag),
            // JSON Schema lists the members of a map that are required.
            Kind::Null | Kind::List(_) => return None,
            Kind::Text(text) => flag_word(text),
            Kind::Number(number) => flag_number(number),
            Kind::Map(_) => None,
        };
        let shown = match &json.kind {
            Kind::Text(text) => format!("the text {}", Quoted(text)),
            Kind::Number(number) => format!("the number {}", Quoted(number)),
            _ => json.what().to_owned(),
        };
        let taken = match meaning {
            Some(flag) => format!("is taken for `{flag}`"),
            None => "is ignored".to_owned(),
        };
        let message =
            format!("`{key}` of the parameter {} is {shown}, which {taken}", Quoted(name));
        let found = Diagnostic::warning("not-a-flag", message).help("a boolean is expected");
        self.push(found, json, path);
        meaning
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

/// A parameter's description: a word, or a map with what it is nested in, outermost first. Go writes
/// keys of maps that it does not rename with a capital.
struct Described<'a> {
    layers: Vec<&'a Json>,
    word: Option<&'a Json>,
}

/// Where another layer of a description is found.
const NESTED: [&str; 3] = ["type", "schema", "constraints"];

/// The keys of a description whose meaning is known. A default is recognised by its value, too.
const UNDERSTOOD: [&str; 10] = [
    "name",
    "type",
    "schema",
    "constraints",
    "items",
    "description",
    "enum",
    "required",
    "optional",
    "nullable",
];

impl<'a> Described<'a> {
    fn new(json: Option<&'a Json>) -> Self {
        let mut layers: Vec<&Json> = json.filter(|it| it.as_map().is_some()).into_iter().collect();
        let mut index = 0;
        while let Some(layer) = layers.get(index).copied() {
            let inner = NESTED.iter().filter_map(|key| field(layer, key));
            layers.extend(inner.filter(|it| it.as_map().is_some()));
            index += 1;
        }
        Self { word: json.filter(|_| layers.is_empty()), layers }
    }

    /// What is found where the type is expected.
    fn word(&self) -> Option<&'a Json> {
        let is_word = |json: &&Json| json.as_map().is_none();
        let typed = self.layers.iter().filter_map(|layer| field(layer, "type")).find(is_word);
        // `{"type": {"name": "str"}}`
        let mut named = self.layers.iter().skip(1).filter_map(|layer| field(layer, "name"));
        self.word.or(typed).or_else(|| named.find(is_word))
    }

    fn get(&self, key: &str) -> Option<&'a Json> {
        self.layers.iter().find_map(|layer| field(layer, key))
    }

    /// What it says beside what is understood, as JSON; empty if it is nothing.
    fn metadata(&self) -> String {
        let is_known = |key: &str| UNDERSTOOD.contains(&key.to_ascii_lowercase().as_str());
        let entries = self.layers.iter().filter_map(|layer| layer.as_map()).flatten();
        let unknown = entries.filter(|(key, _)| !is_known(key));
        let unknown = unknown.map(|(key, member)| format!("{key}: {}", written(&member.value)));
        unknown.collect::<Vec<_>>().join(", ")
    }

    fn text(&self, key: &str) -> &'a str {
        self.get(key).and_then(Json::as_text).unwrap_or_default()
    }
}

/// The value under a key, whatever case its first letter has.
fn field<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
    let capital = || {
        let (first, rest) = key.split_at_checked(1)?;
        json.get(&format!("{}{rest}", first.to_ascii_uppercase()))
    };
    json.get(key).or_else(capital)
}

/// The words that mean yes or no where a boolean is expected.
fn flag_word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" | "t" | "required" | "mandatory" | "always" => Some(true),
        "false" | "no" | "n" | "off" | "0" | "f" | "optional" | "never" | "none" | "" => {
            Some(false)
        }
        _ => None,
    }
}

fn flag_number(number: &str) -> Option<bool> {
    match number.parse::<f64>() {
        Ok(0.0) => Some(false),
        Ok(1.0) => Some(true),
        _ => None,
    }
}

fn lists_null(values: &Json) -> bool {
    matches!(&values.kind, Kind::List(items) if items.iter().any(|it| it.kind == Kind::Null))
}

/// What is found in the place of a type, if it is of a kind that is never one.
fn not_a_word(json: &Json) -> Option<&'static str> {
    match json.kind {
        Kind::Map(_) | Kind::Null | Kind::Text(_) => None,
        _ => Some(json.what()),
    }
}
