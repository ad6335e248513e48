//! Calls that reach the agent.

use agent_sdk::mock::MockAgent;
use serde_json::{Value, json};

use crate::support::{Mock, copy_of_project, ended, program, run_with_input};

#[tokio::test]
async fn a_reply_is_json_on_standard_output_and_nothing_else_is_said() {
    let mock = Mock::start().await;
    let ended = mock.run(["call", "whoami"]).await;
    assert_eq!(ended.json(), json!({ "username": "root", "permissions": ["*"] }));
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn what_the_agent_rejects_is_told_in_its_own_words() {
    let mock = Mock::start().await;
    let unknown = mock.run(["call", "levitate"]).await;
    assert_eq!(
        unknown.one_line(1),
        "error: the agent rejected `levitate`: unknown action `levitate`"
    );
    let missing = ["call", "server_filetree", "server=survival", "levels=1", "--no-check"];
    let missing = mock.run(missing).await;
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
    assert!(missing.stderr.contains("missing required parameters: root"), "{missing:?}");
}

#[tokio::test]
async fn values_have_the_types_of_the_snapshot() {
    let mock = Mock::start().await;
    for (arguments, expected) in [
        // A text stays one, whatever it looks like.
        (
            &["server_filetree", "server=12", "root=true", "levels=2"][..],
            json!({ "server": "12", "root": "true", "levels": 2 }),
        ),
        (
            &["mod_change", "server=a", "entity_id=b=c", "enabled=true"],
            json!({ "server": "a", "entity_id": "b=c", "enabled": true }),
        ),
        (
            &["file_zip", r#"paths=["a", "b"]"#, "target="],
            json!({ "paths": ["a", "b"], "target": "" }),
        ),
        (&["settings", r#"settings={"x":[1]}"#], json!({ "settings": { "x": [1] } })),
        (
            &["application_stop", "application=a", "timeout=2.5"],
            json!({ "application": "a", "timeout": 2.5 }),
        ),
        // What the snapshot does not know is a text, unless JSON is clearly meant.
        (
            &["mods", "a=1", "b=x y", "c=[1]", "d=\"1\"", "e=true", "f:=1", "g=[1", "h:=null"],
            json!({
                "a": "1", "b": "x y", "c": [1], "d": "1", "e": "true", "f": 1, "g": "[1", "h": null
            }),
        ),
        (
            &["file_zip", "--parameters", r#"{"paths":[]}"#, "target=t"],
            json!({ "paths": [], "target": "t" }),
        ),
    ] {
        let ended = mock.run([&["call"], arguments].concat()).await;
        assert_eq!(ended.json(), expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn password_and_parameters_may_come_from_files_and_standard_input() {
    let mock = Mock::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", mock.password())).unwrap();
    let who = |ended: Value| assert_eq!(ended["username"], "root");

    let mut command = mock.client(["call", "whoami", "--password-file"]);
    command.arg(file.path()).env_remove("AGENT_PASSWORD");
    who(ended(command).await.json());

    let mut command = mock.client(["call", "whoami", "--password-stdin"]);
    command.env_remove("AGENT_PASSWORD");
    who(run_with_input(command, mock.password()).await.json());

    let command = mock.client(["call", "settings", "--parameters", "-"]);
    let ended = run_with_input(command, r#"{ "settings": { "a": 1 } }"#).await;
    assert_eq!(ended.json(), json!({ "settings": { "a": 1 } }));
}

#[tokio::test]
async fn an_agent_without_tls_is_reached_on_this_machine() {
    let mock = Mock::start_with(["--no-tls", "--username", "ada", "--server", "One"]).await;
    assert_eq!(mock.start_line()["fingerprint"], Value::Null);
    assert!(mock.url().starts_with("ws://127.0.0.1:"), "{}", mock.url());
    let ended = mock.run(["call", "servers", "--username", "ada"]).await;
    assert_eq!(ended.json()["servers"][0]["id"], "One");
}

#[tokio::test]
async fn the_mock_takes_the_given_password_and_ends_when_asked() {
    let mut command = program(["mock-agent", "--for", "120"]);
    command.env("AGENT_PASSWORD", "one of my own");
    let mock = Mock::start_command(command).await;
    assert_eq!(mock.password(), "one of my own");
    let keys: Vec<_> = mock.start_line().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["fingerprint", "password", "url", "username"]);
    assert_eq!(mock.terminate().await, Some(0));
}

#[tokio::test]
async fn a_certificate_is_shown_without_login() {
    let mock = Mock::start().await;
    let url = ["--url", mock.url()];
    let shown = crate::support::run(["fingerprint", "--format", "json", url[0], url[1]]).await;
    let shown = shown.json();
    assert_eq!(shown["fingerprint"], mock.fingerprint());
    assert_eq!(shown["valid_now"], true);
    assert!(shown["issuer"].as_str().unwrap().contains("CFTools Architect"), "{shown}");
    let text = crate::support::run(["fingerprint", url[0], url[1]]).await;
    assert_eq!(text.stdout.lines().next(), Some(mock.fingerprint()));
}

#[tokio::test]
async fn a_certificate_is_remembered_and_a_changed_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known agents");
    let first = Mock::start().await;
    let port = first.url().rsplit([':', '/']).nth(1).unwrap().to_owned();
    let call = |mock: &Mock| {
        let mut command = mock.client(["call", "whoami", "--known-agents"]);
        command.arg(&known).env_remove("AGENT_FINGERPRINT");
        ended(command)
    };
    let met = call(&first).await;
    met.json();
    let said = format!("remembered 127.0.0.1:{port} {}", first.fingerprint());
    assert!(met.stderr.contains(&said), "{}", met.stderr);
    let again = call(&first).await;
    again.json();
    assert!(!again.stderr.contains("remembered"), "{}", again.stderr);
    let found = first.fingerprint().to_owned();
    first.kill().await;
    let second = Mock::start_with(["--port", &port]).await;
    let refused = call(&second).await;
    let line = refused.one_line(3);
    assert!(line.contains(&found) && line.contains(second.fingerprint()), "{line}");
}

#[tokio::test]
async fn what_the_overlay_knows_holds_for_calls_too() {
    let project = copy_of_project();
    let overlay = project.path().join("schemas/overlay.toml");
    let mut text = std::fs::read_to_string(&overlay).unwrap();
    text = text.replace("[actions.mods]\n", "[actions.mods]\ntimeout = 1\n");
    text.push_str("[actions.applications.parameters.tag]\ntype = \"str\"\noptional = true\n");
    std::fs::write(&overlay, text).unwrap();
    let mock = MockAgent::builder(json!({ "applications": {}, "mods": {} }))
        .tls(false)
        .handler("mods", |_, _| std::future::pending())
        .start()
        .await
        .unwrap();
    let call = |arguments: &[&str]| {
        let mut command = program(["call"]);
        command.args(arguments).current_dir(project.path());
        command.env("AGENT_URL", mock.url()).env("AGENT_PASSWORD", mock.password());
        ended(command)
    };
    // A text by the overlay's type, though it looks like a number.
    assert_eq!(call(&["applications", "tag=12"]).await.json(), json!({ "tag": "12" }));
    let waited = call(&["mods"]).await;
    assert!(waited.one_line(3).contains("none within 1s"), "{waited:?}");
    let told = call(&["mods", "--timeout", "0.2"]).await;
    assert!(told.one_line(3).contains("none within 200ms"), "{told:?}");
    mock.stop().await;
}

/// Outside of the project it used to send a number and a boolean.
#[tokio::test]
async fn a_call_sends_the_same_values_inside_and_outside_of_the_project() {
    let mock = Mock::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let expected = json!({ "server": "123", "entity_id": "true", "enabled": true });
    for folder in [crate::support::root(), elsewhere.path().to_owned()] {
        let arguments = ["call", "mod_change", "server=123", "entity_id=true", "enabled=true"];
        let mut command = mock.client(arguments);
        command.current_dir(&folder);
        assert_eq!(ended(command).await.json(), expected, "{}", folder.display());
    }
}

#[tokio::test]
async fn parameters_in_one_object_get_the_same_checks() {
    for arguments in [
        ["server_filetree", "--parameters", r#"{"levels": "two"}"#],
        ["server_filetree", "--parameters", r#"{"server": 5}"#],
        ["file_zip", "--parameters", r#"{"paths": ["a", 1]}"#],
        ["server_filetree", "levels=two", "server=a"],
        ["server_filetree", "levels:=\"two\"", "server=a"],
        ["server_filetree", "levels:=two", "server=a"],
    ] {
        let refused =
            crate::support::run([&["call", "--url", "ws://127.0.0.1:1"], &arguments[..]].concat());
        let refused = refused.await;
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("parameter `"), "{refused:?}");
        assert!(!refused.stderr.contains("two"), "a value may be a secret: {refused:?}");
    }
}

/// It was sent as 1.2345678901234568e29.
#[tokio::test]
async fn a_number_is_sent_as_it_was_typed() {
    let mock = Mock::start().await;
    let number = "123456789012345678901234567890";
    let parameters = format!(r#"{{"b":[{number}]}}"#);
    let arguments = ["call", "mods", &format!("a:={number}"), "--parameters", &parameters];
    let shown = mock.run([&arguments[..], &["--dry-run"]].concat()).await;
    assert_eq!(shown.stdout.matches(number).count(), 2, "{shown:?}");
    let told = mock.run([&arguments[..], &[r#"c={"token":"t"}"#]].concat()).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let masked = [&arguments[..], &[r#"c={"token":"hunter2"}"#, "--dry-run"]].concat();
    let masked = mock.run(masked).await;
    assert!(masked.stdout.contains(number) && !masked.stdout.contains("hunter2"), "{masked:?}");
}

#[tokio::test]
async fn the_nearest_names_are_told_of_those_that_are_not_known() {
    let mock = Mock::start().await;
    let action = mock.run(["call", "sever_start", "server=a"]).await;
    assert_eq!(action.code, Some(1));
    assert!(action.stderr.contains("the nearest is `server_start`"), "{action:?}");
    let parameter = mock.run(["call", "settings", "setings={}", "settings={}"]).await;
    assert_eq!(parameter.code, Some(0));
    assert!(parameter.stderr.contains("no parameter `setings`; the nearest is `settings`"));
}
