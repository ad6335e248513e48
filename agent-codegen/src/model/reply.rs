//! The type of a reply, from the JSON Schema that the overlay names.
//!
//! Replies are read by people's wishes, not by the agent's, so the schemas are small: objects,
//! lists, maps, plain values, `null`, `$ref` to `$defs`. Whatever else a schema says is taken for
//! any JSON value, with a warning.
//
// Why not `typify`: it reads far more of JSON Schema, adds 26 s of CPU time to the first build of
// every user, panics on some schemas, and does not tell where in a schema its trouble is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use crate::{
    Overlay,
    diagnostic::{Diagnostic, Report, Source},
    naming::{self, Scope},
    snapshot::json::{self, Json, Kind, Path},
    text::{Quoted, Shown, prose},
    types::ParamType,
};

/// A type of a reply, or inside of one.
#[derive(Debug)]
pub(crate) struct ReplyType {
    pub name: String,
    /// One line of Markdown, or nothing.
    pub docs: String,
    /// The action that it answers, if it is a whole reply.
    pub answers: Option<String>,
    pub shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Struct(Vec<Field>),
    /// A reply that is no object.
    Transparent(ParamType),
}

#[derive(Debug)]
pub(crate) struct Field {
    pub wire: String,
    pub name: String,
    /// One line of Markdown, or nothing.
    pub docs: String,
    pub param_type: ParamType,
    pub required: bool,
    /// Whether the type holds itself here.
    pub recursive: bool,
}

/// Reads the schema of an action's reply: the name of its type, and all types that it needs.
pub(crate) fn read(
    wire: &str,
    file: &Spanned<String>,
    overlay: &Overlay,
    taken: &mut BTreeSet<String>,
    report: &mut Report,
) -> Option<(String, Vec<ReplyType>)> {
    let path = overlay.file(file.get_ref());
    let text = std::fs::read_to_string(&path)
        .map_err(|error| {
            let message = format!("{} cannot be read: {error}", Quoted(&path.to_string_lossy()));
            let help = "name a JSON Schema by its path from the overlay's folder";
            report.push(overlay.error(message, file.span()).help(help));
        })
        .ok()?;
    let source = Source::new(path.to_string_lossy(), text);
    let schema = json::read(&source, report)?;
    let names = naming::assign(Scope::Action, [(wire, None)], &BTreeSet::new());
    let camel = names.get(wire).map_or("", |name| name.camel.trim_end_matches('_'));
    let mut reading = Reading {
        source: &source,
        root: &schema,
        types: Vec::new(),
        definitions: BTreeMap::new(),
        taken,
        report,
    };
    let name = reading.free_name(&format!("{camel}Reply"));
    reading.reply(wire, &name, &schema);
    let types = reading.types;
    Some((name, types))
}

struct Reading<'a> {
    source: &'a Arc<Source>,
    root: &'a Json,
    types: Vec<ReplyType>,
    /// What each definition became, and whether it is still being read.
    definitions: BTreeMap<&'a str, (ParamType, bool)>,
    taken: &'a mut BTreeSet<String>,
    report: &'a mut Report,
}

/// What a schema became.
struct Read {
    param_type: ParamType,
    /// Whether it stands inside of itself with nothing around it.
    recursive: bool,
}

impl Read {
    fn plain(param_type: ParamType) -> Self {
        Self { param_type, recursive: false }
    }

    /// The same inside of a list or a map, which may hold itself.
    fn within(self, around: impl FnOnce(Box<ParamType>) -> ParamType) -> Self {
        Self::plain(around(Box::new(self.param_type)))
    }

    fn nullable(self) -> Self {
        Self { param_type: self.param_type.nullable(), ..self }
    }
}

impl<'a> Reading<'a> {
    fn reply(&mut self, wire: &str, name: &str, schema: &'a Json) {
        let path = Path::Top;
        let shape = match properties(schema) {
            Some(_) => Shape::Struct(self.fields(name, schema, &path)),
            None => {
                Shape::Transparent(self.schema(&format!("{name}Item"), schema, &path).param_type)
            }
        };
        let docs = docs(schema);
        let answers = Some(wire.to_owned());
        self.types.push(ReplyType { name: name.to_owned(), docs, answers, shape });
    }

    /// The type of a schema; `name` is for the struct that it may need.
    fn schema(&mut self, name: &str, schema: &'a Json, path: &Path<'_>) -> Read {
        if let Some(target) = schema.get("$ref").and_then(Json::as_text) {
            return self.reference(target, schema, path);
        }
        let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key));
        if let Some(Json { kind: Kind::List(all), .. }) = alternatives {
            return self.alternatives(name, all, path);
        }
        match schema.get("type").map(|it| &it.kind) {
            Some(Kind::Text(word)) => self.typed(name, word, schema, path),
            Some(Kind::List(words)) => {
                let words: Vec<_> = words.iter().filter_map(Json::as_text).collect();
                match words[..] {
                    [word, "null"] | ["null", word] => {
                        self.typed(name, word, schema, path).nullable()
                    }
                    [word] => self.typed(name, word, schema, path),
                    _ => Read::plain(ParamType::Any),
                }
            }
            None if properties(schema).is_some() => self.typed(name, "object", schema, path),
            None if schema.get("enum").is_some_and(is_text_list) => Read::plain(ParamType::String),
            // `true` and `{}` are any value.
            None if schema.as_map().is_some_and(|map| !map.contains_key("allOf"))
                || schema.kind == Kind::Boolean(true) =>
            {
                Read::plain(ParamType::Any)
            }
            _ => self.unknown("this schema", schema, path),
        }
    }

    fn typed(&mut self, name: &str, word: &str, schema: &'a Json, path: &Path<'_>) -> Read {
        Read::plain(match word {
            "string" => ParamType::String,
            "boolean" => ParamType::Boolean,
            "number" => ParamType::Float,
            "integer" if is_from_zero(schema) => ParamType::Unsigned,
            "integer" => ParamType::Integer,
            "null" => ParamType::Any,
            "array" => {
                let Some(items) = schema.get("items") else {
                    return Read::plain(ParamType::any_list());
                };
                let item = self.schema(&format!("{name}Item"), items, &path.key("items"));
                return item.within(ParamType::List);
            }
            "object" if properties(schema).is_some() => self.structure(name, schema, path),
            "object" => {
                let key = "additionalProperties";
                let Some(values) = schema.get(key).filter(|it| it.as_map().is_some()) else {
                    return Read::plain(ParamType::any_map());
                };
                let value = self.schema(&format!("{name}Value"), values, &path.key(key));
                return value.within(ParamType::Map);
            }
            _ => return self.unknown(&format!("the type {}", Quoted(word)), schema, path),
        })
    }

    /// One of several: what it is if the only other is `null`.
    fn alternatives(&mut self, name: &str, all: &'a [Json], path: &Path<'_>) -> Read {
        let is_null = |it: &&Json| it.get("type").and_then(Json::as_text) == Some("null");
        let others: Vec<_> = all.iter().filter(|it| !is_null(it)).collect();
        match others[..] {
            [one] if all.len() == 2 => self.schema(name, one, path).nullable(),
            [one] => self.schema(name, one, path),
            _ => Read::plain(ParamType::Any),
        }
    }

    fn reference(&mut self, target: &'a str, schema: &Json, path: &Path<'_>) -> Read {
        if let Some((param_type, unfinished)) = self.definitions.get(target) {
            return Read { param_type: param_type.clone(), recursive: *unfinished };
        }
        let places = [("#/$defs/", "$defs"), ("#/definitions/", "definitions")];
        let found = places.iter().find_map(|(prefix, key)| {
            let name = target.strip_prefix(prefix)?;
            Some((name, self.root.get(key)?.get(name)?))
        });
        let Some((name, definition)) = found else {
            return self.unknown(&format!("the reference {}", Quoted(target)), schema, path);
        };
        let camel = naming::variant(name).unwrap_or_default();
        let wanted =
            if naming::can_be_chosen_type(&camel) { camel } else { format!("{camel}Type") };
        // A definition that is no object has no name of its own, so it cannot hold itself.
        let is_object = properties(definition).is_some();
        let name = if is_object { self.free_name(&wanted) } else { wanted };
        let unfinished = if is_object {
            ParamType::Named(name.clone(), Box::new(ParamType::Any))
        } else {
            ParamType::Any
        };
        self.definitions.insert(target, (unfinished, is_object));
        let read = if is_object {
            let fields = self.fields(&name, definition, path);
            Read::plain(self.finish(name, definition, fields))
        } else {
            self.schema(&name, definition, path)
        };
        self.definitions.insert(target, (read.param_type.clone(), false));
        read
    }

    fn structure(&mut self, name: &str, schema: &'a Json, path: &Path<'_>) -> ParamType {
        let name = self.free_name(name);
        let fields = self.fields(&name, schema, path);
        self.finish(name, schema, fields)
    }

    fn finish(&mut self, name: String, schema: &Json, fields: Vec<Field>) -> ParamType {
        let docs = docs(schema);
        let shape = Shape::Struct(fields);
        self.types.push(ReplyType { name: name.clone(), docs, answers: None, shape });
        ParamType::Named(name, Box::new(ParamType::Any))
    }

    fn fields(&mut self, name: &str, schema: &'a Json, path: &Path<'_>) -> Vec<Field> {
        let Some(properties) = properties(schema) else { return Vec::new() };
        let wires = properties.keys().map(|wire| (wire.as_str(), None));
        let names = naming::assign(Scope::Parameter, wires, &BTreeSet::new());
        let required: BTreeSet<_> = match schema.get("required").map(|it| &it.kind) {
            Some(Kind::List(all)) => all.iter().filter_map(Json::as_text).collect(),
            _ => BTreeSet::new(),
        };
        let path = path.key("properties");
        let mut fields = Vec::new();
        for (wire, member) in properties {
            let Some(field) = names.get(wire.as_str()).map(|name| name.snake.clone()) else {
                continue;
            };
            let camel = naming::variant(wire).unwrap_or_else(|| "Field".to_owned());
            let read = self.schema(&format!("{name}{camel}"), &member.value, &path.key(wire));
            fields.push(Field {
                wire: wire.clone(),
                name: field,
                docs: docs(&member.value),
                param_type: read.param_type,
                required: required.contains(wire.as_str()),
                recursive: read.recursive,
            });
        }
        fields
    }

    /// A type name that nothing else has.
    fn free_name(&mut self, wanted: &str) -> String {
        let numbered = (2u64..).map(|number| format!("{wanted}{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let free = names.find(|name| self.taken.insert(name.clone()));
        free.unwrap_or_else(|| wanted.to_owned())
    }

    fn unknown(&mut self, what: &str, schema: &Json, path: &Path<'_>) -> Read {
        let message = format!("{} is not understood in a reply", Shown(what));
        self.report.push(
            Diagnostic::warning("reply-schema", message)
                .at(self.source, schema.at.clone())
                .path(path)
                .help(
                    "it is read as any JSON value; `type`, `properties`, `items`, \
                       `additionalProperties`, `required` and `$ref` to `$defs` are understood",
                ),
        );
        Read::plain(ParamType::Any)
    }
}

fn properties(schema: &Json) -> Option<&BTreeMap<String, json::Member>> {
    schema.get("properties").and_then(Json::as_map)
}

fn docs(schema: &Json) -> String {
    prose(schema.get("description").and_then(Json::as_text).unwrap_or_default())
}

fn is_text_list(json: &Json) -> bool {
    matches!(&json.kind, Kind::List(all) if all.iter().all(|it| it.as_text().is_some()))
}

fn is_from_zero(schema: &Json) -> bool {
    match schema.get("minimum").map(|it| &it.kind) {
        Some(Kind::Number(number)) => number.parse::<f64>().is_ok_and(|number| number >= 0.0),
        _ => false,
    }
}
