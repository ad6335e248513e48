//! A mock agent in a process of its own.

use std::{ffi::OsStr, process::Stdio};

use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{Ended, LIMIT, ended, lines, next_line, program, terminate};

/// `mock-agent` in a process of its own; dropping it kills it.
pub struct Mock {
    child: Child,
    start_line: Value,
}

impl Mock {
    pub async fn start() -> Self {
        Self::start_with([""; 0]).await
    }

    pub async fn start_with<I: AsRef<OsStr>>(more: impl IntoIterator<Item = I>) -> Self {
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
    pub fn client<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = program(arguments);
        command.env("AGENT_URL", self.url()).env("AGENT_PASSWORD", self.password());
        if let Some(fingerprint) = self.start_line["fingerprint"].as_str() {
            command.env("AGENT_FINGERPRINT", fingerprint);
        }
        command
    }

    /// Runs the program against this agent to its end.
    pub async fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ended {
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
