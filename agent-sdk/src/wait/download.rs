//! Waiting for a download.

use serde_json::{Value, json};

use super::{Check, Sight, Verdict, Wait};
use crate::agent::Agent;

/// So many answers in a row without the download end the wait if it was never seen: it may have been
/// over before the first one, or not have begun.
const ABSENT: u32 = 2;
/// Words for a download that is over, whatever is still said of it.
const FINISHED: [&str; 5] = ["finished", "completed", "complete", "done", "installed"];

impl Agent {
    /// Waits until the agent downloads something no more: a mod or a title, by the id under which
    /// `steam_list_downloads` lists it.
    ///
    /// The download is over when it is listed as finished, or was listed and is not any more. One that
    /// was never listed is over when it is missing from two answers in a row, since it may have been
    /// quick. Whether it succeeded, the agent's list of mods tells.
    ///
    /// # Errors
    ///
    /// [`WaitError`](super::WaitError).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// agent.wait_for_download("1559212036").await?;
    /// # Ok(()) }
    /// ```
    pub fn wait_for_download(&self, id: impl Into<String>) -> Wait<()> {
        let id = id.into();
        let what = format!("the download of `{}`", id.escape_debug());
        let (mut was_seen, mut absent) = (false, 0);
        let check: Check<()> = Box::new(move |sight| match sight {
            Sight::Event(message) => {
                let about = message.kind().is_some_and(|kind| kind.contains("download"));
                if about { Verdict::Ask } else { Verdict::NotYet(None) }
            }
            Sight::Snapshot(answer) => match listed(answer, &id) {
                Some(entry) if !is_finished(entry) => {
                    (was_seen, absent) = (true, 0);
                    Verdict::NotYet(Some("it is listed".to_owned()))
                }
                Some(_) => Verdict::Done(()),
                None if was_seen => Verdict::Done(()),
                None => {
                    absent += 1;
                    if absent < ABSENT { Verdict::Ask } else { Verdict::Done(()) }
                }
            },
        });
        Wait::new(self, what, "", check).without_topic().asking("steam_list_downloads", json!({}))
    }
}

/// The innermost object that has the id as a value, or under which it is the key.
fn listed<'a>(answer: &'a Value, id: &str) -> Option<&'a Value> {
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

fn is_finished(entry: &Value) -> bool {
    let says = |key| entry.get(key).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let state = says("state").or_else(|| says("status")).unwrap_or_default();
    state.rsplit('.').next().is_some_and(|word| FINISHED.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_found_wherever_the_list_may_have_it() {
        for (answer, found, finished) in [
            (json!({ "downloads": [{ "id": "7", "progress": 0.5 }] }), true, false),
            (json!({ "downloads": [{ "entity_id": 7 }] }), true, false),
            (json!({ "downloads": { "7": { "state": "running" } } }), true, false),
            (json!(["6", "7"]), true, false),
            (json!([{ "mod": { "id": "7" }, "state": "download.finished" }]), true, false),
            (json!([{ "id": "7", "state": "download.Finished" }]), true, true),
            (json!({ "downloads": [{ "id": "77" }] }), false, false),
            (json!(null), false, false),
        ] {
            let entry = listed(&answer, "7");
            assert_eq!(entry.is_some(), found, "{answer}");
            assert_eq!(entry.is_some_and(is_finished), finished, "{answer}");
        }
    }
}
