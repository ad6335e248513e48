//! Several agents, and the file that names them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use agent_sdk::mock::{Builder, MockAgent};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::bare;

/// Mocks in this process, and a file that names them.
pub struct Fleet {
    pub mocks: Vec<MockAgent>,
    folder: TempDir,
    /// What is in the file.
    pub text: String,
}

impl Fleet {
    /// Agents that are not yet in the file.
    pub async fn of(count: usize) -> Self {
        let actions = ["servers", "whoami", "restart", "file_download", "file_upload"];
        let actions: Map<_, _> =
            actions.map(|action| (action.to_owned(), json!({}))).into_iter().collect();
        let catalogue = json!({ "actions": actions });
        Self::of_builders((0..count).map(|_| MockAgent::builder(catalogue.clone()))).await
    }

    /// The same, each in the file.
    pub async fn named(count: usize) -> Self {
        let mut fleet = Self::of(count).await;
        (0..count).for_each(|number| fleet.add(number, ""));
        fleet
    }

    pub async fn of_builders(builders: impl IntoIterator<Item = Builder>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut fleet = Self { mocks: Vec::new(), folder, text: String::new() };
        for (number, builder) in builders.into_iter().enumerate() {
            let mock = builder.start().await.unwrap();
            fs::write(fleet.path().join(format!("password-{number}")), mock.password()).unwrap();
            fleet.mocks.push(mock);
        }
        fleet
    }

    /// The folder of the file.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds an agent to the file, by the name `a00` and so on.
    pub fn add(&mut self, number: usize, more: &str) {
        let mock = &self.mocks[number];
        let (url, fingerprint) = (mock.url(), mock.fingerprint().unwrap());
        writeln!(
            self.text,
            "[agents.a{number:02}]\nurl = \"{url}\"\nfingerprint = [\"{fingerprint}\"]\n\
             password-file = \"password-{number}\"\n{more}\n"
        )
        .unwrap();
    }

    fn file(&self) -> PathBuf {
        let file = self.folder.path().join("agents.toml");
        fs::write(&file, &self.text).unwrap();
        file
    }

    /// `agentctl`, in the root of the file system, with the file.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(env!("CARGO_BIN_EXE_agentctl"));
        command.args(arguments).env("AGENTS_FILE", self.file()).current_dir("/");
        command
    }

    /// `cargo xtask`, in a project, with the file.
    pub fn xtask(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = bare(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).env("AGENTS_FILE", self.file()).current_dir(project);
        command
    }
}

/// The lines of JSON on standard output.
pub fn rows(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
