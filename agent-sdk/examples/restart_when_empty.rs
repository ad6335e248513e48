//! Restarts a server as soon as it has no players.
//!
//! ```sh
//! cargo run -p agent-sdk --example restart_when_empty -- survival 120     # within two hours
//! ```

mod connect;

use std::time::Duration;

use agent_sdk::{Agent, ServerState, actions::Restart, wait::WaitError};
use serde_json::json;

use connect::{Failure, argument, to_agent};

/// How long the restart may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Waits until the server has no players, restarts it, and returns its state once it is up again.
///
/// # Errors
///
/// [`WaitError`]. As long as the number of players is unknown, the server is not restarted.
///
/// # Cancel safety
///
/// Dropping the future while it waits for the players to leave changes nothing.
pub async fn restart_when_empty(
    agent: &Agent,
    server: &str,
    within: Duration,
) -> Result<ServerState, WaitError> {
    let empty = agent.wait_until_empty(server);
    empty.asking("server_metrics", json!({ "server": server })).timeout(within).await?;
    let restart = agent.restart(Restart::new(server));
    agent.wait_for_restart(server).after(restart).timeout(PATIENCE).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let usage = "restart_when_empty SERVER MINUTES";
    let (server, minutes) = (argument(1, usage)?, argument(2, usage)?.parse::<u32>()?);
    let agent = to_agent().await?;
    let restarted = restart_when_empty(&agent, &server, Duration::from_secs(60) * minutes).await;
    agent.close().await;
    println!("{server} was restarted and is {}", restarted?);
    Ok(())
}
