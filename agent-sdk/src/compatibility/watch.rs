//! The check after each login.

use std::sync::Arc;

use tracing::{debug, warn};

use super::{ActionCompatibility, CatalogueCheck, Compatibility, Fit, Uses, ask};
use crate::{
    action::ActionInfo,
    connection::{Refusal, Refusals, Shared},
    error::{ConnectError, Error},
    event::Event,
    text::Secrets,
};

/// What is checked, and what is done about it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Check {
    pub(crate) policy: CatalogueCheck,
    pub(crate) table: &'static [ActionInfo],
    /// None means the whole table.
    pub(crate) uses: Option<Uses>,
}

impl Check {
    /// Asks for the catalogue on the connection with this number, lets calls go on, but for those that
    /// end unsent from now on, and logs what has changed. `None` if this user may not ask, or if there
    /// was no answer: nothing is refused for that.
    async fn run(
        &self,
        shared: &Arc<Shared>,
        agent: &str,
        connection: u64,
    ) -> Option<Compatibility> {
        let asked = ask(shared, self.table, true).await;
        let secrets = &shared.options.secrets;
        let refusals = asked.as_ref().map(|found| self.refusals(found, secrets));
        shared.open_gate(connection, refusals.unwrap_or_default());
        match asked {
            Ok(found) => {
                for problem in self.problems(&found) {
                    let problem = secrets.excerpt(problem.to_string().as_bytes());
                    warn!(agent, %problem, "the agent's catalogue has changed");
                }
                Some(found)
            }
            Err(error @ (Error::Rejected(_) | Error::Closed { .. })) => {
                debug!(agent, %error, "the agent's catalogue is not checked");
                None
            }
            Err(error) => {
                warn!(agent, %error, "the agent's catalogue could not be checked");
                None
            }
        }
    }

    /// Returns what does not work as it did, but for what the table says not all versions have. An
    /// action that is used has to be there all the same.
    fn problems(&self, found: &Compatibility) -> Vec<ActionCompatibility> {
        let (mut problems, used) = match self.uses {
            Some(uses) => (found.problems(uses), true),
            None => (found.broken().cloned().collect(), false),
        };
        problems.retain(|it| !it.foreseen || (used && it.fit() == Fit::Gone));
        problems
    }

    /// Returns which calls end unsent: those of what is gone, and if changes are refused, those of what
    /// does not work as it did.
    fn refusals(&self, found: &Compatibility, secrets: &Secrets) -> Refusals {
        let is_refused = |action: &ActionCompatibility| {
            action.fit() == Fit::Gone || (self.policy == CatalogueCheck::Refuse && !action.foreseen)
        };
        // Those that are used may be the application's own, which the table does not have.
        let broken = found.broken().cloned().chain(self.problems(found)).filter(is_refused);
        let refusal = |action: &ActionCompatibility| match action.fit() {
            Fit::Gone => Refusal::Gone,
            _ => Refusal::Changed(secrets.excerpt(action.changes_line().as_bytes()).into()),
        };
        broken.map(|action| (action.name().into(), refusal(&action))).collect()
    }

    /// Returns the problems in one line, if there are any.
    fn problems_line(&self, found: &Compatibility, secrets: &Secrets) -> Option<String> {
        let problems = self.problems(found);
        let mut shown: Vec<_> = problems
            .iter()
            .take(SHOWN)
            .map(|problem| secrets.excerpt(problem.to_string().as_bytes()))
            .collect();
        if problems.len() > SHOWN {
            shown.push(format!("and {} more", problems.len() - SHOWN));
        }
        (!shown.is_empty()).then(|| shown.join(", "))
    }
}

/// So many problems are shown in an error; the log has all.
const SHOWN: usize = 5;

/// Checks the first connection where that decides about it; returns the catalogue's fingerprint.
pub(crate) async fn check_first(
    check: &Check,
    shared: &Arc<Shared>,
    agent: &str,
) -> Result<Option<u64>, ConnectError> {
    if check.policy != CatalogueCheck::Refuse {
        return Ok(None);
    }
    let Some(found) = check.run(shared, agent, 0).await else { return Ok(None) };
    match check.problems_line(&found, &shared.options.secrets) {
        Some(problems) => Err(ConnectError::Incompatible { agent: agent.to_owned(), problems }),
        None => Ok(Some(found.fingerprint())),
    }
}

/// Checks after each login, until the connection is closed for good. `known` is the fingerprint of the
/// catalogue of the first connection, if that is checked already.
///
/// # Cancel safety
///
/// Dropping the future ends the checks.
pub(crate) async fn watch(
    check: Check,
    shared: Arc<Shared>,
    agent: String,
    mut known: Option<u64>,
) {
    let mut checked = known.map(|_| 0);
    while let Some(connection) = shared.connection_number() {
        if checked.replace(connection) == Some(connection) {
            shared.logged_in().await;
            continue;
        }
        let Some(found) = check.run(&shared, &agent, connection).await else { continue };
        let before = known.replace(found.fingerprint());
        if before.is_some_and(|before| before != found.fingerprint()) {
            shared.events.announce(&Event::CatalogueChanged);
        }
    }
}
