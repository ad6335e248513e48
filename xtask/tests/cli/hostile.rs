//! Whatever an agent says, and in whichever place, no command shows it as it came.
//!
//! Each command runs against an agent that repeats the password, speaks to the terminal, forges lines
//! and does not come to an end, in every text that it can choose. `HOSTILE_ROUNDS` says how often, with
//! other words each time; once unless given.

mod agent;
mod words;

use std::{fs, path::Path, time::Duration};

use agent_codegen::is_unseen;
use futures_util::{StreamExt, stream};
use serde::de::IgnoredAny;
use tempfile::TempDir;
use tokio::{process::Command, time::sleep};

use self::{
    agent::{HostileAgent, Manner},
    words::{PASSWORD, USERNAME, Words},
};
use crate::support::{Ended, LIMIT, bare, copy_of_project, run_within, terminate};

/// So many commands run at a time.
const AT_A_TIME: usize = 4;
/// A screen or two; results for machines may be longer.
const MOST_BYTES: usize = 64 * 1024;
/// Lines that look like those of the program, or of what reads its output.
const FORGED: [&str; 4] = ["error: forged", "sha256:forged", "warning: forged", "::error::forged"];
/// How long `watch` watches.
const WATCH: Duration = Duration::from_millis(700);

/// The commands that speak to an agent, and whether their result is JSON that may be long.
const COMMANDS: [(&str, bool); 33] = [
    ("call whoami", true),
    ("call server_start server=x", true),
    ("watch --topic survival --time", true),
    ("watch --console", true),
    ("fetch --out OUT/snapshot.json", false),
    ("fetch --out OUT/other.json --raw-out OUT/raw.json --format json", true),
    ("fetch", false),
    ("check --live", false),
    ("check --live --format json", true),
    ("diff live", false),
    ("diff live --format json", true),
    ("diff live --format markdown", false),
    ("diff live --format github --fail-on any", false),
    ("update --dry-run --force", false),
    ("update --dry-run --force --format json", true),
    ("probe", false),
    ("probe --format json", true),
    ("probe --format nagios", false),
    ("probe --format prometheus", false),
    ("actions --live", false),
    ("actions --live --format json", true),
    ("describe server_start --live", false),
    ("describe server_start --live --format json", true),
    ("call whoami --all", true),
    ("watch --console --all", true),
    ("probe --all", false),
    ("probe --all --format nagios", false),
    ("actions --live --all", false),
    ("describe server_start --live --all --format json", true),
    ("get /survival/server.log OUT/got", false),
    ("get /survival/server.log OUT/got --format json", true),
    ("put OUT/file /survival/file", false),
    ("put OUT/file /survival/file --format json", true),
];

/// The commands that show a snapshot, which an agent may have told.
const OFFLINE: [(&str, bool); 10] = [
    ("actions", false),
    ("actions --format json", true),
    ("actions error", false),
    ("describe server_start", false),
    ("describe server_start --format json", true),
    ("check", false),
    ("generate --check --strict", false),
    ("diff", false),
    ("diff --format json", true),
    ("call server_start serve=x --dry-run", true),
];

fn rounds() -> usize {
    std::env::var("HOSTILE_ROUNDS").map_or(1, |rounds| rounds.parse().expect("it is a number"))
}

#[tokio::test]
async fn no_command_shows_what_an_agent_says_as_it_came() {
    for round in 0..rounds() {
        let runs = Manner::ALL.into_iter().flat_map(|manner| {
            COMMANDS.iter().map(move |(command, is_data)| (manner, *command, *is_data))
        });
        let runs = runs.enumerate().map(|(number, (manner, command, is_data))| async move {
            let words = Words::new(round + number);
            let agent = HostileAgent::start(manner, &words).await;
            let project = copy_of_project();
            fs::write(project.path().join("file"), "content").unwrap();
            write_agents(project.path(), agent.url());
            let mut program = hostile(command, project.path());
            if !command.contains("--all") {
                program.env("AGENT_URL", agent.url());
            }
            if number % 2 == 0 {
                program.env("RUST_LOG", "trace");
            }
            let name = format!("{command} ({manner:?}, {})", words.name());
            let end = if command.starts_with("watch") {
                interrupted(program).await
            } else {
                ended(program).await
            };
            assert!(end.code.is_some_and(|code| code < 5), "{name}: {end:?}");
            // Otherwise it would prove nothing.
            assert!(!end.stderr.contains("try `--help`"), "{name}: {end:?}");
            check(&name, &end, is_data);
            check_form(&name, command, &end.stdout);
            check_written(&name, &project);
        });
        stream::iter(runs).buffer_unordered(AT_A_TIME).collect::<()>().await;
    }
}

/// Neither a reply nor a health check without an end keeps one, nor what is made of them.
#[tokio::test]
async fn no_command_outlasts_its_time_limit_by_an_agent_that_answers_without_an_end() {
    let words = Words::new(0);
    let agent = HostileAgent::start(Manner::Endless, &words).await;
    let commands = COMMANDS.iter().filter(|(command, _)| !command.starts_with("watch"));
    let runs = commands.map(|(command, _)| {
        let url = agent.url();
        async move {
            let project = copy_of_project();
            fs::write(project.path().join("file"), "content").unwrap();
            write_agents(project.path(), url);
            let mut program = hostile(command, project.path());
            program.env("AGENT_TIMEOUT", "0.3");
            if !command.contains("--all") {
                program.env("AGENT_URL", url);
            }
            // It fails where a command does not end.
            let end = ended(program).await;
            assert!(matches!(end.code, Some(0 | 2 | 3)), "{command}: {end:?}");
        }
    });
    stream::iter(runs).buffer_unordered(AT_A_TIME).collect::<()>().await;
}

#[tokio::test]
async fn no_command_shows_a_hostile_snapshot_as_it_came() {
    for round in 0..rounds() {
        let runs = OFFLINE.iter().enumerate().map(|(number, (command, is_data))| async move {
            let words = Words::new(round + number);
            let project = copy_of_project();
            let snapshot = project.path().join("schemas/agent-9.9.9.json");
            fs::write(snapshot, words.catalogue()).unwrap();
            let end = ended(hostile(command, project.path())).await;
            let name = format!("{command} ({})", words.name());
            check(&name, &end, *is_data);
            check_form(&name, command, &end.stdout);
        });
        stream::iter(runs).buffer_unordered(AT_A_TIME).collect::<()>().await;
    }
}

/// A hostile agent chooses the names in its certificate, and rustls repeats them.
#[tokio::test]
async fn no_command_shows_the_names_in_a_certificate_as_they_came() {
    for round in 0..rounds() {
        for number in 0..Words::KINDS {
            let words = Words::new(round + number);
            let folder = tempfile::tempdir().unwrap();
            let agent = HostileAgent::start_with_tls(&words, &folder.path().join("ca")).await;
            for command in [
                "fingerprint",
                "fingerprint --format json",
                "call whoami",
                "call whoami --ca OUT/ca",
                "probe --danger-accept-any-certificate",
            ] {
                let mut program = hostile(command, folder.path());
                program.env("AGENT_URL", agent.url()).env("RUST_LOG", "trace");
                let end = ended(program).await;
                check(&format!("{command} ({})", words.name()), &end, false);
            }
        }
    }
}

/// A command line against a hostile agent, where `OUT` is a folder; the output of git and of the
/// compiler has no part in it.
fn hostile(command: &str, folder: &Path) -> Command {
    let mut program = bare(env!("CARGO_BIN_EXE_xtask"));
    let folder_name = folder.to_str().unwrap();
    program.args(command.split(' ').map(|word| word.replace("OUT", folder_name)));
    program.current_dir(folder).env("AGENT_USERNAME", USERNAME).env("AGENT_PASSWORD", PASSWORD);
    program.env("AGENT_TIMEOUT", "5").env("AGENTS_FILE", folder.join("agents.toml"));
    program
}

/// Runs a program to its end. A megabyte of hostile text takes a busy machine its time.
async fn ended(program: Command) -> Ended {
    run_within(4 * LIMIT, program, "").await
}

/// Names the agent twice, for the commands that work with several.
fn write_agents(folder: &Path, url: &str) {
    fs::write(folder.join("password"), PASSWORD).unwrap();
    let entry = format!("url = {url:?}\nusername = {USERNAME:?}\npassword-file = \"password\"\n");
    let agents = format!("[agents.one]\n{entry}[agents.two]\n{entry}");
    let file = folder.join("agents.toml");
    fs::write(&file, agents).unwrap();
}

/// How a program ends that is interrupted after a while.
async fn interrupted(mut program: Command) -> Ended {
    program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = program.spawn().unwrap();
    sleep(WATCH).await;
    if child.id().is_some() {
        terminate(&child).await;
    }
    Ended::from(child.wait_with_output().await.unwrap())
}

/// Fails if a stream is long, acts on a terminal, holds a line of the agent's making, or a password.
fn check(name: &str, end: &Ended, is_data: bool) {
    let streams = [("stdout", &end.stdout, is_data), ("stderr", &end.stderr, false)];
    for (stream, text, may_be_long) in streams {
        let name = format!("{name}: {stream}");
        let size = text.len();
        assert!(may_be_long || size < MOST_BYTES, "{name}: {size} bytes: {}", beginning(text));
        let acts = |c: char| c != '\n' && is_unseen(c);
        assert!(!text.contains(acts), "{name}: {:?}", around(text, text.find(acts)));
        for forged in FORGED {
            let line = text.lines().find(|line| line.starts_with(forged));
            assert_eq!(line, None, "{name}");
        }
        if let Some((coding, at)) = words::find_password(text) {
            panic!("{name}: {coding}: {:?}", around(text, Some(at)));
        }
    }
}

/// Fails if a result for a machine is not what it is called: words of an agent that end a text early
/// would be read as more than a text.
fn check_form(name: &str, command: &str, stdout: &str) {
    if ["--format json", "call ", "watch "].iter().any(|it| command.contains(it)) {
        let read = serde_json::Deserializer::from_str(stdout).into_iter::<IgnoredAny>();
        read.for_each(|value| assert!(value.is_ok(), "{name}: {value:?}: {}", beginning(stdout)));
    } else if command.contains("nagios") {
        let bars = stdout.matches('|').count();
        assert_eq!((stdout.lines().count(), bars), (1, 1), "{name}: {stdout}");
    } else if command.contains("prometheus") {
        let is_own = |line: &str| line.starts_with("# ") || line.starts_with("architect_agent_");
        assert!(stdout.lines().all(is_own), "{name}: {stdout}");
    } else if command.contains("github") {
        assert!(stdout.lines().all(|line| line.starts_with("::")), "{name}: {stdout}");
    }
}

/// A snapshot that is written is shown by an editor, and by a pull request.
fn check_written(name: &str, project: &TempDir) {
    for file in ["snapshot.json", "other.json"] {
        let text = fs::read_to_string(project.path().join(file)).unwrap_or_default();
        let acts = |c: char| c != '\n' && is_unseen(c);
        assert!(!text.contains(acts), "{name}: {file}: {:?}", around(&text, text.find(acts)));
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(400).collect()
}

/// The text before and behind a place.
fn around(text: &str, at: Option<usize>) -> String {
    let at = at.unwrap_or_default();
    let before = text.get(..at).unwrap_or_default().chars().rev().take(200).collect::<Vec<_>>();
    let behind = text.get(at..).unwrap_or_default().chars().take(120);
    before.into_iter().rev().chain(behind).collect()
}
