//! Starts a server again when it has crashed, and lets one be that was stopped on purpose.
//!
//! ```sh
//! cargo run -p agent-sdk --example watchdog -- survival
//! ```

mod connect;

use std::time::Duration;

use agent_sdk::{
    Agent, KnownState,
    actions::{Server, ServerStart},
    wait::Sight,
};
use tokio::time::{Instant, sleep};

use connect::{Failed, Failure, argument, to_agent};

/// So many starts within so long are tried: a server that crashes at once needs a human.
const STARTS: usize = 3;
const WITHIN: Duration = Duration::from_secs(60 * 60);
/// How long a crashed server is left alone first: the agent may start it by itself.
const GRACE: Duration = Duration::from_secs(30);
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Starts the server whenever it has crashed; one that is `stopped` was stopped on purpose. Returns why it
/// cannot go on: the server has crashed too often, or the connection is closed for good.
///
/// # Cancel safety
///
/// The future may be dropped at any time; a start that the agent has accepted goes on.
pub async fn keep_up(agent: &Agent, server: &str) -> Failed {
    let mut states = agent.watch_state(server);
    let mut starts: Vec<Instant> = Vec::new();
    while let Some(change) = states.next().await {
        if change.state != KnownState::Crashed {
            continue;
        }
        sleep(GRACE).await;
        while is_down(agent, server).await {
            starts.retain(|start| start.elapsed() < WITHIN);
            if starts.len() == STARTS {
                return format!("`{server}` is down after {STARTS} starts within {WITHIN:?}")
                    .into();
            }
            starts.push(Instant::now());
            let start = agent.server_start(ServerStart::new(server));
            let up = agent.wait_for_state(server, KnownState::Running).after(start);
            if let Err(error) = up.timeout(PATIENCE).await {
                eprintln!("{error}");
                sleep(GRACE).await;
            }
        }
    }
    "the connection to the agent is closed for good".into()
}

/// Asks whether the server is still crashed. If that is not known, it is not started.
async fn is_down(agent: &Agent, server: &str) -> bool {
    let answer = agent.server(Server::new(server)).retry(5).await.and_then(|it| it.parameters());
    answer.is_ok_and(|answer| {
        Sight::Snapshot(&answer).state().is_some_and(|state| state == KnownState::Crashed)
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = argument(1, "watchdog SERVER")?;
    let agent = to_agent().await?;
    Err(keep_up(&agent, &server).await.into())
}
