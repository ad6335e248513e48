//! Restarts a game server, waits until it runs again, and makes a backup.
//!
//! It uses the SDK as any application does, by its public items alone. Three habits in it are worth
//! copying, since a reply means that the agent has *accepted* something:
//!
//! - it listens before it acts, and then waits for what it wants to see;
//! - where events may be missing, it asks for the state instead of waiting for ever;
//! - it says that something is done once the agent shows that it is.

use std::time::Duration;

use agent_sdk::{
    Agent, Error, Event, Events, KnownEvent, KnownState, ServerState,
    actions::{CreateBackup, QueryBackups, Restart, Server, Subscribe},
};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// How often the state is asked for while no event comes.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// A server that is found running for so long after its restart was accepted has been restarted while
/// events were missing: no countdown is longer.
const LONGEST_COUNTDOWN: Duration = Duration::from_secs(2 * 60);

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
    /// The server did not come up again.
    #[error("`{server}` was told to restart and is `{state}`; look at its log")]
    Failed {
        /// The server's id.
        server: String,
        /// The state that it ended in.
        state: ServerState,
    },
    /// The connection ended while waiting for the server.
    #[error("the connection ended before `{server}` was running")]
    Disconnected {
        /// The server's id.
        server: String,
    },
    /// The backup was accepted, and is not listed.
    #[error(
        "a backup of `{server}` was accepted and is not listed after {after:?}; look at its log"
    )]
    NoBackup {
        /// The server's id.
        server: String,
        /// How long was waited.
        after: Duration,
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
    // Listen first, then act, so that nothing is missed.
    let mut events = agent.events().topic(server);
    agent.subscribe(Subscribe::new().topic(server)).await?;
    agent.restart(Restart::new(server)).await?;
    match timeout(patience, runs_again(agent, server, &mut events)).await {
        Ok(result) => result?,
        Err(_) => return Err(Trouble::NotRunning { server: server.to_owned(), after: patience }),
    }
    let before = backups(agent, server).await?;
    agent.create_backup(CreateBackup::new(server)).await?;
    match timeout(patience, has_new_backup(agent, server, &before)).await {
        Ok(result) => result,
        Err(_) => Err(Trouble::NoBackup { server: server.to_owned(), after: patience }),
    }
}

/// Waits until a server runs that has been told to restart.
async fn runs_again(agent: &Agent, server: &str, events: &mut Events) -> Result<(), Trouble> {
    let accepted = Instant::now();
    // It may run on for a while before it restarts.
    let mut has_left = false;
    loop {
        let (state, before) = match timeout(ASK_EVERY, events.next()).await {
            Ok(Some(Event::Message(message))) => match message.known() {
                Some(KnownEvent::ServerState { state: Some(state), before, .. }) => (state, before),
                _ => continue,
            },
            Ok(None) => return Err(Trouble::Disconnected { server: server.to_owned() }),
            // No event for a while, or some may be missing: what is the state now?
            Ok(Some(_)) | Err(_) => match asked_state(agent, server).await? {
                Some(state) => (state, None),
                None => continue,
            },
        };
        let came_up = before.is_some_and(|before| before != KnownState::Running);
        let is_long_since = accepted.elapsed() > LONGEST_COUNTDOWN;
        match state.known() {
            Some(KnownState::Running) if has_left || came_up || is_long_since => return Ok(()),
            Some(KnownState::Running) => {}
            Some(KnownState::Crashed | KnownState::Removed) => {
                return Err(Trouble::Failed { server: server.to_owned(), state });
            }
            _ => has_left = true,
        }
    }
}

/// Asks for the state of a server; `None` if the answer cannot be had now, or does not say.
async fn asked_state(agent: &Agent, server: &str) -> Result<Option<ServerState>, Trouble> {
    let reply = match agent.server(Server::new(server)).await {
        Ok(reply) => reply.parameters()?,
        // A state may be asked for again, whatever became of the call.
        Err(Error::NotSent { .. } | Error::OutcomeUnknown { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let state = reply.get("state").or_else(|| reply.get("status")).and_then(Value::as_str);
    Ok(state.map(ServerState::new))
}

/// Waits until a backup is listed that was not there before.
async fn has_new_backup(agent: &Agent, server: &str, before: &[Value]) -> Result<(), Trouble> {
    loop {
        match backups(agent, server).await {
            Ok(now) if now.iter().any(|backup| !before.contains(backup)) => return Ok(()),
            Ok(_) | Err(Error::NotSent { .. } | Error::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        sleep(ASK_EVERY).await;
    }
}

/// The backups of a server, in whatever list the agent answers with.
async fn backups(agent: &Agent, server: &str) -> Result<Vec<Value>, Error> {
    let listed = agent.query_backups(QueryBackups::new(server)).await?.parameters()?;
    let list = match &listed {
        Value::Object(map) => map.values().find_map(Value::as_array),
        other => other.as_array(),
    };
    Ok(list.cloned().unwrap_or_default())
}
