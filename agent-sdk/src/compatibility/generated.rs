//! The checks against the SDK's own table of actions.

use super::{CatalogueCheck, Compatibility};
use crate::{actions::ACTIONS, agent::Agent, builder::Builder, error::Error};

impl Agent {
    /// Compares the connected agent's catalogue with the one that the SDK was generated from.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] if this user may not call `list_actions`, [`Error::Decode`] if the reply
    /// holds no catalogue, and what any call may end with.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// use agent_sdk::{actions::ServerStart, uses};
    ///
    /// let compatibility = agent.compatibility().await?;
    /// println!("{compatibility}");
    /// assert!(compatibility.supports(uses![ServerStart]));
    /// # Ok(()) }
    /// ```
    pub async fn compatibility(&self) -> Result<Compatibility, Error> {
        self.compatibility_with(ACTIONS).await
    }
}

impl Builder {
    /// Compares the agent's catalogue after every login, reconnects included, with the one that the
    /// SDK was generated from. The default is [`CatalogueCheck::Ignore`].
    ///
    /// The check is one call of `list_actions` before all others. With [`CatalogueCheck::Warn`] it
    /// delays none of them; with [`CatalogueCheck::Refuse`] they wait for it after a reconnect, for two
    /// seconds at most. A user that may not call it loses nothing: then there is no check. With
    /// [`Builder::uses`] it warns of what the application uses.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_sdk::{Agent, CatalogueCheck, actions::ServerStart, uses};
    ///
    /// let builder = Agent::builder("wss://agent.example")
    ///     .check_catalogue(CatalogueCheck::Warn)
    ///     .uses(uses![ServerStart]);
    /// ```
    pub fn check_catalogue(self, check: CatalogueCheck) -> Self {
        self.check_catalogue_against(ACTIONS, check)
    }
}
