//! Which certificate to trust: the options, their variables, and what a file of agents says.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Once,
};

use agent_sdk::Tls;

use crate::{
    agents::{BY_NAME, Entry},
    failure::Failure,
    output,
    program::Program,
};

/// Which certificate to trust; one of these, or none for what the system trusts.
///
/// Options are preferred to variables, which are read here and not by clap: what is not understood
/// in one of them is an error, and never means that more is trusted.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Trust, one of (default: what the system trusts)")]
pub struct Trust {
    /// Trust the certificate with this fingerprint; `fingerprint` shows an agent's. Several are given
    /// by several options, or with commas between them: so a new certificate can be announced [env:
    /// `AGENT_FINGERPRINT`]
    #[arg(long, value_name = "sha256:HEX", value_delimiter = ',', conflicts_with_all = BY_NAME)]
    fingerprint: Vec<String>,

    /// Trust the authorities in this PEM file [env: `AGENT_CA`]
    #[arg(long, value_name = "FILE", conflicts_with_all = BY_NAME)]
    ca: Option<PathBuf>,

    /// Trust on first use: remember each agent's certificate in this file, and refuse another one
    /// [env: `AGENT_KNOWN_AGENTS`]
    #[arg(long, value_name = "FILE", conflicts_with_all = BY_NAME)]
    known_agents: Option<PathBuf>,

    /// Accept any certificate: an attacker in between reads the password [env:
    /// `AGENT_DANGER_ACCEPT_ANY_CERTIFICATE`]
    #[arg(long, conflicts_with_all = BY_NAME)]
    danger_accept_any_certificate: bool,
}

/// One way to trust a certificate.
#[derive(Clone)]
pub enum Way {
    Fingerprints(Vec<String>),
    Authorities(PathBuf),
    KnownAgents(PathBuf),
    Anybody,
}

impl Trust {
    /// The one way that is meant; `None` for what the system trusts.
    pub fn way(&self) -> Result<Option<Way>, Failure> {
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
        Ok(ways.pop())
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
    pub fn of_entry(entry: &Entry) -> Option<Self> {
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

    /// Reads what it needs.
    pub fn tls(self) -> Result<Tls, Failure> {
        match self {
            Self::Fingerprints(fingerprints) => {
                let program = Program::running().name();
                let wrong = |error| format!("{error}; `{program} fingerprint` shows an agent's");
                Tls::pinned_any(fingerprints).map_err(|error| Failure::usage(wrong(error)))
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

/// Returns whether a variable switches something dangerous on. Only exact words count: `disabled`
/// must not mean yes, nor any spelling that this program does not know.
pub fn is_on(name: &str) -> Result<bool, Failure> {
    match env::var_os(name).as_deref().map(OsStr::to_str) {
        None | Some(Some("0" | "false")) => Ok(false),
        Some(Some("1" | "true")) => Ok(true),
        Some(_) => Err(Failure::usage(format!(
            "{name} is neither `true` or `1` nor `false` or `0`: use one of these words, or unset it"
        ))),
    }
}
