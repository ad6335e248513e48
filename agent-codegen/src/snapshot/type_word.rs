//! A type's word in every form that JSON has for one.

use super::json::{Json, Kind};
use crate::types::{ParamType, Word};

/// Reads what is found where a type is expected; `items` is JSON Schema's word for the type of a
/// list's items. `None` if it is nothing of the kind.
pub(super) fn type_word(json: &Json, items: Option<&Json>) -> Option<(String, Word)> {
    match &json.kind {
        Kind::Text(word) if word.trim().is_empty() => None,
        Kind::Text(word) => {
            let mut read = Word::read(word);
            if read.param_type == ParamType::any_list()
                && let Some(items) = items
                && let Some((_, item)) = item_word(items)
            {
                read.param_type = ParamType::List(Box::new(item.param_type));
                read.unknown.extend(item.unknown);
            }
            Some((word.clone(), read))
        }
        // One of Go's kind numbers.
        Kind::Number(number) => {
            let known = number.parse().ok().and_then(Word::of_go_kind);
            let unknown = if known.is_some() { Vec::new() } else { vec![number.clone()] };
            let param_type = known.unwrap_or(ParamType::Any);
            Some((number.clone(), Word { param_type, optional: false, unknown }))
        }
        // JSON Schema: any of these.
        Kind::List(words) => {
            let words: Option<Vec<_>> = words.iter().map(Json::as_text).collect();
            let word = words.filter(|words| !words.is_empty())?.join(" | ");
            let read = Word::read(&word);
            Some((word, read))
        }
        _ => None,
    }
}

fn item_word(items: &Json) -> Option<(String, Word)> {
    type_word(items.get("type").unwrap_or(items), items.get("items"))
}
