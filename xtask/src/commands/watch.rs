//! `watch`: unsolicited messages of the agent.

use std::io;

use agent_sdk::{Agent, CloseReason, Event, Events, State};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};
use tokio::{io::AsyncWriteExt, sync::watch::Receiver};

use super::PASSWORD_HELP;
use crate::{
    connection::Connection, failure::Failure, interrupt::Interrupt, json, output, progress,
};

/// Print the agent's events, one JSON line each, until interrupted
///
/// A lost connection is made again, and the subscriptions with it; standard error tells of it, and
/// of events that were missed. An agent that has another catalogue then is an event of its own, which
/// no agent sends: `{"client":"catalogue_changed"}`.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Watch {
    /// Subscribe to a server's events; may be given more than once
    #[arg(long = "topic", value_name = "SERVER")]
    topics: Vec<String>,

    /// Ask for the lines of the agent's console too
    #[arg(long)]
    console: bool,

    /// Write with each event when it came: `{"time": …, "event": …}`, in UTC
    #[arg(long)]
    time: bool,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Ctrl-C ends it, with exit code 0; so does the end of what reads its output.

Examples:
  cargo xtask watch --topic survival
  cargo xtask watch --console | grep --line-buffered stdout
  cargo xtask watch --time | head -1";

/// Why it ends.
enum End {
    /// An interrupt, or the end of what reads the output.
    Enough,
    /// The connection is closed for good.
    Closed(String),
}

impl Watch {
    pub async fn run(self) -> Result<(), Failure> {
        let mut interrupt = Interrupt::new()?;
        let end = tokio::select! {
            () = interrupt.wait() => return Ok(()),
            connected = self.connection.connect_and_check() => {
                let agent = connected?;
                // Before the subscriptions, so that what they bring is not missed.
                let events = agent.events();
                let end = tokio::select! {
                    () = interrupt.wait() => Ok(End::Enough),
                    end = self.follow(&agent, events) => end,
                };
                agent.close().await;
                end?
            }
        };
        match end {
            End::Enough => Ok(()),
            End::Closed(why) => Err(Failure::failed(format!("the connection is closed: {why}"))),
        }
    }

    async fn follow(&self, agent: &Agent, mut events: Events) -> Result<End, Failure> {
        self.subscribe(agent).await?;
        output::note(format!("watching {}; Ctrl-C ends it", agent.url()));
        let mut state = agent.state();
        state.mark_unchanged();
        let mut unread = std::pin::pin!(output::reader_gone());
        loop {
            tokio::select! {
                // Events that are there come before the news of the connection's end.
                biased;
                event = events.next() => match event {
                    Some(Event::Message(message)) => {
                        if !self.print(&String::from_utf8_lossy(message.as_bytes())).await? {
                            return Ok(End::Enough);
                        }
                    }
                    Some(Event::CatalogueChanged) => {
                        output::note("the agent has another catalogue than before");
                        if !self.print(r#"{"client":"catalogue_changed"}"#).await? {
                            return Ok(End::Enough);
                        }
                    }
                    Some(Event::Lagged(missed)) => {
                        output::note(format!("{missed} events missed: their reader is too slow"));
                    }
                    Some(Event::Interrupted) => {
                        output::note("what happened while the connection was lost is missing here");
                    }
                    Some(Event::SubscriptionMissing { subscription, reason }) => {
                        output::note(format!("not subscribed to {subscription}: {reason}"));
                    }
                    Some(Event::SubscriptionRestored { subscription }) => {
                        output::note(format!("subscribed to {subscription} again"));
                    }
                    Some(_) => {}
                    None => return Ok(End::Closed(reason(&state))),
                },
                () = &mut unread => return Ok(End::Enough),
                Ok(()) = state.changed() => print_state(&state.borrow_and_update()),
            }
        }
    }

    async fn subscribe(&self, agent: &Agent) -> Result<(), Failure> {
        for topic in &self.topics {
            let call = agent.call_raw("subscribe", json!({ "topic": topic }));
            progress::with_progress("subscribing", call).await?;
        }
        if self.console {
            progress::with_progress("subscribing", agent.call_raw("enable_stdout", ())).await?;
        }
        Ok(())
    }

    /// Prints an event on one line; returns whether it can still be read.
    async fn print(&self, event: &str) -> Result<bool, Failure> {
        let mut line = json::compact(event);
        if self.time {
            line = format!(r#"{{"time":"{}","event":{line}}}"#, now()?);
        }
        line.push('\n');
        // Not the standard library's: a reader that pauses must not stop the connection, nor Ctrl-C.
        let mut stdout = tokio::io::stdout();
        let mut result = stdout.write_all(line.as_bytes()).await;
        if result.is_ok() {
            result = stdout.flush().await;
        }
        let is_read = !matches!(&result, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        output::written(result)?;
        Ok(is_read)
    }
}

/// Returns the time in UTC, by RFC 3339 with milliseconds.
fn now() -> Result<String, Failure> {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::now_utc()
        .format(form)
        .map_err(|error| Failure::failed(format!("the clock is wrong: {error}")))
}

fn print_state(state: &State) {
    match state {
        State::Reconnecting { attempt, delay, cause, failure, .. } => {
            let why = failure.as_ref().map_or_else(|| cause.to_string(), ToString::to_string);
            let wait = delay.as_secs_f64();
            output::note(format!("{why}; attempt {attempt} to reconnect in {wait:.1} s"));
        }
        State::Connected => output::note("connected again"),
        _ => {}
    }
}

fn reason(state: &Receiver<State>) -> String {
    match &*state.borrow() {
        State::Closed { why } => why.to_string(),
        _ => CloseReason::Requested.to_string(),
    }
}
