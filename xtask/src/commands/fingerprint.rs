//! `fingerprint`: the certificate that an agent shows.

use agent_sdk::Certificate;
use serde::Serialize;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::{
    connection::Address, failure::Failure, output::FormatOption, progress, text::printable,
};

/// Show an agent's certificate: SHA-256 fingerprint, subject, issuer, validity
///
/// It is fetched without login and without trust: compare the fingerprint with what the agent's
/// own machine shows before you pin it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Fingerprint {
    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    address: Address,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask fingerprint --url wss://203.0.113.7:8090
  cargo xtask fingerprint --url wss://127.0.0.1 --format json";

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
}

impl Fingerprint {
    pub async fn run(self) -> Result<(), Failure> {
        let certificate = self.address.builder()?.certificate();
        let certificate = progress::with_progress("connecting", certificate).await?;
        let facts = Facts::of(&certificate)?;
        self.format.result(&facts, || facts.text())
    }
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
        })
    }

    fn text(&self) -> String {
        let issued = if self.self_issued { " (itself)" } else { "" };
        let expired = if self.valid_now { "" } else { " (not valid now)" };
        // Whoever made the certificate chose its names: each stays on its line.
        format!(
            "{}\nsubject     {}\nissuer      {}{issued}\nnot before  {}\nnot after   {}{expired}",
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
        };
        let text = facts.text();
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(
            text.contains(r"CN=a\nsha256:02") && text.contains(r"CN=\u{202e}b\u{9b}2J"),
            "{text}"
        );
    }
}
