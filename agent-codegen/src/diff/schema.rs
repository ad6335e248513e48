//! How the schemas of two replies compare.

use std::collections::BTreeSet;

use crate::snapshot::{
    json::{Json, Kind},
    written,
};

/// The words that only people read.
const WORDS: [&str; 4] = ["description", "title", "examples", "$comment"];

/// The keys whose values are named things: one more of them leaves the others as they are.
const OPEN: [&str; 3] = ["properties", "$defs", "definitions"];

/// Returns whether a type made from the new schema has all that one made from the old schema has.
pub(super) fn extends(old: &Json, new: &Json) -> bool {
    includes(old, new, false)
}

/// What a schema says of values, in a line: nothing that only people read, and not which schema it is.
pub(super) fn outline(schema: &Json) -> String {
    let Some(map) = schema.as_map() else { return written(schema) };
    let is_read = |key: &str| !WORDS.contains(&key) && !key.starts_with("$schema") && key != "$id";
    let members = map.iter().filter(|(key, _)| is_read(key));
    let members = members.map(|(key, member)| format!("{key}: {}", written(&member.value)));
    members.collect::<Vec<_>>().join(", ")
}

/// What differs between two schemas, each value after the path to it: `items.type: "string"` in the
/// one, `items.type: "integer"` in the other.
pub(super) fn differences(old: &Json, new: &Json) -> [String; 2] {
    let mut found = Vec::new();
    differ(Some(old), Some(new), &mut Vec::new(), &mut found);
    let side = |index: usize| {
        let texts = found.iter().filter_map(|both: &[String; 2]| both.get(index).cloned());
        texts.collect::<Vec<_>>().join(", ")
    };
    [side(0), side(1)]
}

fn differ<'a>(
    old: Option<&'a Json>,
    new: Option<&'a Json>,
    path: &mut Vec<&'a str>,
    found: &mut Vec<[String; 2]>,
) {
    let maps = old.and_then(Json::as_map).zip(new.and_then(Json::as_map));
    let Some((before, after)) = maps else {
        let text = |json: Option<&Json>| json.map_or_else(|| "nothing".to_owned(), written);
        let (before, after) = (text(old), text(new));
        if before != after {
            let path = path.join(".");
            let at = |text: String| if path.is_empty() { text } else { format!("{path}: {text}") };
            found.push([at(before), at(after)]);
        }
        return;
    };
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).map(String::as_str).collect();
    for key in keys {
        path.push(key);
        let (before, after) = (before.get(key), after.get(key));
        differ(before.map(|it| &it.value), after.map(|it| &it.value), path, found);
        path.pop();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Report, diagnostic::Source, snapshot::json};

    fn schema(text: &str) -> Json {
        json::read(&Source::new("schema", text), &mut Report::new()).expect("it is JSON")
    }

    #[test]
    fn a_schema_extends_another_by_more_names_and_by_nothing_else() {
        for (old, new, extends) in [
            (r#"{"type": "string"}"#, r#"{"type": "string", "title": "T"}"#, true),
            (r#"{"type": "string"}"#, r#"{"type": "string", "enum": ["a"]}"#, false),
            (r#"{"items": {"type": "string"}}"#, r#"{"items": {"type": "integer"}}"#, false),
            (
                r#"{"items": {"type": "string"}}"#,
                r#"{"items": {"type": "string", "enum": ["a"]}}"#,
                false,
            ),
            (r#"{"required": ["a"]}"#, r#"{"required": ["a", "b"]}"#, false),
            (r#"{"required": ["a", "b"]}"#, r#"{"required": ["a", "c"]}"#, false),
            (r#"{"properties": {"a": {}}}"#, r#"{"properties": {"a": {}, "b": {}}}"#, true),
            (r#"{"properties": {"a": {}, "b": {}}}"#, r#"{"properties": {"a": {}}}"#, false),
            // A field may be called as what only people read, or as what holds fields.
            (r#"{"properties": {"title": {}}}"#, r#"{"properties": {}}"#, false),
            (
                r#"{"properties": {"properties": {"type": "object"}}}"#,
                r#"{"properties": {"properties": {"type": "object", "minProperties": 1}}}"#,
                false,
            ),
        ] {
            assert_eq!(super::extends(&schema(old), &schema(new)), extends, "{old} {new}");
        }
    }
}
