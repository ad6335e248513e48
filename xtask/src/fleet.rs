//! The same work with several agents.

use std::{collections::BTreeMap, fmt::Display};

use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::{
    connection::{Target, Targets},
    failure::{Exit, Failure},
    output::{self, FormatOption},
    progress::Bar,
    text::printable,
};

/// Agents at a time, unless it is one after the other.
const AT_A_TIME: usize = 8;

/// What the work with one agent came to.
pub struct Outcome<T> {
    pub agent: String,
    pub result: Result<T, Failure>,
    /// `false` for one after another that failed; its result says so.
    pub is_tried: bool,
}

/// Works with the agents that are meant, and writes what came of it: as it is for one that was named
/// alone, else a line or paragraph for each.
pub async fn run<T: Serialize + Display, F: Future<Output = Result<T, Failure>>>(
    targets: Targets,
    format: &FormatOption,
    work: impl Fn(Target) -> F,
) -> Result<(), Failure> {
    match targets {
        Targets::One(target) => {
            let value = work(*target).await?;
            format.result(&value, || value.to_string())
        }
        Targets::Several { all, one_by_one } => {
            each(all, one_by_one, work, |outcome| print(format, &outcome)).await
        }
    }
}

/// Works with every agent, and hands each outcome on in their order. One after the other, none is
/// tried after one that failed.
///
/// # Cancel safety
///
/// Dropping the future drops the work in progress; the outcomes that were handed on stay.
pub async fn each<T, F: Future<Output = Result<T, Failure>>>(
    targets: Vec<Target>,
    one_by_one: bool,
    work: impl Fn(Target) -> F,
    mut tell: impl FnMut(Outcome<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut verdict = Verdict::of(targets.len());
    let names: Vec<_> = targets.iter().map(Target::name).collect();
    let work = targets.into_iter().enumerate().map(|(number, target)| {
        let work = work(target);
        async move { (number, work.await) }
    });
    let at_a_time = if one_by_one { 1 } else { AT_A_TIME };
    let mut running = std::pin::pin!(stream::iter(work).buffer_unordered(at_a_time));
    // Outcomes that wait for those before them: a slow agent delays their lines and not their work.
    let mut early = BTreeMap::new();
    let progress = Bar::of_agents(names.len());
    for (number, agent) in names.into_iter().enumerate() {
        if one_by_one && let Some((first, _)) = verdict.failed.first() {
            let why = format!("not tried, since `{}` failed", printable(first));
            let outcome = Outcome { agent, result: Err(Failure::failed(why)), is_tried: false };
            verdict.add(&outcome);
            tell(outcome)?;
            continue;
        }
        let result = loop {
            if let Some(result) = early.remove(&number) {
                break result;
            }
            // There is an outcome for every number.
            let Some((number, result)) = running.next().await else { return verdict.reached() };
            progress.advance();
            early.insert(number, result);
        };
        let outcome = Outcome { agent, result, is_tried: true };
        verdict.add(&outcome);
        tell(outcome)?;
    }
    drop(progress);
    verdict.reached()
}

/// What the exit code tells of all agents.
pub struct Verdict {
    total: usize,
    failed: Vec<(String, Exit)>,
    /// Those that came after one that failed.
    not_tried: usize,
}

impl Verdict {
    /// Nothing has failed yet of so many.
    pub fn of(total: usize) -> Self {
        Self { total, failed: Vec::new(), not_tried: 0 }
    }

    pub fn add<T>(&mut self, outcome: &Outcome<T>) {
        match &outcome.result {
            Err(failure) if outcome.is_tried => {
                self.failed.push((outcome.agent.clone(), failure.exit));
            }
            Err(_) => self.not_tried += 1,
            Ok(_) => {}
        }
    }

    /// A failure if any failed: the gravest one if all did.
    pub fn reached(&self) -> Result<(), Failure> {
        let (failed, total) = (self.failed.len(), self.total);
        let mut names: Vec<_> = self.failed.iter().map(|(name, _)| printable(name)).collect();
        // They may have failed in any order.
        names.sort_unstable();
        let not_tried = match self.not_tried {
            0 => String::new(),
            others => format!("; {others} were not tried"),
        };
        let text = format!("{failed} of {total} agents failed: {}{not_tried}", names.join(", "));
        match self.failed.iter().map(|(_, exit)| *exit).max_by_key(|exit| *exit as u8) {
            None => Ok(()),
            Some(gravest) if failed == total => Err(Failure::new(gravest, text)),
            Some(_) => Err(Failure::new(Exit::SomeFailed, text)),
        }
    }
}

/// Writes what came of one of several agents: text, or one line of JSON with the keys `agent`, and
/// `result` or `error`.
pub fn print<T: Serialize + Display>(
    format: &FormatOption,
    outcome: &Outcome<T>,
) -> Result<(), Failure> {
    if format.is_json() {
        return print_line("result", outcome);
    }
    match &outcome.result {
        Ok(value) => {
            let agent = printable(&outcome.agent);
            let text = value.to_string();
            // What takes several lines has a heading.
            let is_line = !text.contains('\n');
            let text = text.replace('\n', "\n  ");
            output::result(&format!("{agent}:{}{text}", if is_line { " " } else { "\n  " }))
        }
        Err(failure) => {
            print_failure(&outcome.agent, failure);
            Ok(())
        }
    }
}

/// Says why one of several agents failed.
pub fn print_failure(agent: &str, failure: &Failure) {
    output::error(&Failure::failed(format!("{}: {failure}", printable(agent))));
}

/// Writes one line of JSON for one of several agents, with the keys `agent`, and `key` or `error`.
pub fn print_line<T: Serialize>(key: &str, outcome: &Outcome<T>) -> Result<(), Failure> {
    output::raw(&line(key, outcome)?)
}

/// Nothing of a value is read into another form: its numbers and the order of its keys stay.
fn line<T: Serialize>(key: &str, outcome: &Outcome<T>) -> Result<String, Failure> {
    let agent = output::line(&outcome.agent)?;
    Ok(match &outcome.result {
        Ok(value) => format!(r#"{{"agent":{agent},"{key}":{}}}"#, output::line(value)?),
        Err(failure) => {
            format!(r#"{{"agent":{agent},"error":{}}}"#, output::line(&failure.to_string())?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_and_all_that_failed_are_told_apart() {
        let verdict = |total, exits: &[Exit]| {
            let failed = exits.iter().map(|exit| ("a".to_owned(), *exit)).collect();
            Verdict { total, failed, not_tried: 0 }.reached()
        };
        assert!(verdict(3, &[]).is_ok());
        assert_eq!(verdict(3, &[Exit::Failed]).unwrap_err().exit, Exit::SomeFailed);
        let all = verdict(2, &[Exit::CheckFailed, Exit::Failed]).unwrap_err();
        assert_eq!(all.exit, Exit::Failed);
    }

    /// The first of eight that said nothing held up everything behind them.
    #[tokio::test(start_paused = true)]
    async fn a_slow_agent_delays_its_own_line_and_no_work() {
        let target = |number| Target::new(format!("wss://agent-{number}"), None, None);
        let targets: Vec<_> = (0..20).map(target).collect();
        let last_is_done = tokio::sync::Notify::new();
        let work = async |target: Target| {
            match target.name().as_str() {
                "wss://agent-0" => last_is_done.notified().await,
                "wss://agent-19" => last_is_done.notify_one(),
                _ => {}
            }
            Ok(())
        };
        let mut told = Vec::new();
        let each = each(targets, false, work, |outcome| {
            told.push(outcome.agent);
            Ok(())
        });
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, each).await.expect("the last one waits for the first").unwrap();
        assert!(told.iter().enumerate().all(|(at, name)| *name == format!("wss://agent-{at}")));
    }

    #[test]
    fn a_line_keeps_numbers_as_they_are_and_hides_nothing_from_a_terminal() {
        let reply = r#"{"z":123456789012345678901234567890,"a":1.0}"#;
        let result = serde_json::value::RawValue::from_string(reply.to_owned());
        let agent = "e\u{1b}u".to_owned();
        let outcome = Outcome { agent, result: Ok(result.unwrap()), is_tried: true };
        let expected = format!(r#"{{"agent":"e\u001bu","reply":{reply}}}"#);
        assert_eq!(line("reply", &outcome).unwrap(), expected);
    }
}
