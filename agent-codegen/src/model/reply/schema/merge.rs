//! An object that several schemas describe: by `$ref` and `allOf`, or by `anyOf` and `oneOf`.

use std::collections::{BTreeSet, VecDeque};

use super::{
    Id, Kind, Node, Object, keywords,
    reader::{At, Reader, alternatives, takes_null},
};
use crate::{
    snapshot::json::{Json, Kind as JsonKind},
    types::ParamType,
};

/// Limit of schemas that one is put together from, by `allOf` and the like.
const MOST_PARTS: usize = 100;

const TWO_WAYS: &str = "a property that is described in two ways";

impl<'a> Reader<'a, '_> {
    /// A schema that is put together from several: the fields of all.
    pub(super) fn merged(&mut self, at: &At<'a>) -> Kind<'a> {
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
            self.judge_keywords(&part);
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
            let is_certain = object.certain.contains(wire.as_str());
            let id = match object.fields.get(wire.as_str()).copied() {
                None => self.at(&field),
                Some(known) => match self.agreed(known, &field) {
                    Some(agreed) => agreed,
                    // What always holds is true of every alternative, too.
                    None if holds || is_certain => {
                        self.lost(TWO_WAYS, &field);
                        if is_certain { known } else { self.at(&field) }
                    }
                    None => self.either(&field),
                },
            };
            object.fields.insert(wire, id);
            if holds {
                object.certain.insert(wire);
            }
        }
        self.add_extras(part, holds, object);
    }

    /// Adds what a part says of everything that is not among the fields.
    fn add_extras(&mut self, part: &At<'a>, holds: bool, object: &mut Object<'a>) {
        let Some(values) = part.extras() else { return };
        let known = object.extras;
        object.extras = Some(if !holds {
            // The other alternatives may leave open what this one describes.
            self.either(&values)
        } else if !part.patterns_agree(values.json) {
            self.push(Kind::Plain(ParamType::Any), &values)
        } else {
            match known.map(|known| self.agreed(known, &values)) {
                None => self.at(&values),
                Some(Some(agreed)) => agreed,
                Some(None) => self.either(&values),
            }
        });
    }

    /// What a property is that two parts of an object describe alike; `None` if they do not.
    fn agreed(&mut self, known: Id, other: &At<'a>) -> Option<Id> {
        let Some(json) = self.nodes.get(known).map(|node| node.json) else { return Some(known) };
        if !keywords::has_shape(other.json) || keywords::same(json, other.json) {
            return Some(known);
        }
        if !keywords::has_shape(json) {
            return Some(self.at(other));
        }
        let plain = keywords::plain_type(json);
        if plain.is_none() || plain != keywords::plain_type(other.json) {
            return None;
        }
        // Of two that differ in `null` alone, the one that takes it serves for both.
        let takes_more = takes_null(other) && !keywords::says_null(json);
        Some(if takes_more { self.at(other) } else { known })
    }

    /// A property of which two alternatives say different things.
    fn either(&mut self, other: &At<'a>) -> Id {
        let kind = self.any(TWO_WAYS, other);
        self.push(kind, other)
    }

    fn push(&mut self, kind: Kind<'a>, at: &At<'a>) -> Id {
        let At { document, json, place } = at.clone();
        self.nodes.push(Node { document, json, place, kind, nullable: false, is_target: false });
        self.nodes.len() - 1
    }
}
