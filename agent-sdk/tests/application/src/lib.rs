//! Restarts a game server, waits until it runs again, and makes a backup.
//!
//! It uses the SDK as any application does, by its public items alone. A reply means that the agent has
//! *accepted* something, so each call belongs to a wait: this listens before the call is made, asks
//! where events may be missing, and ends once the agent shows that the work is done.

use std::time::Duration;

use agent_sdk::{
    Agent, Error, KnownState, ServerState,
    actions::{CreateBackup, Restart},
    wait::{StateChanges, WaitError},
};
use tokio::select;

/// Why a server was not restarted and backed up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// A call failed; its text tells whether the agent may have executed it.
    #[error(transparent)]
    Call(#[from] Error),
    /// The restart was refused, or the server was not seen to come up in time.
    #[error("{0}")]
    NotRestarted(WaitError),
    /// The server did not come up again.
    #[error("`{server}` was told to restart and is `{state}`; look at its log")]
    Failed {
        /// The server's id.
        server: String,
        /// The state that it ended in.
        state: ServerState,
    },
    /// The server runs again; the backup was refused, or is not listed in time.
    #[error("`{server}` runs again, without a new backup: {error}")]
    NoBackup {
        /// The server's id.
        server: String,
        /// Why there is none.
        error: WaitError,
    },
}

/// Restarts a server, waits at most `patience` until it runs again, makes a backup of it, and waits at
/// most `patience` until the backup is listed.
///
/// # Errors
///
/// [`Trouble`]; a server that is not running is not backed up.
///
/// # Cancel safety
///
/// Dropping the future stops neither a restart nor a backup that the agent has accepted.
pub async fn restart(agent: &Agent, server: &str, patience: Duration) -> Result<(), Trouble> {
    let restart = agent.restart(Restart::new(server));
    select! {
        restarted = agent.wait_for_restart(server).after(restart).timeout(patience) => {
            restarted.map_err(Trouble::NotRestarted)?;
        }
        Some(state) = failed(agent.watch_state(server)) => {
            return Err(Trouble::Failed { server: server.to_owned(), state });
        }
    }
    let before = agent.known_backups(server).await?;
    let create = agent.create_backup(CreateBackup::new(server));
    let backup = agent.wait_for_backup(before).after(create).timeout(patience).await;
    backup.map_err(|error| Trouble::NoBackup { server: server.to_owned(), error })?;
    Ok(())
}

/// Returns the state of a server that will not come up by itself; `None` once the connection is closed.
async fn failed(mut states: StateChanges) -> Option<ServerState> {
    loop {
        let state = states.next().await?.state;
        if matches!(state.known(), Some(KnownState::Crashed | KnownState::Removed)) {
            return Some(state);
        }
    }
}
