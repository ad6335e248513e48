//! `demo`: the whole story, on this machine.

use std::{
    env,
    ffi::OsString,
    io::{IsTerminal, Write, stderr, stdout},
    path::Path,
    process::Stdio,
    time::Instant,
};

use agent_codegen::Snapshot;
use agent_sdk::{Agent, Tls, mock::MockAgent};
use anstyle::Style;
use tokio::process::Command;

use crate::{
    failure::Failure,
    generation::{Mode, Plan},
    live, mock,
    output::printable,
    password::VARIABLE,
    project::{Project, ProjectOption},
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

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let started = Instant::now();
        let project = self.project.find()?;
        let snapshot = project.newest_snapshot()?;

        let mock = mock::start(mock::builder(&snapshot)?).await?;
        let (url, user) = (mock.url(), mock.username());
        step(1, &format!("A mock agent runs at {url}, and user `{user}` may log in."));
        detail("Its catalogue is a reconstruction from public notes: no real agent was captured.");

        let fetched = fetch(&mock).await?;
        let committed = read(&snapshot)?;
        if fetched.canonical().as_bytes() != committed {
            return Err(Failure::check_failed("the fetched catalogue is not the committed one"));
        }
        let (actions, file) = (fetched.actions().len(), snapshot.display());
        step(2, &format!("Its catalogue was fetched: {actions} actions, the same as in {file}."));
        detail("The connection is wss, and trusts one certificate alone, by its fingerprint.");

        let files = regenerate(&project, &snapshot)?;
        let folder = project.generated();
        let folder = folder.display();
        step(
            3,
            &format!(
                "The typed SDK was generated: {files} files, byte for byte those in {folder}."
            ),
        );

        step(4, "A program calls the agent with it: agent-sdk/examples/tour.rs");
        tour(&project, &mock).await?;
        mock.stop().await;

        let seconds = started.elapsed().as_secs_f64();
        step(5, &format!("Done in {seconds:.1} s; the README tells how to go on."));
        Ok(())
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
        ..Plan::of(project)?
    };
    let written = plan.run(Mode::Write)?.differences;
    for difference in &written {
        let name = difference.path().file_name().unwrap_or_default();
        if read(difference.path())? != read(&project.generated().join(name))? {
            return Err(Failure::check_failed(format!(
                "`{}` was generated otherwise; `cargo xtask generate` writes it anew",
                name.display()
            )));
        }
    }
    Ok(written.len())
}

/// Runs the example, which is built with the generated code, unlike this program.
async fn tour(project: &Project, mock: &MockAgent) -> Result<(), Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    // Of this package, so that it shares the dependencies that are built for this program.
    command.args(["run", "--package", "xtask", "--features", "tour", "--example", "tour"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    if !stderr().is_terminal() {
        command.arg("--quiet");
    }
    let outer = env::vars_os().map(|(name, _)| name);
    outer.filter(|name| name.to_str().is_some_and(is_of_outer_build)).for_each(|name| {
        command.env_remove(name);
    });
    let root = project.root();
    command.current_dir(if root.as_os_str().is_empty() { Path::new(".") } else { root });
    command
        .env("AGENT_URL", mock.url())
        .env("AGENT_FINGERPRINT", fingerprint(mock)?)
        .env("AGENT_USERNAME", mock.username())
        .env(VARIABLE, mock.password());
    let output = command.stderr(Stdio::inherit()).output().await;
    let output =
        output.map_err(|error| Failure::failed(format!("cargo cannot be run: {error}")))?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        detail(line);
    }
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("the example failed ({}); see above", output.status)))
}

/// Whether cargo sets the variable for the program that it runs, which is this one.
///
/// The build scripts of some dependencies (`ring`) look at these, so that a cargo that inherited
/// them would build half of the tree anew, and so would the next one that did not.
fn is_of_outer_build(variable: &str) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || matches!(variable, "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR" | "OUT_DIR")
}

fn step(number: usize, text: &str) {
    let bold = Style::new().bold();
    show(&format!("{bold}{number}. {text}{bold:#}"));
}

fn detail(text: &str) {
    show(&format!("   {}", printable(text)));
}

fn show(line: &str) {
    // A reader that has gone away has seen enough; the demo's exit code still tells the rest.
    let _ = writeln!(anstream::AutoStream::auto(stdout()), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_cargo_stays_and_what_it_set_for_this_program_goes() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_BIN_EXE_xtask"] {
            assert!(is_of_outer_build(name), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!is_of_outer_build(name), "{name}");
        }
    }
}
