//! What became of each call, and what the agent counted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How a call ended for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    WrongAnswer,
    Rejected,
    NotSent,
    Unknown,
    /// The caller dropped it.
    Dropped,
    /// It did not end.
    Hung,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    fate: Option<Fate>,
    executions: u8,
}

/// One entry for each call; its number is the call's `id`.
#[derive(Default)]
pub struct Ledger(Mutex<Vec<Entry>>);

/// The sums, and what must be zero.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    pub made: u64,
    pub executed: u64,
    pub answered: u64,
    pub rejected: u64,
    pub not_sent: u64,
    pub unknown: u64,
    pub dropped: u64,
    pub executed_twice: u64,
    pub executed_though_not_sent: u64,
    pub answered_unexecuted: u64,
    pub wrong_answers: u64,
    pub hung: u64,
    pub unfinished: u64,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new call; its `id`.
    pub fn begin(&self) -> u64 {
        let mut entries = self.lock();
        entries.push(Entry::default());
        entries.len() as u64 - 1
    }

    /// The agent executed a call.
    pub fn executed(&self, id: u64) {
        self.update(id, |entry| entry.executions = entry.executions.saturating_add(1));
    }

    /// A call ended for its caller.
    pub fn end(&self, id: u64, fate: Fate) {
        self.update(id, |entry| entry.fate = Some(fate));
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        let Ok(place) = usize::try_from(id) else { return };
        if let Some(entry) = self.lock().get_mut(place) {
            change(entry);
        }
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.lock().iter() {
            totals.add(*entry);
        }
        totals
    }
}

impl Totals {
    fn add(&mut self, Entry { fate, executions }: Entry) {
        let executed = executions > 0;
        self.made += 1;
        self.executed += u64::from(executions);
        self.executed_twice += u64::from(executions > 1);
        let count = match fate {
            None => &mut self.unfinished,
            Some(Fate::Answered) => {
                self.answered_unexecuted += u64::from(!executed);
                &mut self.answered
            }
            Some(Fate::Rejected) => {
                self.answered_unexecuted += u64::from(!executed);
                &mut self.rejected
            }
            Some(Fate::NotSent) => {
                self.executed_though_not_sent += u64::from(executed);
                &mut self.not_sent
            }
            Some(Fate::Unknown) => &mut self.unknown,
            Some(Fate::Dropped) => &mut self.dropped,
            Some(Fate::WrongAnswer) => &mut self.wrong_answers,
            Some(Fate::Hung) => &mut self.hung,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_is_counted() {
        let ledger = Ledger::default();
        let call = |fate: Fate, executions: u8| {
            let id = ledger.begin();
            for _ in 0..executions {
                ledger.executed(id);
            }
            ledger.end(id, fate);
        };
        call(Fate::Answered, 1);
        call(Fate::Answered, 0);
        call(Fate::Unknown, 2);
        call(Fate::NotSent, 0);
        call(Fate::NotSent, 1);
        ledger.begin();
        let totals = ledger.totals();
        assert_eq!((totals.made, totals.executed, totals.unfinished), (6, 4, 1));
        assert_eq!((totals.answered_unexecuted, totals.executed_twice), (1, 1));
        assert_eq!(totals.executed_though_not_sent, 1);
    }
}
