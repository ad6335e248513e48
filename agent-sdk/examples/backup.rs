//! Makes a backup of a server, waits until it is there, and copies it away.
//!
//! ```sh
//! cargo run -p agent-sdk --features transfer --example backup -- survival /mnt/backups
//! ```

mod connect;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use agent_sdk::{Agent, actions::CreateBackup};
use serde_json::Value;

use connect::{Failed, Failure, argument, to_agent};

/// How long the backup may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Makes a backup and copies it into a folder of this machine; returns its path there.
///
/// # Errors
///
/// That the backup is not there in time, with what was seen last; or that it is, and was not copied. The
/// folder has the whole file or nothing of it.
///
/// # Cancel safety
///
/// Dropping the future stops no backup that has begun, and leaves nothing in the folder.
pub async fn back_up(agent: &Agent, server: &str, folder: &Path) -> Result<PathBuf, Failed> {
    let before = agent.known_backups(server).await?;
    let create = agent.create_backup(CreateBackup::new(server));
    let made = agent.wait_for_backup(before).after(create).timeout(PATIENCE).await?;
    // How an agent names the file is not documented: these two are likely.
    let path = ["path", "file"].iter().find_map(|key| made.get(key).and_then(Value::as_str));
    let path = path.ok_or_else(|| format!("the backup is made, but where is it? {made}"))?;
    // The agent's own name for it, without its folders.
    let name =
        path.rsplit(['/', '\\', ':']).next().filter(|name| !matches!(*name, "" | "." | ".."));
    let target = folder.join(name.ok_or_else(|| format!("the backup `{path}` has no name"))?);
    let copied = agent.download(path).save_to(&target).await;
    copied.map_err(|error| format!("the backup `{path}` is made and was not copied: {error}"))?;
    Ok(target)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let usage = "backup SERVER FOLDER";
    let (server, folder) = (argument(1, usage)?, argument(2, usage)?);
    let agent = to_agent().await?;
    let copied = back_up(&agent, &server, Path::new(&folder)).await;
    agent.close().await;
    println!("{}", copied?.display());
    Ok(())
}
