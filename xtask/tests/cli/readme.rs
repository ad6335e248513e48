//! The README's commands, run as they are written there. (Its Rust is compiled with the SDK's doctests.)

use std::{path::Path, time::Duration};

use crate::support::{
    Ended, Mock, bare, broken_workspace, cargo, cargo_command, copy_of_project, ended, root,
    run_within,
};

/// What stands in the README for an agent and its certificate.
const URL: &str = "wss://203.0.113.7:8090";
const FINGERPRINT: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The demo builds its example, and before it each dependency of which the tests of the workspace
/// have built another variant.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// `cargo xtask` is the program under test; what would build this workspace once more is left out.
const CARGO: &str = r#"
cargo() {
    case "$1" in
        xtask) shift; "$XTASK" "$@" ;;
        test | check | bench) ;;
        *) echo "the README has an unexpected command: cargo $*" >&2; return 64 ;;
    esac
}
"#;

/// The README's shell blocks, in their order.
fn blocks() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let parts = readme.split("```sh\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

async fn run(script: &str, folder: &Path, input: &str) -> Ended {
    run_at_home(script, folder, input, None).await
}

/// The same with another home, where the commands may write.
async fn run_at_home(script: &str, folder: &Path, input: &str, home: Option<&Path>) -> Ended {
    let mut command = bare("bash");
    cargo(&mut command);
    command.envs(home.map(|home| ("HOME", home)));
    command.args(["-euc", script]).current_dir(folder);
    command.env("XTASK", env!("CARGO_BIN_EXE_xtask"));
    run_within(BUILD_LIMIT, command, input).await
}

#[tokio::test]
async fn the_demo_runs() {
    let demo = run(&format!("{CARGO}{}", blocks()[0]), &root(), "").await;
    assert_eq!(demo.code, Some(0), "{demo:?}");
    for words in ["reconstruction", "114 actions", "byte for byte", "event", "rejected", "Done in"]
    {
        assert!(demo.stdout.contains(words), "{words}: {demo:?}");
    }
    let calls = ["whoami", "servers", "subscribe", "server_start", "server_filetree"];
    assert!(calls.iter().all(|call| demo.stdout.contains(call)), "{demo:?}");
}

#[tokio::test]
async fn the_commands_for_an_agent_work_one_after_the_other() {
    let mock = Mock::start().await;
    let project = copy_of_project();
    let script = format!("{CARGO}{}", blocks()[1..].join("\n"))
        .replace(URL, mock.url())
        .replace(FINGERPRINT, mock.fingerprint());
    let home = tempfile::tempdir().unwrap();
    let password = format!("{}\n", mock.password());
    let ended = run_at_home(&script, project.path(), &password, Some(home.path())).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [mock.fingerprint(), "114 actions, unchanged", "up to date", "survival"] {
        assert!(ended.stdout.contains(words), "{words}: {ended:?}");
    }
}

/// A broken example needs a feature, and was not found; nor was what came after the first mistake.
#[tokio::test]
async fn the_check_after_an_upgrade_finds_a_mistake_in_every_kind_of_target() {
    let check = blocks().concat();
    let check = check.lines().find(|line| line.starts_with("cargo check")).unwrap().to_owned();
    let check = check.split('#').next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = broken_workspace(folder.path());
    let mut command = cargo_command();
    command.args(check.split_whitespace().skip(1)).current_dir(folder.path());
    command.env("CARGO_TARGET_DIR", folder.path().join("target"));
    let found = ended(command).await;
    assert_eq!(found.code, Some(101), "{found:?}");
    for file in broken {
        assert!(found.stderr.contains(&format!("--> {file}:1:")), "{file}: {found:?}");
    }
}
