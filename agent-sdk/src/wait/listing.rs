//! Finding an entry in the agent's lists, whose shapes are not documented.

use serde_json::Value;

/// Words for what is not done yet.
const UNFINISHED: [&str; 22] = [
    "pending",
    "queued",
    "scheduled",
    "waiting",
    "preparing",
    "starting",
    "started",
    "running",
    "active",
    "creating",
    "in_progress",
    "processing",
    "compressing",
    "writing",
    "uploading",
    "downloading",
    "extracting",
    "installing",
    "updating",
    "validating",
    "verifying",
    "paused",
];
/// Words for what is done, whatever else is said of it.
const FINISHED: [&str; 5] = ["finished", "completed", "complete", "done", "installed"];
/// Words for what will not be done, or is no more.
const FAILED: [&str; 16] = [
    "fail",
    "failed",
    "failure",
    "error",
    "errored",
    "cancelled",
    "canceled",
    "aborted",
    "interrupted",
    "timeout",
    "timed_out",
    "incomplete",
    "corrupt",
    "corrupted",
    "deleting",
    "deleted",
];

/// What an entry may say of itself with yes or no.
const DONE: [&str; 7] =
    ["done", "finished", "completed", "complete", "ready", "success", "installed"];

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
    let state = state(entry).unwrap_or_default().to_ascii_lowercase().replace([' ', '-'], "_");
    match state.rsplit('.').next().unwrap_or_default() {
        word if UNFINISHED.contains(&word) => Stage::Unfinished,
        word if FINISHED.contains(&word) => Stage::Finished,
        word if FAILED.contains(&word) => Stage::Failed,
        _ if has_failed(entry) => Stage::Failed,
        _ if DONE.iter().any(|key| entry.get(key) == Some(&Value::Bool(false))) => {
            Stage::Unfinished
        }
        _ if progress(entry).is_some_and(|progress| progress.is_part()) => Stage::Unfinished,
        _ => Stage::Unknown,
    }
}

/// Returns whether an entry says that its work has failed, in whatever words.
fn has_failed(entry: &Value) -> bool {
    let error = entry.get("error").unwrap_or(&Value::Null);
    let is_said = match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::Array(errors) => !errors.is_empty(),
        Value::Object(error) => !error.is_empty(),
        Value::Bool(true) => true,
    };
    is_said || entry.get("failed") == Some(&Value::Bool(true))
}

/// Returns what an entry says of the work on it, in words for an error.
pub(super) fn describe(entry: &Value) -> String {
    let state = state(entry).map(|state| format!(" as `{state}`")).unwrap_or_default();
    let progress = progress(entry)
        .map(|Progress { part, .. }| format!(", progress {part}"))
        .unwrap_or_default();
    format!("it is listed{state}{progress}")
}

fn state(entry: &Value) -> Option<&str> {
    ["state", "status"].iter().find_map(|key| entry.get(key)?.as_str())
}

/// How much of the work is done.
struct Progress {
    part: f64,
    /// Whether it is a part of a hundred for certain, and not perhaps of one.
    is_percent: bool,
}

impl Progress {
    fn is_part(&self) -> bool {
        if self.is_percent || self.part > 1.0 { self.part < 100.0 } else { self.part < 1.0 }
    }
}

fn progress(entry: &Value) -> Option<Progress> {
    [("progress", false), ("percent", true), ("percentage", true)].iter().find_map(
        |(key, is_percent)| {
            let value = entry.get(key)?;
            let text = value.as_str().unwrap_or_default().trim();
            let number = text.strip_suffix('%').unwrap_or(text);
            let part = value.as_f64().or_else(|| number.trim_end().parse().ok())?;
            Some(Progress { part, is_percent: *is_percent || number.len() < text.len() })
        },
    )
}

/// What an entry names others under, which need not be there themselves.
const OTHERS: [&str; 7] =
    ["dependencies", "depends_on", "depends", "requires", "required", "required_by", "conflicts"];

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
        Value::Object(map) => {
            let own =
                || map.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str())).map(|(_, it)| it);
            // No more than the name of what is not there.
            let is_there = |value: &&Value| !matches!(value, Value::Null | Value::Bool(false));
            own()
                .find_map(|value| listed(value, id))
                .or_else(|| map.get(id).filter(is_there))
                .or_else(|| own().any(is_id).then_some(answer))
        }
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
            (json!([{ "id": "7", "status": "In Progress" }]), true, Stage::Unfinished),
            (json!([{ "id": "7", "status": "timed-out" }]), true, Stage::Failed),
            (json!([{ "id": "7", "percent": 1 }]), true, Stage::Unfinished),
            (json!([{ "id": "7", "progress": "1%" }]), true, Stage::Unfinished),
            (json!([{ "id": "7", "progress": "40.5 %" }]), true, Stage::Unfinished),
            (json!([{ "id": "7", "progress": "100%" }]), true, Stage::Unknown),
            (json!([{ "id": "7", "error": "disk full" }]), true, Stage::Failed),
            (json!([{ "id": "7", "error": null, "failed": false }]), true, Stage::Unknown),
            (json!([{ "id": "7", "error": { "code": 5 } }]), true, Stage::Failed),
            (json!([{ "id": "7", "success": false }]), true, Stage::Unfinished),
            (json!({ "mods": [{ "id": "8", "dependencies": ["7"] }] }), false, Stage::Unknown),
            (json!({ "mods": [{ "id": "8", "depends_on": "7" }] }), false, Stage::Unknown),
            (json!({ "mods": { "7": false, "8": true } }), false, Stage::Unknown),
            (json!({ "mods": { "7": true } }), true, Stage::Unknown),
            (json!({ "downloads": [{ "id": "77" }] }), false, Stage::Unknown),
            (json!(null), false, Stage::Unknown),
        ] {
            let entry = listed(&answer, "7");
            assert_eq!(entry.is_some(), found, "{answer}");
            assert_eq!(entry.map_or(Stage::Unknown, stage), expected, "{answer}");
        }
    }
}
