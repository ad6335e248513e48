//! The same work with several agents.

use futures_util::{StreamExt, stream};

use crate::{
    connection::Target,
    failure::{Exit, Failure},
};

/// Agents at a time, unless it is one after the other.
const AT_A_TIME: usize = 8;

/// What the work with one agent came to.
pub struct Outcome<T> {
    pub agent: String,
    pub result: Result<T, Failure>,
}

/// Works with every agent, and hands each outcome on in their order. One after the other, none is
/// tried after one that failed.
pub async fn each<T, F: Future<Output = Result<T, Failure>>>(
    targets: Vec<Target>,
    one_by_one: bool,
    work: impl Fn(Target) -> F,
    mut tell: impl FnMut(&Outcome<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let total = targets.len();
    let names: Vec<_> = targets.iter().map(Target::name).collect();
    let running = stream::iter(targets).map(work);
    let mut running = std::pin::pin!(running.buffered(if one_by_one { 1 } else { AT_A_TIME }));
    let mut failed = Vec::new();
    for agent in names {
        let result = match failed.first() {
            Some((first, _)) if one_by_one => {
                Err(Failure::failed(format!("not tried, since `{first}` failed")))
            }
            _ => match running.next().await {
                Some(result) => result,
                None => break,
            },
        };
        let outcome = Outcome { agent, result };
        tell(&outcome)?;
        if let Err(failure) = &outcome.result {
            failed.push((outcome.agent.clone(), failure.exit));
        }
    }
    verdict(total, &failed)
}

/// What the exit code tells of all of them.
fn verdict(total: usize, failed: &[(String, Exit)]) -> Result<(), Failure> {
    let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let text = format!("{} of {total} agents failed: {}", failed.len(), names.join(", "));
    match failed.iter().map(|(_, exit)| *exit).max_by_key(|exit| *exit as u8) {
        None => Ok(()),
        Some(gravest) if failed.len() == total => Err(Failure::new(gravest, text)),
        Some(_) => Err(Failure::new(Exit::SomeFailed, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_and_all_that_failed_are_told_apart() {
        let failed = |exits: &[Exit]| -> Vec<(String, Exit)> {
            exits.iter().map(|exit| ("a".to_owned(), *exit)).collect()
        };
        assert!(verdict(3, &[]).is_ok());
        let some = verdict(3, &failed(&[Exit::Failed])).unwrap_err();
        assert_eq!(some.exit, Exit::SomeFailed);
        let all = verdict(2, &failed(&[Exit::CheckFailed, Exit::Failed])).unwrap_err();
        assert_eq!(all.exit, Exit::Failed);
    }
}
