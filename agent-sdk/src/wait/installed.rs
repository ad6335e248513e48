//! Waiting for downloads and mods.

use serde_json::{Value, json};

use super::{
    Sight, Wait,
    listing::{Stage, describe, listed, stage},
    run::Verdict,
};
use crate::agent::Agent;

/// So many answers in a row without the download end the wait if it was never seen: it may have been
/// over before the first one.
const ABSENT: u32 = 2;

impl Agent {
    /// Waits until the agent downloads something no more: a mod or a title, by the id under which
    /// `steam_list_downloads` lists it.
    ///
    /// The download is over when it is listed as finished or failed, or was listed and is not any more.
    /// One that was never listed is over when it is missing from two answers in a row
    /// ([`Wait::poll_every`] apart), since it may have been quick. Whether it succeeded,
    /// [`Agent::wait_for_mod`] tells.
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
        let check = move |sight: Sight<'_>| match sight {
            Sight::Event(message) => {
                let about = message.kind().is_some_and(|kind| kind.contains("download"));
                if about { Verdict::Ask } else { Verdict::NotYet(None) }
            }
            Sight::Snapshot(answer) => match listed(answer, &id) {
                Some(entry) if matches!(stage(entry), Stage::Finished | Stage::Failed) => {
                    Verdict::Done(())
                }
                Some(entry) => {
                    (was_seen, absent) = (true, 0);
                    Verdict::NotYet(Some(describe(entry)))
                }
                None => {
                    absent += 1;
                    if was_seen || absent >= ABSENT {
                        Verdict::Done(())
                    } else {
                        Verdict::NotYet(Some("it is not listed".to_owned()))
                    }
                }
            },
        };
        Wait::new(self, what, None, check).asking("steam_list_downloads", json!({}))
    }

    /// Waits until a mod is there: it is listed by the action `mods`, and not as unfinished or failed.
    /// Returns what the agent says of it.
    ///
    /// A mod that is being updated may be listed all the time: wait for its download first.
    ///
    /// # Errors
    ///
    /// [`WaitError`](super::WaitError); the time limit tells what was listed last.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// use serde_json::json;
    ///
    /// let update = json!({ "entity_id": "1559212036", "universe": "steam" });
    /// let download = agent.wait_for_download("1559212036");
    /// download.after(agent.call_raw("download_mod", update)).await?;
    /// println!("{}", agent.wait_for_mod("1559212036").await?);
    /// # Ok(()) }
    /// ```
    pub fn wait_for_mod(&self, id: impl Into<String>) -> Wait<Value> {
        let id = id.into();
        let what = format!("the mod `{}`", id.escape_debug());
        let check = move |sight: Sight<'_>| match sight {
            Sight::Event(message) => {
                let about = message.kind().is_some_and(|kind| kind.contains("mod"));
                if about { Verdict::Ask } else { Verdict::NotYet(None) }
            }
            Sight::Snapshot(answer) => match listed(answer, &id) {
                Some(entry) if matches!(stage(entry), Stage::Finished | Stage::Unknown) => {
                    Verdict::Done(entry.clone())
                }
                Some(entry) => Verdict::NotYet(Some(describe(entry))),
                None => Verdict::NotYet(Some("it is not listed".to_owned())),
            },
        };
        Wait::new(self, what, None, check).asking("mods", json!({}))
    }
}
