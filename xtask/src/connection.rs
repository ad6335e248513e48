//! The options for reaching agents: the same for every command that connects.

mod target;
mod trust;

use std::{env, sync::Once, time::Duration};

use agent_sdk::Agent;

pub use self::target::{Target, Targets};
use self::trust::{Trust, is_on};
use crate::{
    agents::{AgentsOption, BY_NAME, Entry},
    failure::Failure,
    output,
    password::PasswordOptions,
    program::Program,
};

/// Where the agents are, and how long to wait for them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Address {
    /// The agent: `wss://HOST[:PORT][/PATH]`, or `ws://` where it has no TLS; port 8090 and path
    /// `/ws` unless given [env: `AGENT_URL`]
    #[arg(long, conflicts_with_all = BY_NAME)]
    url: Option<String>,

    /// Time limit for connecting, and for the answer to each call [default: 10, or for a call what
    /// the overlay says of its action]
    #[arg(long, value_name = "SECONDS", env = "AGENT_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = seconds)]
    timeout: Option<Duration>,

    /// Wait so long for an agent that is not up yet: attempts follow each other as those to reconnect
    /// do, and none follows a rejected login [default: one attempt]
    #[arg(long, value_name = "SECONDS", env = "AGENT_WAIT", hide_env_values = true)]
    #[arg(value_parser = seconds)]
    wait: Option<Duration>,
}

/// All that a login needs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    #[command(flatten)]
    address: Address,

    /// Who logs in [env: `AGENT_USERNAME`] [default: root]
    #[arg(long, conflicts_with_all = BY_NAME)]
    username: Option<String>,

    #[command(flatten)]
    pub password: PasswordOptions,

    /// Let `ws://` be used with a host that is not this machine: the password travels in it for
    /// everyone to read [env: `AGENT_ALLOW_PLAINTEXT`]
    #[arg(long, conflicts_with_all = BY_NAME)]
    allow_plaintext: bool,

    #[command(flatten)]
    trust: Trust,

    #[command(flatten)]
    agents: AgentsOption,
}

impl Address {
    /// Returns the agents that are meant, for work without a login.
    pub fn targets(&self, agents: &AgentsOption) -> Result<Targets, Failure> {
        targets(agents, || self.unnamed(), |name, entry| Ok(self.named(name, entry)))
    }

    fn unnamed(&self) -> Result<Target, Failure> {
        let url = self.url.clone().map_or_else(|| variable("AGENT_URL"), |url| Ok(Some(url)))?;
        let url = url.ok_or_else(|| {
            Failure::usage("no agent: name it by --url URL or AGENT_URL, or by --agent NAME")
        })?;
        Ok(Target::new(url, self.timeout, self.wait))
    }

    fn named(&self, name: String, entry: Entry) -> Target {
        Target::of_entry(name, entry, self.timeout, self.wait)
    }
}

impl Connection {
    /// The time limit, if one was given.
    pub fn timeout(&self) -> Option<Duration> {
        self.address.timeout
    }

    /// Returns whether agents are meant by their names.
    pub fn is_by_name(&self) -> bool {
        !self.agents.is_empty()
    }

    /// Connects to the one agent that is meant, and logs in.
    pub async fn connect(&self) -> Result<Agent, Failure> {
        self.one()?.connect().await
    }

    /// Returns the agent that is meant, for a command that is about one.
    pub fn one(&self) -> Result<Target, Failure> {
        match self.targets()? {
            Targets::One(target) => Ok(*target),
            Targets::Several { all, .. } => Err(Failure::usage(format!(
                "this command compares with one agent, and {} are meant: name one by --agent NAME; \
                 `{} probe` tells of several whether their catalogues break",
                all.len(),
                Program::running().name()
            ))),
        }
    }

    /// Returns the agents that are meant.
    pub fn targets(&self) -> Result<Targets, Failure> {
        let targets = targets(
            &self.agents,
            || self.unnamed(),
            |name, entry| {
                let has_password = entry.has_password();
                let target = self.address.named(name, entry);
                if has_password && self.password.is_given() {
                    return Err(Failure::usage(format!(
                        "the file of agents says where the password of `{}` is: leave out the \
                         options that say it too",
                        target.shown_name()
                    )));
                }
                Ok(if has_password { target } else { target.password(self.password.clone()) })
            },
        )?;
        if matches!(targets, Targets::Several { .. }) && self.password.is_stdin() {
            return Err(Failure::usage(
                "standard input holds the password of one agent: for several, the file of agents \
                 says where each password is",
            ));
        }
        Ok(targets)
    }

    fn unnamed(&self) -> Result<Target, Failure> {
        let username = self.username.clone();
        let username =
            username.map_or_else(|| variable("AGENT_USERNAME"), |name| Ok(Some(name)))?;
        let allowed = is_on("AGENT_ALLOW_PLAINTEXT")? || self.allow_plaintext;
        if allowed {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                output::warning(
                    "plaintext is allowed: over ws:// anybody on the way reads the password",
                );
            });
        }
        let target = self.address.unnamed()?.trust(self.trust.way()?).allow_plaintext(allowed);
        let target = target.username(username.unwrap_or_else(|| "root".to_owned()));
        // Mistakes in the command line are reported before the password is read.
        let _ = target.builder()?;
        Ok(target.password(self.password.clone()))
    }
}

/// The agents that are named, or else the one that is not.
fn targets(
    agents: &AgentsOption,
    unnamed: impl FnOnce() -> Result<Target, Failure>,
    named: impl Fn(String, Entry) -> Result<Target, Failure>,
) -> Result<Targets, Failure> {
    if agents.is_empty() {
        return Ok(Targets::One(Box::new(unnamed()?)));
    }
    let all = agents.select()?.into_iter().map(|(name, entry)| named(name, entry));
    let mut all: Vec<_> = all.collect::<Result<_, _>>()?;
    match all.pop() {
        Some(one) if agents.names_one() => Ok(Targets::One(Box::new(one))),
        last => {
            all.extend(last);
            Ok(Targets::Several { all, one_by_one: agents.one_by_one })
        }
    }
}

/// A variable in place of an option; an empty one is how shells write one that is not set.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var_os(name).filter(|value| !value.is_empty()).map(std::ffi::OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}

/// A time as people type it: `10`, `0.5`.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0, such as 10 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_numbers_above_zero() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "0", "-1", "ten", "NaN", "inf", "1e30"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
