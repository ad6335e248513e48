//! Options and variables that decide whom to trust, and where the password is.

use std::fs;

use crate::support::{Mock, ended};

const SWITCHES: [&str; 2] = ["AGENT_DANGER_ACCEPT_ANY_CERTIFICATE", "AGENT_ALLOW_PLAINTEXT"];

/// Each of these logged in to anybody, and without a word.
#[tokio::test]
async fn no_word_but_an_exact_one_switches_verification_off() {
    let mock = Mock::start().await;
    for switch in SWITCHES {
        let words = ["disabled", "none", "never", " false", "", "no", "off", "TRUE", "yes", "2"];
        for word in words {
            let mut command = mock.client(["call", "whoami"]);
            command.env(switch, word).env_remove("AGENT_FINGERPRINT");
            let refused = ended(command).await;
            assert_eq!(refused.code, Some(2), "{switch}={word:?}: {refused:?}");
            assert!(refused.stderr.contains(switch), "{refused:?}");
        }
    }
    for word in ["false", "0"] {
        let mut command = mock.client(["call", "whoami"]);
        command.env(SWITCHES[0], word).env_remove("AGENT_FINGERPRINT");
        let untrusted = ended(command).await;
        assert!(untrusted.one_line(3).contains(mock.fingerprint()), "{untrusted:?}");
    }
}

#[tokio::test]
async fn what_is_dangerous_is_said_on_every_run() {
    let mock = Mock::start().await;
    let warnings = ["any certificate is accepted", "plaintext is allowed"];
    for (switch, warning) in SWITCHES.into_iter().zip(warnings) {
        for word in ["true", "1"] {
            let mut command = mock.client(["call", "whoami"]);
            command.env(switch, word);
            if switch == SWITCHES[0] {
                command.env_remove("AGENT_FINGERPRINT");
            }
            let warned = ended(command).await;
            assert_eq!(warned.code, Some(0), "{warned:?}");
            assert_eq!(warned.stderr.matches(warning).count(), 1, "{warned:?}");
        }
    }
    let mut command = mock.client(["call", "whoami", "--danger-accept-any-certificate"]);
    command.arg("--allow-plaintext");
    let warned = ended(command).await;
    assert!(warnings.iter().all(|warning| warned.stderr.contains(warning)), "{warned:?}");
}

/// An option beside a variable was refused as one way too many.
#[tokio::test]
async fn an_option_is_preferred_to_a_variable() {
    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    let [known, password] = ["known", "password"].map(|name| folder.path().join(name));
    fs::write(&password, mock.password()).unwrap();
    let other = format!("sha256:{}", "0".repeat(64));

    let mut command = mock.client(["call", "whoami", "--known-agents"]);
    command.arg(&known).env("AGENT_FINGERPRINT", &other);
    ended(command).await.json();

    let mut command = mock.client(["call", "whoami", "--fingerprint", mock.fingerprint()]);
    command.env("AGENT_CA", "no such file").env("AGENT_FINGERPRINT", &other);
    ended(command).await.json();

    for variable in ["AGENT_PASSWORD", "AGENT_PASSWORD_FILE"] {
        let mut command = mock.client(["call", "whoami", "--password-file"]);
        command.arg(&password).env(variable, "not the password");
        ended(command).await.json();
    }
}

#[tokio::test]
async fn a_fingerprint_that_was_announced_is_accepted_beside_the_old_one() {
    let mock = Mock::start().await;
    let other = format!("sha256:{}", "0".repeat(64));
    let both = format!("{other},{}", mock.fingerprint());
    let mut command = mock.client(["call", "whoami"]);
    command.env("AGENT_FINGERPRINT", &both);
    ended(command).await.json();
    let mut command = mock.client(["call", "whoami", "--fingerprint", &other]);
    command.args(["--fingerprint", mock.fingerprint()]);
    ended(command).await.json();
    let mut command = mock.client(["call", "whoami"]);
    command.env("AGENT_FINGERPRINT", format!("{},", mock.fingerprint()));
    let cut = ended(command).await;
    assert!(cut.code == Some(2) && cut.stderr.contains("0 digits"), "{cut:?}");
}

#[tokio::test]
async fn two_variables_and_an_empty_one_are_mistakes() {
    let mock = Mock::start().await;
    for (variable, value, words) in [
        ("AGENT_CA", "file", "more than one way to trust"),
        ("AGENT_KNOWN_AGENTS", "", "AGENT_KNOWN_AGENTS is empty"),
        ("AGENT_FINGERPRINT", "", "AGENT_FINGERPRINT is empty"),
        ("AGENT_PASSWORD_FILE", "file", "more than one password"),
    ] {
        let mut command = mock.client(["call", "whoami"]);
        command.env(variable, value);
        let refused = ended(command).await;
        assert_eq!(refused.code, Some(2), "{variable}: {refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
}

/// The README had a password exported before cargo was started, and so in every build script.
#[tokio::test]
async fn the_password_may_be_in_a_file_or_come_from_a_command() {
    let mock = Mock::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{}\n", mock.password())).unwrap();

    let mut command = mock.client(["call", "whoami"]);
    command.env_remove("AGENT_PASSWORD").env("AGENT_PASSWORD_FILE", &file);
    ended(command).await.json();

    let mut command = mock.client(["call", "whoami", "--password-command", "cat password"]);
    command.env_remove("AGENT_PASSWORD").current_dir(folder.path());
    ended(command).await.json();

    let mut command = mock.client(["call", "whoami", "--password-command", "echo secret; exit 3"]);
    command.env_remove("AGENT_PASSWORD");
    let failed = ended(command).await;
    let line = failed.one_line(3);
    assert!(line.contains("the password command has failed: exit status: 3"), "{line}");
    assert!(!line.contains("secret"), "{line}");
}
