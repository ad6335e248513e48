//! Restarts the same server on many hosts, one after the other: the next one only when the one before is
//! up again.
//!
//! ```sh
//! cargo run -p agent-sdk --example rolling_restart -- survival
//! ```

mod connect;

use std::time::Duration;

use agent_sdk::{Agent, actions::Restart};

use connect::{Failed, Failure, argument, hosts};

/// How long one restart may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Restarts the server on each host in turn.
///
/// # Errors
///
/// The first failure ends it, so that a bad update does not take all hosts down. The text names the hosts
/// that were restarted, and those that were not touched.
///
/// # Cancel safety
///
/// Dropping the future leaves the hosts that are left as they are.
pub async fn restart_one_by_one(hosts: &[(String, Agent)], server: &str) -> Result<(), Failed> {
    for (index, (name, agent)) in hosts.iter().enumerate() {
        let restart = agent.restart(Restart::new(server));
        let restarted = agent.wait_for_restart(server).after(restart).timeout(PATIENCE).await;
        restarted.map_err(|error| {
            let (done, left) = (names(&hosts[..index]), names(&hosts[index + 1..]));
            format!("{name}: {error}. Restarted before: {done}. Not touched: {left}")
        })?;
        println!("{name}: {server} was restarted");
    }
    Ok(())
}

fn names(hosts: &[(String, Agent)]) -> String {
    let names: Vec<_> = hosts.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = argument(1, "rolling_restart SERVER")?;
    let mut agents = Vec::new();
    for (name, builder) in hosts()? {
        agents.push((name, builder.connect().await?));
    }
    restart_one_by_one(&agents, &server).await?;
    Ok(())
}
