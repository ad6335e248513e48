//! Completions, in the shells themselves: each is typed into on a terminal of its own.

use std::{fs, path::Path, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{
    agentctl::agentctl,
    support::{LIMIT, bare, ended},
};

/// A shell, and the commands that load a script and show when it is ready.
struct Kind {
    name: &'static str,
    start: &'static str,
    load: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "bash",
        start: "bash --norc --noprofile -i",
        load: "source $SCRIPT; PS1='read''y> '",
    },
    Kind {
        name: "zsh",
        start: "zsh -f -i",
        load: "autoload -U compinit; compinit -u -D; source $SCRIPT; PS1='read''y> '",
    },
    Kind {
        name: "fish",
        start: "fish --no-config --interactive",
        load: "source $SCRIPT; function fish_prompt; echo -n 'read''y> '; end",
    },
];

/// A shell on a terminal that `script` gives it, with `agentctl` in its path and agents in a file.
struct Shell {
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// What was shown and not yet waited for.
    shown: Vec<u8>,
    _folder: TempDir,
}

const AGENTS: &str = r#"
[agents."eu 1"]
url = "ws://127.0.0.1:1"
tags = ["in europe"]
[agents."it's"]
url = "ws://127.0.0.1:1"
[agents.us-1]
url = "ws://127.0.0.1:1"
"#;

impl Shell {
    /// `None` where the shell, or `script`, is not on this machine.
    async fn start(kind: &Kind) -> Option<Self> {
        // The options of `script` are those of util-linux.
        for program in ["script", kind.name] {
            let version = bare(program).arg("--version").stdin(Stdio::null()).output().await;
            if !version.is_ok_and(|version| version.status.success()) {
                eprintln!("SKIPPED: {program} is not on this machine");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let script = ended(agentctl(["completions", kind.name])).await;
        assert_eq!(script.code, Some(0), "{script:?}");
        fs::write(folder.path().join("script"), &script.stdout).unwrap();
        fs::write(folder.path().join("agents.toml"), AGENTS).unwrap();
        fs::create_dir_all(folder.path().join("a folder")).unwrap();
        fs::write(folder.path().join("a folder/agents.toml"), AGENTS).unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_agentctl")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path)));
        let mut command = bare("script");
        command.args(["-qefc", kind.start, "/dev/null"]).current_dir(folder.path());
        command.env("TERM", "dumb").env("SCRIPT", folder.path().join("script"));
        command.env("HOME", folder.path()).env("AGENTS_FILE", folder.path().join("agents.toml"));
        // In the locale C, fish finds no program below a folder whose name is not ASCII.
        command.env("PATH", path.unwrap()).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shell = Self { _child: child, stdin, stdout, shown: Vec::new(), _folder: folder };
        shell.type_keys(&format!("{}\n", kind.load)).await;
        shell.wait_for("ready> ").await;
        Some(shell)
    }

    /// Types a line in which tabs are completed, runs it, and waits until a text is shown.
    async fn completes(&mut self, line: &str, shown: &str) {
        self.type_keys(&format!("{line}\n")).await;
        self.wait_for(shown).await;
        self.wait_for("ready> ").await;
    }

    async fn type_keys(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
    }

    /// Reads what the terminal shows up to a text.
    async fn wait_for(&mut self, text: &str) {
        let reading = async {
            loop {
                let shown = String::from_utf8_lossy(&self.shown).into_owned();
                if let Some((_, after)) = shown.split_once(text) {
                    self.shown = after.as_bytes().to_vec();
                    return;
                }
                let read = self.stdout.read_buf(&mut self.shown).await.unwrap();
                assert!(read > 0, "it has ended: {shown}");
            }
        };
        let found = timeout(LIMIT, reading).await;
        assert!(found.is_ok(), "no `{text}` in: {}", String::from_utf8_lossy(&self.shown));
    }
}

/// What is typed, with tabs, and what a dry run then shows: the program has read whole words.
const TYPED: [(&str, &str); 9] = [
    // An action, and a parameter behind whose `=` the line goes on.
    ("agentctl call server_sta\tser\tx --dry-run", "\"server\": \"x\""),
    // A value, of a parameter that is known to have few.
    ("agentctl call move_file source=a target=b overwrite=t\t --dry-run", "\"overwrite\": true"),
    // Names that a shell would read as more than one word.
    ("agentctl call whoami --dry-run --agent eu\t", "are meant: eu 1"),
    ("agentctl call whoami --dry-run --agent it\t", "are meant: it's"),
    ("agentctl call whoami --dry-run --tag=in\t", "are meant: eu 1"),
    ("agentctl call whoami --dry-run --agent \"eu\t", "are meant: eu 1"),
    // Options, and files, also in a folder with a space in its name.
    ("agentctl call whoami --dry-r\t--agents agents.t\t--agent us-\t", "are meant: us-1"),
    ("agentctl call whoami --dry-run --agents a\\ f\tag\t--all", "are meant: eu 1, it's, us-1"),
    ("agentctl describe who\t", "agent.whoami()"),
];

#[tokio::test]
async fn words_are_completed_by_real_shells_as_they_are_typed() {
    for kind in &KINDS {
        let Some(mut shell) = Shell::start(kind).await else { continue };
        for (line, shown) in TYPED {
            eprintln!("{}: {line:?}", kind.name);
            shell.completes(line, shown).await;
        }
    }
}

/// zsh reads the file from its path at the first tab: it did nothing then.
#[tokio::test]
async fn zsh_completes_at_the_first_tab_of_a_script_in_its_path() {
    let Some(mut shell) = Shell::start(&KINDS[1]).await else { return };
    let load = "unfunction _agentctl; mkdir -p f && cp $SCRIPT f/_agentctl; fpath=($PWD/f $fpath); \
                compinit -u -D";
    shell.completes(load, "compinit").await;
    shell.completes("agentctl call whoami --dry-run --agent us\t", "are meant: us-1").await;
}

/// No shell at all, and no network: what each of them is answered.
#[tokio::test]
async fn actions_and_parameters_are_completed_offline() {
    let complete = async |shell: &str, words: &[&str]| {
        let mut command = agentctl(["--", "agentctl"]);
        command.args(words).env("AGENTCTL_COMPLETE", shell);
        command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_IFS", "\n");
        ended(command).await.stdout
    };
    // There is no PowerShell to type into; this is what its script asks for.
    for shell in ["bash", "zsh", "fish", "powershell"] {
        for (words, expected) in [
            (&["call", "server_st"][..], "server_start"),
            (&["call", "server_start", "se"], "server="),
            (&["call", "--timeout", "5", "move_file", "overwrite="], "overwrite=false"),
            (&["describe", "who"], "whoami"),
            (&["probe", "--format", "na"], "nagios"),
        ] {
            let answer = complete(shell, words).await;
            assert!(answer.lines().any(|line| line.starts_with(expected)), "{shell}: {answer}");
        }
    }
    let script = ended(agentctl(["completions", "powershell"])).await;
    assert!(script.stdout.contains("Register-ArgumentCompleter"), "{script:?}");
}
