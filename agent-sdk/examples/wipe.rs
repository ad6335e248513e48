//! Wipes a server: stops it, makes a backup, deletes files, and starts it again.
//!
//! ```sh
//! cargo run -p agent-sdk --example wipe -- survival /servers/survival/storage_1/players.db
//! ```

mod connect;

use std::{env, fmt::Display, time::Duration};

use agent_sdk::{
    Agent, KnownState,
    actions::{CreateBackup, DeleteFile, Server, ServerStart, ServerStop},
    wait::Sight,
};

use connect::{Failed, Failure, argument, to_agent};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Wipes a server, and returns once it is up again.
///
/// # Errors
///
/// The step that failed, and what was done before it: without a backup nothing is deleted, and what is
/// not wiped as a whole is not started.
///
/// # Cancel safety
///
/// Dropping the future stops the wipe where it is.
pub async fn wipe(agent: &Agent, server: &str, files: &[String]) -> Result<(), Failed> {
    let stopped = stop(agent, server).await;
    stopped.map_err(|error| ended("before the stop, nothing was deleted", &error))?;
    let backed_up = back_up(agent, server).await;
    backed_up.map_err(|error| ended("at the backup, nothing was deleted", &error))?;
    for (done, path) in files.iter().enumerate() {
        let deleted = agent.delete_file(DeleteFile::new().path(path)).await;
        let step = format!("at `{path}`, after {done} of {} files were deleted", files.len());
        deleted.map_err(|error| ended(&step, &error))?;
    }
    let start = agent.server_start(ServerStart::new(server));
    let up = agent.wait_for_state(server, KnownState::Running).after(start).timeout(PATIENCE);
    up.await.map_err(|error| ended("at the start, all files were deleted", &error))?;
    Ok(())
}

fn ended(step: &str, error: &dyn Display) -> Failed {
    format!("the wipe ended {step}: {error}").into()
}

/// Returns once the server is down.
async fn stop(agent: &Agent, server: &str) -> Result<(), Failed> {
    let now = agent.server(Server::new(server)).retry(3).await?.parameters()?;
    let state = Sight::Snapshot(&now).state().and_then(|state| state.known());
    if matches!(state, Some(KnownState::Stopped | KnownState::Crashed | KnownState::Killed)) {
        return Ok(());
    }
    let stop = agent.server_stop(ServerStop::new(server));
    agent.wait_for_state(server, KnownState::Stopped).after(stop).timeout(PATIENCE).await?;
    Ok(())
}

/// Returns once a new backup is there.
async fn back_up(agent: &Agent, server: &str) -> Result<(), Failed> {
    let before = agent.known_backups(server).await?;
    let create = agent.create_backup(CreateBackup::new(server));
    agent.wait_for_backup(before).after(create).timeout(PATIENCE).await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = argument(1, "wipe SERVER FILE…")?;
    let files: Vec<_> = env::args().skip(2).collect();
    let agent = to_agent().await?;
    let wiped = wipe(&agent, &server, &files).await;
    agent.close().await;
    wiped?;
    println!("{server} was wiped and runs");
    Ok(())
}
