//! `restart-tool SERVER`: restarts a server and backs it up.

use std::{env, error::Error, process::ExitCode, time::Duration};

use agent_sdk::{Agent, Tls};

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = env::args().nth(1).ok_or("usage: restart-tool SERVER")?;
    let agent = Agent::builder(variable("AGENT_URL")?)
        .credentials(variable("AGENT_USERNAME")?, variable("AGENT_PASSWORD")?)
        .tls(Tls::pinned(variable("AGENT_FINGERPRINT")?)?)
        .connect()
        .await?;
    let result = restart_tool::restart(&agent, &server, PATIENCE).await;
    agent.close().await;
    result?;
    println!("{server} runs again and has a new backup");
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
