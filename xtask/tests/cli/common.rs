//! What the tests share.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The variables that the command line reads.
const VARIABLES: [&str; 13] = [
    "AGENT_URL",
    "AGENT_USERNAME",
    "AGENT_PASSWORD",
    "AGENT_FINGERPRINT",
    "AGENT_CA",
    "AGENT_KNOWN_AGENTS",
    "AGENT_DANGER_ACCEPT_ANY_CERTIFICATE",
    "AGENT_ALLOW_PLAINTEXT",
    "AGENT_TIMEOUT",
    "AGENT_SERVER",
    "RUST_LOG",
    "NO_COLOR",
    "CLICOLOR_FORCE",
];

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The program in the project's folder, untouched by the variables of whoever runs the tests.
pub fn program<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The JSON on standard output.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one line on standard error, of a program that ended with `code` and no result.
    pub fn one_line(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        self.stderr.trim_end()
    }
}

/// Runs a program to its end.
pub async fn ended(mut command: Command) -> Ended {
    let output = timeout(LIMIT, command.output()).await.expect("it does not end").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program with these arguments to its end.
pub async fn run<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ended {
    ended(program(arguments)).await
}

/// Runs a program to its end with a text on its standard input.
pub async fn run_with_input(command: Command, input: &str) -> Ended {
    run_within(LIMIT, command, input).await
}

/// The same for a program that may take longer than others.
pub async fn run_within(limit: Duration, mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(limit, child.wait_with_output()).await.expect("it does not end").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `mock-agent` in a process of its own; dropping it kills it.
pub struct Mock {
    child: Child,
    start_line: Value,
}

impl Mock {
    pub async fn start() -> Self {
        Self::start_with([""; 0]).await
    }

    pub async fn start_with<I: AsRef<std::ffi::OsStr>>(more: impl IntoIterator<Item = I>) -> Self {
        let mut command = program(["mock-agent", "--for", "120"]);
        command.args(more);
        Self::start_command(command).await
    }

    pub async fn start_command(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = lines(child.stdout.take().unwrap());
        let line = next_line(&mut lines).await;
        Self { child, start_line: serde_json::from_str(&line).unwrap() }
    }

    pub fn start_line(&self) -> &Value {
        &self.start_line
    }

    fn text(&self, key: &str) -> &str {
        self.start_line[key].as_str().unwrap()
    }

    pub fn url(&self) -> &str {
        self.text("url")
    }

    pub fn password(&self) -> &str {
        self.text("password")
    }

    pub fn fingerprint(&self) -> &str {
        self.text("fingerprint")
    }

    /// The program with all variables set that it needs to log in here.
    pub fn client<I: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = program(arguments);
        command.env("AGENT_URL", self.url()).env("AGENT_PASSWORD", self.password());
        if let Some(fingerprint) = self.start_line["fingerprint"].as_str() {
            command.env("AGENT_FINGERPRINT", fingerprint);
        }
        command
    }

    /// Runs the program against this agent to its end.
    pub async fn run<I: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Ended {
        ended(self.client(arguments)).await
    }

    /// Ends it as a crash would.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end, and waits until it has; its exit code.
    pub async fn terminate(mut self) -> Option<i32> {
        terminate(&self.child).await;
        timeout(LIMIT, self.child.wait()).await.expect("it does not end").unwrap().code()
    }
}

/// Asks a process to end.
pub async fn terminate(child: &Child) {
    let id = child.id().unwrap().to_string();
    let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
    assert!(kill.unwrap().success());
}

pub fn lines<R: tokio::io::AsyncRead + Unpin>(stdout: R) -> Lines<BufReader<R>> {
    BufReader::new(stdout).lines()
}

/// The next line that a process prints.
pub async fn next_line<R: tokio::io::AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    timeout(LIMIT, lines.next_line()).await.expect("no line").unwrap().expect("it has ended")
}

/// The lines of a process up to the one that contains a text.
pub async fn line_with<R: tokio::io::AsyncRead + Unpin>(
    lines: &mut Lines<BufReader<R>>,
    text: &str,
) -> String {
    loop {
        let line = next_line(lines).await;
        if line.contains(text) {
            return line;
        }
    }
}

pub type StdoutLines = Lines<BufReader<ChildStdout>>;

/// A copy of what the commands work on, to be broken.
pub fn copy_of_project() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for folder in ["schemas", "agent-sdk/src/generated"] {
        copy_folder(&root().join(folder), &copy.path().join(folder));
    }
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
}

/// Every file in a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}
