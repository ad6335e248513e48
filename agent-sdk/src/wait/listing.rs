//! Finding an entry in the agent's lists, whose shapes are not documented.

use serde_json::Value;

/// Words for what is not done yet.
const UNFINISHED: [&str; 11] = [
    "pending",
    "queued",
    "running",
    "creating",
    "in_progress",
    "started",
    "uploading",
    "downloading",
    "installing",
    "updating",
    "validating",
];
/// Words for what is done, whatever else is said of it.
const FINISHED: [&str; 5] = ["finished", "completed", "complete", "done", "installed"];
/// Words for what will not be done.
const FAILED: [&str; 7] =
    ["failed", "error", "errored", "cancelled", "canceled", "aborted", "corrupt"];

/// How far the work on an entry of a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Unfinished,
    Finished,
    Failed,
    /// It does not say, or in a word that is not known.
    Unknown,
}

/// Reads how far the work on an entry is, as the entry itself says it.
pub(super) fn stage(entry: &Value) -> Stage {
    let says = |key| entry.get(key).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let state = says("state").or_else(|| says("status")).unwrap_or_default();
    let word = state.rsplit('.').next().unwrap_or_default();
    match word {
        word if UNFINISHED.contains(&word) => Stage::Unfinished,
        word if FINISHED.contains(&word) => Stage::Finished,
        word if FAILED.contains(&word) => Stage::Failed,
        _ => Stage::Unknown,
    }
}

/// Finds the innermost object that has the id as a value, or under which it is the key.
pub(super) fn listed<'a>(answer: &'a Value, id: &str) -> Option<&'a Value> {
    let is_id = |value: &Value| match value {
        Value::String(text) => text == id,
        Value::Number(number) => number.to_string() == id,
        _ => false,
    };
    match answer {
        Value::Array(items) => {
            items.iter().find_map(|item| if is_id(item) { Some(item) } else { listed(item, id) })
        }
        Value::Object(map) => map
            .values()
            .find_map(|value| listed(value, id))
            .or_else(|| map.get(id))
            .or_else(|| map.values().any(is_id).then_some(answer)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_found_wherever_the_list_may_have_it() {
        for (answer, found, expected) in [
            (json!({ "downloads": [{ "id": "7", "progress": 0.5 }] }), true, Stage::Unknown),
            (json!({ "downloads": [{ "entity_id": 7 }] }), true, Stage::Unknown),
            (json!({ "downloads": { "7": { "state": "running" } } }), true, Stage::Unfinished),
            (json!(["6", "7"]), true, Stage::Unknown),
            (json!([{ "mod": { "id": "7" }, "state": "download.finished" }]), true, Stage::Unknown),
            (json!([{ "id": "7", "state": "download.Finished" }]), true, Stage::Finished),
            (json!([{ "id": "7", "status": "FAILED" }]), true, Stage::Failed),
            (json!({ "downloads": [{ "id": "77" }] }), false, Stage::Unknown),
            (json!(null), false, Stage::Unknown),
        ] {
            let entry = listed(&answer, "7");
            assert_eq!(entry.is_some(), found, "{answer}");
            assert_eq!(entry.map_or(Stage::Unknown, stage), expected, "{answer}");
        }
    }
}
