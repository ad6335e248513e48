//! What each schema of a document means, one by one: a graph whose edges are the schemas inside.
//!
//! A queue, not recursion: a chain of twenty thousand references must not cost a stack.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    keywords,
    place::{self, Place},
};
use crate::{
    Overlay,
    diagnostic::{Diagnostic, Report, Source},
    snapshot::json::{Json, Kind as JsonKind},
    text::{Quoted, Shown},
    types::ParamType,
};

/// Limit of schemas in all replies together; each may become a type of Rust.
const MOST_SCHEMAS: usize = 50_000;

/// Limit of schemas that one is put together from, by `allOf` and the like.
const MOST_PARTS: usize = 100;

/// A file that is read.
#[derive(Debug)]
pub(super) struct Document {
    pub source: Arc<Source>,
    pub root: Json,
}

/// The number of a schema in the graph.
pub(super) type Id = usize;

/// One schema.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub document: usize,
    pub json: &'a Json,
    pub place: Place<'a>,
    pub kind: Kind<'a>,
    /// Whether it may be `null` besides.
    pub nullable: bool,
    /// Whether a `$ref` points at it.
    pub is_target: bool,
}

/// What a schema describes.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// A type that is nothing of the schema's own.
    Plain(ParamType),
    /// What another schema describes.
    Same(Id),
    List(Id),
    Map(Id),
    Struct(Object<'a>),
    /// A text of which some values are known.
    Enum(Vec<&'a str>),
}

#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    /// By wire name.
    pub fields: BTreeMap<&'a str, Id>,
    pub required: BTreeSet<&'a str>,
    /// The type of everything that is not among the fields, if it is described.
    pub extras: Option<Id>,
}

impl Node<'_> {
    /// The schema whose type this one's is made of, if it is made of exactly one.
    pub fn inner(&self) -> Option<Id> {
        match self.kind {
            Kind::Same(inner) | Kind::List(inner) | Kind::Map(inner) => Some(inner),
            _ => None,
        }
    }

    /// All schemas whose types are named by its own.
    pub fn children(&self) -> Vec<Id> {
        match &self.kind {
            Kind::Struct(object) => {
                object.fields.values().chain(object.extras.as_ref()).copied().collect()
            }
            _ => self.inner().into_iter().collect(),
        }
    }

    /// Returns whether it makes a type of its own whatever leads to it.
    pub fn is_type(&self) -> bool {
        matches!(self.kind, Kind::Struct(_) | Kind::Enum(_))
    }

    /// All that it says, with `child` for what it says of others.
    pub fn signature(&self, child: impl Fn(Id) -> String) -> String {
        let is_worded = self.json.get("x-type").is_some();
        let kind = match &self.kind {
            Kind::Plain(plain) => format!("{plain:?}"),
            Kind::Same(inner) => child(*inner),
            Kind::List(inner) => format!("[{}]", child(*inner)),
            Kind::Map(inner) => format!("{{{}}}", child(*inner)),
            Kind::Enum(values) => format!("{values:?}"),
            Kind::Struct(Object { fields, required, extras }) => {
                let fields: Vec<_> =
                    fields.iter().map(|(wire, field)| (wire, child(*field))).collect();
                format!("{fields:?} {required:?} {:?}", extras.map(child))
            }
        };
        format!("{kind} {} {is_worded}", self.nullable)
    }

    /// Returns whether it is nothing but a reference.
    pub fn is_reference(&self) -> bool {
        matches!(self.kind, Kind::Same(_)) && self.json.get("$ref").is_some()
    }
}

/// All schemas that the roots of the documents lead to; the first are the roots, in their order.
pub(super) fn read<'a>(
    documents: &'a [Document],
    overlay: &Overlay,
    report: &mut Report,
) -> Vec<Node<'a>> {
    let mut reader = Reader {
        documents,
        overlay,
        report,
        nodes: Vec::new(),
        known: BTreeMap::new(),
        queue: VecDeque::new(),
        full: false,
    };
    for (document, Document { root, .. }) in documents.iter().enumerate() {
        reader.node(document, root, Place::top());
    }
    while let Some(id) = reader.queue.pop_front() {
        reader.fill(id);
    }
    wrap_roots(reader.nodes, documents.len())
}

/// Gives a whole reply that may be `null`, or that is a text, a type around it: the reply's own type
/// is a struct.
fn wrap_roots(mut nodes: Vec<Node<'_>>, roots: usize) -> Vec<Node<'_>> {
    for root in 0..roots {
        let inner = nodes.len();
        let Some(node) = nodes.get_mut(root) else { continue };
        let is_struct = matches!(node.kind, Kind::Struct(_)) && !node.nullable;
        if is_struct || !node.is_type() {
            continue;
        }
        let kind = std::mem::replace(&mut node.kind, Kind::Same(inner));
        let nullable = std::mem::take(&mut node.nullable);
        let (document, json, place) = (node.document, node.json, node.place.key("value"));
        nodes.push(Node { document, json, place, kind, nullable, is_target: false });
    }
    nodes
}

struct Reader<'a, 'r> {
    documents: &'a [Document],
    overlay: &'r Overlay,
    report: &'r mut Report,
    nodes: Vec<Node<'a>>,
    /// By document and place in its text.
    known: BTreeMap<(usize, usize), Id>,
    queue: VecDeque<Id>,
    /// Whether the limit of schemas was reached and reported.
    full: bool,
}

/// A schema with where it is, which a finding needs.
#[derive(Clone)]
struct At<'a> {
    document: usize,
    json: &'a Json,
    place: Place<'a>,
}

impl<'a> At<'a> {
    fn key(&self, key: &'a str, json: &'a Json) -> Self {
        Self { document: self.document, json, place: self.place.key(key) }
    }

    /// The schemas in a list under a key.
    fn list(&self, key: &'a str) -> Vec<Self> {
        let items = match self.json.get(key).map(|it| &it.kind) {
            Some(JsonKind::List(items)) => items.as_slice(),
            _ => &[],
        };
        let place = self.place.key(key);
        let at = |(index, json)| Self { document: self.document, json, place: place.index(index) };
        items.iter().enumerate().map(at).collect()
    }
}

impl<'a> Reader<'a, '_> {
    fn node(&mut self, document: usize, json: &'a Json, place: Place<'a>) -> Id {
        let key = (document, json.at.start);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.nodes.len();
        self.known.insert(key, id);
        let kind = Kind::Plain(ParamType::Any);
        self.nodes.push(Node { document, json, place, kind, nullable: false, is_target: false });
        if id < MOST_SCHEMAS {
            self.queue.push_back(id);
        } else if !std::mem::replace(&mut self.full, true)
            && let Some(document) = self.documents.get(document)
        {
            let message = format!("the replies are described by more than {MOST_SCHEMAS} schemas");
            let found = Diagnostic::error("reply-schema", message).help("take some out");
            self.report.push(found.at(&document.source, json.at.clone()));
        }
        id
    }

    fn at(&mut self, at: &At<'a>) -> Id {
        self.node(at.document, at.json, at.place.clone())
    }

    fn fill(&mut self, id: Id) {
        let Some(node) = self.nodes.get(id) else { return };
        let at = At { document: node.document, json: node.json, place: node.place.clone() };
        let (kind, nullable) = self.meaning(&at);
        if let Some(node) = self.nodes.get_mut(id) {
            node.kind = kind;
            node.nullable = nullable;
        }
    }

    /// What a schema describes, and whether it may be `null`.
    fn meaning(&mut self, at: &At<'a>) -> (Kind<'a>, bool) {
        let json = at.json;
        match &json.kind {
            JsonKind::Boolean(true) => return (Kind::Plain(ParamType::Any), false),
            JsonKind::Map(_) => {}
            _ => {
                let what = match json.kind {
                    JsonKind::Boolean(false) => "`false`, which nothing fits,",
                    _ => json.what(),
                };
                return (self.any(&format!("{what} in place of a schema"), at), false);
            }
        }
        self.judge_keywords(at);
        let alternatives = alternatives(at);
        let nullable = keywords::says_null(json) || alternatives.as_ref().is_some_and(|it| it.null);
        if let Some(worded) = json.get("x-type").and_then(|word| self.worded(word, at)) {
            return (Kind::Plain(worded), nullable);
        }
        let others = alternatives.map(|it| it.others).unwrap_or_default();
        (self.kind(at, &others), nullable)
    }

    fn kind(&mut self, at: &At<'a>, alternatives: &[At<'a>]) -> Kind<'a> {
        let json = at.json;
        let conjuncts: Vec<_> = self.conjuncts(at);
        let has_fields = keywords::has_fields(json);
        match (conjuncts.as_slice(), alternatives) {
            ([], []) => self.own(at),
            ([one], []) if !has_fields => {
                let id = self.at(one);
                if let Some(node) = self.nodes.get_mut(id) {
                    node.is_target |= json.get("$ref").is_some();
                }
                Kind::Same(id)
            }
            ([], all) if !has_fields => self.one_of(all, at),
            _ => self.merged(at),
        }
    }

    /// The schemas that hold besides the own keywords: `$ref` and `allOf`.
    fn conjuncts(&mut self, at: &At<'a>) -> Vec<At<'a>> {
        let reference = self.reference(at);
        let all = at.list("allOf").into_iter().filter(|it| keywords::has_shape(it.json));
        reference.into_iter().chain(all).collect()
    }

    /// What `$ref` points at; a finding if it points nowhere.
    fn reference(&mut self, at: &At<'a>) -> Option<At<'a>> {
        let target = at.json.get("$ref")?;
        let document = self.documents.get(at.document)?;
        let text = target.as_text().unwrap_or_default();
        let found = place::resolve(&document.root, text);
        if found.is_none() {
            let what = format!("the reference {}", Quoted(text));
            let help = "only what is in the same file can be referred to: `#/$defs/…`, and `#` \
                        for the whole of it";
            self.warn(format!("{what} is not understood in a reply"), at, help);
        }
        let (place, json) = found?;
        Some(At { document: at.document, json, place })
    }

    /// One of several: what all of them are.
    fn one_of(&mut self, all: &[At<'a>], at: &At<'a>) -> Kind<'a> {
        if let [one] = all {
            return Kind::Same(self.at(one));
        }
        let texts: Option<Vec<_>> = all.iter().map(|it| keywords::texts(it.json)).collect();
        if let Some(texts) = texts.map(|texts| distinct(texts.concat()))
            && !texts.is_empty()
        {
            return Kind::Enum(texts);
        }
        let types: BTreeSet<_> = all.iter().map(|it| keywords::plain_type(it.json)).collect();
        let types: Vec<_> = types.into_iter().collect();
        match types.as_slice() {
            [Some(one)] => Kind::Plain(one.clone()),
            all if all.iter().flatten().count() == all.len()
                && all.iter().flatten().all(ParamType::is_number) =>
            {
                Kind::Plain(ParamType::Number)
            }
            _ => self.any("one of several types", at),
        }
    }

    /// What the own keywords describe.
    fn own(&mut self, at: &At<'a>) -> Kind<'a> {
        let json = at.json;
        let words = keywords::types(json);
        match words.as_slice() {
            [] if json.get("enum").is_some() || json.get("const").is_some() => self.listed(at),
            [] if keywords::has_fields(json) => self.object(at),
            [] if json.get("items").is_some() || json.get("prefixItems").is_some() => {
                self.array(at)
            }
            [] if json.get("patternProperties").is_some() => Kind::Plain(ParamType::any_map()),
            [] => Kind::Plain(ParamType::Any),
            ["string"] if json.get("enum").is_some() => self.listed(at),
            ["object"] => self.object(at),
            ["array"] => self.array(at),
            [word] => match keywords::plain_type(json) {
                Some(plain) => Kind::Plain(plain),
                None => self.any(&format!("the type {}", Quoted(word)), at),
            },
            ["integer", "number"] | ["number", "integer"] => Kind::Plain(ParamType::Number),
            _ => self.any("one of several types", at),
        }
    }

    /// A value out of a list, or a single one.
    fn listed(&mut self, at: &At<'a>) -> Kind<'a> {
        match (keywords::texts(at.json), keywords::plain_type(at.json)) {
            (Some(texts), _) if at.json.get("enum").is_some() && !texts.is_empty() => {
                Kind::Enum(distinct(texts))
            }
            (_, Some(plain)) => Kind::Plain(plain),
            _ => self.any("a list of values of several types", at),
        }
    }

    fn object(&mut self, at: &At<'a>) -> Kind<'a> {
        let json = at.json;
        let has_properties = keywords::properties(json).is_some_and(|map| !map.is_empty());
        let key = "additionalProperties";
        match json.get(key).filter(|it| it.as_map().is_some()) {
            _ if has_properties => self.merged(at),
            Some(values) => Kind::Map(self.at(&at.key(key, values))),
            None => Kind::Plain(ParamType::any_map()),
        }
    }

    fn array(&mut self, at: &At<'a>) -> Kind<'a> {
        let mut first = at.list("prefixItems");
        if first.is_empty() {
            // The older way to say the same.
            first = at.list("items");
        }
        let rest = at.json.get("items").filter(|it| it.as_map().is_some());
        let rest = rest.map(|items| at.key("items", items));
        if first.is_empty() {
            return match rest {
                Some(items) => Kind::List(self.at(&items)),
                None => Kind::Plain(ParamType::any_list()),
            };
        }
        // A tuple of Rust has a fixed length, and a list of an agent may grow.
        let types: BTreeSet<_> =
            first.iter().chain(&rest).map(|it| keywords::plain_type(it.json)).collect();
        if let [Some(one)] = types.into_iter().collect::<Vec<_>>().as_slice() {
            return Kind::Plain(ParamType::List(Box::new(one.clone())));
        }
        self.lost("a list whose items have types of their own", at);
        Kind::Plain(ParamType::any_list())
    }

    /// A schema that is put together from several: the fields of all.
    fn merged(&mut self, at: &At<'a>) -> Kind<'a> {
        let mut object = Object::default();
        let mut seen = BTreeSet::new();
        let mut parts = VecDeque::from([(at.clone(), true)]);
        while let Some((part, holds)) = parts.pop_front() {
            if !seen.insert(part.json.at.start) {
                continue;
            }
            if seen.len() > MOST_PARTS {
                self.lost(&format!("a schema of more than {MOST_PARTS} parts"), at);
                break;
            }
            let alternatives = alternatives(&part).map(|it| it.others).unwrap_or_default();
            let conjuncts = self.conjuncts(&part);
            let is_leaf = conjuncts.is_empty() && alternatives.is_empty();
            let is_object = keywords::has_fields(part.json)
                || matches!(keywords::types(part.json).as_slice(), ["object"]);
            if is_leaf && !is_object && keywords::has_shape(part.json) {
                return self.any("an object that is something else besides", at);
            }
            parts.extend(conjuncts.into_iter().map(|it| (it, holds)));
            // One of them holds, so that none of its fields has to be there.
            parts.extend(alternatives.into_iter().map(|it| (it, false)));
            self.add_fields(&part, holds, &mut object);
        }
        if object.fields.is_empty() {
            return match object.extras {
                Some(values) => Kind::Map(values),
                None => Kind::Plain(ParamType::any_map()),
            };
        }
        Kind::Struct(object)
    }

    /// Adds the own fields of a part of an object; `holds` tells whether it always holds.
    fn add_fields(&mut self, part: &At<'a>, holds: bool, object: &mut Object<'a>) {
        if holds && let Some(JsonKind::List(all)) = part.json.get("required").map(|it| &it.kind) {
            object.required.extend(all.iter().filter_map(Json::as_text));
        }
        let place = part.place.key("properties");
        for (wire, member) in keywords::properties(part.json).into_iter().flatten() {
            let field = At { document: part.document, json: &member.value, place: place.key(wire) };
            let id = match object.fields.get(wire.as_str()).copied() {
                Some(known) => self.stronger(known, &field),
                None => self.at(&field),
            };
            object.fields.insert(wire, id);
        }
        let key = "additionalProperties";
        if let Some(values) = part.json.get(key).filter(|it| it.as_map().is_some()) {
            let values = part.key(key, values);
            object.extras = Some(match object.extras {
                Some(known) => self.stronger(known, &values),
                None => self.at(&values),
            });
        }
    }

    /// What a property is that two parts of an object describe.
    fn stronger(&mut self, known: Id, other: &At<'a>) -> Id {
        let Some(json) = self.nodes.get(known).map(|node| node.json) else { return known };
        if !keywords::has_shape(other.json) || keywords::same(json, other.json) {
            return known;
        }
        if !keywords::has_shape(json) {
            return self.at(other);
        }
        let plain = keywords::plain_type(json);
        if plain.is_some() && plain == keywords::plain_type(other.json) {
            return known;
        }
        self.lost("a property that is described in two ways", other);
        known
    }

    /// A type by its word, as `x-type` says; `None` if it is not one of what the schema describes.
    fn worded(&mut self, word: &'a Json, at: &At<'a>) -> Option<ParamType> {
        let text = word.as_text().unwrap_or_default();
        let read = self.overlay.read_word(text);
        if let Some(unknown) = read.unknown.first() {
            let help = "declare it under `types` in the overlay, or use a word such as `str`";
            self.warn(format!("the type {} is not known", Quoted(unknown)), at, help);
            return None;
        }
        let plain = keywords::plain_type(at.json);
        if !text.is_empty() && plain.is_some_and(|plain| read.param_type.is_made_of(&plain)) {
            return Some(read.param_type);
        }
        let message =
            format!("`x-type` is {}, and the schema describes something else", Quoted(text));
        let help = "the schema counts; only plain values, and lists and maps of them, have \
                    another type";
        self.warn(message, at, help);
        None
    }

    /// Reports the keywords that say what no type can.
    fn judge_keywords(&mut self, at: &At<'a>) {
        for key in at.json.as_map().into_iter().flat_map(|map| map.keys()) {
            if keywords::is_lost(key, at.json) {
                self.lost(&Quoted(key).to_string(), at);
            } else if !keywords::is_known(key) {
                let help = "no version of JSON Schema has it; begin a keyword of your own by `x-`";
                self.warn(format!("the keyword {} is not known", Quoted(key)), at, help);
            }
        }
    }

    /// Any JSON value, since a schema is not understood.
    fn any(&mut self, what: &str, at: &At<'a>) -> Kind<'a> {
        let help = "it is read as any JSON value; `schemas/README.md` says what is understood";
        self.warn(format!("{} is not understood in a reply", Shown(what)), at, help);
        Kind::Plain(ParamType::Any)
    }

    /// Something that a schema says and no type shows.
    fn lost(&mut self, what: &str, at: &At<'a>) {
        let help = "what it says is left out of the type; `schemas/README.md` says what is \
                    understood";
        self.warn(format!("{} is not understood in a reply", Shown(what)), at, help);
    }

    fn warn(&mut self, message: String, at: &At<'a>, help: &str) {
        let Some(document) = self.documents.get(at.document) else { return };
        self.report.push(
            Diagnostic::warning("reply-schema", message)
                .at(&document.source, at.json.at.clone())
                .path(&at.place)
                .help(help),
        );
    }
}

/// What `anyOf` and `oneOf` say.
struct Alternatives<'a> {
    /// Those that describe something else than `null`.
    others: Vec<At<'a>>,
    null: bool,
}

/// The alternatives of `anyOf` and `oneOf`, if any of them describes something.
fn alternatives<'a>(at: &At<'a>) -> Option<Alternatives<'a>> {
    let all: Vec<_> = ["anyOf", "oneOf"].into_iter().flat_map(|key| at.list(key)).collect();
    // Otherwise they say which of the own properties go together.
    all.iter().any(|it| keywords::has_shape(it.json)).then_some(())?;
    let null = all.iter().any(|it| keywords::is_null(it.json));
    let others = all.into_iter().filter(|it| !keywords::is_null(it.json)).collect();
    Some(Alternatives { others, null })
}

/// Each text once, in the order of the first.
fn distinct(texts: Vec<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    texts.into_iter().filter(|text| seen.insert(*text)).collect()
}
