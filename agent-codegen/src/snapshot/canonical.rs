//! The one form in which a snapshot is kept.

use serde_json::Value;

use super::json::{Json, Kind};
use crate::text::escape_json;

/// Writes the catalogue: sorted, indented by two spaces, LF, with a final newline.
///
/// Numbers are written as the agent wrote them, which is why `serde_json` does not do this. What a
/// terminal or an editor would obey is escaped: snapshots are read, in pull requests too.
pub(super) fn write(catalogue: &Json) -> String {
    let mut out = String::new();
    value(&mut out, catalogue, 0);
    out.push('\n');
    out
}

fn value(out: &mut String, json: &Json, depth: usize) {
    match &json.kind {
        Kind::Null => out.push_str("null"),
        Kind::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(number),
        Kind::Text(text) => string(out, text),
        Kind::List(items) => block(out, ('[', ']'), depth, items, |out, item| {
            value(out, item, depth + 1);
        }),
        Kind::Map(entries) => block(out, ('{', '}'), depth, entries, |out, (key, member)| {
            string(out, key);
            out.push_str(": ");
            value(out, &member.value, depth + 1);
        }),
    }
}

/// Writes a list or a map, one item a line; an empty one in place.
fn block<T>(
    out: &mut String,
    (open, close): (char, char),
    depth: usize,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    let mut empty = true;
    for item in items {
        if !empty {
            out.push(',');
        }
        empty = false;
        new_line(out, depth + 1);
        write(out, item);
    }
    if !empty {
        new_line(out, depth);
    }
    out.push(close);
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

fn string(out: &mut String, text: &str) {
    escape_json(out, &Value::from(text).to_string());
}
