//! A Prometheus exporter for several agents: what is old is absent.
//!
//! ```sh
//! cargo run -p agent-sdk --example metrics     # http://127.0.0.1:9090/metrics
//! ```

mod connect;

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_sdk::{Agent, Error, wait::Sight};
use axum::{Router, routing::get};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use connect::{Failure, hosts};

/// How often each agent is asked.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// What was said longer ago is not exported any more.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// What each agent said last, by its name; nothing of one that has not been heard.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<BTreeMap<String, Option<Heard>>>>);

/// An agent's answer, and when it came.
struct Heard {
    when: Instant,
    servers: Value,
}

/// Asks one agent for its servers until the connection is closed for good.
///
/// # Cancel safety
///
/// The future may be dropped at any time.
pub async fn observe(name: &str, agent: &Agent, metrics: &Metrics) {
    loop {
        match agent.servers().await.and_then(|reply| reply.parameters()) {
            Ok(servers) => {
                let heard = Heard { when: Instant::now(), servers };
                metrics.agents().insert(name.to_owned(), Some(heard));
            }
            Err(Error::Closed { .. }) => return,
            Err(error) => eprintln!("{name}: {error}"),
        }
        sleep(ASK_EVERY).await;
    }
}

/// The page that Prometheus reads.
pub fn page(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(move || async move { metrics.text() }))
}

impl Metrics {
    /// Returns the metrics of these agents, none of which has been heard.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(Mutex::new(names.into_iter().map(|name| (name, None)).collect())))
    }

    fn agents(&self) -> MutexGuard<'_, BTreeMap<String, Option<Heard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the metrics in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        let (mut up, mut age, mut states) = (String::new(), String::new(), String::new());
        for (name, heard) in &*self.agents() {
            let agent = format!("agent=\"{}\"", escaped(name));
            let fresh = heard.as_ref().filter(|heard| heard.when.elapsed() <= STALE_AFTER);
            let _ = writeln!(up, "agent_up{{{agent}}} {}", u8::from(fresh.is_some()));
            if let Some(heard) = heard {
                let seconds = heard.when.elapsed().as_secs();
                let _ = writeln!(age, "agent_last_heard_seconds{{{agent}}} {seconds}");
            }
            for (server, state) in fresh.into_iter().flat_map(|heard| states_of(&heard.servers)) {
                let (server, state) = (escaped(&server), escaped(&state));
                let labels = format!("{agent},server=\"{server}\",state=\"{state}\"");
                let _ = writeln!(states, "server_state{{{labels}}} 1");
            }
        }
        format!(
            "# HELP agent_up Whether the agent has answered within the last minute.\n\
             # TYPE agent_up gauge\n{up}\
             # HELP agent_last_heard_seconds How long ago it answered last.\n\
             # TYPE agent_last_heard_seconds gauge\n{age}\
             # HELP server_state The state of a server; absent if it is not known.\n\
             # TYPE server_state gauge\n{states}"
        )
    }
}

/// Returns the servers of an answer with their states.
fn states_of(answer: &Value) -> Vec<(String, String)> {
    let list = answer.get("servers").unwrap_or(answer).as_array();
    let state_of = |server: &Value| {
        let id = server.get("id").or_else(|| server.get("server"))?.as_str()?;
        Some((id.to_owned(), Sight::Snapshot(server).state()?.word().to_ascii_lowercase()))
    };
    list.into_iter().flatten().filter_map(state_of).collect()
}

/// Writes a label's value as Prometheus reads it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let hosts = hosts()?;
    let metrics = Metrics::new(hosts.iter().map(|(name, _)| name.clone()));
    for (name, builder) in hosts {
        let metrics = metrics.clone();
        tokio::spawn(async move {
            match builder.wait_for_agent(Duration::MAX).connect().await {
                Ok(agent) => observe(&name, &agent, &metrics).await,
                Err(error) => eprintln!("{name}: {error}"),
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:9090").await?;
    Ok(axum::serve(listener, page(metrics)).await?)
}
