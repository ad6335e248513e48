//! `demo`: the whole story, on this machine.

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    path::Path,
    process::Stdio,
    time::Instant,
};

use agent_codegen::Snapshot;
use agent_sdk::{Agent, Tls, mock::MockAgent};
use anstyle::Style;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    cargo,
    failure::Failure,
    generation::{Mode, Plan},
    live, mock, output,
    password::VARIABLE,
    project::{Project, ProjectOption},
    text::printable,
};

/// Show the whole story on this machine: from a catalogue to typed calls
///
/// It starts a mock agent over TLS, fetches its catalogue, generates the SDK from it, and runs the
/// example `tour` of `agent-sdk` against it. Nothing is changed, and nothing leaves the machine.
#[derive(Debug, clap::Args)]
pub struct Demo {
    #[command(flatten)]
    project: ProjectOption,
}

const EXAMPLE: &str = "agent-sdk/examples/tour.rs";

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let started = Instant::now();
        let project = self.project.find()?;
        let snapshot = project.newest_snapshot()?;

        let mock = mock::start(mock::builder(&snapshot)?).await?;
        let (url, user) = (mock.url(), mock.username());
        step(1, &format!("A mock agent runs at {url}, and user `{user}` may log in."))?;
        detail("Its catalogue is a reconstruction from public notes: no real agent was captured.")?;

        let fetched = fetch(&mock).await?;
        let committed = read(&snapshot)?;
        if fetched.canonical().as_bytes() != committed {
            return Err(Failure::check_failed("the fetched catalogue is not the committed one"));
        }
        let (actions, file) = (fetched.actions().len(), snapshot.display());
        step(2, &format!("Its catalogue was fetched: {actions} actions, the same as in {file}."))?;
        detail("The connection is wss, and trusts one certificate alone, by its fingerprint.")?;

        let files = regenerate(&project, &snapshot)?;
        let folder = project.generated();
        let folder = folder.display();
        step(
            3,
            &format!(
                "The typed SDK was generated: {files} files, byte for byte those in {folder}."
            ),
        )?;

        step(4, &format!("A program calls the agent with it: {EXAMPLE}"))?;
        tour(&project, &mock).await?;
        mock.stop().await;

        let seconds = started.elapsed().as_secs_f64();
        step(5, &format!("Done in {seconds:.1} s; the README tells how to go on."))
    }
}

/// What a mock with TLS shows.
fn fingerprint(mock: &MockAgent) -> Result<String, Failure> {
    mock.fingerprint().ok_or_else(|| Failure::failed("the mock agent shows no certificate"))
}

async fn fetch(mock: &MockAgent) -> Result<Snapshot, Failure> {
    let tls = Tls::pinned(fingerprint(mock)?);
    let tls = tls.map_err(|error| Failure::failed(error.to_string()))?;
    let agent = Agent::builder(mock.url())
        .credentials(mock.username(), mock.password())
        .tls(tls)
        .connect()
        .await?;
    let reply = live::catalogue(&agent).await;
    agent.close().await;
    Ok(live::snapshot(&agent, &reply?)?.0)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file(path, "read", &error))
}

/// Generates into a folder of its own and compares with what is committed; how many files.
fn regenerate(project: &Project, snapshot: &Path) -> Result<usize, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    let plan = Plan {
        snapshot: snapshot.to_owned(),
        out: folder.path().to_owned(),
        // Nothing in the project is to be changed.
        canonical: Vec::new(),
        ..Plan::as_generated(project)?
    };
    let written = plan.run(Mode::Write)?.differences;
    for difference in &written {
        let name = difference.path().file_name().unwrap_or_default();
        if read(difference.path())? != read(&project.generated().join(name))? {
            return Err(Failure::check_failed(format!(
                "`{}` was generated otherwise; `cargo xtask generate` rewrites it",
                name.display()
            )));
        }
    }
    Ok(written.len())
}

/// Runs the example, which is built with the generated code, unlike this program.
async fn tour(project: &Project, mock: &MockAgent) -> Result<(), Failure> {
    let mut child = tour_command(project, mock)?
        .spawn()
        .map_err(|error| Failure::failed(format!("cargo cannot be run: {error}")))?;
    let failed = |error| Failure::failed(format!("the example's output cannot be read: {error}"));
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).split(b'\n');
        while let Some(line) = lines.next_segment().await.map_err(failed)? {
            detail(&String::from_utf8_lossy(&line))?;
        }
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{EXAMPLE} was not built or has failed ({status}); the lines above say why. After an \
         upgrade, an example that does not compile uses what the upgrade has changed: mend it",
    )))
}

fn tour_command(project: &Project, mock: &MockAgent) -> Result<Command, Failure> {
    let mut command = cargo::command(project.root());
    // Of this package, so that it shares the dependencies that are built for this program.
    command.args([
        "run",
        "--locked",
        "--package",
        "xtask",
        "--features",
        "tour",
        "--example",
        "tour",
    ]);
    if !stderr().is_terminal() {
        command.arg("--quiet");
    }
    command
        .env("AGENT_URL", mock.url())
        .env("AGENT_FINGERPRINT", fingerprint(mock)?)
        .env("AGENT_USERNAME", mock.username())
        .env(VARIABLE, mock.password());
    // Standard error is this program's own: what the compiler says is seen when it says it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

fn step(number: usize, text: &str) -> Result<(), Failure> {
    let bold = Style::new().bold();
    show(&format!("{bold}{number}. {text}{bold:#}"))
}

fn detail(text: &str) -> Result<(), Failure> {
    show(&format!("   {}", printable(text)))
}

/// A reader that has gone away has seen enough; the demo's exit code still tells the rest.
fn show(line: &str) -> Result<(), Failure> {
    output::written(writeln!(anstream::AutoStream::auto(stdout()), "{line}"))
}
