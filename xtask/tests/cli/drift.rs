//! The README's scheduled job, with all of its commands, against an agent that has been upgraded.

use std::{env, fs, path::Path};

use agent_sdk::mock::MockAgent;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{bare, copy_of_project, ended, root};

const PASSWORD: &str = "7f3b0c9e-Hunter2";
const TOKEN: &str = "ghs_0123456789";

/// A step of the job: its script, and the variables that it alone has.
struct Step {
    script: String,
    variables: Vec<(String, String)>,
}

/// The README's job.
fn job() -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// The steps of a job, of which each has `run` and may have `env`.
fn steps(job: &str) -> Vec<Step> {
    let steps = job.split_once("    steps:\n").unwrap().1;
    let texts = steps.split("      - ").skip(1);
    texts.map(|text| step(&text.replace("\n        ", "\n"))).collect()
}

fn step(text: &str) -> Step {
    let (before, run) = text.split_once("run: ").unwrap();
    let script = run.strip_prefix("|\n").unwrap_or(run);
    let script = script.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    let env = before.trim().strip_prefix("env: { ").map(|env| env.strip_suffix(" }").unwrap());
    let variables = env.map(|env| {
        let (name, value) = env.split_once(": ").unwrap();
        let value = match value {
            r#""${{ github.token }}""# => TOKEN,
            r#""${{ secrets.AGENT_PASSWORD }}""# => PASSWORD,
            other => panic!("the test knows no {other}"),
        };
        (name.to_owned(), value.to_owned())
    });
    Step {
        script: script.collect::<Vec<_>>().join("\n"),
        variables: variables.into_iter().collect(),
    }
}

/// In place of `gh`: clones the local repository, and notes the pull requests.
const GH: &str = r#"#!/bin/sh
case "$1 $2" in
    "repo clone") test "$3" = example/sdk && exec git clone --quiet "$ORIGIN" "$4" ;;
    "pr create") test -n "$GH_TOKEN" && echo "$*" >>"$ORIGIN/pulls" && cat ../changes.md >"$ORIGIN/body" ;;
    *) echo "gh does not know $*" >&2; exit 1 ;;
esac
"#;

/// In place of cargo: the program is built already, and what uses `subscribe` does not compile.
const CARGO: &str = r#"#!/bin/sh
env >>"$ORIGIN/cargo-environment"
case "$1" in
    build) mkdir -p target/debug && exec cp "$XTASK" target/debug/xtask ;;
    check) echo '{"reason":"compiler-message","message":{"level":"error","message":"no `since`","spans":[{"file_name":"src/app.rs","line_start":7,"is_primary":true}]}}'; exit 101 ;;
esac
"#;

/// A repository on a server, a runner, and programs in place of those that reach further.
struct Runner {
    origin: TempDir,
    folder: TempDir,
}

impl Runner {
    async fn new() -> Self {
        let project = copy_of_project();
        fs::write(project.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        let runner =
            Self { origin: tempfile::tempdir().unwrap(), folder: tempfile::tempdir().unwrap() };
        let script = "git init --quiet && git add . && \
                      git -c user.name=A -c user.email=a@example.org commit --quiet --message All && \
                      git clone --quiet --bare . \"$ORIGIN\"";
        runner.run(project.path(), script, &[]).await;
        let bin = runner.folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(runner.folder.path().join("temp")).unwrap();
        for (name, text) in [("gh", GH), ("cargo", CARGO)] {
            fs::write(bin.join(name), text).unwrap();
            runner.run(&bin, &format!("chmod +x {name}"), &[]).await;
        }
        runner
    }

    async fn run(&self, folder: &Path, script: &str, variables: &[(String, String)]) -> String {
        let mut command = bare("bash");
        let mut path = vec![self.folder.path().join("bin")];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        command.args(["-ec", script]).current_dir(folder);
        command.env("PATH", env::join_paths(path).unwrap()).env("ORIGIN", self.origin.path());
        command.env("XTASK", env!("CARGO_BIN_EXE_xtask")).env("HOME", self.folder.path());
        command.env("RUNNER_TEMP", self.folder.path().join("temp"));
        command.env("GITHUB_REPOSITORY", "example/sdk").envs(variables.iter().cloned());
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(0), "{script}\n{ended:?}");
        ended.stdout + &ended.stderr
    }

    /// Runs the job as the README has it; returns what it printed.
    async fn job(&self, mock: &MockAgent) -> String {
        let agent = [
            ("AGENT_URL".to_owned(), mock.url()),
            ("AGENT_FINGERPRINT".to_owned(), mock.fingerprint().unwrap()),
        ];
        let mut printed = String::new();
        for mut step in steps(&job()) {
            step.variables.extend(agent.clone());
            printed += &self.run(self.folder.path(), &step.script, &step.variables).await;
        }
        printed
    }

    /// What one of the programs has noted.
    fn noted(&self, name: &str) -> String {
        fs::read_to_string(self.origin.path().join(name)).unwrap_or_default()
    }
}

async fn start(edit: impl FnOnce(&mut Value), version: &str) -> MockAgent {
    let text = fs::read(root().join("schemas/agent-1.1.34.json")).unwrap();
    let mut catalogue: Value = serde_json::from_slice(&text).unwrap();
    edit(&mut catalogue["actions"]);
    let mock = MockAgent::builder(catalogue).version(version).credentials("root", PASSWORD);
    mock.start().await.unwrap()
}

#[tokio::test]
async fn the_scheduled_job_opens_one_pull_request_for_each_new_catalogue() {
    let runner = Runner::new().await;
    let same = start(|_| {}, "1.1.34").await;
    runner.job(&same).await;
    assert_eq!(runner.noted("pulls"), "", "nothing has changed");

    let upgraded = start(
        |actions| {
            actions["brand_new"] = json!({});
            actions["subscribe"]["required_parameters"]["since"] = json!("int");
        },
        "1.2.0",
    )
    .await;
    let first = runner.job(&upgraded).await;
    let second = runner.job(&upgraded).await;
    let pulls = runner.noted("pulls");
    assert_eq!(pulls.lines().count(), 1, "{pulls}");
    let body = runner.noted("body");
    for words in ["`brand_new`", "`since`", "left to do:\n- src/app.rs:7: no `since`"] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let branches = "git --git-dir \"$ORIGIN\" ls-tree -r --name-only \"$(git --git-dir \"$ORIGIN\" \
                    for-each-ref --format='%(refname)' 'refs/heads/agent-*')\"";
    let files = runner.run(runner.folder.path(), branches, &[]).await;
    for file in ["schemas/agent-1.2.0.json", "schemas/CHANGELOG.md"] {
        assert!(files.lines().any(|line| line == file), "{files}");
    }
    for text in [first, second, body, pulls, runner.noted("cargo-environment")] {
        assert!(!text.contains(PASSWORD) && !text.contains(TOKEN), "{text}");
    }
    same.stop().await;
    upgraded.stop().await;
}

/// What a tag of another repository leads to may change overnight.
#[test]
fn no_job_runs_an_action_of_others() {
    let workflow = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    for text in [workflow, job()] {
        assert!(!text.contains("uses:"), "{text}");
        assert!(text.contains("permissions:"), "{text}");
    }
}
