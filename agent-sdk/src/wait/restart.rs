//! Waiting for a restart, which begins and ends with the same state.

use serde_json::Value;

use super::{
    Sight, Wait,
    run::{Check, Verdict},
    sight::field,
};
use crate::{
    agent::Agent,
    event::{KnownEvent, KnownState, Message, ServerState},
};

/// What tells one run of a server from the next, by what an answer may call it.
const RUN_MARKS: [&str; 6] =
    ["starts", "start_count", "started_at", "start_time", "last_start", "pid"];

/// In these, a server is down or comes up. One that is stopping or restarting may be in its countdown,
/// which can be called off.
const DOWN: [KnownState; 7] = [
    KnownState::Starting,
    KnownState::Stopped,
    KnownState::Crashed,
    KnownState::Killed,
    KnownState::Updating,
    KnownState::Deploying,
    KnownState::Removed,
];

/// Knows whether a server has been down.
#[derive(Default)]
struct Restart {
    /// What told the run before.
    before: Option<Run>,
    was_down: bool,
}

/// What an answer says of the present run of a server.
struct Run {
    marks: [Option<Value>; RUN_MARKS.len()],
    uptime: Option<f64>,
}

impl Agent {
    /// Waits until a server that runs has been restarted, and returns its state in the agent's own
    /// words. Let the wait make the call ([`Wait::after`]), so that no restart is too quick for it. It
    /// asks by the action `server`.
    ///
    /// A server that runs is no proof: it runs on during a countdown, which may be called off. Proof is that
    /// it was seen down or starting and then running, an event that says so, or an answer that tells
    /// another run from the one before: another `starts`, `started_at` or `pid`, or a smaller `uptime`.
    ///
    /// # Errors
    ///
    /// [`WaitError`](super::WaitError). The time limit tells the state that was seen last, and whether
    /// the server was seen to stop.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::wait::WaitError> {
    /// use std::time::Duration;
    ///
    /// let restart = agent.call_raw("restart", serde_json::json!({ "server": "alpha" }));
    /// let again = agent.wait_for_restart("alpha").after(restart);
    /// again.timeout(Duration::from_secs(900)).await?;
    /// # Ok(()) }
    /// ```
    pub fn wait_for_restart(&self, server: impl AsRef<str>) -> Wait<ServerState> {
        let server = server.as_ref();
        let what = format!("`{}` to restart", server.escape_debug());
        Wait::new(self, what, Some(server), Restart::default())
    }
}

impl Check<ServerState> for Restart {
    fn look_before(&mut self, sight: Sight<'_>) {
        if let Sight::Snapshot(answer) = sight {
            self.before = Some(Run::of(answer));
        }
    }

    fn look(&mut self, sight: Sight<'_>) -> Verdict<ServerState> {
        let Some(state) = sight.state() else { return Verdict::untold(sight, "a state") };
        if state != KnownState::Running {
            self.was_down |= is_down(&state);
            return Verdict::NotYet(Some(format!("`{}`", state.as_str())));
        }
        let is_another_run = match sight {
            Sight::Event(message) => says_started(message),
            Sight::Snapshot(answer) => self.is_another_run(answer),
        };
        if self.was_down || is_another_run {
            return Verdict::Done(state);
        }
        Verdict::NotYet(Some(format!("`{}`, and it was not seen to stop", state.as_str())))
    }
}

impl Restart {
    fn is_another_run(&mut self, answer: &Value) -> bool {
        let now = Run::of(answer);
        let before = self.before.get_or_insert_with(|| Run::of(answer));
        let differs = |(now, before): (&Option<Value>, &Option<Value>)| {
            now.is_some() && before.is_some() && now != before
        };
        let is_younger = now.uptime.zip(before.uptime).is_some_and(|(now, before)| now < before);
        is_younger || now.marks.iter().zip(&before.marks).any(differs)
    }
}

impl Run {
    fn of(answer: &Value) -> Self {
        Self {
            marks: RUN_MARKS.map(|mark| field(answer, mark).cloned()),
            uptime: field(answer, "uptime").and_then(Value::as_f64),
        }
    }
}

fn is_down(state: &ServerState) -> bool {
    state.known().is_some_and(|state| DOWN.contains(&state))
}

/// Returns whether an event says that a server has come up, and not only that it is.
fn says_started(message: &Message) -> bool {
    let was_down = match message.known() {
        Some(KnownEvent::ServerState { before: Some(before), .. }) => is_down(&before),
        _ => false,
    };
    let kind = message.kind().unwrap_or_default();
    let word = kind.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    was_down || ["started", "restarted"].iter().any(|it| word.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::Options;

    /// What the check makes of an answer after another one before the call.
    fn is_restarted(before: &Value, after: &Value) -> bool {
        let mut check = Restart::default();
        check.look_before(Sight::Snapshot(before));
        matches!(check.look(Sight::Snapshot(after)), Verdict::Done(_))
    }

    #[test]
    fn another_run_is_told_from_the_same_by_what_an_answer_may_have() {
        for (before, after, restarted) in [
            (json!({ "starts": 1 }), json!({ "starts": 2 }), true),
            (json!({ "pid": 7 }), json!({ "pid": 7 }), false),
            (json!({ "uptime": 700 }), json!({ "uptime": 12.5 }), true),
            (json!({ "uptime": 700 }), json!({ "uptime": 800 }), false),
            (json!({ "started_at": null }), json!({ "started_at": 5 }), false),
            (json!({}), json!({ "starts": 2 }), false),
        ] {
            let with_state = |extra: &Value| {
                let mut server = json!({ "state": "server.running" });
                server.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
                json!({ "server": server })
            };
            let found = is_restarted(&with_state(&before), &with_state(&after));
            assert_eq!(found, restarted, "{before} {after}");
        }
    }

    /// Someone else's restart was on its way: its end is no proof of ours.
    #[test]
    fn a_state_from_before_the_call_is_no_proof() {
        let (starting, running) = (json!({ "state": "starting" }), json!({ "state": "running" }));
        assert!(!is_restarted(&starting, &running));
    }

    /// A countdown that was called off went from stopping to running, and so did a restart.
    #[test]
    fn a_server_that_was_about_to_stop_and_runs_on_has_not_restarted() {
        let changed = |before: &str, after: &str| {
            let detail = json!({ "server": "alpha", "before": before, "after": after });
            json!({ "action": "server.changed_state", "parameters": detail })
        };
        let started = json!({ "event": "server.started", "server": "alpha" });
        for (events, restarted) in [
            (vec![changed("running", "stopping"), changed("stopping", "running")], false),
            (vec![changed("running", "restarting"), changed("restarting", "running")], false),
            (vec![changed("running", "stopped"), changed("", "running")], true),
            (vec![changed("starting", "running")], true),
            (
                vec![json!({ "action": "server_state", "server": "alpha", "state": "running" })],
                false,
            ),
            (vec![started], true),
        ] {
            let mut check = Restart::default();
            let is_done = |event: &Value| {
                let message = Message::new(event.to_string().into(), &Options::default());
                matches!(check.look(Sight::Event(&message)), Verdict::Done(_))
            };
            let done: Vec<_> = events.iter().map(is_done).collect();
            assert_eq!(done.last(), Some(&restarted), "{events:?}");
        }
    }
}
