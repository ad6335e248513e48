//! `fingerprint`: the certificate that an agent shows.

use agent_sdk::Certificate;
use serde::Serialize;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::{
    connection::Address,
    failure::Failure,
    output::{FormatOption, printable},
    progress,
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
        let text = format!(
            "{}\nsubject     {}\nissuer      {}{issued}\nnot before  {}\nnot after   {}{expired}",
            self.fingerprint, self.subject, self.issuer, self.not_before, self.not_after
        );
        // Whoever made the certificate chose its names.
        printable(&text).into_owned()
    }
}
