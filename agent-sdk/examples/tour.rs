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
    Agent, Event, Events, KnownEvent, ServerState, Tls,
    actions::{CreateBackup, ServerFiletree, ServerStart, ServerStop, Subscribe},
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

    let state = timeout(patience, next_state(&mut events)).await?;
    println!("  event          {server} is {}", state.ok_or("the agent said no more")?);

    // Parameters have types: a text where `levels` belongs would not compile.
    let files = ServerFiletree::new(&*server).levels(2).root("/");
    println!("server_filetree  {}", agent.server_filetree(files).await?.parameters()?);

    // Options come before `.await`: a backup takes its time.
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

/// The next state of a server, out of all that the agent says; `None` when it says no more.
async fn next_state(events: &mut Events) -> Option<ServerState> {
    loop {
        if let Event::Message(message) = events.next().await?
            && let Some(KnownEvent::ServerState { state: Some(state), .. }) = message.known()
        {
            return Some(state);
        }
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
