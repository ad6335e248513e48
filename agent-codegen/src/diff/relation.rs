//! How two types of catalogues compare, by the values that they take.
//!
//! The types that an overlay declares are none of these: what it says changes nothing on the wire.

use crate::types::ParamType;

/// What became of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Both take the same values.
    Same,
    /// The new one takes all values of the old one, and more.
    Widened,
    /// The new one takes some values of the old one.
    Narrowed,
    /// The old one was not known.
    Known,
    /// The new one is not known.
    Unknown,
    /// Each takes values that the other does not.
    Other,
}

impl Relation {
    pub fn of(old: &ParamType, new: &ParamType) -> Self {
        match (old, new) {
            _ if old == new => Self::Same,
            (ParamType::Any, _) => Self::Known,
            (_, ParamType::Any) => Self::Unknown,
            _ => match (includes(new, old), includes(old, new)) {
                (true, true) => Self::Same,
                (true, false) => Self::Widened,
                (false, true) => Self::Narrowed,
                (false, false) => Self::Other,
            },
        }
    }
}

/// Returns whether one type takes every value of another.
fn includes(large: &ParamType, small: &ParamType) -> bool {
    use ParamType as T;

    match (large, small) {
        (T::Any, _) | (T::LongUnsigned, T::Unsigned) => true,
        (T::Nullable(large), T::Nullable(small))
        | (T::List(large), T::List(small))
        | (T::Map(large), T::Map(small)) => includes(large, small),
        (T::Nullable(large), small) => includes(large, small),
        (T::Number | T::Float, small) => is_number(small),
        (T::LongInteger, small) => is_whole(small),
        _ => large == small,
    }
}

fn is_whole(of: &ParamType) -> bool {
    use ParamType as T;
    matches!(of, T::Integer | T::Unsigned | T::LongInteger | T::LongUnsigned)
}

fn is_number(of: &ParamType) -> bool {
    is_whole(of) || matches!(of, ParamType::Float | ParamType::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Word;

    #[test]
    fn types_compare_by_the_values_that_they_take() {
        for (old, new, relation, mirrored) in [
            ("str", "string", Relation::Same, Relation::Same),
            ("int", "float", Relation::Widened, Relation::Narrowed),
            ("int", "number", Relation::Widened, Relation::Narrowed),
            ("float", "number", Relation::Same, Relation::Same),
            ("str", "str | null", Relation::Widened, Relation::Narrowed),
            ("list<int>", "list<float>", Relation::Widened, Relation::Narrowed),
            ("list<int>", "list", Relation::Widened, Relation::Narrowed),
            ("map<str, str>", "map<str, int>", Relation::Other, Relation::Other),
            ("int", "str", Relation::Other, Relation::Other),
            ("float", "str", Relation::Other, Relation::Other),
            ("int", "i128", Relation::Widened, Relation::Narrowed),
            ("uint", "u128", Relation::Widened, Relation::Narrowed),
            ("i128", "float", Relation::Widened, Relation::Narrowed),
            ("i128", "str", Relation::Other, Relation::Other),
            ("list", "map", Relation::Other, Relation::Other),
            ("any", "str", Relation::Known, Relation::Unknown),
        ] {
            let [old, new] = [old, new].map(|word| Word::read(word).param_type);
            assert_eq!(Relation::of(&old, &new), relation, "{old:?} {new:?}");
            assert_eq!(Relation::of(&new, &old), mirrored, "{new:?} {old:?}");
        }
    }
}
