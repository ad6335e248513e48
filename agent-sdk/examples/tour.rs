//! A tour of the SDK: typed calls, an event, and a call that the agent rejects.
//!
//! `cargo xtask demo` runs it against a mock agent. To run it against another one, start
//! `cargo xtask mock-agent`, put what it prints into the variables below, and:
//!
//! ```sh
//! export AGENT_URL=… AGENT_FINGERPRINT=… AGENT_USERNAME=… AGENT_PASSWORD=…
//! cargo run -p xtask --features tour --example tour
//! ```
//!
//! It starts and stops a server: do not point it at an agent whose servers people play on.

use std::{env, error::Error, time::Duration};

use agent_sdk::{
    Agent, Event, Events, KnownEvent, KnownState, ServerState, Tls,
    actions::{CreateBackup, Server, ServerFiletree, ServerStart, ServerStop, Subscribe},
};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A server that the agent has, and how long to wait for news of it.
    let server = env::var("AGENT_SERVER").unwrap_or_else(|_| "survival".to_owned());
    let patience = Duration::from_secs(10);

    let agent = Agent::builder(variable("AGENT_URL")?)
        .credentials(variable("AGENT_USERNAME")?, variable("AGENT_PASSWORD")?)
        .tls(Tls::pinned(variable("AGENT_FINGERPRINT")?)?)
        .connect()
        .await?;

    let me = agent.whoami().await?;
    println!("whoami           {me:?}");

    let servers = agent.servers().await?.parameters()?;
    println!("servers          {servers}");

    // Listen first, then act, so that nothing is missed.
    let mut events = agent.events().topic(&server);
    agent.subscribe(Subscribe::new().topic(&*server)).await?;
    println!("subscribe        to {server}");

    let started = agent.server_start(ServerStart::new(&*server)).await?.parameters()?;
    println!("server_start     {started}");

    // The reply means that the agent has accepted it. That it is done, an event tells, or, where
    // events may be missing, the state that is asked for.
    timeout(patience, until_running(&agent, &server, &mut events)).await??;
    println!("  event          {server} is running");

    // Parameters have types: a text where `levels` belongs would not compile.
    let files = ServerFiletree::new(&*server).levels(2).root("/");
    println!("server_filetree  {}", agent.server_filetree(files).await?.parameters()?);

    // Options come before `.await`: some agents answer only when the backup is there, after minutes,
    // others when they have accepted it.
    let backup = agent.create_backup(CreateBackup::new(&*server)).timeout(Duration::from_secs(600));
    println!("create_backup    {}", backup.await?.parameters()?);

    // What the agent rejects is an error that keeps the agent's own words.
    match agent.server_start(ServerStart::new("Nowhere")).await {
        Ok(_) => println!("server_start     Nowhere exists after all"),
        Err(error) => println!("  rejected       {error}"),
    }

    agent.server_stop(ServerStop::new(&*server)).await?;
    println!("server_stop      {server}");
    agent.close().await;
    Ok(())
}

/// Waits until a server runs.
async fn until_running(
    agent: &Agent,
    server: &str,
    events: &mut Events,
) -> Result<(), Box<dyn Error>> {
    loop {
        let event = events.next().await.ok_or("the agent said no more")?;
        let state = if let Event::Message(message) = event {
            let Some(KnownEvent::ServerState { state, .. }) = message.known() else { continue };
            state
        } else {
            // Events are missing here: ask.
            let now = agent.server(Server::new(server)).await?.parameters()?;
            now["state"].as_str().map(ServerState::new)
        };
        if state.is_some_and(|state| state == KnownState::Running) {
            return Ok(());
        }
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
