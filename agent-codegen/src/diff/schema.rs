//! How the schemas of two replies compare.

use std::collections::BTreeSet;

use crate::snapshot::{json::Json, written};

/// The words that only people read.
const WORDS: [&str; 4] = ["description", "title", "examples", "$comment"];

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
