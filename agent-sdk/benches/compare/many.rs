//! The rows about many connections, each of them with little to do.

use std::time::Duration;

use agent_sdk::Agent;
use futures_util::{StreamExt, future::join_all, stream};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Plan,
    measure::{Measured, Watch},
    ours,
    process::{Server, allow_connections, on_core, one_thread, thread_time},
    report::{Goal, Row, left_out, spread},
    server::{Ready, Service},
    work,
};

const FEW: u32 = 1000;
const MANY: u32 = 5000;
/// From one call of a connection to its next.
const PAUSE: Duration = Duration::from_secs(1);
/// Logins at a time.
const LOGINS: usize = 64;

/// What many connections achieved.
struct Outcome {
    measured: Measured,
    lanes: Vec<Lane>,
}

/// What one of them achieved.
#[derive(Default)]
struct Lane {
    /// Calls that were answered before the next one was due.
    in_time: u32,
    failed: u32,
    /// The longest time from when a call was due until it was answered.
    worst: Duration,
}

/// All of the client is on one processor and one thread; the server sleeps, on the other one.
pub fn many(plan: &Plan) -> Vec<Row> {
    if let Err(why) = allow_connections(MANY) {
        return left_out("many", &why);
    }
    let server = Server::start(&Service { sleep: true, ..work::agent() });
    let rounds: Vec<[Outcome; 2]> = on_core(0, || {
        let run = |count| one_thread().block_on(run(&server.ready, count, plan.seconds));
        (0..plan.long_rounds).map(|_| [run(FEW), run(MANY)]).collect()
    });
    let worst = |which: usize| {
        let lanes = rounds.iter().flat_map(|round| &round[which].lanes);
        lanes.map(|lane| lane.worst.as_secs_f64() * 1e3).fold(0.0, f64::max)
    };
    let row = |name: &str, unit, goal, note, value: &dyn Fn(&[Outcome; 2]) -> f64| Row {
        name: format!("1,000 and 5,000 connections: {name}"),
        unit,
        values: rounds.iter().map(value).collect(),
        goal: Some(goal),
        note,
    };
    let cpu = |which: usize| {
        spread(&rounds.iter().map(|round| round[which].measured.cpu).collect::<Vec<_>>()).1
    };
    let mut rows = if thread_time().is_zero() {
        left_out("many: CPU per call", "this system does not tell the CPU time of a thread")
    } else {
        vec![row(
            "CPU per call",
            "of that with few",
            Goal::AtMost(1.2),
            format!("{:.1} of {:.1} µs", cpu(1), cpu(0)),
            &|[few, many]| many.measured.cpu / few.measured.cpu,
        )]
    };
    rows.extend([
        row("failed", "calls", Goal::AtMost(0.0), String::new(), &|round| {
            f64::from(lanes(round).map(|lane| lane.failed).sum::<u32>())
        }),
        row(
            "fewest calls",
            "of those due",
            Goal::AtLeast(0.95),
            format!("latency at worst {:.1} and {:.1} ms", worst(0), worst(1)),
            &|round| {
                let fewest = lanes(round).map(|lane| lane.in_time).min().unwrap_or_default();
                f64::from(fewest) / f64::from(plan.seconds)
            },
        ),
    ]);
    rows
}

fn lanes(round: &[Outcome; 2]) -> impl Iterator<Item = &Lane> {
    round.iter().flat_map(|outcome| &outcome.lanes)
}

/// Makes one call a second on each of so many connections.
async fn run(server: &Ready, count: u32, seconds: u32) -> Outcome {
    let logins = stream::iter(0..count).map(|_| ours::connect(server));
    let agents: Vec<Agent> = logins.buffer_unordered(LOGINS).collect().await;
    let watch = Watch::of_this_thread();
    let begin = Instant::now() + PAUSE / 10;
    let mut running = JoinSet::new();
    for (agent, number) in agents.iter().cloned().zip(0..) {
        // Spread over the time between two calls.
        running.spawn(lane(agent, begin + PAUSE * number / count, seconds));
    }
    let lanes = running.join_all().await;
    let calls = count as usize * seconds as usize;
    let measured = watch.measured(calls);
    join_all(agents.iter().map(Agent::close)).await;
    Outcome { measured, lanes }
}

async fn lane(agent: Agent, first: Instant, calls: u32) -> Lane {
    let mut lane = Lane::default();
    for number in 0..calls {
        let due = first + PAUSE * number;
        sleep_until(due).await;
        match ours::call(&agent).await {
            Ok(metrics) => metrics.check(),
            Err(_) => lane.failed += 1,
        }
        let latency = due.elapsed();
        lane.in_time += u32::from(latency < PAUSE);
        lane.worst = lane.worst.max(latency);
    }
    lane
}
