//! The options for reaching an agent: the same for every command that connects.

use std::{path::PathBuf, time::Duration};

use agent_sdk::{Agent, Builder, Tls};
use clap::builder::FalseyValueParser;

use crate::{failure::Failure, output, password::PasswordOptions, progress};

/// What is waited unless somebody says otherwise; the SDK's own default, named here for `--help`.
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
    /// everyone to read
    #[arg(long, env = "AGENT_ALLOW_PLAINTEXT", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    allow_plaintext: bool,

    #[command(flatten)]
    trust: Trust,
}

/// Which certificate to trust; one of these, or none for what the system trusts.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Trust, one of (default: what the system trusts)")]
struct Trust {
    /// Trust the certificate with this fingerprint; `fingerprint` shows an agent's
    #[arg(long, value_name = "sha256:HEX", env = "AGENT_FINGERPRINT", hide_env_values = true)]
    fingerprint: Option<String>,

    /// Trust the authorities in this PEM file
    #[arg(long, value_name = "FILE", env = "AGENT_CA", hide_env_values = true)]
    ca: Option<PathBuf>,

    /// Trust on first use: remember each agent's certificate in this file, and refuse another one
    #[arg(long, value_name = "FILE", env = "AGENT_KNOWN_AGENTS", hide_env_values = true)]
    known_agents: Option<PathBuf>,

    /// Trust anybody: whoever is in between reads the password
    #[arg(long, env = "AGENT_DANGER_ACCEPT_ANY_CERTIFICATE", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    danger_accept_any_certificate: bool,
}

impl Address {
    /// A connection in the making, without credentials.
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

    /// A connection in the making, without credentials.
    pub fn builder(&self) -> Result<Builder, Failure> {
        let builder = self.address.builder()?.tls(self.trust.tls()?);
        Ok(builder.allow_plaintext(self.allow_plaintext))
    }

    /// Connects and logs in.
    pub async fn connect(&self) -> Result<Agent, Failure> {
        let builder = self.builder()?;
        let builder = builder.credentials(&self.username, self.password.read()?);
        Ok(progress::with_progress("connecting", builder.connect()).await?)
    }
}

impl Trust {
    fn tls(&self) -> Result<Tls, Failure> {
        let given = [
            self.fingerprint.is_some(),
            self.ca.is_some(),
            self.known_agents.is_some(),
            self.danger_accept_any_certificate,
        ];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(Failure::usage(
                "more than one way to trust: give one of --fingerprint, --ca, --known-agents and \
                 --danger-accept-any-certificate, by option or by variable (AGENT_FINGERPRINT, …)",
            ));
        }
        if let Some(fingerprint) = &self.fingerprint {
            return Tls::pinned(fingerprint).map_err(|error| Failure::usage(error.to_string()));
        }
        if let Some(file) = &self.ca {
            return Ok(Tls::ca_file(file)?);
        }
        if let Some(file) = &self.known_agents {
            return Ok(Tls::known_agents(file).on_first_meeting(|agent, fingerprint| {
                output::note(format!("remembered {agent} {fingerprint}"));
            }));
        }
        if self.danger_accept_any_certificate {
            return Ok(Tls::danger_accept_any_certificate());
        }
        Ok(Tls::system_roots())
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
