//! `probe`: whether agents are well, for people and for monitoring.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use agent_codegen::{
    Overlay,
    diff::{Diff, Side, Verdict},
};
use agent_sdk::{Agent, ServerState};
use serde::Serialize;
use serde_json::Value;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::PASSWORD_HELP;
use crate::{
    connection::{Connection, Target},
    environment::seconds,
    failure::{Exit, Failure},
    fleet,
    known::Known,
    live,
    output::{self, FormatOption},
    project::ProjectOption,
    text::printable,
};

/// Check that agents are well: reachable, login, certificate, version, catalogue, servers
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{PASSWORD_HELP}\n\n{AFTER_HELP}"))]
pub struct Probe {
    #[command(flatten)]
    format: FormatOption<Format>,

    /// How long before its expiry a certificate is a warning
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1209600")]
    expiry: Duration,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One line for each agent
    Json,
    /// One line, and the exit codes of Nagios: 0 ok, 1 warning, 2 critical, 3 unknown
    Nagios,
    /// The text format of Prometheus
    Prometheus,
}

const AFTER_HELP: &str = "\
An agent that cannot be reached or refuses the login is critical, a certificate
that expires soon and a catalogue that breaks this program's are warnings. An
entry or a command line that is wrong is unknown.

Examples:
  cargo xtask probe
  cargo xtask probe --all --format prometheus
  cargo xtask probe --agent eu-1 --format nagios";

/// What was found of one agent that is up.
#[derive(Serialize)]
struct Findings {
    version: Option<String>,
    /// Until when its certificate is valid, in seconds from now; `null` without TLS.
    certificate_expires_in: Option<i64>,
    /// What of this program's catalogue breaks at it; `null` where it may not be asked.
    catalogue: Option<Verdict>,
    /// The servers by state; `null` where they may not be asked for.
    servers: Option<BTreeMap<String, usize>>,
    seconds: f64,
    /// What is worth a look.
    warnings: Vec<String>,
}

impl Probe {
    pub async fn run(self) -> Result<(), Failure> {
        let known = Known::find_if_any(&self.project)?;
        let (targets, one_by_one) = match self.connection.targets() {
            Ok(targets) => targets.into_all(),
            Err(why) if self.format.format == Format::Nagios => return nagios_unknown(&why),
            Err(why) => return Err(why),
        };
        let mut outcomes = Vec::new();
        let probe = |target| probe(target, known.as_ref(), self.expiry);
        let verdict = fleet::each(targets, one_by_one, probe, |outcome| {
            outcomes.push((outcome.agent, outcome.result));
            Ok(())
        })
        .await;
        self.tell(&outcomes)?;
        let is_nagios = self.format.format == Format::Nagios;
        if is_nagios { Severity::of_all(&outcomes).exit() } else { verdict }
    }

    fn tell(&self, rows: &[(String, Row)]) -> Result<(), Failure> {
        match self.format.format {
            Format::Text => output::result(&lines(rows, text)),
            Format::Json => output::raw(&lines(rows, json)),
            Format::Nagios => output::result(&nagios(rows)),
            Format::Prometheus => output::result(prometheus(rows).trim_end()),
        }
    }
}

/// One agent: what was found, or why nothing was.
type Row = Result<Findings, Failure>;

/// How an agent is, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Ok,
    Warning,
    /// It could not be asked, since the command line or its entry is wrong.
    Unknown,
    Critical,
}

impl Severity {
    fn of(row: &Row) -> Self {
        match row {
            Err(why) if why.exit == Exit::Usage => Self::Unknown,
            Err(_) => Self::Critical,
            Ok(found) if found.warnings.is_empty() => Self::Ok,
            Ok(_) => Self::Warning,
        }
    }

    /// The gravest of all agents.
    fn of_all(rows: &[(String, Row)]) -> Self {
        rows.iter().map(|(_, row)| Self::of(row)).max().unwrap_or(Self::Ok)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// As Nagios numbers them; the numbers are those of the first exit codes here.
    fn exit(self) -> Result<(), Failure> {
        match self {
            Self::Ok => Ok(()),
            Self::Warning => Err(Failure::silent(Exit::CheckFailed)),
            Self::Unknown => Err(Failure::silent(Exit::Failed)),
            Self::Critical => Err(Failure::silent(Exit::Usage)),
        }
    }
}

async fn probe(
    target: Target,
    known: Option<&Known>,
    expiry: Duration,
) -> Result<Findings, Failure> {
    let began = Instant::now();
    let agent = target.connect().await?;
    let builder = target.builder()?;
    // Side by side: what an agent does not answer costs one time limit, and not one for each.
    let asking = async {
        tokio::join!(
            builder.clone().certificate(),
            builder.health(),
            drift(&agent, known),
            servers(&agent),
        )
    };
    let (certificate, health, catalogue, servers) =
        target.while_it_takes("asking how it is", asking).await;
    agent.close().await;
    // Without TLS there is none.
    let expires = certificate.ok().and_then(|certificate| expires_in(certificate.der()));
    let health = health.ok();
    let mut warnings = Vec::new();
    if let Some(seconds) = expires.filter(|seconds| *seconds < limit(expiry)) {
        let warning = if seconds < 0 {
            "its certificate has expired"
        } else {
            "its certificate expires soon"
        };
        warnings.push(warning.to_owned());
    }
    if catalogue == Some(Verdict::Breaking) {
        warnings.push("its catalogue breaks what this program knows".to_owned());
    }
    Ok(Findings {
        version: health.and_then(|health| health.version().map(str::to_owned)),
        certificate_expires_in: expires,
        catalogue,
        servers,
        seconds: began.elapsed().as_secs_f64(),
        warnings,
    })
}

/// A time in whole seconds, to be compared with one that may have passed.
fn limit(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn expires_in(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let now = x509_parser::time::ASN1Time::now().timestamp();
    Some(certificate.validity().not_after.timestamp() - now)
}

/// What of the known catalogue breaks at the agent; nothing where it does not tell.
async fn drift(agent: &Agent, known: Option<&Known>) -> Option<Verdict> {
    let known = known?;
    let reply = agent.call_raw("list_actions", ()).await.ok()?;
    let (snapshot, _) = live::snapshot(agent, &reply).ok()?;
    let overlay = Overlay::default();
    let (old, new) = (Side::new(&known.snapshot, &overlay), Side::new(&snapshot, &overlay));
    Some(Diff::between(&old, &new).verdict())
}

/// The servers counted by state, whatever the shape of the answer.
async fn servers(agent: &Agent) -> Option<BTreeMap<String, usize>> {
    let reply = agent.call_raw("servers", ()).await.ok()?;
    let answer: Value = reply.parameters().ok()?;
    let list = answer.get("servers").unwrap_or(&answer);
    let servers: Vec<&Value> = match list {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => return None,
    };
    let mut states = BTreeMap::new();
    for server in servers {
        let state = server.get("state").or_else(|| server.get("status")).and_then(Value::as_str);
        let state = state.map_or_else(
            || "unknown".to_owned(),
            |state| ServerState::new(state).word().to_lowercase(),
        );
        *states.entry(printable(&state)).or_default() += 1;
    }
    Some(states)
}

fn lines(rows: &[(String, Row)], line: impl Fn(&str, &Row) -> String) -> String {
    rows.iter().map(|(agent, row)| line(agent, row)).collect::<Vec<_>>().join("\n")
}

fn text(agent: &str, row: &Row) -> String {
    let agent = printable(agent);
    match row {
        Err(why) => format!("{agent}: {}: {why}", Severity::of(row).word()),
        Ok(found) => {
            let version = found.version.as_deref().map(printable);
            let mut line = format!("{agent}: version {}", version.as_deref().unwrap_or("unknown"));
            if let Some(seconds) = found.certificate_expires_in {
                // Writing to a string cannot fail, here and below.
                let days = seconds.abs() / (24 * 60 * 60);
                let _ = match seconds {
                    0.. => write!(line, ", certificate for {days} days"),
                    _ => write!(line, ", certificate expired {days} days ago"),
                };
            }
            for (state, count) in found.servers.iter().flatten() {
                let _ = write!(line, ", {count} {state}");
            }
            for warning in &found.warnings {
                let _ = write!(line, "\n  warning: {warning}");
            }
            line
        }
    }
}

fn json(agent: &str, row: &Row) -> String {
    let value = match row {
        Ok(found) => serde_json::json!({ "agent": agent, "up": true, "found": found }),
        Err(why) => serde_json::json!({ "agent": agent, "up": false, "error": why.to_string() }),
    };
    crate::json::compact(&value.to_string())
}

fn nagios(rows: &[(String, Row)]) -> String {
    let mut said = Vec::new();
    for (agent, row) in rows {
        match row {
            Err(why) => {
                said.push(format!("{}: {}", printable(agent), printable(&why.to_string())));
            }
            Ok(found) => {
                let agent = printable(agent);
                said.extend(found.warnings.iter().map(|warning| format!("{agent}: {warning}")));
            }
        }
    }
    let state = Severity::of_all(rows).word().to_uppercase();
    // A bar would begin the performance data.
    let said = if said.is_empty() { "all is well".to_owned() } else { said.join("; ") };
    let up = rows.iter().filter(|(_, row)| row.is_ok()).count();
    format!("AGENTS {state} - {} | up={up};;;0;{}", said.replace('|', "/"), rows.len())
}

/// Nothing could be probed, and Nagios shows what is on standard output alone.
fn nagios_unknown(why: &Failure) -> Result<(), Failure> {
    let why = printable(&why.to_string()).replace('|', "/");
    output::result(&format!("AGENTS UNKNOWN - {why}"))?;
    Severity::Unknown.exit()
}

fn prometheus(rows: &[(String, Row)]) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, values: Vec<(String, f64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{{{labels}}} {value}");
        }
    };
    let of = |value: &dyn Fn(&Findings) -> Option<f64>| -> Vec<(String, f64)> {
        let found =
            rows.iter().filter_map(|(agent, row)| Some((agent, value(row.as_ref().ok()?)?)));
        found.map(|(agent, value)| (label("agent", agent), value)).collect()
    };
    let up = rows
        .iter()
        .map(|(agent, row)| (label("agent", agent), if row.is_ok() { 1.0 } else { 0.0 }));
    metric("architect_agent_up", "Whether the agent lets this user in.", up.collect());
    metric("architect_agent_probe_seconds", "How long the probe took.", of(&|it| Some(it.seconds)));
    #[expect(clippy::cast_precision_loss, reason = "a second in a thousand years is no loss")]
    let expiry = of(&|it| it.certificate_expires_in.map(|seconds| seconds as f64));
    metric("architect_agent_certificate_expires_seconds", "Until the certificate expires.", expiry);
    let drift = of(&|it| it.catalogue.map(|it| if it == Verdict::Breaking { 1.0 } else { 0.0 }));
    metric(
        "architect_agent_catalogue_breaking",
        "Whether the catalogue breaks the known one.",
        drift,
    );
    let mut servers = Vec::new();
    for (agent, row) in rows {
        let states = row.as_ref().ok().and_then(|found| found.servers.as_ref());
        for (state, count) in states.into_iter().flatten() {
            let labels = format!("{},{}", label("agent", agent), label("state", state));
            let count = u32::try_from(*count).map_or(f64::INFINITY, f64::from);
            servers.push((labels, count));
        }
    }
    metric("architect_agent_servers", "The servers by state.", servers);
    text
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}
