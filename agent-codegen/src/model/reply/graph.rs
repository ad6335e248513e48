//! The types that a graph of schemas needs: which schemas get a name, which are the same, and where
//! a type would hold itself.
//!
//! Every decision follows from the graph alone, so that the order in which schemas are met does not
//! matter; and all is done without recursion, so that a chain of schemas does not cost a stack.

use std::collections::{BTreeMap, BTreeSet};

use super::schema::{Id, Kind, Node};
use crate::types::ParamType;

/// How many lists and maps are one in the other before one of them gets a type of its own: compilers
/// read types by recursion.
const DEEPEST: usize = 16;

/// How deep types are nested, in steps of [`Node::steps`]. What a compiler has to know of a type, such as
/// whether it is `Send`, it finds by a recursion that ends after 128 types, some of which are private.
const MOST_STEPS: usize = 30;

/// The schemas, and what follows from all of them together.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub nodes: Vec<Node<'a>>,
    /// How many of the nodes are whole replies; those are the first.
    roots: usize,
    /// Whether a schema becomes a type with a name.
    named: Vec<bool>,
    /// Each schema after the one that it is made of, if it is made of one.
    order: Vec<Id>,
    /// Whether a schema takes `null`.
    null: Vec<bool>,
}

/// Schemas that lead to each other in a circle without an object in it.
#[derive(Debug)]
pub(super) struct Circle {
    pub members: Vec<Id>,
    /// Whether no value fits, as they only refer to each other. Otherwise lists and maps of
    /// nothing but each other fit.
    pub is_empty: bool,
}

impl<'a> Graph<'a> {
    /// Finds the circles, and names what they lead through, so that each ends at a name. `nodes` are
    /// not nested too deep.
    pub fn new(nodes: Vec<Node<'a>>, roots: usize) -> (Self, Vec<Circle>) {
        let named = nodes.iter().enumerate().map(|(id, it)| id < roots || it.is_type()).collect();
        let order = Vec::with_capacity(nodes.len());
        let mut graph = Self { nodes, roots, named, order, null: Vec::new() };
        let circles = graph.circles();
        for circle in &circles {
            graph.end(circle);
        }
        graph.limit_depth();
        graph.null = graph.nullability();
        (graph, circles)
    }

    fn node(&self, id: Id) -> Option<&Node<'a>> {
        self.nodes.get(id)
    }

    /// Returns whether a schema becomes a type with a name.
    pub fn is_named(&self, id: Id) -> bool {
        self.named.get(id).copied().unwrap_or_default()
    }

    fn name(&mut self, id: Id) {
        if let Some(named) = self.named.get_mut(id) {
            *named = true;
        }
    }

    /// A schema is made of one other at most, unless it is an object: so the way on is a line.
    fn circles(&self) -> Vec<Circle> {
        let mut circles = Vec::new();
        let mut done = vec![false; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut line: Vec<Id> = Vec::new();
            let mut places = BTreeMap::new();
            let mut next = Some(start);
            while let Some(id) = next.filter(|id| done.get(*id) == Some(&false)) {
                if let Some(place) = places.insert(id, line.len()) {
                    let mut members = line.get(place..).unwrap_or_default().to_vec();
                    members.sort_unstable();
                    let is_alias =
                        |id: &Id| self.node(*id).is_some_and(|it| matches!(it.kind, Kind::Same(_)));
                    let is_empty = members.iter().all(is_alias);
                    circles.push(Circle { members, is_empty });
                    break;
                }
                line.push(id);
                next = self.node(id).and_then(Node::inner);
            }
            for id in line {
                if let Some(done) = done.get_mut(id) {
                    *done = true;
                }
            }
        }
        circles
    }

    fn end(&mut self, circle: &Circle) {
        // A whole reply in the circle has a name anyway.
        let needs_name = circle.members.iter().all(|id| *id >= self.roots);
        for id in circle.members.iter().copied() {
            if let Some(node) = self.nodes.get_mut(id).filter(|_| circle.is_empty) {
                node.kind = Kind::Plain(ParamType::Any);
            } else if needs_name && self.can_be_named(id) {
                self.name(id);
            }
        }
    }

    /// Returns whether a schema that is no object makes a type of its own where one is needed.
    fn can_be_named(&self, id: Id) -> bool {
        self.node(id).is_some_and(|it| it.is_target && !it.is_reference())
    }

    /// Orders the schemas from the inside to the outside, and names what is nested too deep.
    fn limit_depth(&mut self) {
        let mut depths = vec![None; self.nodes.len()];
        let mut line = Vec::new();
        for start in 0..self.nodes.len() {
            let mut next = Some(start);
            while let Some(id) = next {
                let Some(depth) = depths.get_mut(id).filter(|it| it.is_none()) else { break };
                *depth = Some(0);
                line.push(id);
                // Not beyond a name, where every circle ends.
                next = self.content(id);
            }
            while let Some(id) = line.pop() {
                let inner = self.content(id).and_then(|inner| depths.get(inner).copied().flatten());
                let is_alias = self.node(id).is_some_and(|it| matches!(it.kind, Kind::Same(_)));
                let depth = inner.unwrap_or(0) + usize::from(!is_alias);
                let is_too_deep =
                    depth > DEEPEST && self.node(id).is_some_and(|it| !it.is_reference());
                if is_too_deep {
                    self.name(id);
                }
                if let Some(known) = depths.get_mut(id) {
                    *known = Some(depth);
                }
                self.order.push(id);
            }
        }
    }

    /// The schema without a name that another is made of.
    fn content(&self, id: Id) -> Option<Id> {
        self.node(id).and_then(Node::inner).filter(|inner| !self.is_named(*inner))
    }

    /// Returns whether each schema takes `null`: by itself, or since what it refers to does.
    fn nullability(&self) -> Vec<bool> {
        let mut null = vec![None; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut line = Vec::new();
            let mut next = Some(start);
            let mut takes = false;
            while let Some(id) = next {
                if let Some(known) = null.get(id).copied().flatten() {
                    takes = known;
                    break;
                }
                line.push(id);
                next = match self.node(id).map(|it| &it.kind) {
                    Some(Kind::Same(inner)) => Some(*inner),
                    _ => None,
                };
            }
            for id in line.into_iter().rev() {
                takes |= self.node(id).is_some_and(|it| it.nullable);
                if let Some(known) = null.get_mut(id) {
                    *known = Some(takes);
                }
            }
        }
        null.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// The type of each schema, with the names that types have.
    pub fn types(&self, name: impl Fn(Id) -> String) -> Types {
        let any = || ParamType::Any;
        let mut types = Types {
            content: vec![any(); self.nodes.len()],
            outside: vec![any(); self.nodes.len()],
            direct: vec![None; self.nodes.len()],
        };
        for id in self.order.iter().copied() {
            let Some(node) = self.node(id) else { continue };
            let of = |inner: Id| match types.outside.get(inner) {
                // It may come later in the order, and its name is enough.
                _ if self.is_named(inner) => self.reference(inner, name(inner)),
                Some(known) => known.clone(),
                None => ParamType::Any,
            };
            let content = match &node.kind {
                Kind::Plain(plain) => plain.clone(),
                Kind::Same(inner) => of(*inner),
                Kind::List(inner) => ParamType::List(Box::new(of(*inner))),
                Kind::Map(inner) => ParamType::Map(Box::new(of(*inner))),
                Kind::Struct(_) | Kind::Enum(_) => any(),
            };
            let content = if node.nullable { content.nullable() } else { content };
            let outside =
                if self.is_named(id) { self.reference(id, name(id)) } else { content.clone() };
            // Lists and maps keep elsewhere what they hold.
            let direct = match node.kind {
                Kind::Same(inner) if self.is_named(inner) => Some(inner),
                Kind::Same(inner) => types.direct.get(inner).copied().flatten(),
                _ => None,
            };
            types.set(id, content, outside, direct);
        }
        types
    }

    /// The type by which others name a schema.
    fn reference(&self, id: Id, name: String) -> ParamType {
        let takes_null = self.null.get(id).copied().unwrap_or_default();
        let any = Box::new(ParamType::Any);
        match self.node(id) {
            Some(node) if node.is_type() && takes_null => ParamType::Named(name, any).nullable(),
            // What is inside takes the `null`.
            _ if takes_null => ParamType::Named(name, Box::new(ParamType::Nullable(any))),
            _ => ParamType::Named(name, any),
        }
    }

    /// Which schemas are the same: equal numbers for those that say the same of the same, and whose
    /// types would be called the same but for the action. `label` tells more of a schema than its
    /// kind.
    pub fn classes(&self, label: impl Fn(&Node<'_>, bool) -> String) -> Vec<usize> {
        let edges: Vec<_> = self.nodes.iter().map(Node::children).collect();
        let mut classes = vec![0; self.nodes.len()];
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut next = 0;
        for component in components(&edges) {
            let members: BTreeSet<_> = component.iter().copied().collect();
            let is_circle = is_circle(&edges, &component);
            let mut texts: Vec<_> = component
                .iter()
                .filter_map(|id| Some((*id, self.node(*id)?)))
                .map(|(id, node)| {
                    let child = |child: Id| match self.node(child) {
                        Some(node) if members.contains(&child) => format!("@{}", node.place),
                        _ => classes.get(child).map(usize::to_string).unwrap_or_default(),
                    };
                    let place = is_circle.then(|| node.place.to_string());
                    let label = label(node, self.is_named(id));
                    (format!("{place:?} {label} {}", node.signature(child)), id)
                })
                .collect();
            texts.sort();
            let whole: Vec<_> = texts.iter().map(|(text, _)| text.as_str()).collect();
            let first = *known.entry(whole.join("\n")).or_insert(next);
            next = next.max(first + texts.len());
            for (index, (_, id)) in texts.iter().enumerate() {
                if let Some(class) = classes.get_mut(*id) {
                    *class = first + index;
                }
            }
        }
        classes
    }
}

/// The types of all schemas.
#[derive(Debug)]
pub(super) struct Types {
    /// What each schema is made of.
    pub content: Vec<ParamType>,
    /// By what others name it.
    pub outside: Vec<ParamType>,
    /// The schema with a name that one without is, with nothing between but `null`.
    direct: Vec<Option<Id>>,
}

impl Types {
    fn set(&mut self, id: Id, content: ParamType, outside: ParamType, direct: Option<Id>) {
        if let Some(it) = self.content.get_mut(id) {
            *it = content;
        }
        if let Some(it) = self.outside.get_mut(id) {
            *it = outside;
        }
        if let Some(it) = self.direct.get_mut(id) {
            *it = direct;
        }
    }

    /// Which structs hold each other without anything between: the number of the circle of each
    /// schema that is in one. A field from one to the other needs a box.
    pub fn circles(&self, graph: &Graph<'_>) -> Vec<Option<usize>> {
        let edges: Vec<Vec<_>> = (0..graph.nodes.len())
            .map(|id| match graph.node(id).map(|it| &it.kind) {
                Some(Kind::Struct(object)) => {
                    object.fields.values().filter_map(|field| self.named(graph, *field)).collect()
                }
                _ if graph.is_named(id) => {
                    self.direct.get(id).copied().flatten().into_iter().collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let mut circles = vec![None; edges.len()];
        for (number, component) in components(&edges).into_iter().enumerate() {
            if is_circle(&edges, &component) {
                for id in component {
                    if let Some(circle) = circles.get_mut(id) {
                        *circle = Some(number);
                    }
                }
            }
        }
        circles
    }

    /// The schema with a name that a field of another schema's type holds itself.
    pub fn named(&self, graph: &Graph<'_>, id: Id) -> Option<Id> {
        if graph.is_named(id) { Some(id) } else { self.direct.get(id).copied().flatten() }
    }
}

/// Makes any JSON value of what is nested deeper than a compiler finds its way, and returns it. What
/// nothing leads to any more describes nothing.
pub(super) fn limit_nesting(nodes: &mut [Node<'_>], roots: usize) -> Vec<Id> {
    let edges: Vec<_> = nodes.iter().map(Node::children).collect();
    let mut depths = vec![0; nodes.len()];
    let mut cut = Vec::new();
    // Each component before those that it leads to.
    for component in components(&edges).into_iter().rev() {
        let of = |id: &Id| depths.get(*id).copied().unwrap_or_default();
        let outside = component.iter().map(of).max().unwrap_or_default();
        let steps = |id: &Id| nodes.get(*id).map_or(0, Node::steps);
        let depth = outside + component.iter().map(steps).sum::<usize>();
        if depth > MOST_STEPS {
            cut.extend(component);
            continue;
        }
        for child in component.iter().filter_map(|id| edges.get(*id)).flatten() {
            if let Some(known) = depths.get_mut(*child) {
                *known = depth.max(*known);
            }
        }
    }
    for id in &cut {
        if let Some(node) = nodes.get_mut(*id) {
            node.kind = Kind::Plain(ParamType::Any);
        }
    }
    if !cut.is_empty() {
        forget_unreached(nodes, roots);
    }
    cut.sort_unstable();
    cut
}

/// Makes any JSON value of every schema to which no whole reply leads.
fn forget_unreached(nodes: &mut [Node<'_>], roots: usize) {
    let mut reached = BTreeSet::new();
    let mut open: Vec<Id> = (0..roots).collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(nodes.get(id).map(Node::children).unwrap_or_default());
        }
    }
    for (id, node) in nodes.iter_mut().enumerate() {
        if !reached.contains(&id) {
            node.kind = Kind::Plain(ParamType::Any);
        }
    }
}

/// Returns whether the members of a component lead to each other.
fn is_circle(edges: &[Vec<Id>], component: &[Id]) -> bool {
    match component {
        [one] => edges.get(*one).is_some_and(|it| it.contains(one)),
        _ => true,
    }
}

/// The strongly connected components of a graph, each after those that it leads to: Tarjan's
/// algorithm with a stack of its own.
fn components(edges: &[Vec<Id>]) -> Vec<Vec<Id>> {
    let mut found = Vec::new();
    let mut state = vec![Visit::default(); edges.len()];
    let mut open = Vec::new();
    let mut count = 0;
    for start in 0..edges.len() {
        let mut calls = vec![(start, 0)];
        while let Some((id, next)) = calls.pop() {
            let Some(visit) = state.get_mut(id) else { continue };
            if next == 0 {
                if visit.number.is_some() {
                    continue;
                }
                *visit = Visit { number: Some(count), low: count, is_open: true };
                count += 1;
                open.push(id);
            }
            if let Some(child) = edges.get(id).and_then(|it| it.get(next)).copied() {
                calls.push((id, next + 1));
                match state.get(child) {
                    Some(Visit { number: None, .. }) => calls.push((child, 0)),
                    Some(Visit { number: Some(number), is_open: true, .. }) => {
                        let number = *number;
                        lower(&mut state, id, number);
                    }
                    _ => {}
                }
                continue;
            }
            let Some(Visit { number, low, .. }) = state.get(id).copied() else { continue };
            if number == Some(low) {
                let begin = open.iter().rposition(|it| *it == id).unwrap_or_default();
                let component = open.split_off(begin);
                for id in &component {
                    if let Some(visit) = state.get_mut(*id) {
                        visit.is_open = false;
                    }
                }
                found.push(component);
            }
            if let Some((parent, _)) = calls.last() {
                lower(&mut state, *parent, low);
            }
        }
    }
    found
}

/// What Tarjan's algorithm knows of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    number: Option<usize>,
    /// The first node that it leads back to.
    low: usize,
    /// Whether its component is still growing.
    is_open: bool,
}

fn lower(state: &mut [Visit], id: Id, low: usize) {
    if let Some(visit) = state.get_mut(id) {
        visit.low = visit.low.min(low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_after_those_that_they_lead_to() {
        let edges = [vec![1], vec![2], vec![0, 3], vec![3], vec![], vec![4, 0]];
        let mut found = components(&edges);
        for component in &mut found {
            component.sort_unstable();
        }
        assert_eq!(found, [vec![3], vec![0, 1, 2], vec![4], vec![5]]);
        assert!(is_circle(&edges, &[3]) && !is_circle(&edges, &[4]));
    }

    #[test]
    fn a_long_chain_does_not_cost_a_stack() {
        let edges: Vec<_> = (1..200_000).map(|next| vec![next]).chain([vec![0]]).collect();
        assert_eq!(components(&edges).len(), 1);
    }
}
