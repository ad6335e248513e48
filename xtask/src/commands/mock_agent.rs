//! `mock-agent`: an agent on this machine.

use std::{path::PathBuf, time::Duration};

use agent_sdk::mock::{Certificate, LastingFault, MockAgent, Pace, StateWords};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    connection::username, environment::seconds, failure::Failure, interrupt::Interrupt, mock,
    output, password::PasswordOptions, project::ProjectOption,
};

/// Run an agent that only pretends, on 127.0.0.1, to try things against
///
/// It serves a snapshot over real sockets, keeps a little state, and prints one JSON line with
/// `url`, `fingerprint`, `username` and `password` when it is ready.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct MockAgentCommand {
    /// The catalogue to serve [default: the newest in `schemas`, or outside of a project that of this
    /// program]
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// The port on 127.0.0.1 [default: any that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Serve ws:// instead of wss:// with a fresh self-signed certificate
    #[arg(long)]
    no_tls: bool,

    /// The one user that may log in [env: `AGENT_USERNAME`] [default: root]
    #[arg(long)]
    username: Option<String>,

    #[command(flatten)]
    password: PasswordOptions,

    /// Show the certificate in this file, made if it is not there [default: a fresh one each time]
    #[arg(long, value_name = "FILE", conflicts_with = "no_tls")]
    certificate: Option<PathBuf>,

    /// Have this fault from the start; may be given more than once, see below
    #[arg(long = "fault", value_name = "NAME[=ARG]")]
    faults: Vec<LastingFault>,

    /// How long servers take for what they have accepted
    #[arg(long, value_enum, default_value_t = PaceOption::Immediate)]
    pace: PaceOption,

    /// How the states of servers are written
    #[arg(long, value_enum, default_value_t = StatesOption::Prefixed)]
    states: StatesOption,

    /// The id of a server that exists at the start; may be given more than once
    #[arg(long = "server", value_name = "ID", default_value = "survival")]
    servers: Vec<String>,

    /// The version that the health check tells [default: that in the snapshot's name]
    #[arg(long, value_name = "VERSION")]
    agent_version: Option<String>,

    /// Stop after this time [default: run until interrupted]
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    lasting: Option<Duration>,

    #[command(flatten)]
    project: ProjectOption,
}

/// How long servers take for what they have accepted.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PaceOption {
    /// Everything is done at once
    Immediate,
    /// Countdowns, starts and backups take seconds, as on a small host
    Realistic,
}

/// How the states of servers are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StatesOption {
    /// server.running, as agents have been seen to do
    Prefixed,
    /// running
    Bare,
}

/// How often a running server writes a line to its console.
const CONSOLE_INTERVAL: Duration = Duration::from_secs(5);

const AFTER_HELP: &str = "\
The password comes from AGENT_PASSWORD or the file AGENT_PASSWORD_FILE in the
environment, --password-file, --password-command or --password-stdin, or else it
is a fresh one. The committed snapshot is a reconstruction from public notes,
and what the mock answers is made up: a real agent may answer otherwise.

GET /_stats on the same port answers counts as JSON.

Faults:
  delay=MS, reorder, drop-after=N[:rst][:once], half-open-after=N,
  restart-after=N,SECONDS, wrong-token, duplicate-reply, garbage, error-status,
  no-status, huge=BYTES, fragment[=FRAMES], slow-handshake=MS,
  refuse-upgrade=CODE, close-code=CODE, event-flood=N, ban, gateway=CODE,
  freeze=SECONDS, forget-subscriptions, reject-resubscribe
N counts requests: the one after the Nth meets the fault.

Examples:
  cargo xtask mock-agent
  cargo xtask mock-agent --certificate /tmp/mock.pem --pace realistic
  cargo xtask mock-agent --fault restart-after=10,3 --fault gateway=502
  cargo xtask mock-agent --port 8090 --no-tls --for 600";

/// The line that says that it is ready; the order of the keys is part of the interface.
#[derive(Serialize)]
struct Ready<'a> {
    url: String,
    fingerprint: Option<String>,
    username: &'a str,
    password: &'a str,
}

impl MockAgentCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let mock = self.catalogue()?;
        let username = username(self.username)?;
        let password = self.password.read_if_given().await?;
        let mut interrupt = Interrupt::new()?;
        let mut mock = mock.port(self.port).tls(!self.no_tls).servers(self.servers);
        if let Some(version) = self.agent_version {
            mock = mock.version(version);
        }
        if let Some(path) = &self.certificate {
            let unusable =
                |error| Failure::failed(format!("certificate `{}`: {error}", path.display()));
            mock = mock.certificate(Certificate::kept_in(path).map_err(unusable)?);
        }
        let pace = match self.pace {
            PaceOption::Immediate => Pace::immediate(),
            PaceOption::Realistic => Pace::realistic(),
        };
        let words = match self.states {
            StatesOption::Prefixed => StateWords::Prefixed,
            StatesOption::Bare => StateWords::Bare,
        };
        mock = mock.pace(pace.console(Some(CONSOLE_INTERVAL))).state_words(words);
        mock = self.faults.into_iter().fold(mock, mock::Builder::lasting_fault);
        let mock = match password {
            Some(password) => mock.credentials(username, password),
            None => mock.username(username),
        };
        let mock = mock::start(mock).await?;
        ready(&mock)?;
        let rest = async {
            match self.lasting {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = interrupt.wait() => {}
            () = rest => {}
        }
        mock.stop().await;
        Ok(())
    }
}

impl MockAgentCommand {
    /// A mock with the catalogue that is named, or else that of the project, or of this program.
    fn catalogue(&self) -> Result<mock::Builder, Failure> {
        if let Some(path) = &self.snapshot {
            return mock::builder(path);
        }
        match self.project.find_if_any()? {
            Some(project) => mock::builder(&project.newest_snapshot()?),
            None => mock::embedded(),
        }
    }
}

fn ready(mock: &MockAgent) -> Result<(), Failure> {
    let line = Ready {
        url: mock.url(),
        fingerprint: mock.fingerprint(),
        username: mock.username(),
        password: mock.password(),
    };
    let line = serde_json::to_string(&line);
    // The password of a mock is for the user who starts it.
    output::raw(&line.map_err(|error| Failure::failed(error.to_string()))?)
}
