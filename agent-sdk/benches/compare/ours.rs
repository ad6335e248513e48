//! The SDK as a user has it: a generated method, default timeouts, a typed result.

use std::time::{Duration, Instant};

use agent_sdk::{Agent, Error, Fingerprint, Tls, actions::AgentMetrics};

use crate::{
    job::Ready,
    measure::{Caller, Latencies, Load, Measured, Stop, Watch, keep_in_flight, per_second},
    process::Server,
    work::{Metrics, PARAMETERS},
};

/// Connects, with TLS if the server speaks it.
pub async fn connect(server: &Ready) -> Agent {
    let address = format!("127.0.0.1:{}", server.port);
    let builder = match &server.certificate {
        None => Agent::builder(format!("ws://{address}")),
        Some(certificate) => {
            let fingerprint = Fingerprint::of(certificate).to_string();
            let tls = Tls::pinned(fingerprint).expect("a good fingerprint");
            Agent::builder(format!("wss://{address}")).tls(tls)
        }
    };
    builder.credentials("root", "secret").connect().await.expect("the server accepts")
}

/// The call that all clients make.
pub async fn call(agent: &Agent) -> Result<Metrics, Error> {
    agent
        .agent_metrics(AgentMetrics::new().since(PARAMETERS.since).until(PARAMETERS.until))
        .await?
        .decode()
}

impl Caller for Agent {
    async fn call(&self) -> Metrics {
        call(self).await.expect("a good reply")
    }
}

/// Runs the client under a load, and looks at the CPU time of one thread.
pub async fn run(server: &Server, load: Load) -> Measured {
    run_with(server, load, Watch::of_this_thread).await
}

/// The same with the CPU time of all threads.
pub async fn run_on_all_threads(server: &Server, load: Load) -> Measured {
    run_with(server, load, Watch::of_all_threads).await
}

async fn run_with(server: &Server, load: Load, watch: fn() -> Watch) -> Measured {
    let agent = connect(&server.ready).await;
    let measured = match load {
        Load::InFlight(in_flight, time) => keep_in_flight(&agent, in_flight, time, watch).await,
        Load::Alternately(time) => alternate(&agent, time).await,
    };
    agent.close().await;
    measured
}

/// Keeps so many calls in flight beside a stream of events that is not read: also the events that
/// arrived, per second.
pub async fn run_beside_events(
    server: &Server,
    in_flight: usize,
    time: Duration,
) -> (Measured, f64) {
    let agent = connect(&server.ready).await;
    let events = agent.events();
    let began = Instant::now();
    let measured = keep_in_flight(&agent, in_flight, time, Watch::of_this_thread).await;
    let rate = per_second(agent.statistics().events, began.elapsed());
    drop(events);
    agent.close().await;
    (measured, rate)
}

/// Makes one call after the other.
async fn alternate(agent: &Agent, time: Duration) -> Measured {
    let stop = Stop::after(time);
    let mut latencies = Latencies::new();
    let watch = Watch::of_this_thread();
    let mut calls = 0;
    while !stop.is_set() {
        let began = Instant::now();
        let metrics = call(agent).await.expect("a good reply");
        latencies.add(began.elapsed());
        metrics.check();
        calls += 1;
    }
    watch.measured(calls).with(latencies)
}
