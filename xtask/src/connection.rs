//! The options for reaching an agent: the same for every command that connects.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Once,
    time::Duration,
};

use agent_sdk::{Agent, Builder, CatalogueCheck, Tls};

use crate::{
    agents::{AgentsOption, Entry},
    failure::Failure,
    output,
    password::PasswordOptions,
    progress,
    text::printable,
};

/// The default time limit: the SDK's own, named here for `--help`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the agent is, and how long to wait for it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Address {
    /// The agent: `wss://HOST[:PORT][/PATH]`, or `ws://` where it has no TLS; port 8090 and path
    /// `/ws` unless given
    #[arg(long, env = "AGENT_URL", hide_env_values = true)]
    url: Option<String>,

    /// Time limit for connecting, and for the answer to each call [default: 10, or for a call what
    /// the overlay says of its action]
    #[arg(long, value_name = "SECONDS", env = "AGENT_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = seconds)]
    timeout: Option<Duration>,
}

/// All that a login needs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    #[command(flatten)]
    address: Address,

    /// Who logs in
    #[arg(long, env = "AGENT_USERNAME", hide_env_values = true, default_value = "root")]
    username: String,

    #[command(flatten)]
    pub password: PasswordOptions,

    /// Let `ws://` be used with a host that is not this machine: the password travels in it for
    /// everyone to read [env: `AGENT_ALLOW_PLAINTEXT`]
    #[arg(long)]
    allow_plaintext: bool,

    #[command(flatten)]
    trust: Trust,

    #[command(flatten)]
    pub agents: AgentsOption,
}

/// One agent to connect to.
pub struct Target {
    /// Its name in the file of agents, if that is where it comes from.
    name: Option<String>,
    builder: Builder,
    url: String,
    username: String,
    password: PasswordOptions,
}

/// Which certificate to trust; one of these, or none for what the system trusts.
///
/// Options are preferred to variables, which are read here and not by clap: what is not understood
/// in one of them is an error, and never means that more is trusted.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Trust, one of (default: what the system trusts)")]
struct Trust {
    /// Trust the certificate with this fingerprint; `fingerprint` shows an agent's. Several are given
    /// by several options, or with commas between them: so a new certificate can be announced [env:
    /// `AGENT_FINGERPRINT`]
    #[arg(long, value_name = "sha256:HEX", value_delimiter = ',')]
    fingerprint: Vec<String>,

    /// Trust the authorities in this PEM file [env: `AGENT_CA`]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Trust on first use: remember each agent's certificate in this file, and refuse another one
    /// [env: `AGENT_KNOWN_AGENTS`]
    #[arg(long, value_name = "FILE")]
    known_agents: Option<PathBuf>,

    /// Accept any certificate: an attacker in between reads the password [env:
    /// `AGENT_DANGER_ACCEPT_ANY_CERTIFICATE`]
    #[arg(long)]
    danger_accept_any_certificate: bool,
}

/// One way to trust a certificate.
enum Way {
    Fingerprints(Vec<String>),
    Authorities(PathBuf),
    KnownAgents(PathBuf),
    Anybody,
}

impl Address {
    /// Returns a builder without credentials.
    pub fn builder(&self) -> Result<Builder, Failure> {
        let url = self
            .url
            .as_ref()
            .ok_or_else(|| Failure::usage("no agent: name it by --url URL or AGENT_URL"))?;
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        Ok(Agent::builder(url).connect_timeout(timeout).call_timeout(timeout))
    }
}

impl Connection {
    /// The time limit, if one was given.
    pub fn timeout(&self) -> Option<Duration> {
        self.address.timeout
    }

    /// Returns a builder without credentials, of the one agent that is meant.
    pub fn builder(&self) -> Result<Builder, Failure> {
        Ok(self.target()?.builder)
    }

    /// Connects to the one agent that is meant, and logs in.
    pub async fn connect(&self) -> Result<Agent, Failure> {
        self.target()?.connect().await
    }

    /// The same, with [`Event::CatalogueChanged`](agent_sdk::Event::CatalogueChanged) among the
    /// agent's events: it asks for the catalogue after each login.
    pub async fn connect_and_check(&self) -> Result<Agent, Failure> {
        let mut target = self.target()?;
        target.builder = target.builder.check_catalogue_against(&[], CatalogueCheck::Warn);
        target.connect().await
    }

    fn target(&self) -> Result<Target, Failure> {
        let mut targets = self.targets()?;
        match (targets.pop(), targets.is_empty()) {
            (Some(target), true) => Ok(target),
            _ => Err(Failure::usage("this command is for one agent: name it by --agent NAME")),
        }
    }

    /// Returns all agents that are meant.
    pub fn targets(&self) -> Result<Vec<Target>, Failure> {
        if self.agents.is_empty() {
            return Ok(vec![self.unnamed()?]);
        }
        let named = self.agents.select()?.into_iter();
        named.map(|(name, entry)| self.named(name, entry)).collect()
    }

    fn named(&self, name: String, entry: Entry) -> Result<Target, Failure> {
        let of = |failure: Failure| {
            Failure::new(failure.exit, format!("agent `{}`: {failure}", printable(&name)))
        };
        let timeout = self.address.timeout.unwrap_or(TIMEOUT);
        let builder = Agent::builder(&entry.url).connect_timeout(timeout).call_timeout(timeout);
        let tls = Way::of_entry(&entry).map_or_else(|| Ok(Tls::system_roots()), Way::tls);
        let builder = builder.tls(tls.map_err(of)?).allow_plaintext(entry.allow_plaintext);
        let password = PasswordOptions::at(entry.password_file, entry.password_command);
        let Entry { url, username, .. } = entry;
        Ok(Target { name: Some(name), builder, url, username, password })
    }

    fn unnamed(&self) -> Result<Target, Failure> {
        let builder = self.address.builder()?.tls(self.trust.tls()?);
        let allowed = is_on("AGENT_ALLOW_PLAINTEXT")? || self.allow_plaintext;
        if allowed {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                output::warning(
                    "plaintext is allowed: over ws:// anybody on the way reads the password",
                );
            });
        }
        Ok(Target {
            name: None,
            builder: builder.allow_plaintext(allowed),
            url: self.address.url.clone().unwrap_or_default(),
            username: self.username.clone(),
            password: self.password.clone(),
        })
    }
}

impl Target {
    /// Its name, or else its URL.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.url.clone())
    }

    /// Returns a builder without credentials.
    pub fn builder(&self) -> Builder {
        self.builder.clone()
    }

    /// Connects and logs in, once.
    pub async fn connect(self) -> Result<Agent, Failure> {
        let builder = self.builder.credentials(&self.username, self.password.read()?);
        Ok(progress::with_progress("connecting", builder.connect()).await?)
    }
}

impl Trust {
    fn tls(&self) -> Result<Tls, Failure> {
        let variables = Way::of_variables()?;
        let mut ways = self.options();
        if ways.is_empty() {
            ways = variables;
        }
        if ways.len() > 1 {
            return Err(Failure::usage(
                "more than one way to trust: give one of --fingerprint, --ca, --known-agents and \
                 --danger-accept-any-certificate, or one of their variables (AGENT_FINGERPRINT, …)",
            ));
        }
        ways.pop().map_or_else(|| Ok(Tls::system_roots()), Way::tls)
    }

    fn options(&self) -> Vec<Way> {
        let ways = [
            (!self.fingerprint.is_empty()).then(|| Way::Fingerprints(self.fingerprint.clone())),
            self.ca.clone().map(Way::Authorities),
            self.known_agents.clone().map(Way::KnownAgents),
            self.danger_accept_any_certificate.then_some(Way::Anybody),
        ];
        ways.into_iter().flatten().collect()
    }
}

impl Way {
    /// The way that a file of agents names; it has been checked to be one at most.
    fn of_entry(entry: &Entry) -> Option<Self> {
        let fingerprints =
            (!entry.fingerprint.is_empty()).then(|| Self::Fingerprints(entry.fingerprint.clone()));
        fingerprints
            .or_else(|| entry.ca.clone().map(Self::Authorities))
            .or_else(|| entry.known_agents.clone().map(Self::KnownAgents))
    }

    /// The ways that variables name, each of which has to be understood.
    fn of_variables() -> Result<Vec<Self>, Failure> {
        let fingerprint = variable("AGENT_FINGERPRINT")?.map(|value| {
            // A lossy character is no hexadecimal digit, and refused like any other.
            Self::Fingerprints(value.to_string_lossy().split(',').map(str::to_owned).collect())
        });
        let ways = [
            fingerprint,
            variable("AGENT_CA")?.map(|path| Self::Authorities(path.into())),
            variable("AGENT_KNOWN_AGENTS")?.map(|path| Self::KnownAgents(path.into())),
            is_on("AGENT_DANGER_ACCEPT_ANY_CERTIFICATE")?.then_some(Self::Anybody),
        ];
        Ok(ways.into_iter().flatten().collect())
    }

    fn tls(self) -> Result<Tls, Failure> {
        match self {
            Self::Fingerprints(fingerprints) => {
                Tls::pinned_any(fingerprints).map_err(|error| Failure::usage(error.to_string()))
            }
            Self::Authorities(file) => Ok(Tls::ca_file(&file)?),
            Self::KnownAgents(file) => {
                Ok(Tls::known_agents(&file).on_first_meeting(|agent, fingerprint| {
                    output::note(format!("remembered {agent} {fingerprint}"));
                }))
            }
            Self::Anybody => {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    output::warning(
                        "any certificate is accepted: an attacker in between reads the password",
                    );
                });
                Ok(Tls::danger_accept_any_certificate())
            }
        }
    }
}

/// A variable that decides about trust: an empty one is a mistake, and no way to say nothing.
fn variable(name: &str) -> Result<Option<OsString>, Failure> {
    match env::var_os(name) {
        Some(value) if value.is_empty() => Err(Failure::usage(format!(
            "{name} is empty: give it a value, or unset it to leave it out"
        ))),
        value => Ok(value),
    }
}

/// Whether a variable switches something dangerous on. Only exact words count: `disabled` must not
/// mean yes, nor any spelling that this program does not know.
fn is_on(name: &str) -> Result<bool, Failure> {
    match env::var_os(name).as_deref().map(OsStr::to_str) {
        None | Some(Some("0" | "false")) => Ok(false),
        Some(Some("1" | "true")) => Ok(true),
        Some(_) => Err(Failure::usage(format!(
            "{name} is neither `true` or `1` nor `false` or `0`: use one of these words, or unset it"
        ))),
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
