//! `mock-agent`: its faults, its certificate, and a world that lives.

use agent_sdk::mock::LastingFault;
use serde_json::json;

use crate::support::{Mock, run};

#[tokio::test]
async fn the_help_names_each_fault() {
    let help = run(["mock-agent", "--help"]).await.stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for form in LastingFault::FORMS {
        assert!(help.contains(form), "{form}");
    }
}

#[tokio::test]
async fn several_faults_work_at_once() {
    let mock = Mock::start_with(["--fault", "fragment=5", "--fault", "garbage"]).await;
    assert_eq!(mock.run(["call", "whoami"]).await.json()["username"], "root");
    let mock = Mock::start_with(["--fault", "error-status"]).await;
    assert_eq!(mock.run(["call", "whoami"]).await.code, Some(1));
    let mock = Mock::start_with(["--no-tls", "--fault", "refuse-upgrade=503"]).await;
    let refused = mock.run(["call", "whoami"]).await;
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("503"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_fault_that_is_none_is_wrong_usage_and_says_what_there_is() {
    for (fault, hint) in [
        ("nonsense", "half-open-after=N"),
        ("delay=soon", "`delay=MS`, with MS from 0 to 86400000"),
        ("drop-after=1:twice", "`drop-after=N[:rst][:once]`, with N from 0 on"),
        ("close-code=99999", "`close-code=CODE`, with CODE from 1000 to 4999"),
        ("event-flood=18446744073709551615", "N from 0 to 1000000"),
        ("ban=60", "is written `ban`"),
    ] {
        let ended = run(["mock-agent", "--fault", fault]).await;
        assert_eq!(ended.code, Some(2), "{fault}");
        assert!(ended.stdout.is_empty() && ended.stderr.contains(hint), "{}", ended.stderr);
    }
}

/// Each start had a fresh certificate, and clients that had pinned the old one were closed for good.
#[tokio::test]
async fn a_certificate_in_a_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mock.pem");
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let mock = Mock::start_with(["--certificate".as_ref(), file.as_os_str()]).await;
        assert_eq!(mock.run(["call", "whoami"]).await.code, Some(0));
        fingerprints.push(mock.fingerprint().to_owned());
        mock.kill().await;
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}

#[tokio::test]
async fn a_file_is_read_back_and_states_are_written_as_asked() {
    let mock = Mock::start_with(["--states", "bare"]).await;
    let written = mock.run(["call", "write_file", "path=/a.cfg", "content=max=10"]).await;
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let read = mock.run(["call", "read_file", "path=/a.cfg"]).await.json();
    assert_eq!(read["content"], "max=10");
    assert_eq!(
        mock.run(["call", "server_start", "server=survival"]).await.json()["state"],
        "starting"
    );
    let servers = mock.run(["call", "servers"]).await.json();
    assert_eq!(servers["servers"][0]["state"], json!("running"));
}
