//! The help texts.

use crate::common::run;

const COMMANDS: [&str; 8] =
    ["fetch", "generate", "check", "call", "watch", "fingerprint", "mock-agent", "demo"];

#[tokio::test]
async fn every_help_text_fits_80_columns() {
    let whole = run(["--help"]).await;
    for command in COMMANDS {
        assert!(whole.stdout.contains(&format!("\n  {command} ")), "{command}: {whole:?}");
        for flag in ["-h", "--help"] {
            let help = run([command, flag]).await;
            assert_eq!(help.code, Some(0), "{help:?}");
            assert!(help.stdout.contains(&format!("Usage: cargo xtask {command}")), "{help:?}");
            let wide: Vec<_> =
                help.stdout.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{command}: {wide:?}");
        }
    }
    assert!(whole.stdout.lines().all(|line| line.chars().count() <= 80), "{whole:?}");
}

#[tokio::test]
async fn every_command_that_connects_has_the_same_options() {
    for command in ["fetch", "check", "call", "watch"] {
        let help = run([command, "--help"]).await.stdout;
        // However the lines are wrapped.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in [
            "--url",
            "AGENT_URL",
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
            "--timeout",
            "[default: 10,",
        ] {
            assert!(help.contains(word), "{command}: {word}");
        }
    }
}

#[tokio::test]
async fn no_option_takes_a_password() {
    for command in COMMANDS {
        let help = run([command, "--help"]).await.stdout;
        assert!(!help.contains("--password "), "{command}");
        assert!(!help.contains("--password <"), "{command}");
    }
}
