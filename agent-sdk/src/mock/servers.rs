//! The servers that the mock pretends to run: what they are, and what they have accepted and not done.

mod server;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::server::{Server, State};
use super::{
    pace::{Pace, StateWords},
    wire::{Answer, event},
};

/// The most servers that can be deployed.
const MAX_SERVERS: usize = 1000;
/// The most steps that can be planned; further ones are taken at once.
const MAX_PLANNED: usize = 10_000;
/// The most that happens at once, when the clock was put forward.
const MOST_AT_ONCE: usize = 20_000;
/// How often progress and countdowns are told.
const PARTS: u32 = 5;

/// All servers, by id.
pub(super) struct Servers {
    by_id: BTreeMap<String, Server>,
    /// What is still to come, the next one first.
    plan: Vec<Planned>,
    pace: Pace,
    words: StateWords,
    /// When the consoles write their next lines.
    console: Option<Instant>,
    /// Backups that were accepted, of all servers.
    backups: u64,
}

/// Something that a server will do.
struct Planned {
    at: Instant,
    server: String,
    step: Step,
}

#[derive(Clone)]
enum Step {
    /// Players are warned; so much time is left.
    Countdown(Duration),
    Enter(State),
    /// An action has so much of its work done.
    Progress {
        action: String,
        percent: u32,
    },
    /// The backup of this id is done.
    FinishBackup(String),
}

/// An event of a server, for its subscribers or for its console.
pub(super) struct ServerEvent {
    pub(super) server: String,
    pub(super) event: Value,
    /// A line of the server's own console, which goes nowhere else.
    pub(super) is_console: bool,
}

/// The parameters of a request.
type Parameters = Map<String, Value>;

impl Servers {
    /// Makes stopped servers with these ids.
    pub(super) fn new(
        ids: impl IntoIterator<Item = String>,
        pace: Pace,
        words: StateWords,
    ) -> Self {
        Self {
            by_id: ids.into_iter().map(|id| (id.clone(), Server::new(id))).collect(),
            plan: Vec::new(),
            pace,
            words,
            console: pace.console.map(|interval| Instant::now() + interval),
            backups: 0,
        }
    }

    /// Lets a server run from the start, which makes it if there is none of this id.
    pub(super) fn run(&mut self, id: String) {
        self.by_id.entry(id.clone()).or_insert_with(|| Server::new(id)).enter(State::Running);
    }

    /// Lets a server crash, and forgets what it was about to do.
    pub(super) fn crash(&mut self, id: &str, events: &mut Vec<ServerEvent>) {
        self.forget(id, |_| true);
        self.take(id, Step::Enter(State::Crashed), events);
    }

    /// Acts, if the action is one that servers have to do with; `None` if it is not.
    pub(super) fn act(
        &mut self,
        action: &str,
        parameters: &Parameters,
        events: &mut Vec<ServerEvent>,
    ) -> Option<Answer> {
        let answer = match action {
            "servers" => Ok(self.list()),
            "server" => self.with(parameters, |id, server, words| Ok(server.describe(id, words))),
            "server_start" => self.start(parameters),
            "restart" => self.stop(parameters, true),
            "server_stop" => self.stop(parameters, false),
            "server_stop_cancel" => self.cancel_stop(parameters, events),
            "server_kill" | "server_force_kill" => self.kill(parameters),
            "server_deploy" => self.deploy(parameters, events),
            "server_remove" => self.remove(parameters, events),
            "server_rcon_send" => self.rcon_send(parameters, events),
            "server_rcon_read" => self.rcon_read(parameters),
            "create_backup" => self.back_up(parameters),
            "query_backups" => self.with(parameters, |_, server, _| Ok(server.backups())),
            "delete_backup" => self.delete_backup(parameters),
            "restore_backup" => self.restore_backup(parameters),
            "server_update" | "install_mod" | "add_mod" => self.work(action, parameters, events)?,
            _ => return None,
        };
        self.advance(Instant::now(), events);
        Some(answer)
    }

    /// When `advance` is to be called next.
    pub(super) fn next_step(&self) -> Option<Instant> {
        self.plan.first().map(|planned| planned.at).into_iter().chain(self.console).min()
    }

    /// Takes every step that is due, in the order of their times.
    pub(super) fn advance(&mut self, now: Instant, events: &mut Vec<ServerEvent>) {
        for _ in 0..MOST_AT_ONCE {
            let Some(next) = self.next_step().filter(|next| *next <= now) else { return };
            if self.plan.first().is_some_and(|planned| planned.at <= next) {
                let Planned { server, step, .. } = self.plan.remove(0);
                self.take(&server, step, events);
            } else {
                self.write_consoles(next, events);
            }
        }
        // Far behind: the clock was put forward by days.
        self.console = self.pace.console.map(|interval| now + interval);
    }

    /// Each running server writes a line; the next ones are due an interval later.
    fn write_consoles(&mut self, now: Instant, events: &mut Vec<ServerEvent>) {
        self.console = self.pace.console.map(|interval| now + interval);
        events.extend(self.by_id.iter_mut().filter_map(|(id, server)| {
            let line = json!({ "server": id, "line": server.console_line()? });
            let event = event("stdout", id, &line);
            Some(ServerEvent { server: id.clone(), event, is_console: true })
        }));
    }

    fn take(&mut self, id: &str, step: Step, events: &mut Vec<ServerEvent>) {
        // It may have been removed meanwhile.
        let Some(server) = self.by_id.get_mut(id) else { return };
        let (kind, detail) = match step {
            Step::Countdown(left) => {
                ("server.countdown", json!({ "server": id, "seconds": left.as_secs() }))
            }
            Step::Enter(state) => {
                let before = server.enter(state);
                return events.push(state_event(id, before, state, self.words));
            }
            Step::Progress { action, percent } => {
                ("download_progress", json!({ "server": id, "action": action, "percent": percent }))
            }
            Step::FinishBackup(backup) => {
                server.add_backup(&backup);
                ("backup.created", json!({ "server": id, "backup": backup }))
            }
        };
        events.push(told(id, event(kind, id, &detail)));
    }

    /// Plans a step for the time after so long; steps of the same time keep their order.
    fn plan(&mut self, id: &str, after: Duration, step: Step) {
        let after = if self.plan.len() < MAX_PLANNED { after } else { Duration::ZERO };
        let at = Instant::now() + after;
        let place = self.plan.partition_point(|planned| planned.at <= at);
        self.plan.insert(place, Planned { at, server: id.to_owned(), step });
    }

    fn list(&self) -> Value {
        let servers = self.by_id.iter().map(|(id, server)| server.describe(id, self.words));
        json!({ "servers": servers.collect::<Vec<_>>() })
    }

    fn start(&mut self, parameters: &Parameters) -> Answer {
        let id = self.known(parameters)?;
        if self.state(&id) != Some(State::Crashed) {
            self.expect(&id, State::Stopped)?;
        }
        self.plan(&id, Duration::ZERO, Step::Enter(State::Starting));
        self.plan(&id, self.pace.starting, Step::Enter(State::Running));
        Ok(self.accepted(&id, State::Starting))
    }

    /// Stops a running server after a countdown, and starts it again if that is wanted.
    fn stop(&mut self, parameters: &Parameters, starts_again: bool) -> Answer {
        let id = self.known(parameters)?;
        self.expect(&id, State::Running)?;
        if self.plan.iter().any(|planned| planned.server == id && planned.step.is_stop()) {
            return Err(json!({ "error": format!("server `{id}` is about to stop already") }));
        }
        let Pace { countdown, stopping, starting, .. } = self.pace;
        if !countdown.is_zero() {
            for part in 0..PARTS {
                let left = countdown * (PARTS - part) / PARTS;
                self.plan(&id, countdown * part / PARTS, Step::Countdown(left));
            }
        }
        self.plan(&id, countdown, Step::Enter(State::Stopping));
        if starts_again {
            self.plan(&id, countdown + stopping, Step::Enter(State::Starting));
            self.plan(&id, countdown + stopping + starting, Step::Enter(State::Running));
        } else {
            self.plan(&id, countdown + stopping, Step::Enter(State::Stopped));
        }
        Ok(self.accepted(&id, State::Stopping))
    }

    /// Calls a stop off whose countdown still runs.
    fn cancel_stop(&mut self, parameters: &Parameters, events: &mut Vec<ServerEvent>) -> Answer {
        let id = self.known(parameters)?;
        self.expect(&id, State::Running)?;
        let planned = self.plan.len();
        self.forget(&id, |step| !matches!(step, Step::Progress { .. } | Step::FinishBackup(_)));
        if self.plan.len() == planned {
            return Err(json!({ "error": format!("server `{id}` is not about to stop") }));
        }
        let detail = json!({ "server": id, "cancelled": true });
        events.push(told(&id, event("server.countdown", &id, &detail)));
        self.with(parameters, |id, server, words| Ok(server.describe(id, words)))
    }

    fn kill(&mut self, parameters: &Parameters) -> Answer {
        let id = self.known(parameters)?;
        if self.state(&id) == Some(State::Stopped) {
            return Err(json!({ "error": format!("server `{id}` is already stopped") }));
        }
        self.forget(&id, |_| true);
        self.plan(&id, Duration::ZERO, Step::Enter(State::Stopped));
        Ok(self.accepted(&id, State::Stopped))
    }

    fn deploy(&mut self, parameters: &Parameters, events: &mut Vec<ServerEvent>) -> Answer {
        let id = text(parameters, "id");
        if id.is_empty() || self.by_id.contains_key(id) || self.by_id.len() >= MAX_SERVERS {
            return Err(json!({ "error": format!("server `{id}` cannot be deployed") }));
        }
        let server = Server::new(text(parameters, "title").to_owned());
        let described = server.describe(id, self.words);
        self.by_id.insert(id.to_owned(), server);
        events.push(state_event(id, State::Deploying, State::Stopped, self.words));
        Ok(described)
    }

    fn remove(&mut self, parameters: &Parameters, events: &mut Vec<ServerEvent>) -> Answer {
        let id = self.known(parameters)?;
        self.expect(&id, State::Stopped)?;
        self.by_id.remove(&id);
        self.forget(&id, |_| true);
        events.push(state_event(&id, State::Stopped, State::Removed, self.words));
        Ok(json!({}))
    }

    fn rcon_send(&mut self, parameters: &Parameters, events: &mut Vec<ServerEvent>) -> Answer {
        let id = self.known(parameters)?;
        let payload = text(parameters, "payload");
        self.with(parameters, |_, server, _| {
            let line = server.rcon(payload);
            let line =
                line.ok_or_else(|| json!({ "error": format!("server `{id}` is not running") }))?;
            events.push(told(&id, event("rcon", &id, &line)));
            Ok(json!({ "sent": payload }))
        })
    }

    fn rcon_read(&mut self, parameters: &Parameters) -> Answer {
        let since = parameters.get("since").and_then(Value::as_u64).unwrap_or(0);
        self.with(parameters, |_, server, _| Ok(server.rcon_since(since)))
    }

    /// Accepts a backup; it is listed once it is done.
    fn back_up(&mut self, parameters: &Parameters) -> Answer {
        let id = self.known(parameters)?;
        self.backups += 1;
        let backup = format!("backup-{}", self.backups);
        self.plan_progress(&id, "create_backup");
        self.plan(&id, self.pace.work, Step::FinishBackup(backup.clone()));
        Ok(json!({ "backup": { "id": backup } }))
    }

    fn delete_backup(&mut self, parameters: &Parameters) -> Answer {
        let backup = text(parameters, "backup");
        if self.by_id.values_mut().any(|server| server.remove_backup(backup)) {
            return Ok(json!({}));
        }
        Err(json!({ "error": format!("there is no backup `{backup}`") }))
    }

    /// The server whose backup has this id.
    pub(super) fn owner_of_backup(&self, id: &str) -> Option<String> {
        let mut servers = self.by_id.iter();
        servers.find(|(_, server)| server.has_backup(id)).map(|(owner, _)| owner.clone())
    }

    fn restore_backup(&mut self, parameters: &Parameters) -> Answer {
        let id = self.known(parameters)?;
        let backup = text(parameters, "backup");
        if !self.by_id.get(&id).is_some_and(|server| server.has_backup(backup)) {
            return Err(json!({ "error": format!("server `{id}` has no backup `{backup}`") }));
        }
        self.plan_progress(&id, "restore_backup");
        Ok(json!({ "backup": { "id": backup } }))
    }

    /// Does work that a server is to do, and that shows in its progress alone; an error if there is no
    /// such server.
    fn work(
        &mut self,
        action: &str,
        parameters: &Parameters,
        events: &mut Vec<ServerEvent>,
    ) -> Option<Answer> {
        if !parameters.contains_key("server") {
            return None;
        }
        let id = match self.known(parameters) {
            Ok(id) => id,
            Err(detail) => return Some(Err(detail)),
        };
        self.plan_progress(&id, action);
        self.advance(Instant::now(), events);
        None
    }

    fn plan_progress(&mut self, id: &str, action: &str) {
        if self.pace.work.is_zero() {
            return;
        }
        for part in 1..=PARTS {
            let percent = part * 100 / PARTS;
            let step = Step::Progress { action: action.to_owned(), percent };
            self.plan(id, self.pace.work * part / PARTS, step);
        }
    }

    /// The id of the server that the parameters name.
    fn known(&self, parameters: &Parameters) -> Result<String, Value> {
        let id = text(parameters, "server");
        let unknown = || json!({ "error": format!("there is no server `{id}`") });
        self.by_id.get_key_value(id).map(|(id, _)| id.clone()).ok_or_else(unknown)
    }

    fn state(&self, id: &str) -> Option<State> {
        self.by_id.get(id).map(Server::state)
    }

    /// Refuses what a server in another state cannot do.
    fn expect(&self, id: &str, expected: State) -> Result<(), Value> {
        match self.state(id) {
            Some(state) if state != expected => {
                let state = state.word();
                Err(json!({ "error": format!("server `{id}` is already {state}") }))
            }
            _ => Ok(()),
        }
    }

    /// What is answered at once: the server, and the state that it is on its way to.
    fn accepted(&self, id: &str, state: State) -> Value {
        let described = self.by_id.get(id).map(|server| server.describe(id, self.words));
        let mut described = described.unwrap_or_default();
        described["state"] = state.written(self.words).into();
        described
    }

    fn forget(&mut self, id: &str, which: impl Fn(&Step) -> bool) {
        self.plan.retain(|planned| planned.server != id || !which(&planned.step));
    }

    /// Does something with the server that the parameters name.
    fn with(
        &mut self,
        parameters: &Parameters,
        act: impl FnOnce(&str, &mut Server, StateWords) -> Answer,
    ) -> Answer {
        let id = self.known(parameters)?;
        match self.by_id.get_mut(&id) {
            Some(server) => act(&id, server, self.words),
            None => Ok(Value::Null),
        }
    }
}

impl Step {
    fn is_stop(&self) -> bool {
        matches!(self, Self::Enter(State::Stopping))
    }
}

fn told(id: &str, event: Value) -> ServerEvent {
    ServerEvent { server: id.to_owned(), event, is_console: false }
}

fn state_event(id: &str, before: State, after: State, words: StateWords) -> ServerEvent {
    let event = match words {
        StateWords::Prefixed => {
            let (before, after) = (before.written(words), after.written(words));
            let detail = json!({ "server": id, "before": before, "after": after });
            event("server.changed_state", id, &detail)
        }
        StateWords::Bare => {
            event("server_state", id, &json!({ "server": id, "state": after.written(words) }))
        }
    };
    told(id, event)
}

fn text<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
