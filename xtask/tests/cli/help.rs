//! The help texts, of every command that the program itself lists.

use crate::support::run;

/// The names below `Commands:`, which clap writes: a new command is tested without being listed here.
pub async fn commands() -> Vec<String> {
    let help = run(["--help"]).await.stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        // Deeper lines go on with a description.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    let names: Vec<_> = names.collect();
    assert!(names.contains(&"fetch".to_owned()) && names.contains(&"demo".to_owned()), "{names:?}");
    names
}

/// The help of a command, however its lines are wrapped.
async fn help_of(command: &str) -> String {
    let help = run([command, "--help"]).await.stdout;
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_fits(help: &str, command: &str) {
    let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{command}: {wide:?}");
}

#[tokio::test]
async fn every_help_text_fits_80_columns() {
    assert_fits(&run(["--help"]).await.stdout, "--help");
    for command in commands().await {
        for flag in ["-h", "--help"] {
            let help = run([&*command, flag]).await;
            assert_eq!(help.code, Some(0), "{help:?}");
            assert!(help.stdout.contains(&format!("Usage: cargo xtask {command}")), "{help:?}");
            assert_fits(&help.stdout, &command);
        }
    }
}

#[tokio::test]
async fn every_command_that_connects_has_the_same_options() {
    const ADDRESS: [&str; 10] = [
        "--url",
        "AGENT_URL",
        "--timeout",
        "[default: 10,",
        "--wait",
        "AGENT_WAIT",
        "--agent",
        "--all",
        "--tag",
        "--one-by-one",
    ];
    const LOGIN: [&str; 11] = [
        "--username",
        "AGENT_USERNAME",
        "AGENT_PASSWORD",
        "--password-file",
        "--password-stdin",
        "--fingerprint",
        "AGENT_FINGERPRINT",
        "--ca",
        "--known-agents",
        "--danger-accept-any-certificate",
        "--allow-plaintext",
    ];
    let mut connecting = Vec::new();
    for command in commands().await {
        let help = help_of(&command).await;
        if !help.contains("--url") {
            continue;
        }
        for word in ADDRESS {
            assert!(help.contains(word), "{command}: {word}");
        }
        let has_some_of_a_login = LOGIN.iter().any(|word| help.contains(&format!("{word} ")));
        if has_some_of_a_login && command != "fingerprint" {
            for word in LOGIN {
                assert!(help.contains(word), "{command}: {word}");
            }
            connecting.push(command);
        }
    }
    assert!(connecting.len() >= 4, "{connecting:?}");
}

#[tokio::test]
async fn no_option_takes_a_password() {
    for command in commands().await {
        let help = help_of(&command).await;
        for option in ["--password <", "--password=", "--password "] {
            assert!(!help.contains(option), "{command}: {option}");
        }
    }
}
