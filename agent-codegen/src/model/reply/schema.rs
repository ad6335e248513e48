//! What each schema of a document means, one by one: a graph whose edges are the schemas inside.
//!
//! A queue, not recursion: a chain of twenty thousand references must not cost a stack.

mod merge;
mod reader;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{keywords, place::Place};
use crate::{
    Overlay,
    diagnostic::{Report, Source},
    snapshot::json::Json,
    types::ParamType,
};

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
    /// The fields of which a part speaks that always holds, and not only an alternative.
    certain: BTreeSet<&'a str>,
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

    /// What its type adds to the depth of what is inside: a map of the standard library is many types
    /// in each other, and a list some.
    pub fn steps(&self) -> usize {
        const MAP: usize = 3;
        match &self.kind {
            Kind::Map(_) => MAP,
            Kind::List(_) => 2,
            Kind::Struct(object) => 1 + object.extras.map_or(0, |_| MAP),
            Kind::Plain(_) | Kind::Same(_) | Kind::Enum(_) => 0,
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
            Kind::Struct(Object { fields, required, extras, .. }) => {
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
    wrap_roots(reader::read(documents, overlay, report), documents.len())
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
