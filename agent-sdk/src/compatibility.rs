//! Whether the connected agent still has what the SDK was generated from.
//!
//! An agent replaces its own binary and starts again: the catalogue can be another one tomorrow, or
//! behind the next reconnect.

mod catalogue;
mod compare;
mod fingerprint;
#[cfg(feature = "actions")]
mod generated;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

pub use self::compare::{ActionChange, Fit};
pub(crate) use self::watch::{Check, check_first, watch};
use self::{
    catalogue::{Action, Catalogue},
    compare::compare,
};
use crate::{
    action::ActionInfo,
    agent::Agent,
    call::Call,
    connection::Shared,
    error::{DecodeError, Error},
    reply::Reply,
    wire::Request,
};

/// What is done after every login about a catalogue that is not the one the SDK was generated from;
/// see [`Builder::check_catalogue`](crate::Builder::check_catalogue).
///
/// In code that was generated for several versions of the agent, it is no change that this version lacks
/// what the table says not all of them have; a call of an action that it lacks is not sent all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogueCheck {
    /// Nothing is asked. The default: the check costs one request at each login, whose answer is as
    /// large as the catalogue, and an agent rejects what it does not have anyway.
    #[default]
    Ignore,
    /// What the application uses and does not work any more is logged as a warning. From then on, calls
    /// of actions that are gone end with [`NotSent::ActionGone`](crate::NotSent::ActionGone).
    Warn,
    /// As [`Warn`](Self::Warn); besides, `connect` fails with
    /// [`ConnectError::Incompatible`](crate::ConnectError::Incompatible), and calls of actions that do
    /// not work as they did ([`Fit::Partly`] and worse) end with
    /// [`NotSent::ActionChanged`](crate::NotSent::ActionChanged). After a reconnect, calls wait for the
    /// check, also those that were made before it, so that none of them meets an agent that has changed:
    /// as long as the answer takes, and two seconds at most.
    Refuse,
}

/// The actions that an application uses; [`uses!`](crate::uses) makes it at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses(&'static [&'static str]);

impl Uses {
    /// Takes the names of actions on the wire.
    ///
    /// # Examples
    ///
    /// ```
    /// let uses = agent_sdk::Uses::new(&["server_start", "brand_new_action"]);
    /// assert_eq!(uses.names().len(), 2);
    /// ```
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        Self(names)
    }

    /// Returns the names on the wire.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        self.0
    }
}

/// Lists the actions that an application uses, at compile time: an action that the generated code
/// does not have any more breaks the build.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "actions")] {
/// use agent_sdk::{Uses, actions::{ServerStart, Subscribe}, uses};
///
/// const USES: Uses = uses![ServerStart, Subscribe];
/// assert_eq!(USES.names(), ["server_start", "subscribe"]);
/// # }
/// ```
#[macro_export]
macro_rules! uses {
    ($($action:ty),* $(,)?) => {
        $crate::Uses::new(&[$(<$action as $crate::Action>::NAME),*])
    };
}

/// How an action of the generated table fares at the connected agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionCompatibility {
    name: String,
    fit: Fit,
    changes: Vec<ActionChange>,
    /// The table is of several versions, and says of whatever does not work that not all of them have
    /// it.
    foreseen: bool,
}

impl ActionCompatibility {
    fn new(info: &ActionInfo, live: Option<&Action>) -> Self {
        let known = info.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>();
        let changes = compare(&Action::of_table(info), &known, live);
        let fit = changes.iter().map(ActionChange::fit).max().unwrap_or(Fit::Identical);
        let mut broken = changes.iter().filter(|change| change.fit() > Fit::Compatible);
        let foreseen = fit > Fit::Compatible && broken.all(|change| change.is_foreseen(info));
        Self { name: info.name.to_owned(), fit, changes, foreseen }
    }

    /// An action that is not in the table, nor at the agent.
    fn missing(name: &str) -> Self {
        let changes = vec![ActionChange::Removed];
        Self { name: name.to_owned(), fit: Fit::Gone, changes, foreseen: false }
    }

    /// The action's name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How well it works: as well as its worst change allows.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// What has changed of it.
    #[must_use]
    pub fn changes(&self) -> &[ActionChange] {
        &self.changes
    }

    /// What has changed of it, on one line.
    fn changes_line(&self) -> String {
        let mut shown: Vec<_> =
            self.changes.iter().take(SHOWN_CHANGES).map(ToString::to_string).collect();
        let more = self.changes.len() - shown.len();
        shown.extend((more > 0).then(|| format!("and {more} more")));
        shown.join("; ")
    }
}

/// So many changes of one action are shown: it is the agent that says how many there are.
const SHOWN_CHANGES: usize = 8;

impl fmt::Display for ActionCompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}", self.name, self.fit)?;
        if self.changes.is_empty() { Ok(()) } else { write!(f, ": {}", self.changes_line()) }
    }
}

/// The catalogue of the connected agent beside the generated table;
/// [`Agent::compatibility`] compares them.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "actions")]
/// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
/// use agent_sdk::{actions::{ServerStart, Subscribe}, uses};
///
/// let compatibility = agent.compatibility().await?;
/// for problem in compatibility.problems(uses![ServerStart, Subscribe]) {
///     eprintln!("{problem}");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compatibility {
    actions: BTreeMap<String, ActionCompatibility>,
    /// What a client may call at the agent.
    callable: BTreeSet<String>,
    fingerprint: u64,
}

impl Compatibility {
    fn between(table: &[ActionInfo], live: &Catalogue) -> Self {
        let actions = table.iter().filter(|info| !info.cloud_controller_only).map(|info| {
            (info.name.to_owned(), ActionCompatibility::new(info, live.0.get(info.name)))
        });
        let callable = live.0.iter().filter(|(_, action)| action.callable);
        Self {
            actions: actions.collect(),
            callable: callable.map(|(name, _)| name.clone()).collect(),
            fingerprint: live.fingerprint(),
        }
    }

    /// Each action of the table, by name.
    pub fn actions(&self) -> impl Iterator<Item = &ActionCompatibility> {
        self.actions.values()
    }

    /// One action of the table, by its name on the wire.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&ActionCompatibility> {
        self.actions.get(name)
    }

    /// Returns whether every action of the table fares at least so well.
    #[must_use]
    pub fn is_at_least(&self, fit: Fit) -> bool {
        self.actions().all(|action| action.fit <= fit)
    }

    /// Returns whether everything that the application uses still works as it did.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// let uses = agent_sdk::uses![agent_sdk::actions::ServerStart];
    /// if !agent.compatibility().await?.supports(uses) {
    ///     eprintln!("update this program before the next restart");
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn supports(&self, uses: Uses) -> bool {
        self.problems(uses).is_empty()
    }

    /// Returns those of the application's actions that do not work as they did, by name.
    #[must_use]
    pub fn problems(&self, uses: Uses) -> Vec<ActionCompatibility> {
        let found = uses.names().iter().filter_map(|name| match self.actions.get(*name) {
            Some(found) => Some(found.clone()),
            // An action of the application's own: it is there, or it is not.
            None if self.callable.contains(*name) => None,
            None => Some(ActionCompatibility::missing(name)),
        });
        found.filter(|action| action.fit > Fit::Compatible).collect()
    }

    /// Names of actions that the agent has for clients and the table has not.
    pub fn added(&self) -> impl Iterator<Item = &str> {
        let known = |name: &&String| !self.actions.contains_key(*name);
        self.callable.iter().filter(known).map(String::as_str)
    }

    /// A number for the agent's whole catalogue, for telling one from another. It depends neither on
    /// the order nor on descriptions.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn broken(&self) -> impl Iterator<Item = &ActionCompatibility> {
        self.actions().filter(|action| action.fit > Fit::Compatible)
    }
}

/// `110 identical, 1 compatible, 1 gone; 3 new`.
impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Fit::{Compatible, Gone, Identical, Incompatible, Partly};
        let mut separator = "";
        for fit in [Identical, Compatible, Partly, Incompatible, Gone] {
            let count = self.actions().filter(|action| action.fit == fit).count();
            if count > 0 {
                write!(f, "{separator}{count} {fit}")?;
                separator = ", ";
            }
        }
        match self.added().count() {
            0 => Ok(()),
            added => write!(f, "; {added} new"),
        }
    }
}

impl ActionInfo {
    /// A number for what the catalogue says of the action, for telling one version of it from another.
    ///
    /// It depends on the name, on whether only the vendor's cloud may call it, and on the name, the
    /// word and the necessity of each parameter that the catalogue describes; neither on their order,
    /// nor on descriptions, nor on the parameters that only the overlay knows. It is FNV-1a, 64 bits,
    /// over these UTF-8 texts, each followed by the byte `0xff`: the name; `callable` or `cloud`; and
    /// for each parameter, sorted by name, its name, its word, and `required` or `optional`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "actions")] {
    /// let action = &agent_sdk::actions::ACTIONS[0];
    /// println!("{}: {:016x}", action.name, action.fingerprint());
    /// # }
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        Action::of_table(self).fingerprint(self.name)
    }
}

impl Agent {
    /// Compares the connected agent's catalogue with a generated table, such as that of code that was
    /// generated into another crate.
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
    /// use agent_sdk::{ActionInfo, Fit};
    ///
    /// /// In a real crate, the table that `agent_codegen::build` wrote.
    /// const ACTIONS: &[ActionInfo] = &[ActionInfo::new("whoami", "", &[], false)];
    ///
    /// let compatibility = agent.compatibility_with(ACTIONS).await?;
    /// println!("{compatibility}");
    /// assert!(compatibility.is_at_least(Fit::Compatible));
    /// # Ok(()) }
    /// ```
    pub async fn compatibility_with(&self, table: &[ActionInfo]) -> Result<Compatibility, Error> {
        ask(self.shared(), table, false).await
    }
}

/// Asks for the catalogue, `first` of all calls or not, and compares it with a table.
async fn ask(
    shared: &Arc<Shared>,
    table: &[ActionInfo],
    first: bool,
) -> Result<Compatibility, Error> {
    let request = Request::new("list_actions", &());
    let call = Call::of_connection(shared, "list_actions", request);
    let reply: Reply = if first { call.goes_first().await? } else { call.await? };
    let Some(live) = Catalogue::of_reply(&reply.parameters()?) else {
        let problem = serde::de::Error::custom("it holds no catalogue of actions");
        return Err(Error::Decode(Box::new(DecodeError::new(".", reply, &problem))));
    };
    Ok(Compatibility::between(table, &live))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ParameterInfo;

    const SERVER: ParameterInfo = ParameterInfo::new("server", "str", true);
    const BY: ParameterInfo = ParameterInfo::new("by", "int", true);
    const BY_FLOAT: ParameterInfo = ParameterInfo::new("by", "float", true);
    const BY_OPTIONAL: ParameterInfo = ParameterInfo::new("by", "int", false);
    /// Only the overlay knows it.
    const NOTE: ParameterInfo = ParameterInfo::new("note", "", false);

    fn fingerprint(
        name: &'static str,
        description: &'static str,
        parameters: &'static [ParameterInfo],
        cloud: bool,
    ) -> u64 {
        ActionInfo::new(name, description, parameters, cloud).fingerprint()
    }

    #[test]
    fn a_fingerprint_depends_on_what_the_catalogue_says_and_not_on_how() {
        let one = fingerprint("move", "Moves", &[SERVER, BY], false);
        for same in [
            fingerprint("move", "", &[SERVER, BY], false),
            fingerprint("move", "Moves", &[BY, SERVER], false),
            fingerprint("move", "Moves", &[BY, NOTE, SERVER], false),
        ] {
            assert_eq!(one, same);
        }
        for other in [
            fingerprint("moved", "Moves", &[SERVER, BY], false),
            fingerprint("move", "Moves", &[SERVER], false),
            fingerprint("move", "Moves", &[SERVER, BY], true),
            fingerprint("move", "Moves", &[SERVER, BY_FLOAT], false),
            fingerprint("move", "Moves", &[SERVER, BY_OPTIONAL], false),
        ] {
            assert_ne!(one, other);
        }
    }

    /// It is written down elsewhere, so it has to be the same tomorrow.
    #[test]
    fn a_fingerprint_is_the_one_that_the_documentation_defines() {
        let defined = "move\u{0}callable\u{0}by\u{0}int\u{0}required\u{0}";
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in defined.bytes().map(|byte| if byte == 0 { 0xff } else { byte }) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        assert_eq!(fingerprint("move", "Moves", &[BY], false), hash);
    }
}
