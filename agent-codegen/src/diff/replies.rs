//! How the types of two replies compare in Rust, whatever their schemas say beyond that.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        Declared, Model,
        reply::{Field, ReplyType, Shape, Struct},
    },
    types::ParamType,
};

/// Returns whether source that reads the old type of a reply compiles with the new one: whether all that
/// the old one leads to is there under the same names.
pub(super) fn are_kept(old: &Model, new: &Model, reply: &str) -> bool {
    let (old, new) = (Types::new(old), Types::new(new));
    let mut seen = BTreeSet::new();
    let mut open = vec![reply];
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        if !old.is_kept(&new, name) {
            return false;
        }
        open.extend(old.inside(name));
    }
    true
}

/// The types of one side, by name.
struct Types<'a> {
    replies: BTreeMap<&'a str, &'a ReplyType>,
    /// Those that the overlay declares, too.
    declared: BTreeMap<&'a str, &'a Declared>,
}

impl<'a> Types<'a> {
    fn new(model: &'a Model) -> Self {
        Self {
            replies: model.replies.iter().map(|it| (it.name.as_str(), it)).collect(),
            declared: model.types.iter().map(|it| (it.name.as_str(), it)).collect(),
        }
    }

    /// What a type of a reply is, under whichever of its names.
    fn shape(&self, name: &str) -> Option<&'a Shape> {
        match &self.replies.get(name)?.shape {
            Shape::Alias(of) => Some(&self.replies.get(of.as_str())?.shape),
            shape => Some(shape),
        }
    }

    /// Returns whether a type has in the new ones all that it had.
    fn is_kept(&self, new: &Self, name: &str) -> bool {
        match (self.shape(name), new.shape(name)) {
            (Some(Shape::Struct(old)), Some(Shape::Struct(new))) => fields_are_kept(old, new),
            (Some(Shape::Transparent(old)), Some(Shape::Transparent(new))) => {
                old.is_written_as(new)
            }
            (None, None) => match (self.declared.get(name), new.declared.get(name)) {
                (Some(old), Some(new)) => {
                    old.inner == new.inner && old.values.iter().all(|it| new.values.contains(it))
                }
                (None, None) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// The names of the types that a type is written with.
    fn inside(&self, name: &str) -> Vec<&'a str> {
        match self.shape(name) {
            Some(Shape::Struct(Struct { fields, extras })) => {
                let fields = fields.iter().map(|field| &field.param_type);
                let all = fields.chain(extras.iter().map(|(_, values)| values));
                all.filter_map(ParamType::name).collect()
            }
            Some(Shape::Transparent(inner)) => inner.name().into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether each field is there with the type that it had; more of them break nothing.
fn fields_are_kept(old: &Struct, new: &Struct) -> bool {
    let known: BTreeMap<_, _> = new.fields.iter().map(|it| (it.name.as_str(), it)).collect();
    let is_kept =
        |field: &Field| known.get(field.name.as_str()).is_some_and(|new| is_same(field, new));
    let are_extras_kept = match (&old.extras, &new.extras) {
        (None, _) => true,
        (Some((name, old)), Some((new_name, new))) => name == new_name && old.is_written_as(new),
        (Some(_), None) => false,
    };
    are_extras_kept && old.fields.iter().all(is_kept)
}

fn is_same(old: &Field, new: &Field) -> bool {
    let value = |field: &Field| match &field.param_type {
        ParamType::Nullable(inner) => (ParamType::clone(inner), true),
        plain => (plain.clone(), !field.required),
    };
    let ((old_value, was_option), (new_value, is_option)) = (value(old), value(new));
    old_value.is_written_as(&new_value) && was_option == is_option && old.recursive == new.recursive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_among_no_fields_is_kept_by_its_name_and_its_type() {
        let with = |name: &str, of: ParamType| Struct {
            fields: Vec::new(),
            extras: Some((name.to_owned(), of)),
        };
        let old = with("rest", ParamType::String);
        assert!(fields_are_kept(&old, &with("rest", ParamType::String)));
        assert!(!fields_are_kept(&old, &with("other", ParamType::String)));
        assert!(!fields_are_kept(&old, &with("rest", ParamType::Integer)));
        let none = Struct { fields: Vec::new(), extras: None };
        assert!(fields_are_kept(&none, &old) && !fields_are_kept(&old, &none));
    }

    #[test]
    fn a_type_that_neither_side_describes_is_no_loss() {
        let types = Types { replies: BTreeMap::new(), declared: BTreeMap::new() };
        assert!(types.is_kept(&types, "ServerId"));
    }
}
