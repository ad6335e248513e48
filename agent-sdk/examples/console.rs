//! Writes the console of a server and its RCON to a file, with a note wherever lines are missing.
//!
//! ```sh
//! cargo run -p agent-sdk --example console -- survival console.log
//! ```

mod connect;

use std::{
    fs::OpenOptions,
    io::{self, Write},
    time::Duration,
};

use agent_sdk::{Agent, Event, KnownEvent, actions::ServerRconRead};
use serde_json::Value;
use tokio::time::interval;

use connect::{Failed, Failure, argument, to_agent};

/// The agent does not send RCON: it is asked so often.
const READ_RCON_EVERY: Duration = Duration::from_secs(2);

/// What was read of RCON.
#[derive(Default)]
struct Rcon {
    /// The number of the last line.
    last: i64,
    /// Whether the agent may have begun to count anew.
    is_in_doubt: bool,
}

/// Writes lines until the connection is closed for good.
///
/// # Errors
///
/// The console is refused, or the file cannot be written.
///
/// # Cancel safety
///
/// Dropping the future may lose lines that have arrived and are not written.
pub async fn record(agent: &Agent, server: &str, log: &mut impl Write) -> Result<(), Failed> {
    let mut events = agent.events().topic(server).kind("stdout");
    agent.enable_stdout().await?;
    let (mut rcon, mut timer) = (Rcon::default(), interval(READ_RCON_EVERY));
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = timer.tick() => {
                rcon.copy(agent, server, log).await?;
                continue;
            }
        };
        match event {
            Some(Event::Message(message)) => {
                if let Some(KnownEvent::Stdout { line: Some(line), .. }) = message.known() {
                    write(log, &line)?;
                }
            }
            Some(Event::Lagged(lines)) => writeln!(log, "-- {lines} lines are missing here --")?,
            Some(Event::Interrupted) => {
                rcon.is_in_doubt = true;
                writeln!(log, "-- the connection was lost: lines may be missing here --")?;
            }
            Some(Event::SubscriptionMissing { .. }) => {
                writeln!(log, "-- the agent sends the console no more: lines are missing here --")?;
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

impl Rcon {
    /// Copies the lines that are new. What cannot be read now, can be the next time.
    async fn copy(&mut self, agent: &Agent, server: &str, log: &mut impl Write) -> io::Result<()> {
        let since = if self.is_in_doubt { 0 } else { self.last };
        let read = agent.server_rcon_read(ServerRconRead::new(server).since(since)).await;
        let Ok(answer) = read.and_then(|reply| reply.parameters()) else { return Ok(()) };
        // How an agent writes its lines is not documented: this is what the mock agent does.
        let lines = answer["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        let number = |line: &Value| line["id"].as_i64();
        if lines.iter().filter_map(number).max().is_some_and(|newest| newest < self.last) {
            self.last = 0;
        }
        self.is_in_doubt = false;
        for line in lines.iter().filter(|line| number(line).is_some_and(|it| it > self.last)) {
            write(log, &format!("rcon: {}", line["line"].as_str().unwrap_or_default()))?;
        }
        self.last = lines.iter().filter_map(number).chain([self.last]).max().unwrap_or_default();
        Ok(())
    }
}

/// Writes one line without characters that do something to a terminal.
fn write(log: &mut impl Write, line: &str) -> io::Result<()> {
    let line = line.trim_end().replace(|c: char| c.is_control() && c != '\t', "\u{fffd}");
    writeln!(log, "{line}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let usage = "console SERVER FILE";
    let (server, file) = (argument(1, usage)?, argument(2, usage)?);
    let mut log = OpenOptions::new().create(true).append(true).open(file)?;
    let agent = to_agent().await?;
    record(&agent, &server, &mut log).await?;
    Err(Failed::from("the connection to the agent is closed for good").into())
}
