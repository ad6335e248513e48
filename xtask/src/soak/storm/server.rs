//! The agent of a storm: `mock-agent` as a process of its own, which restarts once.

use std::{env, fmt, io::Write as _, path::PathBuf, process::Stdio, time::Duration};

use agent_sdk::{Agent, ReconnectPolicy};
use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::failure::Failure;

/// A catalogue has one action at least.
const CATALOGUE: &[u8] = br#"{"actions": {"whoami": {"required_parameters": null}}}"#;

/// The agent; it is killed when this is dropped.
pub struct Server {
    ready: Ready,
    _process: Child,
    _snapshot: NamedTempFile,
}

/// What it prints once it is ready.
#[derive(Deserialize)]
struct Ready {
    url: String,
    username: String,
    password: String,
}

/// The path of this program.
pub fn program() -> Result<PathBuf, Failure> {
    env::current_exe().map_err(|error| failed("this program has no path", &error))
}

fn failed(what: &str, error: &dyn fmt::Display) -> Failure {
    Failure::failed(format!("{what}: {error}"))
}

impl Server {
    /// Starts one that restarts at its first request, and is away for so long.
    pub async fn start(outage: Duration) -> Result<Self, Failure> {
        let no_agent = |error| failed("no agent can be started", &error);
        let mut snapshot = NamedTempFile::with_suffix(".json").map_err(no_agent)?;
        snapshot.write_all(CATALOGUE).map_err(no_agent)?;
        let mut process = Command::new(program()?)
            .args(["mock-agent", "--no-tls", "--snapshot"])
            .arg(snapshot.path())
            .args(["--fault", &format!("restart-after=0,{}", outage.as_secs())])
            .env_remove("AGENT_USERNAME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(no_agent)?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).await.map_err(no_agent)?;
        }
        let ready = serde_json::from_str(&line).map_err(|error| no_agent(error.into()))?;
        Ok(Self { ready, _process: process, _snapshot: snapshot })
    }

    /// The options of a client of it.
    pub fn client(&self) -> agent_sdk::Builder {
        Agent::builder(&self.ready.url).credentials(&self.ready.username, &self.ready.password)
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.ready.url.trim_start_matches("ws://").trim_end_matches("/ws")
    }

    /// The bytes of a login.
    pub fn login(&self) -> String {
        let Ready { username, password, .. } = &self.ready;
        format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: SMP1.0, {username}, {password}\r\n\r\n",
            self.address()
        )
    }

    /// Has it restart now.
    pub async fn restart(&self) -> Result<(), Failure> {
        let client = self.client().reconnect(ReconnectPolicy::never()).connect().await?;
        // The call's end is that of the connection.
        let _ = client.call_raw("whoami", ()).await;
        Ok(())
    }
}
