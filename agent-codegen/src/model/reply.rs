//! The types of replies, from the JSON Schemas that the overlay names.
//!
//! Three steps, each over all schemas at once: what every single schema means ([`schema`]), which
//! types that makes ([`graph`]), and what they are called ([`names`]). Whatever a schema says and no
//! type shows is a warning; `schemas/README.md` says what is understood.
//
// Why not `typify`: it reads far more of JSON Schema, adds 26 s of CPU time to the first build of
// every user, panics on some schemas, and does not tell where in a schema its trouble is.

mod graph;
mod keywords;
mod names;
mod place;
mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use toml::Spanned;

use self::{
    graph::{Circle, Graph, Types},
    schema::{Document, Id, Kind, Node, Object},
};
use super::{Declared, secret::is_secret};
use crate::{
    Overlay,
    diagnostic::{Diagnostic, Report, Source},
    naming::{self, Scope},
    snapshot::json::{self, Json},
    text::{Listed, Quoted, markdown},
    types::ParamType,
};

/// A type of a reply, or inside of one.
#[derive(Debug)]
pub(crate) struct ReplyType {
    pub name: String,
    /// One line of Markdown, or nothing.
    pub docs: String,
    /// The actions that it answers, if it is a whole reply.
    pub answers: Vec<String>,
    pub shape: Shape,
}

impl ReplyType {
    /// The types that it is written with.
    pub fn types(&self) -> Vec<&ParamType> {
        match &self.shape {
            Shape::Struct(Struct { fields, extras }) => {
                let fields = fields.iter().map(|field| &field.param_type);
                fields.chain(extras.iter().map(|(_, extras)| extras)).collect()
            }
            Shape::Transparent(param_type) => vec![param_type],
            Shape::Alias(_) => Vec::new(),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Shape {
    Struct(Struct),
    /// A reply or a definition that is no object.
    Transparent(ParamType),
    /// The same as a type that is described elsewhere in the same words.
    Alias(String),
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub fields: Vec<Field>,
    /// Where everything is kept that is not among the fields: its name, and a map.
    pub extras: Option<(String, ParamType)>,
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
    /// Whether it must not be shown.
    pub secret: bool,
}

/// The types of all replies that are described.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub types: Vec<ReplyType>,
    /// Texts of which some values are known.
    pub enums: Vec<Declared>,
    /// The type of the reply to each action, by wire name.
    pub outputs: BTreeMap<String, String>,
}

impl Replies {
    /// Reads the schemas that the overlay names for `actions`: wire names with the type names of
    /// their parameters. `taken` are all names that types have already.
    pub fn read(
        overlay: &Overlay,
        actions: &BTreeMap<&str, String>,
        taken: &BTreeSet<String>,
        report: &mut Report,
    ) -> Self {
        let mut documents = Vec::new();
        let answers = documents_of(overlay, actions, &mut documents, report);
        let mut nodes = schema::read(&documents, overlay, report);
        let cut = graph::limit_nesting(&mut nodes, documents.len());
        if let Some(first) = cut.first().and_then(|id| nodes.get(*id)) {
            let message = "a schema that is nested deeper than a compiler reads types is not understood in \
                           a reply";
            let help = "it is read as any JSON value; 10 maps, 15 lists or 30 objects may be in each \
                        other";
            let found = Diagnostic::warning("reply-schema", message).help(help);
            report.push(at_node(found, first, &documents));
        }
        let (graph, circles) = Graph::new(nodes, documents.len());
        for circle in &circles {
            report.push(tell(circle, &graph, &documents));
        }
        let classes = graph.classes(label);
        let mut naming = Naming { graph: &graph, documents: &documents, classes, taken, report };
        let names = naming.names(&answers);
        Self::build(&graph, overlay, &names)
    }

    fn build(graph: &Graph<'_>, overlay: &Overlay, names: &Names<'_>) -> Self {
        let types = graph.types(|id| names.canonical(id).to_owned());
        let circles = types.circles(graph);
        let building = Building { graph, overlay, types, circles };
        let mut replies = Self::default();
        for named in &names.all {
            let Some(node) = graph.nodes.get(named.node) else { continue };
            if let Some(action) = named.answers {
                replies.outputs.insert(action.to_owned(), named.name.clone());
            }
            let canonical = names.canonical(named.node);
            let docs = docs(node.json);
            if named.name != canonical {
                replies.types.push(ReplyType {
                    name: named.name.clone(),
                    docs,
                    answers: Vec::new(),
                    shape: Shape::Alias(canonical.to_owned()),
                });
            } else if !named.is_first {
                // Chosen by `x-name` in two schemas that say the same.
            } else if let Kind::Enum(values) = &node.kind {
                replies.enums.push(enumeration(&named.name, docs, values));
            } else {
                let shape = building.shape(named.node, node);
                let is_whole = named.answers.is_some();
                let answers = if is_whole { names.answers(named.node) } else { Vec::new() };
                replies.types.push(ReplyType { name: named.name.clone(), docs, answers, shape });
            }
        }
        replies
    }
}

/// Reads each file once; which action is answered by which.
fn documents_of<'a>(
    overlay: &'a Overlay,
    actions: &BTreeMap<&str, String>,
    documents: &mut Vec<Document>,
    report: &mut Report,
) -> Vec<Answer<'a>> {
    let mut known: BTreeMap<PathBuf, Option<usize>> = BTreeMap::new();
    let mut answers = Vec::new();
    for (key, entry) in &overlay.content.actions {
        let Some((file, camel)) = entry.reply.as_ref().zip(actions.get(key.get_ref().as_str()))
        else {
            continue;
        };
        let document = match overlay.read_file(file) {
            Ok((path, text)) => *known.entry(path).or_insert_with(|| {
                let root = document(overlay, file, &text, report)?;
                documents.push(root);
                Some(documents.len() - 1)
            }),
            Err(found) => {
                report.push(*found);
                None
            }
        };
        if let Some(document) = document {
            // A name that Rust has already ends in `_`.
            let prefix = camel.trim_end_matches('_').to_owned();
            answers.push(Answer { action: key.get_ref(), prefix, document });
        }
    }
    answers
}

/// Reads a schema. What is no JSON is not shown: it may be any file.
fn document(
    overlay: &Overlay,
    file: &Spanned<String>,
    text: &str,
    report: &mut Report,
) -> Option<Document> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let message = format!(
            "{} is no JSON Schema: line {}, column {} is not JSON",
            Quoted(file.get_ref()),
            error.line(),
            error.column()
        );
        report.push(overlay.error(message, file.span()).help("mend the schema at this place"));
        return None;
    }
    let path = overlay.folder().join(file.get_ref());
    let source = Source::new(path.to_string_lossy(), text);
    let root = json::read_schema(&source, report)?;
    Some(Document { source, root })
}

/// What a circle of schemas without an object in it becomes.
fn tell(circle: &Circle, graph: &Graph<'_>, documents: &[Document]) -> Diagnostic {
    let members: Vec<_> = circle.members.iter().filter_map(|id| graph.nodes.get(*id)).collect();
    let targets: Vec<_> = members.iter().filter(|it| it.is_target).collect();
    let names = Listed(targets.iter().map(|it| &it.place));
    let (message, help) = if circle.is_empty {
        (
            format!("schemas that refer to nothing but each other: {names}"),
            "no value fits, so any JSON value is read; say in one of them what it is",
        )
    } else {
        (
            format!("lists or maps of nothing but each other: {names}"),
            "only empty ones of each other fit; if that is not meant, say what else they hold",
        )
    };
    let found = Diagnostic::warning("reply-schema", message).help(help);
    match members.first() {
        Some(node) => at_node(found, node, documents),
        None => found,
    }
}

/// A finding about a schema.
fn at_node(found: Diagnostic, node: &Node<'_>, documents: &[Document]) -> Diagnostic {
    match documents.get(node.document) {
        Some(document) => found.at(&document.source, node.json.at.clone()).path(&node.place),
        None => found,
    }
}

/// The action that a document answers.
struct Answer<'a> {
    action: &'a str,
    /// What the names of its types begin with.
    prefix: String,
    document: usize,
}

/// What two schemas have to have in common to be one type, besides what they are made of.
fn label(node: &Node<'_>, is_named: bool) -> String {
    let name = is_named.then(|| names::suffix(&node.place));
    format!("{name:?} {:?} {:?}", names::chosen(node), docs(node.json))
}

struct Naming<'a, 'r> {
    graph: &'r Graph<'a>,
    documents: &'a [Document],
    classes: Vec<usize>,
    taken: &'r BTreeSet<String>,
    report: &'r mut Report,
}

/// A type of one action's reply by its name.
struct Named<'a> {
    name: String,
    node: Id,
    /// The action, if it is its whole reply.
    answers: Option<&'a str>,
    /// Whether no other in its class has the name before it.
    is_first: bool,
}

struct Names<'a> {
    all: Vec<Named<'a>>,
    classes: Vec<usize>,
    /// The first name in each class.
    first: BTreeMap<usize, String>,
}

impl Names<'_> {
    /// The name under which a type is declared.
    fn canonical(&self, id: Id) -> &str {
        let class = self.classes.get(id);
        class.and_then(|class| self.first.get(class)).map_or("Value", String::as_str)
    }

    /// All actions that a type answers.
    fn answers(&self, id: Id) -> Vec<String> {
        let class = self.classes.get(id);
        let same = self.all.iter().filter(|it| self.classes.get(it.node) == class);
        same.filter_map(|it| it.answers).map(ToOwned::to_owned).collect()
    }
}

impl<'a> Naming<'a, '_> {
    fn names(&mut self, answers: &[Answer<'a>]) -> Names<'a> {
        let mut wishes = Vec::new();
        for answer in answers {
            for (id, node) in self.graph.nodes.iter().enumerate() {
                if node.document == answer.document && self.graph.is_named(id) {
                    wishes.push((answer, id, node));
                }
            }
        }
        self.judge_unnamed();
        let derived: Vec<_> = wishes
            .iter()
            .map(|(answer, _, node)| naming::Wish {
                name: format!("{}{}", answer.prefix, names::suffix(&node.place)),
                chosen: names::chosen(node).filter(|name| self.can_be_chosen(name)),
                identity: format!("{} {}", answer.action, node.place),
            })
            .collect();
        let names = naming::types(&derived, self.taken);
        let mut first: BTreeMap<usize, String> = BTreeMap::new();
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        let mut all = Vec::new();
        for (((answer, id, node), wish), name) in wishes.iter().zip(&derived).zip(names) {
            let class = self.classes.get(*id).copied().unwrap_or_default();
            let owner = *owners.entry(name.clone()).or_insert(class);
            self.judge(node, wish, &name, owner == class);
            let is_first = !first.contains_key(&class);
            first.entry(class).or_insert_with(|| name.clone());
            let answers = (*id < self.documents.len()).then_some(answer.action);
            all.push(Named { name, node: *id, answers, is_first });
        }
        Names { all, classes: std::mem::take(&mut self.classes), first }
    }

    /// Reports each name that is chosen where no type is made.
    fn judge_unnamed(&mut self) {
        for (id, node) in self.graph.nodes.iter().enumerate() {
            let chosen = names::chosen(node).filter(|_| !self.graph.is_named(id));
            let document = self.documents.get(node.document);
            if let Some((chosen, document)) = chosen.zip(document) {
                let message = format!("no type is made here to be called {}", Quoted(chosen));
                let found = Diagnostic::warning("no-effect", message).path(&node.place);
                let found = found.help("take `x-name` out; structs and enums have names");
                self.report.push(found.at(&document.source, node.json.at.clone()));
            }
        }
    }

    fn can_be_chosen(&self, name: &str) -> bool {
        naming::can_be_chosen_type(name) && !self.taken.contains(name)
    }

    /// Reports a name that is not what the schema or the rule says.
    fn judge(&mut self, node: &Node<'_>, wish: &naming::Wish<'_>, name: &str, is_own: bool) {
        let chosen = names::chosen(node);
        let found = match chosen {
            Some(chosen) if wish.chosen.is_none() => Diagnostic::error(
                "reply-name",
                format!("the name {} cannot be chosen", Quoted(chosen)),
            )
            .help("a type's name is written `LikeThis`, and not one of Rust, of the SDK or of an action"),
            Some(chosen) if !is_own => Diagnostic::error(
                "reply-name",
                format!("the name {} is chosen for two types that differ", Quoted(chosen)),
            )
            .help("choose another `x-name` for one of them"),
            None if name != wish.name => Diagnostic::warning(
                "name-collision",
                format!(
                    "{} is called `{name}`, since {} is {}",
                    Quoted(&node.place.to_string()),
                    Quoted(&wish.name),
                    if naming::is_too_long(&wish.name) { "too long" } else { "taken" }
                ),
            )
            .help("choose another name by `x-name` in the schema"),
            _ => return,
        };
        if let Some(document) = self.documents.get(node.document) {
            let found = found.at(&document.source, node.json.at.clone());
            self.report.push(found.path(&node.place));
        }
    }
}

struct Building<'a, 'r> {
    graph: &'r Graph<'a>,
    overlay: &'r Overlay,
    types: Types,
    /// See [`Types::circles`].
    circles: Vec<Option<usize>>,
}

impl Building<'_, '_> {
    fn shape(&self, id: Id, node: &Node<'_>) -> Shape {
        match &node.kind {
            Kind::Struct(object) => Shape::Struct(self.structure(id, object)),
            _ => Shape::Transparent(self.types.content.get(id).cloned().unwrap_or(ParamType::Any)),
        }
    }

    fn structure(&self, id: Id, object: &Object<'_>) -> Struct {
        let wires = object.fields.keys().map(|wire| (*wire, None));
        let names = naming::assign(Scope::Parameter, wires);
        let field = |(wire, field): (&&str, &Id)| {
            let name = names.get(wire)?.snake.clone();
            let node = self.graph.nodes.get(*field)?;
            Some(Field {
                wire: (*wire).to_owned(),
                name,
                docs: docs(node.json),
                param_type: self.field_type(wire, *field, node),
                required: object.required.contains(wire),
                recursive: self.is_recursive(id, *field),
                secret: is_secret(wire),
            })
        };
        let fields: Vec<_> = object.fields.iter().filter_map(field).collect();
        let extras = object.extras.map(|extras| {
            let values = self.outside(extras);
            // No field's name ends so.
            let is_taken = fields.iter().any(|field| field.name == EXTRAS);
            let name = format!("{EXTRAS}{}", if is_taken { "_" } else { "" });
            (name, ParamType::Map(Box::new(values)))
        });
        Struct { fields, extras }
    }

    fn outside(&self, id: Id) -> ParamType {
        self.types.outside.get(id).cloned().unwrap_or(ParamType::Any)
    }

    /// The type of a field: what the overlay says of its name, where the schema leaves that open.
    fn field_type(&self, wire: &str, id: Id, node: &Node<'_>) -> ParamType {
        let said = self.outside(id);
        if node.json.get("x-type").is_some() {
            return said;
        }
        match self.overlay.declared_by_name(wire) {
            Some(better) if *said.leaf() != ParamType::Any => match &said {
                ParamType::Nullable(inner) if better.is_made_of(inner) => better.nullable(),
                plain if better.is_made_of(plain) => better,
                _ => said,
            },
            _ => said,
        }
    }

    /// Returns whether the type of a field leads back to the struct with nothing between.
    fn is_recursive(&self, id: Id, field: Id) -> bool {
        let circle = |id: Id| self.circles.get(id).copied().flatten();
        let named = self.types.named(self.graph, field);
        circle(id).is_some() && circle(id) == named.and_then(circle)
    }
}

/// The field that keeps what is not among the fields.
const EXTRAS: &str = "additional_properties";

fn enumeration(name: &str, docs: String, values: &[&str]) -> Declared {
    let docs = if docs.is_empty() { "A part of a reply.".to_owned() } else { docs };
    let values = naming::variants(values);
    Declared { name: name.to_owned(), docs, inner: ParamType::String, values, secret: false }
}

fn docs(schema: &Json) -> String {
    markdown(schema.get("description").and_then(Json::as_text).unwrap_or_default())
}
