//! Programs, started without what the environment of the tests brings along.

use std::{
    env,
    ffi::OsStr,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{LIMIT, root};

/// Returns a command that starts a program with nothing of the environment but what each process
/// needs: no variable of a shell, of CI or of cargo steers what is tested.
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    /// The last ones are for Windows and for coverage.
    const NEEDED: [&str; 9] = [
        "PATH",
        "HOME",
        "TMPDIR",
        "TEMP",
        "TMP",
        "SystemRoot",
        "USERPROFILE",
        "LOCALAPPDATA",
        "LLVM_PROFILE_FILE",
    ];
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command.envs(env::vars_os().filter(|(name, _)| NEEDED.iter().any(|needed| name == needed)));
    command
}

/// Returns a command that starts the program in the project's folder.
pub fn program<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = bare(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).current_dir(root());
    command
}

/// Lets a command start cargo: the toolchain and the target folder are those of the tests.
pub fn cargo(command: &mut Command) {
    let is_wanted = |name: &OsStr| {
        let name = name.to_str().unwrap_or_default();
        let is_set_for_tests = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_TERM_"];
        ["CARGO", "RUSTUP", "RUSTC", "RUSTFLAGS"].iter().any(|prefix| name.starts_with(prefix))
            && !is_set_for_tests.iter().any(|prefix| name.starts_with(prefix))
    };
    command.envs(env::vars_os().filter(|(name, _)| is_wanted(name)));
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

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a program to its end.
pub async fn ended(mut command: Command) -> Ended {
    timeout(LIMIT, command.output()).await.expect("it does not end").unwrap().into()
}

/// Runs the program with these arguments to its end.
pub async fn run<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ended {
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
    timeout(limit, child.wait_with_output()).await.expect("it does not end").unwrap().into()
}

/// Asks a process to end.
pub async fn terminate(child: &Child) {
    let id = child.id().unwrap().to_string();
    let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
    assert!(kill.unwrap().success());
}

pub fn lines<R: AsyncRead + Unpin>(stdout: R) -> Lines<BufReader<R>> {
    BufReader::new(stdout).lines()
}

/// The next line that a process prints.
pub async fn next_line<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    timeout(LIMIT, lines.next_line()).await.expect("no line").unwrap().expect("it has ended")
}

/// Reads the lines of a process up to the one that contains a text.
pub async fn line_with<R: AsyncRead + Unpin>(
    lines: &mut Lines<BufReader<R>>,
    text: &str,
) -> String {
    let found = async {
        loop {
            let line = next_line(lines).await;
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(LIMIT, found).await.unwrap_or_else(|_| panic!("no line with `{text}`"))
}

pub type StdoutLines = Lines<BufReader<ChildStdout>>;
