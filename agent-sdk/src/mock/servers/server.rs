//! One server.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::mock::pace::StateWords;

/// RCON lines and backups of one server that are kept, the newest of them.
const MAX_KEPT: usize = 1000;

/// One server.
pub(super) struct Server {
    title: String,
    state: State,
    starts: u64,
    rcon: Kept,
    /// The ids of the backups that are done, oldest first.
    backups: VecDeque<String>,
    console_lines: u64,
}

/// What a server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Deploying,
    Stopped,
    Starting,
    Running,
    Stopping,
    Crashed,
    Removed,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Deploying => "deploying",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Crashed => "crashed",
            Self::Removed => "removed",
        }
    }

    /// The state as the mock's messages have it.
    pub(super) fn written(self, words: StateWords) -> String {
        match words {
            StateWords::Prefixed => format!("server.{}", self.word()),
            StateWords::Bare => self.word().to_owned(),
        }
    }
}

/// The newest of a growing list, each with its number.
#[derive(Default)]
struct Kept {
    added: u64,
    items: VecDeque<Value>,
}

impl Server {
    pub(super) fn new(title: String) -> Self {
        Self {
            title,
            state: State::Stopped,
            starts: 0,
            rcon: Kept::default(),
            backups: VecDeque::new(),
            console_lines: 0,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Changes the state; the one before.
    pub(super) fn enter(&mut self, state: State) -> State {
        self.starts += u64::from(state == State::Running);
        std::mem::replace(&mut self.state, state)
    }

    pub(super) fn describe(&self, id: &str, words: StateWords) -> Value {
        let state = self.state.written(words);
        json!({ "id": id, "title": self.title, "state": state, "starts": self.starts })
    }

    /// Runs an RCON command; its line, unless the server is not running.
    pub(super) fn rcon(&mut self, payload: &str) -> Option<Value> {
        let executed = |number| json!({ "id": number, "line": format!("executed: {payload}") });
        (self.state == State::Running).then(|| self.rcon.add(executed))
    }

    pub(super) fn rcon_since(&self, since: u64) -> Value {
        let lines = self.rcon.items.iter().filter(|line| line["id"].as_u64() > Some(since));
        json!({ "lines": lines.collect::<Vec<_>>() })
    }

    /// Lists a backup that is done.
    pub(super) fn add_backup(&mut self, id: &str) {
        if self.backups.len() >= MAX_KEPT {
            self.backups.pop_front();
        }
        self.backups.push_back(id.to_owned());
    }

    pub(super) fn has_backup(&self, id: &str) -> bool {
        self.backups.iter().any(|backup| backup == id)
    }

    /// Removes a backup; returns whether there was one of this id.
    pub(super) fn remove_backup(&mut self, id: &str) -> bool {
        let before = self.backups.len();
        self.backups.retain(|backup| backup != id);
        self.backups.len() < before
    }

    pub(super) fn backups(&self) -> Value {
        let backups: Vec<Value> = self.backups.iter().map(|id| json!({ "id": id })).collect();
        json!({ "backups": backups })
    }

    /// The next line of the console, unless the server is not running.
    pub(super) fn console_line(&mut self) -> Option<String> {
        self.console_lines += u64::from(self.state == State::Running);
        (self.state == State::Running).then(|| format!("tick {}", self.console_lines))
    }
}

impl Kept {
    /// Adds an item that knows its number; the first is 1.
    fn add(&mut self, item: impl FnOnce(u64) -> Value) -> Value {
        self.added += 1;
        let item = item(self.added);
        if self.items.len() >= MAX_KEPT {
            self.items.pop_front();
        }
        self.items.push_back(item.clone());
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_kept() {
        let mut kept = Kept::default();
        for _ in 0..=MAX_KEPT {
            kept.add(|number| json!(number));
        }
        assert_eq!((kept.items.len(), &kept.items[0]), (MAX_KEPT, &json!(2)));
    }
}
