//! `watch`: unsolicited messages of the agent.

use std::{fmt::Display, io};

use agent_sdk::{Agent, CloseReason, Event, State};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use time::{OffsetDateTime, macros::format_description};
use tokio::{
    io::{AsyncWriteExt, Stdout},
    sync::{
        Mutex,
        watch::{self, Receiver, Sender},
    },
};

use super::PASSWORD_HELP;
use crate::{
    connection::{Connection, Target, Targets},
    failure::Failure,
    fleet::{self, Outcome, Verdict},
    interrupt::Interrupt,
    json, output,
    text::printable,
};

/// Print the agent's events, one JSON line each, until interrupted
///
/// A lost connection is made again, and the subscriptions with it; standard error tells of it, and
/// of events that were missed. An agent that has another catalogue then is an event of its own, which
/// no agent sends: `{"client":"catalogue_changed"}`.
///
/// Several agents are watched at the same time, and each line names its agent; one that cannot be
/// reached or is lost for good does not end the others.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Watch {
    /// Subscribe to a server's events; may be given more than once
    #[arg(long = "topic", value_name = "SERVER")]
    topics: Vec<String>,

    /// Ask for the lines of the agent's console too
    #[arg(long)]
    console: bool,

    /// Write with each event when it came: `{"time": …, "event": …}`, in UTC. With several agents each
    /// line has the key `agent` too, also without this
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
  cargo xtask watch --time | head -1
  cargo xtask watch --all --wait 600";

/// Why it ends.
enum End {
    /// An interrupt, or the end of what reads the output.
    Enough,
    /// The connection is closed for good.
    Closed(String),
}

/// An agent that is watched, and where its events go.
struct Watched<'a> {
    /// Its name in each line, if there are others.
    name: Option<String>,
    stdout: &'a Mutex<Stdout>,
    /// Becomes `true` when it is enough.
    enough: Receiver<bool>,
}

impl Watch {
    pub async fn run(self) -> Result<(), Failure> {
        let mut interrupt = Interrupt::new()?;
        let (stop, enough) = watch::channel(false);
        let targets = self.connection.targets()?;
        // Connections are closed before the process ends, and so this ends the work and not the wait.
        let asked_to_stop = async {
            tokio::select! {
                () = interrupt.wait() => {}
                () = output::reader_gone() => {}
            }
            stop.send_replace(true);
            std::future::pending().await
        };
        tokio::select! {
            result = self.watch_targets(targets, enough, &stop) => result,
            never = asked_to_stop => never,
        }
    }

    async fn watch_targets(
        &self,
        targets: Targets,
        enough: Receiver<bool>,
        stop: &Sender<bool>,
    ) -> Result<(), Failure> {
        // Not the standard library's: a reader that pauses must not stop the connections, nor Ctrl-C.
        let stdout = Mutex::new(tokio::io::stdout());
        let watched = |name| Watched { name, stdout: &stdout, enough: enough.clone() };
        let all = match targets {
            Targets::One(target) => return self.watch(&target, watched(None)).await?.reached(),
            Targets::Several { one_by_one: true, .. } => {
                return Err(Failure::usage(
                    "`watch` follows all agents at the same time: leave out --one-by-one",
                ));
            }
            Targets::Several { all, .. } => all,
        };
        let mut verdict = Verdict::of(all.len());
        let watch = async |target: Target| {
            let agent = target.name();
            let result = self.watch(&target, watched(Some(agent.clone()))).await;
            (agent, result)
        };
        let mut watching: FuturesUnordered<_> = all.into_iter().map(watch).collect();
        while let Some((agent, end)) = watching.next().await {
            if matches!(end, Ok(End::Enough)) {
                stop.send_replace(true);
            }
            let outcome = Outcome { agent, result: end.and_then(End::reached), is_tried: true };
            if let Err(failure) = &outcome.result {
                fleet::print_failure(&outcome.agent, failure);
            }
            verdict.add(&outcome);
        }
        verdict.reached()
    }

    /// Watches one agent until it is lost for good, or it is enough.
    async fn watch(&self, target: &Target, watched: Watched<'_>) -> Result<End, Failure> {
        let mut enough = watched.enough.clone();
        let agent = tokio::select! {
            _ = enough.wait_for(|enough| *enough) => return Ok(End::Enough),
            agent = target.connect_and_check() => agent?,
        };
        let end = tokio::select! {
            _ = enough.wait_for(|enough| *enough) => Ok(End::Enough),
            end = self.follow(target, &agent, &watched) => end,
        };
        agent.close().await;
        end
    }

    async fn follow(
        &self,
        target: &Target,
        agent: &Agent,
        watched: &Watched<'_>,
    ) -> Result<End, Failure> {
        // Before the subscriptions, so that what they bring is not missed.
        let mut events = agent.events();
        self.subscribe(target, agent).await?;
        watched.note(format!("watching {}; Ctrl-C ends it", agent.url()));
        let mut state = agent.state();
        state.mark_unchanged();
        loop {
            tokio::select! {
                // Events that are there come before the news of the connection's end.
                biased;
                event = events.next() => match event {
                    Some(Event::Message(message)) => {
                        let event = String::from_utf8_lossy(message.as_bytes());
                        if !watched.print(&event, self.time).await? {
                            return Ok(End::Enough);
                        }
                    }
                    Some(Event::CatalogueChanged) => {
                        watched.note("the agent has another catalogue than before");
                        let event = r#"{"client":"catalogue_changed"}"#;
                        if !watched.print(event, self.time).await? {
                            return Ok(End::Enough);
                        }
                    }
                    Some(Event::Lagged(missed)) => {
                        watched.note(format!("{missed} events missed: their reader is too slow"));
                    }
                    Some(Event::Interrupted) => {
                        watched.note("what happened while the connection was lost is missing here");
                    }
                    Some(Event::SubscriptionMissing { subscription, reason }) => {
                        watched.note(format!("not subscribed to {subscription}: {reason}"));
                    }
                    Some(Event::SubscriptionRestored { subscription }) => {
                        watched.note(format!("subscribed to {subscription} again"));
                    }
                    Some(_) => {}
                    None => return Ok(End::Closed(reason(&state))),
                },
                Ok(()) = state.changed() => {
                    if let Some(news) = news(&state.borrow_and_update()) {
                        watched.note(news);
                    }
                }
            }
        }
    }

    async fn subscribe(&self, target: &Target, agent: &Agent) -> Result<(), Failure> {
        for topic in &self.topics {
            let call = agent.call_raw("subscribe", json!({ "topic": topic }));
            target.while_it_takes("subscribing", call).await?;
        }
        if self.console {
            let call = agent.call_raw("enable_stdout", ());
            target.while_it_takes("subscribing", call).await?;
        }
        Ok(())
    }
}

impl End {
    fn reached(self) -> Result<(), Failure> {
        match self {
            Self::Enough => Ok(()),
            Self::Closed(why) => Err(Failure::failed(format!("the connection is closed: {why}"))),
        }
    }
}

impl Watched<'_> {
    /// Prints an event on one line; returns whether it can still be read.
    async fn print(&self, event: &str, with_time: bool) -> Result<bool, Failure> {
        let line = self.line(event, with_time)?;
        // Held for the whole line, so that those of several agents do not mix.
        let mut stdout = self.stdout.lock().await;
        let mut result = stdout.write_all(line.as_bytes()).await;
        if result.is_ok() {
            result = stdout.flush().await;
        }
        let is_read = !matches!(&result, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        output::written(result)?;
        Ok(is_read)
    }

    /// The event, with what is to be said about it before.
    fn line(&self, event: &str, with_time: bool) -> Result<String, Failure> {
        let event = json::compact(event);
        let agent = self.name.as_ref().map(output::line).transpose()?;
        let time = if with_time { Some(now()?) } else { None };
        Ok(match (agent, time) {
            (None, None) => format!("{event}\n"),
            (None, Some(time)) => format!("{{\"time\":\"{time}\",\"event\":{event}}}\n"),
            (Some(agent), None) => format!("{{\"agent\":{agent},\"event\":{event}}}\n"),
            (Some(agent), Some(time)) => {
                format!("{{\"agent\":{agent},\"time\":\"{time}\",\"event\":{event}}}\n")
            }
        })
    }

    /// Says something about the agent on standard error.
    fn note(&self, text: impl Display) {
        match &self.name {
            Some(name) => output::note(format!("{}: {text}", printable(name))),
            None => output::note(text),
        }
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

/// What is worth a note of a new state.
fn news(state: &State) -> Option<String> {
    match state {
        State::Reconnecting { attempt, delay, cause, failure, .. } => {
            let why = failure.as_ref().map_or_else(|| cause.to_string(), ToString::to_string);
            let wait = delay.as_secs_f64();
            Some(format!("{why}; attempt {attempt} to reconnect in {wait:.1} s"))
        }
        State::Connected => Some("connected again".to_owned()),
        _ => None,
    }
}

fn reason(state: &Receiver<State>) -> String {
    match &*state.borrow() {
        State::Closed { why } => why.to_string(),
        _ => CloseReason::Requested.to_string(),
    }
}
