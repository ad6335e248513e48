//! The options for reaching agents: the same for every command that connects.

mod target;
mod trust;

use std::{sync::Once, time::Duration};

use agent_sdk::Agent;

pub use self::target::{Target, Targets};
use self::trust::{Trust, is_on};
use crate::{
    agents::{AgentsOption, BY_NAME, Entry},
    environment::{self, seconds},
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
    /// the overlay says of its action] [env: `AGENT_TIMEOUT`]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Wait so long for an agent that is not up yet: attempts follow each other as those to reconnect
    /// do, and none follows a rejected login [default: one attempt] [env: `AGENT_WAIT`]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
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
        targets(agents, || self.unnamed(), |name, entry| self.named(name, entry))
    }

    fn unnamed(&self) -> Result<Target, Failure> {
        let url = typed_or(self.url.clone(), || environment::text("AGENT_URL"))?;
        let url = url.ok_or_else(|| {
            Failure::usage("no agent: name it by --url URL or AGENT_URL, or by --agent NAME")
        })?;
        Ok(Target::new(url, self.timeout()?, self.wait()?))
    }

    fn named(&self, name: String, entry: Entry) -> Result<Target, Failure> {
        Ok(Target::of_entry(name, entry, self.timeout()?, self.wait()?))
    }

    fn timeout(&self) -> Result<Option<Duration>, Failure> {
        typed_or(self.timeout, || environment::time("AGENT_TIMEOUT"))
    }

    fn wait(&self) -> Result<Option<Duration>, Failure> {
        typed_or(self.wait, || environment::time("AGENT_WAIT"))
    }
}

impl Connection {
    /// The time limit, if one was given.
    pub fn timeout(&self) -> Result<Option<Duration>, Failure> {
        self.address.timeout()
    }

    /// Refuses an agent that was typed where none is asked: the result would be taken for its answer.
    pub fn refuse_agent(&self, remedy: &str) -> Result<(), Failure> {
        let Some(option) = self.address.url.as_ref().map(|_| "--url").or(self.agents.typed())
        else {
            return Ok(());
        };
        Err(Failure::usage(format!("{option} names an agent, and none is asked: {remedy}")))
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
                let target = self.address.named(name, entry)?;
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
        let username = username(self.username.clone())?;
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
        let target = target.username(username);
        // Mistakes in the command line are reported before the password is read.
        let _ = target.builder()?;
        Ok(target.password(self.password.clone()))
    }
}

/// Who logs in, where the file of agents does not say it.
pub fn username(typed: Option<String>) -> Result<String, Failure> {
    let username = typed_or(typed, || environment::text("AGENT_USERNAME"))?;
    Ok(username.unwrap_or_else(|| "root".to_owned()))
}

/// The value of an option, or else that of its variable.
fn typed_or<T>(
    typed: Option<T>,
    variable: impl FnOnce() -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    typed.map_or_else(variable, |typed| Ok(Some(typed)))
}

/// The agents that are named, or else the one that is not.
fn targets(
    agents: &AgentsOption,
    unnamed: impl FnOnce() -> Result<Target, Failure>,
    named: impl Fn(String, Entry) -> Result<Target, Failure>,
) -> Result<Targets, Failure> {
    if agents.is_empty() {
        agents.refuse_file()?;
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
