//! How the schemas of two replies compare.

use crate::snapshot::json::{Json, Kind};

/// The words that only people read.
const WORDS: [&str; 4] = ["description", "title", "examples", "$comment"];

/// The keys whose values are named things: one more of them leaves the others as they are.
const OPEN: [&str; 3] = ["properties", "$defs", "definitions"];

/// Whether a type made from the new schema has all that one made from the old schema has.
pub(super) fn extends(old: &Json, new: &Json) -> bool {
    includes(old, new, false)
}

fn includes(old: &Json, new: &Json, open: bool) -> bool {
    match (&old.kind, &new.kind) {
        (Kind::Map(before), Kind::Map(after)) => {
            let is_read = |key: &str| open || !WORDS.contains(&key);
            let kept = before.iter().filter(|(key, _)| is_read(key)).all(|(key, member)| {
                let inside = !open && OPEN.contains(&key.as_str());
                after.get(key).is_some_and(|it| includes(&member.value, &it.value, inside))
            });
            let more = || after.keys().any(|key| is_read(key) && !before.contains_key(key));
            kept && (open || !more())
        }
        (Kind::List(before), Kind::List(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(old, new)| includes(old, new, false))
        }
        (old, new) => old == new,
    }
}
