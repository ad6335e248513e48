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

/// What an entry may say of itself with yes or no.
const DONE: [&str; 5] = ["done", "finished", "completed", "complete", "ready"];

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
    let state = state(entry).unwrap_or_default().to_ascii_lowercase();
    match state.rsplit('.').next().unwrap_or_default() {
        word if UNFINISHED.contains(&word) => Stage::Unfinished,
        word if FINISHED.contains(&word) => Stage::Finished,
        word if FAILED.contains(&word) => Stage::Failed,
        _ if DONE.iter().any(|key| entry.get(key) == Some(&Value::Bool(false))) => {
            Stage::Unfinished
        }
        _ => match progress(entry) {
            // A part of one, or of a hundred.
            Some(part) if part < 1.0 || (part > 1.0 && part < 100.0) => Stage::Unfinished,
            _ => Stage::Unknown,
        },
    }
}

/// Returns what an entry says of the work on it, in words for an error.
pub(super) fn describe(entry: &Value) -> String {
    let state = state(entry).map(|state| format!(" as `{state}`")).unwrap_or_default();
    let progress = progress(entry).map(|part| format!(", progress {part}")).unwrap_or_default();
    format!("it is listed{state}{progress}")
}

fn state(entry: &Value) -> Option<&str> {
    ["state", "status"].iter().find_map(|key| entry.get(key)?.as_str())
}

fn progress(entry: &Value) -> Option<f64> {
    ["progress", "percent"].iter().find_map(|key| entry.get(key)?.as_f64())
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
            (json!({ "downloads": [{ "id": "7", "progress": 0.5 }] }), true, Stage::Unfinished),
            (json!({ "downloads": [{ "id": "7", "percent": 40 }] }), true, Stage::Unfinished),
            (json!({ "downloads": [{ "id": "7", "percent": 100 }] }), true, Stage::Unknown),
            (json!({ "downloads": [{ "id": "7", "ready": false }] }), true, Stage::Unfinished),
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
