//! Restarts a game server, waits until the agent says that it runs, and makes a backup.
//!
//! It uses the SDK as any application does, by its public items alone.

use std::time::Duration;

use agent_sdk::{
    Agent, Error, Event, Events, KnownEvent, KnownState,
    actions::{CreateBackup, Restart, Subscribe},
};
use tokio::time::timeout;

/// A backup of a large server takes minutes.
const BACKUP_TIME: Duration = Duration::from_secs(30 * 60);

/// Why a server was not restarted and backed up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// A call failed; its text tells whether the agent may have executed it.
    #[error(transparent)]
    Call(#[from] Error),
    /// The restart was accepted, and the server was not running in time.
    #[error("`{server}` was told to restart and is not running after {after:?}; look at its log")]
    NotRunning {
        /// The server's id.
        server: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended while waiting for the server.
    #[error("the connection ended before `{server}` was running")]
    Disconnected {
        /// The server's id.
        server: String,
    },
}

/// Restarts a server, waits at most `patience` until it runs, and makes a backup of it.
///
/// # Errors
///
/// [`Trouble`]; a server that is not running is not backed up.
pub async fn restart(agent: &Agent, server: &str, patience: Duration) -> Result<(), Trouble> {
    // Listen first, then act, so that nothing is missed.
    let mut events = agent.events().topic(server);
    agent.subscribe(Subscribe::new().topic(server)).await?;
    agent.restart(Restart::new(server)).await?;
    match timeout(patience, is_running(&mut events)).await {
        Ok(true) => {}
        Ok(false) => return Err(Trouble::Disconnected { server: server.to_owned() }),
        Err(_) => return Err(Trouble::NotRunning { server: server.to_owned(), after: patience }),
    }
    agent.create_backup(CreateBackup::new(server)).timeout(BACKUP_TIME).await?;
    Ok(())
}

/// Waits until the server runs; `false` if the agent says no more.
async fn is_running(events: &mut Events) -> bool {
    while let Some(event) = events.next().await {
        if let Event::Message(message) = event
            && let Some(KnownEvent::ServerState { state: Some(state), .. }) = message.known()
            && state == KnownState::Running
        {
            return true;
        }
    }
    false
}
