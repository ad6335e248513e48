//! The check after each login.

use std::sync::Arc;

use tracing::{debug, warn};

use super::{ActionCompatibility, CatalogueCheck, Compatibility, Uses, ask};
use crate::{
    action::ActionInfo,
    connection::{Shared, State},
    error::{CloseReason, ConnectError, Error},
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
    /// Asks for the catalogue, logs its problems, and lets calls of what is gone end unsent. `None` if
    /// this user may not ask, or if there was no answer: nothing is refused for that.
    async fn run(&self, shared: &Arc<Shared>, agent: &str) -> Option<Compatibility> {
        match ask(shared, self.table).await {
            Ok(found) => {
                for problem in self.problems(&found) {
                    let problem = shared.options.secrets.excerpt(problem.to_string().as_bytes());
                    warn!(agent, %problem, "the agent's catalogue has changed");
                }
                shared.set_gone(found.gone().map(|action| action.name().into()).collect());
                Some(found)
            }
            Err(Error::Rejected(rejected)) => {
                debug!(agent, %rejected, "the agent's catalogue is not checked");
                None
            }
            Err(error) => {
                warn!(agent, %error, "the agent's catalogue could not be checked");
                None
            }
        }
    }

    fn problems(&self, found: &Compatibility) -> Vec<ActionCompatibility> {
        match self.uses {
            Some(uses) => found.problems(uses),
            None => found.broken().cloned().collect(),
        }
    }

    /// Returns the problems in one line, if there are any and they are to be refused.
    fn refused(&self, found: &Compatibility, secrets: &Secrets) -> Option<String> {
        let problems = self.problems(found);
        (self.policy == CatalogueCheck::Refuse && !problems.is_empty()).then(|| {
            let mut shown: Vec<_> = problems
                .iter()
                .take(SHOWN)
                .map(|problem| secrets.excerpt(problem.to_string().as_bytes()))
                .collect();
            if problems.len() > SHOWN {
                shown.push(format!("and {} more", problems.len() - SHOWN));
            }
            shown.join(", ")
        })
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
    let Some(found) = check.run(shared, agent).await else { return Ok(None) };
    match check.refused(&found, &shared.options.secrets) {
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
    let mut state = shared.watch_state();
    let mut checked = known.map(|_| 0);
    loop {
        let login = shared.statistics().reconnects;
        if matches!(*state.borrow_and_update(), State::Connected) && checked != Some(login) {
            checked = Some(login);
            if let Some(found) = check.run(&shared, &agent).await {
                let changed = known.replace(found.fingerprint());
                if changed.is_some_and(|before| before != found.fingerprint()) {
                    shared.events.tell(&Event::CatalogueChanged);
                }
                if let Some(problems) = check.refused(&found, &shared.options.secrets) {
                    shared.request_close_for(CloseReason::Incompatible { problems });
                }
            }
        }
        let closed = matches!(*state.borrow(), State::Closed { .. });
        if closed || state.changed().await.is_err() {
            return;
        }
    }
}
