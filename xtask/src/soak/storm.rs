//! Many connections at once: first of all, and again after an outage.
//!
//! The agent is a process of its own, so that this one's CPU time and memory are the client's alone. The
//! floor is the same with sockets that send the login and do nothing else, again in a process of its own.
//!
//! `server` the agent · `peer` one connection, of the SDK or of the floor

mod peer;
mod server;

use std::{fmt, process::Stdio, time::Duration};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::{
    process::Command,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::{
    peer::{Bare, Peer, Sdk},
    server::Server,
};
use super::resources::Resources;
use crate::failure::Failure;

/// How long each of the two storms may take.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// How long to wait until a connection is idle.
const SETTLE: Duration = Duration::from_millis(500);
/// Descriptors besides the connections: a listener, the runtime's own, the standard ones.
const OTHER_DESCRIPTORS: u64 = 100;

/// The SDK beside the floor.
#[derive(Debug, Serialize)]
pub struct Report {
    connections: usize,
    sdk: Measured,
    floor: Measured,
}

/// What so many connections took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    first: Storm,
    /// From when the agent was there again.
    after_outage: Storm,
    memory_bytes_per_connection: u64,
}

/// How connections were made all at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Storm {
    seconds_until_half: f64,
    seconds_until_last: f64,
    /// The most that were made within 100 ms.
    most_at_once: usize,
    cpu_micros_per_connection: u128,
}

/// Measures the SDK, and the floor in a process of its own.
///
/// The agent is away for whole seconds.
pub async fn storm(connections: usize, outage: Duration) -> Result<Report, Failure> {
    let sdk = measure::<Sdk>(connections, outage).await?;
    Ok(Report { connections, sdk, floor: floor_by_process(connections, outage).await? })
}

/// Measures the floor.
pub async fn floor(connections: usize, outage: Duration) -> Result<Measured, Failure> {
    measure::<Bare>(connections, outage).await
}

async fn floor_by_process(connections: usize, outage: Duration) -> Result<Measured, Failure> {
    let connections = connections.to_string();
    let outage = outage.as_secs().to_string();
    let output = Command::new(server::program()?)
        .args(["soak", "--storm", &connections, "--outage", &outage, "--floor"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await;
    let failed = |why: &dyn fmt::Display| Failure::failed(format!("the floor: {why}"));
    let output = output.map_err(|error| failed(&error))?;
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))
}

async fn measure<P: Peer>(connections: usize, outage: Duration) -> Result<Measured, Failure> {
    allow(connections)?;
    let server = Server::start(outage).await?;
    let before = Resources::now();
    let began = Instant::now();
    let connecting = join_all((0..connections).map(|_| async {
        let peer = P::connect(&server).await?;
        Ok::<_, Failure>((peer, Instant::now()))
    }));
    let connected =
        timeout(BACK_WITHIN, connecting).await.map_err(|_| late("for the first time"))?;
    let connected = connected.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (peers, times): (Vec<P>, Vec<Instant>) = connected.into_iter().unzip();
    let first = Storm::new(began, times, before.cpu_since());
    sleep(SETTLE).await;
    let memory = Resources::now().memory.saturating_sub(before.memory);

    let mut returning = JoinSet::new();
    for mut peer in peers {
        returning.spawn(async move {
            peer.is_lost().await;
            peer.is_back().await;
            (peer, Instant::now())
        });
    }
    let before = Resources::now();
    server.restart().await?;
    let up = Instant::now() + outage;
    let back = timeout(outage + BACK_WITHIN, returning.join_all()).await;
    let back = back.map_err(|_| late("after an outage"))?;
    let times = back.iter().map(|(_, at)| *at).collect();
    let after_outage = Storm::new(up, times, before.cpu_since());
    let memory_bytes_per_connection = memory / connections.max(1) as u64;
    Ok(Measured { first, after_outage, memory_bytes_per_connection })
}

/// Lets this process, and the one that it starts, have so many connections.
fn allow(connections: usize) -> Result<(), Failure> {
    let needed = connections as u64 + OTHER_DESCRIPTORS;
    match rlimit::increase_nofile_limit(needed) {
        Ok(limit) if limit >= needed => Ok(()),
        Ok(limit) => Err(Failure::failed(format!(
            "{needed} open files are needed and {limit} are allowed; raise the limit (`ulimit -Hn`), \
             or ask for fewer connections"
        ))),
        Err(error) => {
            Err(Failure::failed(format!("the limit of open files cannot be raised: {error}")))
        }
    }
}

fn late(when: &str) -> Failure {
    let seconds = BACK_WITHIN.as_secs();
    Failure::check_failed(format!("not all connections were made {when} within {seconds} s"))
}

impl Storm {
    fn new(began: Instant, times: Vec<Instant>, cpu: Duration) -> Self {
        let mut times: Vec<_> =
            times.into_iter().map(|time| time.saturating_duration_since(began)).collect();
        times.sort_unstable();
        let at = |index: usize| times.get(index).copied().unwrap_or_default().as_secs_f64();
        let within = |(index, time): (usize, &Duration)| {
            times.partition_point(|other| *other < *time + Duration::from_millis(100)) - index
        };
        Self {
            seconds_until_half: at(times.len() / 2),
            seconds_until_last: at(times.len().saturating_sub(1)),
            most_at_once: times.iter().enumerate().map(within).max().unwrap_or_default(),
            cpu_micros_per_connection: cpu.as_micros() / times.len().max(1) as u128,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, sdk, floor } = self;
        writeln!(f, "{connections} connections{:>24}{:>12}", "SDK", "floor")?;
        for (name, storm) in [
            ("first", (|it| it.first) as fn(&Measured) -> Storm),
            ("after an outage", |it| it.after_outage),
        ] {
            let (sdk, floor) = (storm(sdk), storm(floor));
            let mut row = |what: &str, sdk: &dyn fmt::Display, floor: &dyn fmt::Display| {
                writeln!(f, "{:<32}{sdk:>8.2}{floor:>12.2}", format!("{name}: {what}"))
            };
            row("half, s", &sdk.seconds_until_half, &floor.seconds_until_half)?;
            row("last, s", &sdk.seconds_until_last, &floor.seconds_until_last)?;
            row("most in 100 ms", &sdk.most_at_once, &floor.most_at_once)?;
            row("CPU each, µs", &sdk.cpu_micros_per_connection, &floor.cpu_micros_per_connection)?;
        }
        let kib = |measured: &Measured| measured.memory_bytes_per_connection >> 10;
        write!(f, "{:<32}{:>8}{:>12}", "memory each, KiB", kib(sdk), kib(floor))
    }
}
