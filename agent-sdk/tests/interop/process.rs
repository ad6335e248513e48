//! Scripts in other languages, bounded in time and stopped by their own handle.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// A story takes a second or two.
const LIMIT: Duration = Duration::from_secs(60);

/// A script beside this file, ready to run.
pub struct Script {
    name: &'static str,
    command: Command,
}

impl Script {
    pub fn python(name: &'static str) -> Self {
        Self::new(name, from_run("INTEROP_PYTHON"))
    }

    pub fn node(name: &'static str) -> Self {
        from_run("INTEROP_NODE_MODULES");
        Self::new(name, "node".into())
    }

    /// The agent in Go, which `run` has built.
    pub fn go() -> Self {
        let mut command = Command::new(from_run("INTEROP_GO_AGENT"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        Self { name: "server.go", command }
    }

    fn new(name: &'static str, interpreter: OsString) -> Self {
        let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "interop"].iter().collect();
        let mut command = Command::new(interpreter);
        command.arg(folder.join(name)).stdin(Stdio::null()).kill_on_drop(true);
        // Of the environment only what it takes to start: NODE_OPTIONS or PYTHONPATH would steer it.
        command.env_clear();
        command.envs(
            ["PATH", "INTEROP_NODE_MODULES"]
                .map(|name| (name, env::var_os(name).unwrap_or_default())),
        );
        Self { name, command }
    }

    /// Tells the script something; passwords too, since arguments can be seen by everybody.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts a server, which says its port on its first line.
    pub async fn serve(mut self) -> Running {
        let mut child = self.command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(LIMIT, lines.next_line()).await.expect("a line in time").unwrap();
        let port = line.and_then(|line| line.parse().ok());
        let port = port.unwrap_or_else(|| panic!("{} has not started", self.name));
        Running { _child: child, port }
    }

    /// Runs to the end, which has to be a good one.
    pub async fn succeed(mut self) {
        let output = timeout(LIMIT, self.command.output()).await;
        let Output { status, stdout, stderr } = output.expect("an end in time").unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{} failed: {status}\n{stdout}{stderr}", self.name);
    }
}

/// A server that runs until it is dropped.
pub struct Running {
    _child: Child,
    pub port: u16,
}

/// A variable that the script `run` sets.
pub fn from_run(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; use tests/interop/run"))
}
