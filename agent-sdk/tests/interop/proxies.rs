//! Our client and the mock with a real proxy between them, and restarts on both sides.

use std::{fmt::Write as _, fs, net::TcpListener, path::Path, process::Stdio, time::Duration};

use agent_sdk::{Agent, Builder, Error, Outcome, ReconnectPolicy, State, mock::MockAgent};
use serde_json::json;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{mock, process::from_run};

const LIMIT: Duration = Duration::from_secs(60);

/// How the proxy treats the upgrade.
#[derive(Clone, Copy)]
enum Upgrade {
    Forwarded,
    /// The usual mistake: a proxy that speaks HTTP and drops the fields of the upgrade.
    Dropped,
}

/// Which proxy, and its configuration for one agent.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Nginx,
    Haproxy,
}

/// A proxy that runs until it is dropped.
struct Proxy {
    kind: Kind,
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Proxy {
    async fn start(kind: Kind, upstream: u16, upgrade: Upgrade) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = match kind {
            Kind::Nginx => nginx(folder.path(), port, upstream, upgrade),
            Kind::Haproxy => haproxy(port, upstream, upgrade),
        };
        fs::write(folder.path().join("proxy.conf"), text).unwrap();
        let mut proxy = Self { kind, folder, port, child: None };
        proxy.come_up().await;
        proxy
    }

    async fn come_up(&mut self) {
        let configuration = self.folder.path().join("proxy.conf");
        let mut command = match self.kind {
            Kind::Nginx => {
                let mut command = Command::new(from_run("INTEROP_NGINX"));
                command.arg("-p").arg(self.folder.path()).arg("-c").arg(configuration);
                command
            }
            Kind::Haproxy => {
                let mut command = Command::new(from_run("INTEROP_HAPROXY"));
                command.arg("-db").arg("-f").arg(configuration);
                command
            }
        };
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(quiet.kill_on_drop(true).spawn().unwrap());
        let listening = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                // A program of others tells in no way that it listens.
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, listening).await.expect("the proxy listens in time");
    }

    async fn go_down(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.unwrap();
    }

    fn client(&self, mock: &MockAgent) -> Builder {
        Agent::builder(format!("ws://127.0.0.1:{}", self.port))
            .credentials(mock.username(), mock.password())
            .reconnect(
                ReconnectPolicy::default()
                    .initial_backoff(Duration::from_millis(20))
                    .max_backoff(Duration::from_millis(200)),
            )
    }
}

/// A port that was free a moment ago: these programs do not tell which one they took.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn nginx(folder: &Path, port: u16, upstream: u16, upgrade: Upgrade) -> String {
    let mut paths = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(paths, "{kind}_temp_path {}/{kind};", folder.display()).unwrap();
    }
    let forward = match upgrade {
        Upgrade::Forwarded => {
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
             proxy_set_header Connection upgrade;"
        }
        Upgrade::Dropped => "",
    };
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; {paths}\n\
         server {{ listen 127.0.0.1:{port};\n\
         location / {{ proxy_pass http://127.0.0.1:{upstream}; {forward} }} }} }}\n",
        folder = folder.display(),
    )
}

fn haproxy(port: u16, upstream: u16, upgrade: Upgrade) -> String {
    let drop = match upgrade {
        Upgrade::Forwarded => "",
        Upgrade::Dropped => "http-request del-header upgrade",
    };
    format!(
        "defaults\n mode http\n timeout connect 1s\n timeout client 60s\n timeout server 60s\n \
         timeout tunnel 60s\n\
         frontend agents\n bind 127.0.0.1:{port}\n {drop}\n default_backend agent\n\
         backend agent\n server agent 127.0.0.1:{upstream}\n"
    )
}

async fn until(agent: &Agent, wanted: impl Fn(&State) -> bool) {
    let mut states = agent.state();
    let state = timeout(LIMIT, states.wait_for(|state| wanted(state))).await;
    state.expect("the state in time").expect("the agent lives");
}

fn is_connected(state: &State) -> bool {
    matches!(state, State::Connected)
}

/// A call that is sent once the way is free again.
async fn echo(agent: &Agent, n: u64) {
    let parameters = json!({ "n": n, "text": "ä" });
    let call = agent.call_raw("echo", parameters.clone()).timeout(LIMIT);
    assert_eq!(call.await.unwrap().parameters().unwrap(), parameters);
}

async fn outlives_restarts(kind: Kind) {
    let mock = mock().tls(false).start().await.unwrap();
    let mut proxy = Proxy::start(kind, mock.port(), Upgrade::Forwarded).await;
    let agent = proxy.client(&mock).connect().await.unwrap();
    echo(&agent, 1).await;

    // The agent restarts behind the proxy, which answers 502 or 503 meanwhile.
    mock.go_down().await;
    until(&agent, |state| !is_connected(state)).await;
    let waiting = echo(&agent, 2);
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(500), &mut waiting).await.is_err());
    mock.come_up().await.unwrap();
    waiting.await;

    // The proxy restarts under a call: what was sent is unknown, and what follows is sent.
    let sent = mock.request_count() + 1;
    let slow = agent.call_raw("echo", json!({ "n": 3, "text": "" }));
    slow.await.unwrap();
    assert_eq!(mock.request_count(), sent);
    proxy.go_down().await;
    until(&agent, |state| !is_connected(state)).await;
    proxy.come_up().await;
    echo(&agent, 4).await;

    // Both at once.
    proxy.go_down().await;
    mock.go_down().await;
    proxy.come_up().await;
    mock.come_up().await.unwrap();
    echo(&agent, 5).await;
    assert_eq!(mock.refused_logins(), 0);
    agent.close().await;
    mock.stop().await;
}

#[tokio::test]
#[ignore = "needs nginx: see `run`"]
async fn behind_nginx_a_client_outlives_restarts_on_both_sides() {
    outlives_restarts(Kind::Nginx).await;
}

#[tokio::test]
#[ignore = "needs HAProxy: see `run`"]
async fn behind_haproxy_a_client_outlives_restarts_on_both_sides() {
    outlives_restarts(Kind::Haproxy).await;
}

/// A proxy without a rule for WebSocket is the first thing that an operator gets wrong.
#[tokio::test]
#[ignore = "needs nginx and HAProxy: see `run`"]
async fn a_proxy_that_drops_the_upgrade_is_named_as_the_likely_cause() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let mock = mock().tls(false).start().await.unwrap();
        let proxy = Proxy::start(kind, mock.port(), Upgrade::Dropped).await;
        let error = proxy.client(&mock).connect().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("proxy") && text.contains("Upgrade"), "{kind:?}: {text}");
        assert!(!text.contains(mock.password()), "{kind:?}: {text}");
        mock.stop().await;
    }
}

/// A call that is under way when the proxy dies was sent, and no answer comes.
#[tokio::test]
#[ignore = "needs nginx: see `run`"]
async fn a_call_under_way_when_the_proxy_dies_ends_as_unknown() {
    let mock = mock()
        .tls(false)
        .handler("never", |_, _| std::future::pending::<Result<_, _>>())
        .start()
        .await
        .unwrap();
    let mut proxy = Proxy::start(Kind::Nginx, mock.port(), Upgrade::Forwarded).await;
    let agent = proxy.client(&mock).connect().await.unwrap();
    let call = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.call_raw("never", ()).timeout(LIMIT).await })
    };
    let arrived = async {
        while mock.request_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, arrived).await.expect("the request arrives");
    proxy.go_down().await;
    let error: Error = call.await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    mock.stop().await;
}
