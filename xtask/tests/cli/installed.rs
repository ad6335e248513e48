//! `agentctl` as an operator has it: one file in a folder, and nothing else of this project.

use std::{fs, path::PathBuf, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Mock, ended, line_with, lines, next_line, terminate};

/// The program in a folder of its own, with a home that is empty.
struct Installed {
    program: PathBuf,
    folder: TempDir,
}

impl Installed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("agentctl");
        let built = env!("CARGO_BIN_EXE_agentctl");
        // A copy cannot run while a process that another thread is starting has it open to write.
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { program, folder }
    }

    /// The program in the root of the file system, with no variable but the home.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir("/").env_clear().kill_on_drop(true);
        command.env("HOME", self.folder.path().join("home")).stdin(Stdio::null());
        command
    }

    /// The same with all that it needs to log in to a mock, but the password in a file.
    fn client(&self, mock: &Mock, arguments: &[&str]) -> Command {
        let password = self.folder.path().join("password");
        fs::write(&password, mock.password()).unwrap();
        let mut command = self.command(arguments);
        command.args(["--url", mock.url()]);
        if arguments[0] != "fingerprint" {
            command.args(["--fingerprint", mock.fingerprint(), "--password-file"]).arg(password);
        }
        command
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_command_works_from_an_empty_folder() {
    let installed = Installed::new();
    for arguments in [
        &["--version"][..],
        &["actions", "backup"],
        &["describe", "create_backup"],
        &["call", "server_start", "server=a", "--dry-run"],
        &["completions", "zsh"],
        &["man", "--out", &installed.path("man")],
    ] {
        let ended = ended(installed.command(arguments)).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{arguments:?}: {ended:?}");
    }

    // It needed a checkout for its catalogue.
    let mock = Mock::start_command(installed.command(&["mock-agent", "--for", "120"])).await;
    let run = |arguments: &[&str]| ended(installed.client(&mock, arguments));
    assert_eq!(run(&["call", "whoami"]).await.json()["username"], "root");
    let probe = run(&["probe", "--format", "json"]).await.json();
    assert_eq!(
        probe["found"]["catalogue"], "none",
        "the embedded catalogue is the mock's: {probe}"
    );
    assert!(run(&["fingerprint"]).await.stdout.starts_with(mock.fingerprint()));
    assert!(run(&["actions", "--live"]).await.stdout.lines().count() > 100);
    let (there, back) = (installed.path("there"), installed.path("back"));
    fs::write(&there, "Welcome").unwrap();
    assert_eq!(run(&["put", &there, "/motd"]).await.code, Some(0));
    assert_eq!(run(&["get", "/motd", &back]).await.code, Some(0));
    assert_eq!(fs::read_to_string(&back).unwrap(), "Welcome");

    let mut watch = installed.client(&mock, &["watch", "--console"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    line_with(&mut lines(watch.stderr.take().unwrap()), "watching").await;
    let event = next_line(&mut lines(watch.stdout.take().unwrap())).await;
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap()["action"], "stdout");
    terminate(&watch).await;
    assert_eq!(watch.wait().await.unwrap().code(), Some(0));

    let home = fs::read_dir(installed.path("home")).unwrap().count();
    assert_eq!(home, 0, "nothing is left in the home");
}

#[tokio::test]
async fn agents_are_named_in_the_home_folder() {
    let installed = Installed::new();
    let missing = ended(installed.command(&["probe", "--all"])).await;
    let line = missing.one_line(3);
    assert!(
        line.contains("there is no file of agents `") && line.contains("[agents.NAME]"),
        "{line}"
    );
    let folder = installed.folder.path().join("home/.config/agentctl");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("agents.toml"), "[agents.eu-1]\nurl = \"wss://127.0.0.1:1\"\n").unwrap();
    let unknown = ended(installed.command(&["probe", "--agent", "eu1"])).await;
    assert!(unknown.stderr.contains("it has: eu-1"), "{unknown:?}");
}
