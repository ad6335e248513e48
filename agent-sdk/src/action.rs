//! What an action is to the SDK, and what the generator knows of all of them.

pub(crate) mod json;

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::decode::FromReply;

/// One action of the agent: the value holds its parameters.
///
/// The generator implements this for every action of the catalogue. Implement it yourself for an
/// action that the catalogue does not have, or use [`Agent::call_raw`](crate::Agent::call_raw).
///
/// # Examples
///
/// ```
/// use agent_sdk::{Action, Parameters, Reply};
///
/// struct BrandNew {
///     server: String,
///     limit: Option<u64>,
/// }
///
/// impl Action for BrandNew {
///     const NAME: &'static str = "brand_new";
///     type Output = Reply;
///
///     fn write_parameters(&self, parameters: &mut Parameters) {
///         parameters.add("server", &self.server);
///         parameters.add_optional("limit", self.limit.as_ref());
///     }
/// }
///
/// let action = BrandNew { server: "survival".to_owned(), limit: None };
/// assert_eq!(action.to_json()?, r#"{"server":"survival"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
//
// Not `Serialize`: its `serialize` is generic, so that one copy for each action would be compiled
// into each program. This took a quarter off the build of 1,000 generated actions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no complete action",
    label = "this has no `Action`: a parameter that the agent requires is not set",
    note = "each `Missing…` in its type stands for a required parameter: set it by the method of that \
            name, as in `.path(…)` for `MissingPath`"
)]
pub trait Action {
    /// The action's name on the wire.
    const NAME: &'static str;

    /// How long a call waits for its reply; `None` (the default) means the agent's default,
    /// [`Builder::call_timeout`](crate::Builder::call_timeout).
    const TIMEOUT: Option<Duration> = None;

    /// Whether the action only reads: it changes nothing on the agent's side, so that executing it
    /// twice is executing it once. `false` (the default) where the overlay does not say so.
    ///
    /// The SDK itself never sends a request twice; this is for those who decide to repeat a call
    /// whose [`Outcome`](crate::Outcome) is unknown.
    ///
    /// ```
    /// # #[cfg(feature = "actions")] {
    /// use agent_sdk::{Action, actions::{ServerStart, Servers}};
    ///
    /// assert!(Servers::READS);
    /// assert!(!ServerStart::READS);
    /// # }
    /// ```
    const READS: bool = false;

    /// What a successful reply is decoded into: [`Reply`](crate::Reply) where the answer is not
    /// described.
    type Output: FromReply;

    /// Writes the parameters; an action without any need not.
    fn write_parameters(&self, parameters: &mut Parameters) {
        let _ = parameters;
    }

    /// Returns the parameters as a JSON object, as a call sends them.
    ///
    /// # Errors
    ///
    /// One of them cannot be written as JSON.
    fn to_json(&self) -> serde_json::Result<String> {
        let mut parameters = Parameters::begin(Vec::new());
        self.write_parameters(&mut parameters);
        let buffer = parameters.end()?;
        String::from_utf8(buffer).map_err(serde::ser::Error::custom)
    }
}

/// Serialises the parameters of a call as a JSON object.
///
/// `Debug` shows none of them: one may be a password.
pub struct Parameters {
    /// Ends with what was written so far.
    buffer: Vec<u8>,
    empty: bool,
    /// Whether the next parameter is a secret.
    secret: bool,
    /// Whether this is for people to read: without secrets, and whole even if a value is no JSON.
    shown: bool,
    /// The first value that could not be written.
    error: Option<serde_json::Error>,
}

impl Parameters {
    /// Begins the object at the end of `buffer`.
    pub(crate) fn begin(mut buffer: Vec<u8>) -> Self {
        buffer.push(b'{');
        Self { buffer, empty: true, secret: false, shown: false, error: None }
    }

    /// Ends the object.
    pub(crate) fn end(mut self) -> serde_json::Result<Vec<u8>> {
        self.buffer.push(b'}');
        self.error.map_or(Ok(self.buffer), Err)
    }

    /// Marks the next parameter as a secret: `Debug` of a generated action hides it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use agent_sdk::Parameters;
    /// # fn write(parameters: &mut Parameters) {
    /// parameters.secret().add("password", "hunter2");
    /// # }
    /// ```
    pub fn secret(&mut self) -> &mut Self {
        self.secret = true;
        self
    }

    /// Adds a parameter by its name on the wire.
    ///
    /// A value that cannot be written as JSON, such as a NaN in it, fails the call before it is
    /// sent.
    // Never inlined: four copies in each action's `write_parameters` would cost as much to compile as the rest.
    #[inline(never)]
    pub fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.name(name);
        if std::mem::take(&mut self.secret) && self.shown {
            return self.buffer.extend_from_slice(br#""(hidden)""#);
        }
        let start = self.buffer.len();
        let mut written = json::write(&mut self.buffer, value);
        if let Err(error) = &written
            && self.shown
        {
            let error = format!("({error})");
            self.buffer.truncate(start);
            written = serde_json::to_writer(&mut self.buffer, &error);
        }
        // Named here, since the cause tells the value alone.
        self.keep(written.map_err(|error| {
            serde::ser::Error::custom(format_args!("the parameter `{name}`: {error}"))
        }));
    }

    /// Adds a parameter that may be left out.
    pub fn add_optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) {
        match value {
            Some(value) => self.add(name, value),
            None => self.secret = false,
        }
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.empty) {
            self.buffer.push(b',');
        }
        let written = serde_json::to_writer(&mut self.buffer, name);
        self.keep(written);
        self.buffer.push(b':');
    }

    fn keep(&mut self, written: serde_json::Result<()>) {
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}

/// `Debug` of a generated action: its name, and what it sends without its secrets.
///
/// One function for all actions, since a derived one each took a fifth of what they cost to compile.
///
/// # Errors
///
/// `f` takes no more.
pub fn debug<A: Action>(action: &A, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut parameters = Parameters { shown: true, ..Parameters::begin(Vec::new()) };
    action.write_parameters(&mut parameters);
    let shown = parameters.end().unwrap_or_default();
    write!(f, "{} {}", A::NAME, String::from_utf8_lossy(&shown))
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters").finish_non_exhaustive()
    }
}

/// One row of the generated table of actions: what the catalogue says, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// The agent's own words; empty where it has none.
    pub description: &'static str,
    /// The parameters, by name: those that the agent requires first, and its subject before them.
    pub parameters: &'static [ParameterInfo],
    /// Whether only the vendor's cloud may call it; such an action has no method.
    pub cloud_controller_only: bool,
    /// The first version of the agent that has it, if an older one is known that has not. Where it
    /// was away for a while, that with which it came back.
    pub since: Option<&'static str>,
    /// The last version of the agent that has it, if a newer one is known that has not.
    pub until: Option<&'static str>,
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
        Self { name, description, parameters, cloud_controller_only, since: None, until: None }
    }

    /// Names the first version of the agent that has it; the generated table calls it.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Names the last version of the agent that has it; the generated table calls it.
    #[must_use]
    pub const fn until(mut self, version: &'static str) -> Self {
        self.until = Some(version);
        self
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
    /// Whether some versions of the agent demand it, where it may be left out.
    pub required_by_some: bool,
    /// The first version of the agent with the parameter, of those that have the action, if an older
    /// one is known without it.
    pub since: Option<&'static str>,
    /// The last version of the agent with the parameter, of those that have the action, if a newer one
    /// is known without it.
    pub until: Option<&'static str>,
}

impl ParameterInfo {
    /// Makes an entry; the generated table calls it.
    #[must_use]
    pub const fn new(name: &'static str, word: &'static str, required: bool) -> Self {
        Self { name, word, required, required_by_some: false, since: None, until: None }
    }

    /// Says that some versions of the agent demand it; the generated table calls it.
    #[must_use]
    pub const fn required_by_some(mut self) -> Self {
        self.required_by_some = true;
        self
    }

    /// Names the first version of the agent that has it; the generated table calls it.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Names the last version of the agent that has it; the generated table calls it.
    #[must_use]
    pub const fn until(mut self, version: &'static str) -> Self {
        self.until = Some(version);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Reply;

    struct Odd<'a>(&'a BTreeMap<Vec<u8>, u8>, Option<&'a str>);

    impl Action for Odd<'_> {
        const NAME: &'static str = "odd";
        type Output = Reply;

        fn write_parameters(&self, parameters: &mut Parameters) {
            parameters.add("a \"quoted\" name", &1);
            parameters.add_optional("left out", self.1);
            if !self.0.is_empty() {
                parameters.add("bad", self.0);
            }
            parameters.add("last", &[1, 2]);
        }
    }

    #[test]
    fn names_are_escaped_and_what_is_none_is_left_out() {
        let json = Odd(&BTreeMap::new(), None).to_json().expect("it can be written");
        assert_eq!(json, r#"{"a \"quoted\" name":1,"last":[1,2]}"#);
        let json = Odd(&BTreeMap::new(), Some("x")).to_json().expect("it can be written");
        assert_eq!(json, r#"{"a \"quoted\" name":1,"left out":"x","last":[1,2]}"#);
    }

    struct Login(Option<f64>);

    impl Action for Login {
        const NAME: &'static str = "login";
        type Output = Reply;

        fn write_parameters(&self, parameters: &mut Parameters) {
            parameters.secret().add_optional("token", None::<&str>);
            parameters.add("user", "root");
            parameters.secret().add("password", "hunter2");
            parameters.add_optional("level", self.0.as_ref());
        }
    }

    impl fmt::Debug for Login {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            debug(self, f)
        }
    }

    #[test]
    fn an_action_is_shown_as_it_is_sent_but_for_its_secrets() {
        let shown = r#"login {"user":"root","password":"(hidden)"}"#;
        assert_eq!(format!("{:?}", Login(None)), shown);
        let sent = Login(None).to_json().expect("it can be written");
        assert_eq!(sent, r#"{"user":"root","password":"hunter2"}"#);
    }

    #[test]
    fn an_action_that_cannot_be_sent_is_shown_all_the_same() {
        let shown = r#"login {"user":"root","password":"(hidden)","level":"(NaN is a number that JSON does not have)"}"#;
        assert_eq!(format!("{:?}", Login(Some(f64::NAN))), shown);
    }

    #[test]
    fn a_value_that_is_no_json_is_an_error() {
        let keys = BTreeMap::from([(vec![1], 1)]);
        let error = Odd(&keys, None).to_json().expect_err("a list is no key");
        assert_eq!(error.to_string(), "the parameter `bad`: key must be a string");
    }
}
