//! Restarts a server after a warning to its players, and proves that it is up again.
//!
//! ```sh
//! cargo run -p agent-sdk --example restart -- survival 10     # in ten minutes
//! ```

mod connect;

use std::time::Duration;

use agent_sdk::{
    Agent, ServerState,
    actions::{Restart, ServerRconSend},
    wait::WaitError,
};
use tokio::time::{Instant, sleep_until};

use connect::{Failure, argument, to_agent};

/// When the players are warned, in seconds before the restart.
const WARNINGS: [u64; 5] = [1800, 600, 300, 60, 10];
/// How long the restart may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Warns the players, restarts the server, and returns its state once it is up again.
///
/// # Errors
///
/// [`WaitError`]: that the agent refused, or what is known when the time is up. The restart is not called
/// twice.
///
/// # Cancel safety
///
/// Dropping the future before the countdown ends calls the restart off; later it changes nothing.
pub async fn restart(
    agent: &Agent,
    server: &str,
    countdown: Duration,
) -> Result<ServerState, WaitError> {
    let end = Instant::now() + countdown;
    for warning in WARNINGS.map(Duration::from_secs).into_iter().filter(|it| *it <= countdown) {
        sleep_until(end - warning).await;
        warn(agent, server, end - Instant::now()).await;
    }
    sleep_until(end).await;
    let restart = agent.restart(Restart::new(server));
    agent.wait_for_restart(server).after(restart).timeout(PATIENCE).await
}

/// Tells the players. If that cannot be done, the restart goes on.
async fn warn(agent: &Agent, server: &str, left: Duration) {
    let text = format!("say -1 Restart in {} seconds", left.as_secs_f64().round());
    let sent = agent.server_rcon_send(ServerRconSend::new(server).payload(text)).retry(2).await;
    if let Err(error) = sent {
        eprintln!("the players of {server} may not have been warned: {error}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let usage = "restart SERVER MINUTES";
    let (server, minutes) = (argument(1, usage)?, argument(2, usage)?.parse::<u32>()?);
    let agent = to_agent().await?;
    let restarted = restart(&agent, &server, Duration::from_secs(60) * minutes).await;
    agent.close().await;
    println!("{server} was restarted and is {}", restarted?);
    Ok(())
}
