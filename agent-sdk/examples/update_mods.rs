//! Updates mods, and waits until they are there.
//!
//! ```sh
//! cargo run -p agent-sdk --example update_mods -- 1559212036 1564026768
//! ```

mod connect;

use std::{env, time::Duration};

use agent_sdk::{Agent, actions::DownloadMod, wait::Sight};
use serde_json::Value;

use connect::{Failed, Failure, to_agent};

/// How long the download of one mod may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A mod that is there after its update.
#[derive(Debug)]
pub struct Updated {
    /// Its id.
    pub id: String,
    /// Whether the agent says something else of it than before. If not, it was current already, or its
    /// download has not begun.
    pub is_changed: bool,
    /// What the agent says of it.
    pub entry: Value,
}

/// Downloads each mod in turn, and returns what the agent has then.
///
/// # Errors
///
/// The first mod that is not there in time ends it; the text says what was seen of it last.
///
/// # Cancel safety
///
/// Dropping the future stops no download that has begun.
pub async fn update_mods(agent: &Agent, ids: &[String]) -> Result<Vec<Updated>, Failed> {
    let before = agent.mods().retry(3).await?.parameters()?;
    let mut updated = Vec::new();
    for id in ids {
        let download = agent.download_mod(DownloadMod::new().entity_id(id).universe("steam"));
        agent.wait_for_download(id).after(download).timeout(PATIENCE).await?;
        // A download that failed is over as well.
        let entry = agent.wait_for_mod(id).await?;
        let is_changed = Sight::Snapshot(&before).entry(id) != Some(&entry);
        updated.push(Updated { id: id.clone(), is_changed, entry });
    }
    Ok(updated)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let ids: Vec<_> = env::args().skip(1).collect();
    let agent = to_agent().await?;
    let updated = update_mods(&agent, &ids).await;
    agent.close().await;
    for Updated { id, is_changed, entry } in updated? {
        let how = if is_changed { "updated" } else { "as it was before" };
        println!("{id} is there, {how}: {entry}");
    }
    Ok(())
}
