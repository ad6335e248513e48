//! A page in a browser engine, as the vendor's Manager is one, against the mock.

use std::{io::Write, process::Stdio, time::Duration};

use agent_sdk::mock::{MockAgent, Subprotocol};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

use crate::{mock, process::from_run};

/// A browser's first start on a busy machine takes its time.
const LIMIT: Duration = Duration::from_secs(60);

/// A browser with the page open; it ends when it is dropped.
struct Browser {
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Browser {
    fn open(mock: &MockAgent) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agent = json!({
            "url": mock.url(),
            "username": mock.username(),
            "password": mock.password(),
        });
        let page = include_str!("page.html").replace("/*AGENT*/ null", &agent.to_string());
        let path = folder.path().join("page.html");
        std::fs::File::create(&path).unwrap().write_all(page.as_bytes()).unwrap();
        let child = Command::new(from_run("INTEROP_CHROMIUM"))
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                // The Manager trusts the agent's self-signed certificate as well.
                "--ignore-certificate-errors",
                // Without it the page's end would be the browser's.
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("file://{}", path.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { _child: child, _folder: folder }
    }
}

/// A mock that hands on what the page reports.
async fn listening(builder: agent_sdk::mock::Builder) -> (MockAgent, mpsc::Receiver<Value>) {
    let (sender, reports) = mpsc::channel(1);
    let builder = builder.handler("report", move |parameters, _| {
        let sender = sender.clone();
        async move {
            sender.send(parameters).await.map_err(|_| json!({ "error": "the test has ended" }))?;
            Ok(json!({}))
        }
    });
    (builder.start().await.unwrap(), reports)
}

#[tokio::test]
#[ignore = "needs a browser: see `run`"]
async fn a_browser_logs_in_by_its_subprotocols_and_calls_the_mock() {
    for tls in [true, false] {
        let (mock, mut reports) = listening(mock().tls(tls)).await;
        let browser = Browser::open(&mock);
        let report = timeout(LIMIT, reports.recv()).await.expect("a report in time").unwrap();
        let told = json!({ "protocol": "SMP1.0", "username": "root", "right": 200, "events": 2 });
        assert_eq!(report, told, "TLS: {tls}");
        drop(browser);
        mock.stop().await;
    }
}

/// Why the real agent most likely names the protocol: a browser engine would refuse it otherwise.
#[tokio::test]
#[ignore = "needs a browser: see `run`"]
async fn a_browser_refuses_an_answer_that_names_no_protocol() {
    let (mock, mut reports) = listening(mock().subprotocol(Subprotocol::Absent)).await;
    let browser = Browser::open(&mock);
    timeout(LIMIT, mock.wait_for_connections(1)).await.expect("a login in time");
    timeout(LIMIT, mock.wait_for_connections(0)).await.expect("the browser leaves");
    assert!(reports.try_recv().is_err(), "the page never saw the connection open");
    drop(browser);
    mock.stop().await;
}
