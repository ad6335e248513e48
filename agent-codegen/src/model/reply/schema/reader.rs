//! Reads one schema after the other into the graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    super::place::{self, Place},
    Document, Id, Kind, Node, keywords,
};
use crate::{
    Overlay,
    diagnostic::{Diagnostic, Report},
    snapshot::json::{Json, Kind as JsonKind},
    text::{Quoted, Shown},
    types::ParamType,
};

/// How many lists and maps are one in the other where none of them can have a name.
const DEEPEST: usize = 16;

/// Limit of schemas in all replies together; each may become a type of Rust.
const MOST_SCHEMAS: usize = 50_000;

/// All schemas that the roots lead to, with the roots first.
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
        judged: BTreeSet::new(),
        full: false,
    };
    for (document, Document { root, .. }) in documents.iter().enumerate() {
        reader.node(document, root, Place::top());
    }
    while let Some(id) = reader.queue.pop_front() {
        reader.fill(id);
    }
    reader.nodes
}

pub(super) struct Reader<'a, 'r> {
    documents: &'a [Document],
    overlay: &'r Overlay,
    report: &'r mut Report,
    pub(super) nodes: Vec<Node<'a>>,
    /// By document and place in its text.
    known: BTreeMap<(usize, usize), Id>,
    queue: VecDeque<Id>,
    /// The schemas whose keywords were looked at, by document and place.
    judged: BTreeSet<(usize, usize)>,
    /// Whether the limit of schemas was reached and reported.
    full: bool,
}

/// A schema with where it is, which a finding needs.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub(super) document: usize,
    pub(super) json: &'a Json,
    pub(super) place: Place<'a>,
}

impl<'a> At<'a> {
    pub(super) fn key(&self, key: &'a str, json: &'a Json) -> Self {
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

    /// The schema of what is not among the fields of an object.
    pub(super) fn extras(&self) -> Option<Self> {
        let key = "additionalProperties";
        let values = self.json.get(key).filter(|it| it.as_map().is_some())?;
        Some(self.key(key, values))
    }

    /// Returns whether everything that is not among the fields is of one type, whatever pattern its
    /// name has.
    pub(super) fn patterns_agree(&self, values: &Json) -> bool {
        let plain = keywords::plain_type(values);
        let patterns = self.json.get("patternProperties").and_then(Json::as_map);
        patterns
            .into_iter()
            .flatten()
            .all(|(_, pattern)| plain.is_some() && plain == keywords::plain_type(&pattern.value))
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

    pub(super) fn at(&mut self, at: &At<'a>) -> Id {
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
        let nullable = takes_null(at);
        if let Some(worded) = json.get("x-type").and_then(|word| self.worded(word, at)) {
            return (Kind::Plain(worded), nullable);
        }
        let others = alternatives(at).map(|it| it.others).unwrap_or_default();
        let conjuncts = self.conjuncts(at);
        // One part alone is another schema, which keeps its own `null`.
        let is_put_together = !conjuncts.is_empty()
            && (conjuncts.len() > 1 || keywords::has_fields(json))
            && json.get("type").is_none();
        let nullable = nullable || (is_put_together && conjuncts.iter().all(takes_null));
        match self.kind(at, &conjuncts, &others) {
            Kind::Plain(plain) if plain.depth() > DEEPEST => (
                self.any(&format!("more than {DEEPEST} lists and maps in each other"), at),
                nullable,
            ),
            kind => (kind, nullable),
        }
    }

    fn kind(&mut self, at: &At<'a>, conjuncts: &[At<'a>], alternatives: &[At<'a>]) -> Kind<'a> {
        let json = at.json;
        let has_fields = keywords::has_fields(json);
        match (conjuncts, alternatives) {
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
    pub(super) fn conjuncts(&mut self, at: &At<'a>) -> Vec<At<'a>> {
        let reference = self.reference(at);
        let all = at.list("allOf").into_iter().filter(|it| keywords::has_shape(it.json));
        reference.into_iter().chain(all).collect()
    }

    /// What `$ref` points at; a finding if it points nowhere.
    fn reference(&mut self, at: &At<'a>) -> Option<At<'a>> {
        let target = at.json.get("$ref")?;
        let document = self.documents.get(at.document)?;
        let text = target.as_text()?;
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
        for one in all {
            self.judge_keywords(one);
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
        match at.extras() {
            _ if has_properties => self.merged(at),
            Some(values) if at.patterns_agree(values.json) => Kind::Map(self.at(&values)),
            _ => Kind::Plain(ParamType::any_map()),
        }
    }

    fn array(&mut self, at: &At<'a>) -> Kind<'a> {
        // The older way to say the same is a list in `items`, and what follows beside it.
        let is_list =
            |key: &str| matches!(at.json.get(key), Some(Json { kind: JsonKind::List(_), .. }));
        let (first, key) = match at.list("prefixItems") {
            first if is_list("items") => {
                (if first.is_empty() { at.list("items") } else { first }, "additionalItems")
            }
            first => (first, "items"),
        };
        let rest = at.json.get(key).filter(|it| it.as_map().is_some());
        let rest = rest.map(|items| at.key(key, items));
        if first.is_empty() {
            return match rest {
                Some(items) => Kind::List(self.at(&items)),
                None => Kind::Plain(ParamType::any_list()),
            };
        }
        // A tuple of Rust has a fixed length, and a list of an agent may grow.
        let all: Vec<_> = first.iter().chain(&rest).collect();
        for one in &all {
            self.judge_keywords(one);
        }
        let types: BTreeSet<_> = all.iter().map(|it| keywords::plain_type(it.json)).collect();
        if let [Some(one)] = types.into_iter().collect::<Vec<_>>().as_slice() {
            let takes_null = all.iter().any(|it| takes_null(it));
            let item = if takes_null { one.clone().nullable() } else { one.clone() };
            return Kind::Plain(ParamType::List(Box::new(item)));
        }
        self.lost("a list whose items have types of their own", at);
        Kind::Plain(ParamType::any_list())
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
    pub(super) fn judge_keywords(&mut self, at: &At<'a>) {
        // A schema may be read for itself and as a part of another one.
        if !self.judged.insert((at.document, at.json.at.start)) {
            return;
        }
        for key in at.json.as_map().into_iter().flat_map(|map| map.keys()) {
            if let Some(form) = keywords::other_form(key, at.json) {
                let message = format!("{} has to be {form}", Quoted(key));
                self.warn(message, at, "it says nothing as it is");
            } else if keywords::is_lost(key, at.json) {
                self.lost(&Quoted(key).to_string(), at);
            } else if !keywords::is_known(key) {
                let help = "no version of JSON Schema has it; begin a keyword of your own by `x-`";
                self.warn(format!("the keyword {} is not known", Quoted(key)), at, help);
            }
        }
    }

    /// Any JSON value, since a schema is not understood.
    pub(super) fn any(&mut self, what: &str, at: &At<'a>) -> Kind<'a> {
        let help = "it is read as any JSON value; `schemas/README.md` says what is understood";
        self.warn(format!("{} is not understood in a reply", Shown(what)), at, help);
        Kind::Plain(ParamType::Any)
    }

    /// Something that a schema says and no type shows.
    pub(super) fn lost(&mut self, what: &str, at: &At<'a>) {
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
pub(super) struct Alternatives<'a> {
    /// Those that describe something else than `null`.
    pub(super) others: Vec<At<'a>>,
    null: bool,
}

/// Returns whether a schema says that the value may be `null`, or one of its alternatives does.
pub(super) fn takes_null(at: &At<'_>) -> bool {
    keywords::says_null(at.json) || alternatives(at).is_some_and(|it| it.null)
}

/// The alternatives of `anyOf` and `oneOf`, if any of them describes something.
pub(super) fn alternatives<'a>(at: &At<'a>) -> Option<Alternatives<'a>> {
    let all: Vec<_> = ["anyOf", "oneOf"].into_iter().flat_map(|key| at.list(key)).collect();
    // Otherwise they say which of the own properties go together.
    all.iter().any(|it| keywords::has_shape(it.json)).then_some(())?;
    let null = all.iter().any(|it| keywords::says_null(it.json));
    let others = all.into_iter().filter(|it| !keywords::is_null(it.json)).collect();
    Some(Alternatives { others, null })
}

/// Each text once, in the order of the first.
fn distinct(texts: Vec<&str>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    texts.into_iter().filter(|text| seen.insert(*text)).collect()
}
