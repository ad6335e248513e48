//! A process that is stopped for a while, as by `docker pause`, a debugger or a suspended machine.
//!
//! The client runs in a process of its own, this test binary again, so that it can be stopped.

use std::{
    env, fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    runtime::Builder,
};

use crate::{
    bare::{Bare, PING, PONG, Session, client_of},
    common::{holds, soon},
};

/// The shortest that the client waits for anything; it is stopped for much longer.
const PATIENCE: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_secs(2);

const URL: &str = "AGENT_SDK_TEST_FROZEN_URL";
const THREADS: &str = "AGENT_SDK_TEST_FROZEN_THREADS";

/// Not a test: the client, when the tests below start it.
#[test]
#[ignore = "the tests of this file start it in a process of its own"]
fn the_client_that_is_stopped() {
    let Ok(url) = env::var(URL) else { return };
    let runtime = match env::var(THREADS).as_deref() {
        Ok("one") => Builder::new_current_thread().enable_all().build().unwrap(),
        _ => Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
    };
    runtime.block_on(async {
        let client = client_of(url).connect_timeout(2 * PATIENCE).keepalive(2 * PATIENCE);
        let agent = client.connect().await.unwrap();
        let calls = (0..3).map(|number| {
            agent.call_raw("echo", json!({ "number": number })).timeout(PATIENCE).into_future()
        });
        let answered = futures_util::future::join_all(calls).await.into_iter().flatten().count();
        println!("answered {answered}");
        // The next sign of life is a ping, and its answer comes while this process is stopped.
        agent.call_raw("last", json!({})).timeout(4 * PAUSE).await.unwrap();
        println!("reconnects {}", agent.statistics().reconnects);
        agent.close().await;
    });
}

/// The process of the client.
struct Frozen {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Frozen {
    fn start(url: &str, threads: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "freezes::the_client_that_is_stopped", "--ignored", "--nocapture"])
            .env(URL, url)
            .env(THREADS, threads)
            .stdout(Stdio::piped());
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Stops the process, lets something happen meanwhile, and lets it go on after the pause.
    async fn stop_while(&self, work: impl Future<Output = ()>) {
        self.signal("-STOP");
        let stat = format!("/proc/{}/stat", self.child.id().unwrap());
        holds(|| fs::read_to_string(&stat).unwrap().contains(") T ")).await;
        work.await;
        tokio::time::sleep(PAUSE).await;
        self.signal("-CONT");
    }

    /// Waits for a line of its output that begins so, and returns the rest of it.
    async fn says(&mut self, start: &str) -> String {
        loop {
            let line = soon(self.lines.next_line()).await.unwrap().expect("it has ended");
            if let Some((_, rest)) = line.split_once(start) {
                return rest.trim().to_owned();
            }
        }
    }
}

/// The next request; pings are answered on the way.
async fn request(session: &mut Session) -> serde_json::Value {
    loop {
        match session.read().await.expect("a request") {
            (PING, payload) => session.write(PONG, &payload).await,
            (_, payload) => return serde_json::from_slice(&payload).unwrap(),
        }
    }
}

/// Deadlines were judged before the socket was read: all replies that had come in time were lost, and
/// six of six healthy connections were declared dead.
#[tokio::test]
async fn a_stopped_process_loses_neither_replies_nor_its_connection() {
    for threads in ["one", "two"] {
        let bare = Bare::new().await;
        let mut client = Frozen::start(&bare.url(), threads);
        let mut session = bare.accept().await;
        let mut requests = Vec::new();
        while requests.len() < 3 {
            requests.push(request(&mut session).await);
        }
        client
            .stop_while(async {
                for request in &requests {
                    session.reply(request).await;
                }
            })
            .await;
        assert_eq!(client.says("answered ").await, "3", "{threads}");

        let last = request(&mut session).await;
        let (opcode, ping) = session.read().await.expect("the connection is the same");
        assert_eq!(opcode, PING, "{threads}");
        client.stop_while(session.write(PONG, &ping)).await;
        session.reply(&last).await;
        assert_eq!(client.says("reconnects ").await, "0", "{threads}");
    }
}

/// The login had been answered in time, and counted as one that was not: the next one 75 s later.
#[tokio::test]
async fn a_stopped_process_loses_no_login() {
    for threads in ["one", "two"] {
        let bare = Bare::new().await;
        let mut client = Frozen::start(&bare.url(), threads);
        let login = bare.login().await;
        let mut session = None;
        client.stop_while(async { session = Some(login.accept_with(&[]).await) }).await;
        let mut session = session.unwrap();
        for _ in 0..3 {
            let request = request(&mut session).await;
            session.reply(&request).await;
        }
        assert_eq!(client.says("answered ").await, "3", "{threads}");
        let last = request(&mut session).await;
        session.reply(&last).await;
        assert_eq!(client.says("reconnects ").await, "0", "{threads}");
    }
}

/// The agent was stopped as well, so that no answer to the ping has come.
#[tokio::test]
async fn a_ping_without_an_answer_is_repeated_after_a_pause() {
    for threads in ["one", "two"] {
        let bare = Bare::new().await;
        let mut client = Frozen::start(&bare.url(), threads);
        let mut session = bare.accept().await;
        for _ in 0..3 {
            let request = request(&mut session).await;
            session.reply(&request).await;
        }
        let last = request(&mut session).await;
        let (opcode, _) = session.read().await.expect("a ping");
        assert_eq!(opcode, PING, "{threads}");
        client.stop_while(async {}).await;
        let (opcode, ping) = session.read().await.expect("the connection is the same");
        assert_eq!(opcode, PING, "{threads}");
        session.write(PONG, &ping).await;
        session.reply(&last).await;
        assert_eq!(client.says("reconnects ").await, "0", "{threads}");
    }
}
