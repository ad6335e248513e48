//! Several agents by name: `agents.toml`, `--all`, `--tag`, `--one-by-one`, and `probe`.

use std::fs;

use crate::support::{Fleet, ended, rows};

#[tokio::test]
async fn of_fifty_agents_three_are_broken_in_three_ways() {
    let mut fleet = Fleet::of(50).await;
    for number in 0..50 {
        fleet.add(number, "");
    }
    // A wrong password, another certificate than the pinned one, and an agent that is away.
    fs::write(fleet.path().join("password-3"), "wrong").unwrap();
    let stranger = fleet.mocks[8].fingerprint().unwrap();
    let pinned = fleet.mocks[7].fingerprint().unwrap();
    fleet.text = fleet.text.replacen(&pinned, &stranger, 1);
    fleet.mocks[11].go_down().await;
    let ended = ended(fleet.command(&["call", "whoami", "--all"])).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let rows = rows(&ended.stdout);
    assert_eq!(rows.len(), 50);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["agent"], format!("a{number:02}"));
        let words = match number {
            3 => "rejected the credentials",
            7 => "certificate",
            11 => "no connection",
            _ => {
                assert_eq!(row["reply"]["username"], "root", "{row}");
                continue;
            }
        };
        assert!(row["error"].as_str().unwrap().contains(words), "{row}");
    }
    assert_eq!(fleet.mocks[3].refused_logins(), 1, "a wrong password is tried once");
    assert!(ended.stderr.contains("3 of 50 agents failed: a03, a07, a11"), "{ended:?}");
}

#[tokio::test]
async fn one_by_one_stops_at_the_first_that_fails() {
    let mut fleet = Fleet::of(3).await;
    for number in 0..3 {
        fleet.add(number, "tags = [\"eu\"]");
    }
    fleet.mocks[1].go_down().await;
    let call = ["call", "whoami", "--tag", "eu", "--one-by-one"];
    let ended = ended(fleet.command(&call)).await;
    let rows = rows(&ended.stdout);
    assert!(
        rows[2]["error"].as_str().unwrap().contains("not tried, since `a01` failed"),
        "{rows:?}"
    );
    assert_eq!(fleet.mocks[2].logins(), 0);
}

#[tokio::test]
async fn names_and_files_that_are_wrong_are_told_without_a_password() {
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "");
    let unknown = ended(fleet.command(&["call", "whoami", "--agent", "a77"])).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("no agent `a77`; it has: a00"), "{unknown:?}");
    fleet.text.push_str("password = \"hunter2\"\n");
    let inside = ended(fleet.command(&["call", "whoami", "--all"])).await;
    assert!(inside.stderr.contains("agents.toml:7: unknown field `password`"), "{inside:?}");
    assert!(!inside.stderr.contains("hunter2"), "{inside:?}");
}

#[tokio::test]
async fn what_is_wrong_in_the_file_is_told_with_its_line() {
    let mut fleet = Fleet::of(0).await;
    for (text, words) in [
        ("", "names no agent; an entry begins with `[agents.NAME]`"),
        ("[agents.a]\nurl = 5\n", "agents.toml:2: invalid type: integer `5`, expected a string"),
        ("[agents.a]\nurl = \"x\"\n\n[agents.a]\n", "agents.toml:4: duplicate key"),
        ("[agents.a]\n", "agents.toml:1: missing field `url`"),
        (
            "[agents.a]\nurl = \"x\"\ntags = 5\n",
            "agents.toml:3: invalid type: integer `5`, expected a text or a list of texts",
        ),
        ("\n[agents.a", "agents.toml:2: unclosed table"),
        (
            "[agents.a]\nurl = \"x\"\nfingerprint = []\n",
            "agents.toml:3: `fingerprint` is empty: name one, or leave it out",
        ),
        ("[agents.\"\"]\nurl = \"x\"\n", "has no name: it begins with `[agents.NAME]`"),
        (
            "[agents.a]\nurl = \"x\"\nca = \"y\"\nfingerprint = \"z\"\n",
            "agent `a` has more than one of",
        ),
    ] {
        text.clone_into(&mut fleet.text);
        let refused = ended(fleet.command(&["call", "whoami", "--all"])).await;
        assert!(matches!(refused.code, Some(2 | 3)), "{refused:?}");
        assert!(refused.stderr.contains(words), "{words} in {refused:?}");
    }
}

/// A fingerprint and a tag had to be in brackets, and the error repeated them.
#[tokio::test]
async fn what_there_is_one_of_needs_no_brackets() {
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "tags = \"eu\"");
    fleet.text = fleet.text.replace("[\"sha256", "\"sha256").replace("\"]", "\"");
    let reply = ended(fleet.command(&["call", "whoami", "--tag", "eu"])).await;
    assert_eq!(rows(&reply.stdout)[0]["reply"]["username"], "root", "{reply:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "");
    let command = fleet.command(&["call", "whoami", "--all"]);
    let file = fleet.path().join("agents.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = ended(command).await;
    assert!(refused.one_line(3).contains("may be written by others"), "{refused:?}");
}

/// It was believed as long as its mode was right, and so was the command in it.
#[cfg(unix)]
#[tokio::test]
async fn a_file_of_agents_of_another_user_is_refused() {
    let mut fleet = Fleet::of(1).await;
    fleet.add(0, "");
    let command = fleet.command(&["call", "whoami", "--all"]);
    let file = fleet.path().join("agents.toml");
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_err() {
        eprintln!("SKIPPED: only root can give a file to another user");
        return;
    }
    let refused = ended(command).await;
    assert!(refused.one_line(3).contains("belongs to another user"), "{refused:?}");
}

#[tokio::test]
async fn a_probe_tells_people_and_monitoring_what_is_wrong() {
    let mut fleet = Fleet::of(2).await;
    fleet.add(0, "");
    fleet.add(1, "");
    fleet.mocks[1].go_down().await;
    let nagios = ended(fleet.command(&["probe", "--all", "--format", "nagios"])).await;
    assert_eq!((nagios.code, nagios.stdout.lines().count()), (Some(2), 1), "{nagios:?}");
    assert!(nagios.stdout.starts_with("AGENTS CRITICAL - "), "{nagios:?}");
    let unknown = ended(fleet.command(&["probe", "--agent", "b", "--format", "nagios"])).await;
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    assert!(unknown.stdout.starts_with("AGENTS UNKNOWN - ") && unknown.stderr.is_empty());
    let prometheus = ended(fleet.command(&["probe", "--all", "--format", "prometheus"])).await;
    for line in [
        "architect_agent_up{agent=\"a00\"} 1",
        "architect_agent_up{agent=\"a01\"} 0",
        "architect_agent_servers{agent=\"a00\",state=\"stopped\"} 1",
        "architect_agent_catalogue_breaking{agent=\"a00\"} 1",
    ] {
        assert!(prometheus.stdout.lines().any(|it| it == line), "{line} in {prometheus:?}");
    }
    let json = ended(fleet.command(&["probe", "--agent", "a00", "--format", "json"])).await.json();
    assert_eq!((&json["up"], &json["found"]["catalogue"]), (&true.into(), &"breaking".into()));
    assert!(json["found"]["certificate_expires_in"].as_i64().unwrap() > 0, "{json}");
}
