//! What an agent repeats is counted each time and logged once, so that no log is flooded.
#![cfg(feature = "mock")]

mod capture;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use agent_sdk::{
    Agent, ReconnectPolicy, State, Statistics,
    mock::{Fault, MockAgent, RawFrames, ReplyForm},
};
use serde_json::json;
use tokio::{runtime::Builder, time::timeout};
use tracing::{Level, subscriber::DefaultGuard};

use crate::capture::Log;

/// No test waits longer than this for anything.
const LIMIT: Duration = Duration::from_secs(20);
/// How often the agent does the same thing.
const TIMES: u64 = 10;

impl Log {
    /// Takes down what is logged from here on, as long as the guard lives.
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(log.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The client's lines of this level; the mock's own are left out.
    fn lines(&self, level: Level) -> Vec<String> {
        let text = self.text();
        text.lines()
            .filter(|line| line.trim_start().starts_with(level.as_str()))
            .filter(|line| !line.contains("agent_sdk::mock"))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Asserts that there was one warning, and returns it.
    fn only_warning(&self) -> String {
        let warnings = self.lines(Level::WARN);
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        warnings.into_iter().next().unwrap()
    }
}

async fn pair(max_message_size: usize) -> (MockAgent, Agent) {
    let mock = MockAgent::builder(json!({})).tls(false).start().await.unwrap();
    let agent = client(&mock, max_message_size).connect().await.unwrap();
    (mock, agent)
}

fn client(mock: &MockAgent, max_message_size: usize) -> agent_sdk::Builder {
    Agent::builder(mock.url())
        .credentials(mock.username(), mock.password())
        .max_message_size(max_message_size)
        .reconnect(ReconnectPolicy::default().max_backoff(Duration::from_millis(1)))
}

/// Waits until a figure is as it should be.
async fn counted(agent: &Agent, times: u64, figure: impl Fn(&Statistics) -> u64) {
    let reached = async {
        while figure(&agent.statistics()) < times {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, reached).await.expect("it was not counted");
    assert_eq!(figure(&agent.statistics()), times);
}

/// Loses the connection and waits for the next one.
async fn reconnect(mock: &MockAgent, agent: &Agent) {
    let before = agent.statistics().reconnects;
    let mut state = agent.state();
    mock.cut_connections();
    let connected =
        |state: &State| matches!(state, State::Connected) && agent.statistics().reconnects > before;
    timeout(LIMIT, state.wait_for(connected)).await.expect("no reconnect").unwrap();
}

#[tokio::test]
async fn ten_messages_that_are_no_json_make_one_warning() {
    let (log, _guard) = Log::begin();
    let (mock, agent) = pair(1000).await;
    for garbage in ["nonsense", "[1, 2]", "\"text\"", "{\"a\":", ""] {
        mock.push_frames(RawFrames::Text(garbage.into())).await;
        mock.push_frames(RawFrames::Binary(garbage.into())).await;
    }
    counted(&agent, TIMES, |figures| figures.unknown_messages).await;
    let warning = log.only_warning();
    assert!(warning.contains("not a JSON object") && warning.contains("bytes=8"), "{warning}");
    assert_eq!(agent.statistics().events, 0);
}

#[tokio::test]
async fn ten_messages_over_the_limit_make_one_warning() {
    let (log, _guard) = Log::begin();
    let (mock, agent) = pair(1000).await;
    for extra in 1..=TIMES {
        let size = usize::try_from(extra).unwrap() + 1000;
        mock.push_frames(RawFrames::Text(vec![b'x'; size])).await;
    }
    counted(&agent, TIMES, |figures| figures.oversized_messages).await;
    let warning = log.only_warning();
    for expected in ["bytes=1001", "limit=1000", "max_message_size"] {
        assert!(warning.contains(expected), "{expected}: {warning}");
    }
    assert_eq!(agent.statistics().unknown_messages, 0);
}

#[tokio::test]
async fn each_kind_has_a_warning_of_its_own_and_no_more_after_a_reconnect() {
    let (log, _guard) = Log::begin();
    let (mock, agent) = pair(1000).await;
    for round in 1..=TIMES / 2 {
        for _ in 0..2 {
            mock.push_frames(RawFrames::Text(vec![b'x'; 10])).await;
            mock.push_frames(RawFrames::Text(vec![b'x'; 1001])).await;
        }
        counted(&agent, 2 * round, |figures| figures.unknown_messages).await;
        counted(&agent, 2 * round, |figures| figures.oversized_messages).await;
        // An agent that says nothing good before it goes may have rejected the login.
        mock.push_event(&json!({ "action": "tick" })).await;
        counted(&agent, round, |figures| figures.events).await;
        reconnect(&mock, &agent).await;
    }
    let warnings = log.lines(Level::WARN);
    for (text, times) in [("not a JSON object", 1), ("over the limit", 1), ("connection lost", 5)] {
        let found = warnings.iter().filter(|line| line.contains(text)).count();
        assert_eq!(found, times, "{text}: {warnings:#?}");
    }
}

#[tokio::test]
async fn ten_late_replies_are_mentioned_once_and_warned_of_never() {
    let (log, _guard) = Log::begin();
    let (mock, agent) = pair(1000).await;
    mock.inject(Fault::form(ReplyForm::Twice));
    for _ in 0..TIMES {
        agent.call_raw("whoami", ()).await.unwrap();
    }
    counted(&agent, TIMES, |figures| figures.late_replies).await;
    let mentions: Vec<_> = log
        .lines(Level::DEBUG)
        .into_iter()
        .filter(|line| line.contains("a reply came after its call had ended"))
        .collect();
    assert_eq!(mentions.len(), 1, "{mentions:#?}");
    assert_eq!(log.lines(Level::WARN), Vec::<String>::new());
}

/// What writes a log may look at the agent: nothing is locked while it does.
#[test]
fn a_log_may_hold_the_statistics_of_an_agent() {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    let (done, finished) = mpsc::channel();
    // A thread of its own: if it is locked up, this one says so.
    thread::spawn(move || {
        let looking = || {
            if let Some(agent) = AGENT.get() {
                let _ = agent.statistics();
            }
            std::io::sink()
        };
        let subscriber =
            tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(looking).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // It takes the first subscription and rejects the one that is repeated.
            let first = AtomicBool::new(true);
            let mock = MockAgent::builder(json!({ "subscribe": {}, "whoami": {} }))
                .tls(false)
                .handler("subscribe", move |_, _| {
                    let first = first.swap(false, Ordering::Relaxed);
                    async move { if first { Ok(json!({})) } else { Err("no".into()) } }
                })
                .start()
                .await
                .unwrap();
            let agent = client(&mock, 1000).connect().await.unwrap();
            AGENT.set(agent.clone()).unwrap();
            agent.call_raw("subscribe", json!({ "topic": "survival" })).await.unwrap();
            mock.push_frames(RawFrames::Text(b"garbage".to_vec())).await;
            mock.push_frames(RawFrames::Text(vec![b'x'; 1001])).await;
            mock.inject(Fault::form(ReplyForm::Twice));
            agent.call_raw("whoami", ()).await.unwrap();
            counted(&agent, 1, |figures| figures.late_replies).await;
            counted(&agent, 1, |figures| figures.unknown_messages).await;
            counted(&agent, 1, |figures| figures.oversized_messages).await;
            mock.clear_faults();
            reconnect(&mock, &agent).await;
            agent.close().await;
        });
        done.send(()).unwrap();
    });
    finished.recv_timeout(LIMIT).expect("the client is locked up, or failed");
}
