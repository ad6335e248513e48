//! `fingerprint`: the certificate that an agent shows.

use std::fmt;

use agent_sdk::Certificate;
use serde::Serialize;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::{
    agents::AgentsOption,
    connection::{Address, Target},
    failure::Failure,
    fleet,
    output::FormatOption,
    text::printable,
};

/// Show an agent's certificate: SHA-256 fingerprint, subject, issuer, validity
///
/// It is fetched without login and without trust: compare the fingerprint with what the agent's
/// own machine shows before you pin it. Of an agent that is named, it is said whether the file of
/// agents pins this certificate.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Fingerprint {
    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    address: Address,

    #[command(flatten)]
    agents: AgentsOption,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask fingerprint --url wss://203.0.113.7:8090
  cargo xtask fingerprint --url wss://127.0.0.1 --format json
  cargo xtask fingerprint --all";

/// What is worth knowing of a certificate.
#[derive(Serialize)]
struct Facts {
    fingerprint: String,
    subject: String,
    issuer: String,
    self_issued: bool,
    not_before: String,
    not_after: String,
    /// Whether today is within its time; a pinned certificate is trusted beyond it.
    valid_now: bool,
    /// Whether the file of agents pins it; absent where no certificate is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<bool>,
}

impl Fingerprint {
    pub async fn run(self) -> Result<(), Failure> {
        fleet::run(self.address.targets(&self.agents)?, &self.format, look).await
    }
}

async fn look(target: Target) -> Result<Facts, Failure> {
    let facts = Facts::of(&target.certificate().await?)?;
    let pinned = target.pinned().map(|pinned| {
        let same = |one: &String| one.trim().eq_ignore_ascii_case(&facts.fingerprint);
        pinned.iter().any(same)
    });
    Ok(Facts { pinned, ..facts })
}

impl Facts {
    fn of(certificate: &Certificate) -> Result<Self, Failure> {
        let fingerprint = certificate.fingerprint().to_string();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).map_err(|error| {
            Failure::failed(format!(
                "the certificate {fingerprint} cannot be read as X.509: {error}"
            ))
        })?;
        let validity = parsed.validity();
        Ok(Self {
            fingerprint,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            self_issued: parsed.subject() == parsed.issuer(),
            not_before: validity.not_before.to_string(),
            not_after: validity.not_after.to_string(),
            valid_now: validity.is_valid(),
            pinned: None,
        })
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issued = if self.self_issued { " (itself)" } else { "" };
        let expired = if self.valid_now { "" } else { " (not valid now)" };
        let pinned = match self.pinned {
            Some(true) => "\npinned      yes",
            Some(false) => "\npinned      NO: the file of agents pins another certificate",
            None => "",
        };
        // The certificate's maker chose its names: each stays on its line.
        write!(
            f,
            "{}\nsubject     {}\nissuer      {}{issued}\nnot before  {}\nnot after   {}{expired}{pinned}",
            self.fingerprint,
            printable(&self.subject),
            printable(&self.issuer),
            self.not_before,
            self.not_after
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line break in a name forged a line that looked like a fingerprint.
    #[test]
    fn the_names_in_a_certificate_forge_no_line() {
        let facts = Facts {
            fingerprint: "sha256:01".to_owned(),
            subject: "CN=a\nsha256:02".to_owned(),
            issuer: "CN=\u{202e}b\u{9b}2J".to_owned(),
            self_issued: false,
            not_before: "then".to_owned(),
            not_after: "now".to_owned(),
            valid_now: true,
            pinned: None,
        };
        let text = facts.to_string();
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(
            text.contains(r"CN=a\nsha256:02") && text.contains(r"CN=\u{202e}b\u{9b}2J"),
            "{text}"
        );
    }
}
