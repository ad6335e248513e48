//! What an action is to the SDK, and what the generator knows of all of them.

use std::time::Duration;

use serde::Serialize;

use crate::reply::FromReply;

/// One action of the agent: the value holds its parameters.
///
/// The generator implements this for every action of the catalogue. Implement it yourself for an
/// action that the catalogue does not have, or use [`Agent::call_raw`](crate::Agent::call_raw).
///
/// The value must serialise as a JSON object; its keys are the parameters' names on the wire.
///
/// # Examples
///
/// ```
/// use agent_sdk::{Action, Reply};
///
/// #[derive(serde::Serialize)]
/// struct BrandNew {
///     server: String,
/// }
///
/// impl Action for BrandNew {
///     const NAME: &'static str = "brand_new";
///     type Output = Reply;
/// }
/// ```
pub trait Action: Serialize {
    /// The action's name on the wire.
    const NAME: &'static str;

    /// How long a call waits for its reply; `None` (the default) means the agent's default,
    /// [`Builder::call_timeout`](crate::Builder::call_timeout).
    const TIMEOUT: Option<Duration> = None;

    /// What a successful reply is turned into: [`Reply`](crate::Reply) where nobody has described
    /// the answer.
    type Output: FromReply;
}

/// One row of the generated table of actions: what the catalogue says, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// The agent's own words; empty where it has none.
    pub description: &'static str,
    /// The parameters: those that the agent demands first, in the order of the arguments of `new`.
    pub parameters: &'static [ParameterInfo],
    /// Whether only the vendor's cloud may call it; such an action has no method.
    pub cloud_controller_only: bool,
}

impl ActionInfo {
    /// Makes a row; the generated table calls it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        description: &'static str,
        parameters: &'static [ParameterInfo],
        cloud_controller_only: bool,
    ) -> Self {
        Self { name, description, parameters, cloud_controller_only }
    }
}

/// One parameter in the generated table of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// The catalogue's word for the data type; empty where it has none.
    pub word: &'static str,
    /// Whether the agent demands it.
    pub required: bool,
}

impl ParameterInfo {
    /// Makes an entry; the generated table calls it.
    #[must_use]
    pub const fn new(name: &'static str, word: &'static str, required: bool) -> Self {
        Self { name, word, required }
    }
}
