//! `agentctl`: the commands that need no checkout, from a folder that is none.

use std::ffi::OsStr;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Mock, bare, copy_of_project, ended, newer_snapshot};

/// `agentctl` in the root of the file system.
pub fn agentctl<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = bare(env!("CARGO_BIN_EXE_agentctl"));
    command.args(arguments).current_dir("/");
    command
}

#[tokio::test]
async fn actions_are_listed_and_found_without_a_checkout() {
    let all = ended(agentctl(["actions"])).await;
    assert!(all.stdout.lines().count() > 100, "{all:?}");
    assert!(all.stdout.lines().all(|line| line.chars().count() <= 80), "{all:?}");
    let found = ended(agentctl(["actions", "BACKUP", "--format", "json"])).await.json();
    let names: Vec<_> = found.as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert!(names.contains(&&"create_backup".into()), "{names:?}");
    let nothing = ended(agentctl(["actions", "unicorn"])).await;
    assert!(nothing.one_line(1).contains("no action is about `unicorn`"));
}

#[tokio::test]
async fn an_action_is_described_with_lines_to_paste() {
    let text = ended(agentctl(["describe", "server_start"])).await;
    for words in [
        "Starts a server",
        "server  a text",
        "agentctl call server_start server=SERVER",
        "agent.server_start(ServerStart::new(\"SERVER\")).await?",
        "accepted, not that it is done",
    ] {
        assert!(text.stdout.contains(words), "{words} in {text:?}");
    }
    let secret = ended(agentctl(["describe", "user_password"])).await;
    assert!(!secret.stdout.contains("password="), "{secret:?}");
    let unknown = ended(agentctl(["describe", "servr_start"])).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("the nearest is `server_start`"), "{unknown:?}");
}

#[tokio::test]
async fn an_action_is_described_with_the_versions_that_have_it() {
    let project = copy_of_project();
    newer_snapshot(project.path(), "1.2.0", |actions| {
        actions["server_clone"] = json!({ "required_parameters": { "server": "str" } });
        actions["subscribe"]["required_parameters"]["since"] = json!("int");
    });
    let describe = async |arguments: &[&str]| {
        let mut command = agentctl([&["describe"], arguments].concat());
        command.current_dir(project.path());
        ended(command).await
    };
    let clone = describe(&["server_clone"]).await;
    assert!(clone.stdout.contains("  Since 1.2.0.\n"), "{clone:?}");
    let json = describe(&["server_clone", "--format", "json"]).await.json();
    assert_eq!((&json["since"], &json["until"]), (&"1.2.0".into(), &Value::Null));
    assert_eq!(json["parameters"][0]["since"], Value::Null, "it is as new as its action");
    let subscribe = describe(&["subscribe"]).await;
    let mut parameter = subscribe.stdout.lines().skip_while(|it| !it.starts_with("  since "));
    assert_eq!(parameter.nth(1).map(str::trim), Some("Since 1.2.0."), "{subscribe:?}");
    let json = describe(&["subscribe", "--format", "json"]).await.json();
    let since = json["parameters"].as_array().unwrap().iter().find(|it| it["name"] == "since");
    assert_eq!(since.unwrap()["since"], "1.2.0", "{json}");

    // An older one that is asked for is not there any more, and what both have says nothing.
    let both = describe(&["whoami"]).await;
    assert!(!both.stdout.contains("Since"), "{both:?}");
}

#[tokio::test]
async fn what_the_agent_requires_is_told_before_anything_is_sent() {
    // There is no agent at all, and none is asked for.
    let missing = ended(agentctl(["call", "add_mod", "server=x"])).await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    for words in ["`entity_id`, a text", "`position`, a whole number", "was not sent"] {
        assert!(missing.stderr.contains(words), "{words} in {missing:?}");
    }
}

#[tokio::test]
async fn a_dry_run_masks_secrets_and_connects_to_nothing() {
    let call = ["call", "create_user", "username=a", "password=hunter2", "roles=[]", "--dry-run"];
    let shown = ended(agentctl(call)).await;
    let request = shown.json();
    assert_eq!(request["parameters"]["password"], "***");
    assert_eq!(request["parameters"]["username"], "a");
    assert!(!format!("{shown:?}").contains("hunter2"), "{shown:?}");
}

/// Only parameters that the catalogue has were masked.
#[tokio::test]
async fn a_dry_run_masks_what_is_named_like_a_secret_at_any_depth() {
    let options = r#"options={"token":"hunter2","hosts":[{"rcon_password":"hunter2","port":1}]}"#;
    let shown =
        ended(agentctl(["call", "brand_new", options, "api_key=hunter2", "--dry-run"])).await;
    assert!(!shown.stdout.contains("hunter2"), "{shown:?}");
    assert_eq!(shown.json()["parameters"]["options"]["hosts"][0]["port"], 1);
}

#[tokio::test]
async fn a_call_without_a_checkout_has_the_types_of_one() {
    let mock = Mock::start().await;
    let mut command = agentctl(["call", "write_file", "path=123", "content=true"]);
    command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
    command.env("AGENT_FINGERPRINT", mock.fingerprint());
    let written = ended(command).await.json();
    assert_eq!(written["path"], "123");
}

#[tokio::test]
async fn help_names_the_program_that_was_typed() {
    for command in [vec!["--help"], vec!["call", "--help"], vec!["watch", "--help"]] {
        let help = ended(agentctl(&command)).await;
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(help.stdout.contains("agentctl") && !help.stdout.contains("xtask"), "{help:?}");
    }
    for command in ["fetch", "generate", "check", "demo", "soak"] {
        let unknown = ended(agentctl([command])).await;
        assert_eq!(unknown.code, Some(2), "`{command}` needs a checkout: {unknown:?}");
    }
}
