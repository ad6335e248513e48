//! Waiting for a backup.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Sight, Wait,
    listing::{Stage, stage},
    run::Verdict,
};
use crate::{agent::Agent, error::Error};

/// The backups that a server has, before one is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBackups {
    server: String,
    ids: BTreeSet<String>,
}

/// Where a list of backups may be in the answer.
const LISTS: [&str; 4] = ["backups", "items", "data", "results"];
/// What may name a backup.
const IDS: [&str; 6] = ["id", "backup", "name", "file", "path", "created"];

impl Agent {
    /// Returns the backups that a server has, to tell a new one from them. One that is under way counts:
    /// it is not the one that is made next.
    ///
    /// # Errors
    ///
    /// Those of the action `query_backups`.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let before = agent.known_backups("alpha").await?;
    /// agent.call_raw("create_backup", serde_json::json!({ "server": "alpha" })).await?;
    /// let made = agent.wait_for_backup(before).timeout(Duration::from_secs(1800)).await?;
    /// println!("{made}");
    /// # Ok(()) }
    /// ```
    pub async fn known_backups(&self, server: impl Into<String>) -> Result<KnownBackups, Error> {
        let server = server.into();
        let answer = self.call_raw("query_backups", json!({ "server": server })).await?;
        let ids = entries(&answer.parameters()?).into_iter().map(|(id, _)| id).collect();
        Ok(KnownBackups { server, ids })
    }

    /// Waits until a server has a backup that it did not have before, and returns what the agent says of
    /// it. It asks by the action `query_backups`; a backup that the agent calls unfinished or failed
    /// does not count.
    ///
    /// # Errors
    ///
    /// [`WaitError`](super::WaitError).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), Box<dyn std::error::Error>> {
    /// let before = agent.known_backups("alpha").await?;
    /// let create = agent.call_raw("create_backup", serde_json::json!({ "server": "alpha" }));
    /// let made = agent.wait_for_backup(before).after(create).await?;
    /// # Ok(()) }
    /// ```
    pub fn wait_for_backup(&self, before: KnownBackups) -> Wait<Value> {
        let KnownBackups { server, ids } = before;
        let what = format!("a new backup of `{}`", server.escape_debug());
        let check = move |sight: Sight<'_>| match sight {
            Sight::Event(message) => {
                let about = message.kind().is_some_and(|kind| kind.contains("backup"));
                if about { Verdict::Ask } else { Verdict::NotYet(None) }
            }
            Sight::Snapshot(answer) => {
                let new = finished(answer).find(|(id, _)| !ids.contains(id));
                new.map_or_else(
                    || {
                        Verdict::NotYet(Some(format!(
                            "{} finished backups",
                            finished(answer).count()
                        )))
                    },
                    |(_, backup)| Verdict::Done(backup.clone()),
                )
            }
        };
        let parameters = json!({ "server": server });
        Wait::new(self, what, Some(&server), check).asking("query_backups", parameters)
    }
}

/// The finished backups of an answer, with what tells each from the others.
fn finished(answer: &Value) -> impl Iterator<Item = (String, &Value)> {
    let is_there = |backup: &Value| matches!(stage(backup), Stage::Finished | Stage::Unknown);
    entries(answer).into_iter().filter(move |(_, backup)| is_there(backup))
}

/// The backups of an answer: a list, or a map by their ids, or one with a list for each server.
fn entries(answer: &Value) -> Vec<(String, &Value)> {
    if let Some(inner) = LISTS.iter().find_map(|key| answer.get(key)) {
        return entries(inner);
    }
    match answer {
        Value::Array(backups) => backups.iter().map(|backup| (id(backup), backup)).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::Array(_) => entries(value),
                Value::Object(_) => vec![(json!(key).to_string(), value)],
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn id(backup: &Value) -> String {
    let named = IDS.iter().find_map(|key| backup.get(key).filter(|value| !value.is_null()));
    named.unwrap_or(backup).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_found_wherever_an_answer_may_have_them() {
        for (answer, found) in [
            (json!([{ "id": "a" }, { "id": "b", "state": "creating" }]), vec![r#""a""#]),
            (json!(["a.zip"]), vec![r#""a.zip""#]),
            (json!({ "backups": [{ "name": "a" }] }), vec![r#""a""#]),
            (json!({ "data": { "backups": [{ "id": 7 }] } }), vec!["7"]),
            (json!({ "backups": { "a": {}, "b": { "done": false } } }), vec![r#""a""#]),
            (json!({ "backups": { "alpha": [{ "id": "a" }] } }), vec![r#""a""#]),
            (json!({ "backups": [] }), vec![]),
            (json!({ "count": 0 }), vec![]),
            (json!(null), vec![]),
        ] {
            let ids: Vec<_> = finished(&answer).map(|(id, _)| id).collect();
            assert_eq!(ids, found, "{answer}");
        }
    }
}
