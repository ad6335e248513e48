//! How long a command takes for the user who types it: whole processes, from start to end.
//!
//! ```text
//! cargo bench -p xtask
//! ```
//!
//! `call` goes to a `mock-agent` on this machine, over TLS with the pinned fingerprint. The rows
//! are like those of `cargo bench -p agent-sdk-benches`: median, lowest and highest, and the goal.
//! They are to be read; nothing fails by them.

use std::{
    error::Error,
    ffi::OsStr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How often each command is timed; one more before warms up.
const RUNS: usize = 20;

/// No command may take longer than this, and the mock ends by itself after [`MOCK_SECONDS`].
const LIMIT: Duration = Duration::from_secs(10);
const MOCK_SECONDS: &str = "120";

/// What the median has to stay under, in milliseconds.
const GENERATE_GOAL: f64 = 50.0;
const CALL_GOAL: f64 = 100.0;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let generate = |out: &Path| {
        let mut command = program(["generate"]);
        command.arg("--out").arg(out);
        command
    };

    let fresh = |run: usize| generate(&folder.path().join(run.to_string()));
    let times = timed(fresh, "rewrote:").await?;
    print("generate, into an empty folder", times, GENERATE_GOAL);

    let current = |_| generate(&folder.path().join("0"));
    let times = timed(current, "everything is up to date").await?;
    print("generate, nothing to do", times, GENERATE_GOAL);

    let mock = Mock::start().await?;
    let times = timed(|_| mock.client(["call", "servers"]), "survival").await?;
    print("call, over TLS", times, CALL_GOAL);
    mock.stop().await
}

/// The program in the project's folder, without the variables of this environment.
fn program<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_str().is_some_and(|name| name.starts_with("AGENT_")) {
            command.env_remove(name);
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    command.args(arguments).current_dir(root).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command again and again; the milliseconds of each run.
///
/// A command that fails at once is fast, so each has to print what it was run for.
async fn timed(command: impl Fn(usize) -> Command, expected: &str) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for run in 0..=RUNS {
        let mut command = command(run);
        let began = Instant::now();
        let output = timeout(LIMIT, command.output()).await??;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !stdout.contains(expected) {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command:?} ended otherwise:\n{stdout}{stderr}").into());
        }
    }
    Ok(times.split_off(1))
}

/// Prints a line of the table.
fn print(name: &str, mut times: Vec<f64>, goal: f64) {
    times.sort_by(f64::total_cmp);
    let (low, median, high) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let verdict = if median < goal { "" } else { " MISSED" };
    let range = format!("({low:.2}–{high:.2})");
    println!("{name:<44} {median:>6.2} {range:<13}  < {goal}{verdict}\n    ms");
}

/// `mock-agent` in a process of its own; dropping it kills it.
struct Mock {
    child: Child,
    ready: Ready,
}

/// The line that says that it is ready.
#[derive(Deserialize)]
struct Ready {
    url: String,
    fingerprint: String,
    password: String,
}

impl Mock {
    async fn start() -> Result<Self> {
        let mut command = program(["mock-agent", "--for", MOCK_SECONDS]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the output of the mock is not piped")?;
        let line = timeout(LIMIT, BufReader::new(stdout).lines().next_line()).await??;
        let ready = serde_json::from_str(&line.ok_or("the mock has ended")?)?;
        Ok(Self { child, ready })
    }

    /// The program with all variables set that it needs to log in here.
    fn client<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = program(arguments);
        command.env("AGENT_URL", &self.ready.url);
        command.env("AGENT_FINGERPRINT", &self.ready.fingerprint);
        command.env("AGENT_PASSWORD", &self.ready.password);
        command
    }

    async fn stop(mut self) -> Result<()> {
        Ok(timeout(LIMIT, self.child.kill()).await??)
    }
}
