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
    job::{Ready, Service},
    measure::{Measured, Watch},
    ours,
    process::{Server, allow_connections, on_core, one_thread},
    report::{CPU, Goal, Row, median},
    work,
};

const FEW: u32 = 1000;
const MANY: u32 = 5000;
const SECOND: Duration = Duration::from_secs(1);
/// Logins at a time.
const LOGINS: usize = 64;

/// What was achieved in a round, with a call a second on each connection, or with several.
struct Round {
    few: Outcome,
    few_with_as_many_calls: Outcome,
    many: Outcome,
}

/// What many connections achieved.
struct Outcome {
    measured: Measured,
    /// The calls that were due on each.
    due: u32,
    lanes: Vec<Lane>,
}

impl Outcome {
    /// The share of calls that were answered in time, on the connection where it is the lowest.
    fn fewest(&self) -> f64 {
        let fewest = self.lanes.iter().map(|lane| lane.in_time).min().unwrap_or_default();
        f64::from(fewest) / f64::from(self.due)
    }

    /// The longest latency, in milliseconds.
    fn worst(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.worst.as_secs_f64() * 1e3).fold(0.0, f64::max)
    }
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
    const NAME: &str = "1,000 and 5,000 connections";
    if let Err(why) = allow_connections(MANY) {
        return vec![Row::left_out(NAME, &why)];
    }
    let server = Server::start(&Service { sleep: true, ..work::agent() });
    let rounds: Vec<Round> = on_core(0, || {
        let run =
            |count, each| one_thread().block_on(run(&server.ready, count, each, plan.seconds));
        let round = |_| Round {
            few: run(FEW, 1),
            few_with_as_many_calls: run(FEW, MANY / FEW),
            many: run(MANY, 1),
        };
        (0..plan.long_rounds).map(round).collect()
    });
    let row = |what, unit, value: fn(&Round) -> f64| {
        Row::new(NAME, what, unit, rounds.iter().map(value).collect())
    };
    let figure = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    vec![
        row(CPU, "of 1,000", |round| round.many.measured.cpu / round.few.measured.cpu)
            .goal(Goal::AtMost(1.2))
            .room(1.1)
            .note(format!(
                "{:.1} of {:.1} µs",
                figure(|round| round.many.measured.cpu),
                figure(|round| round.few.measured.cpu)
            )),
        row(CPU, "of 1,000 that make as many calls", |round| {
            round.many.measured.cpu / round.few_with_as_many_calls.measured.cpu
        })
        .note(format!(
            "{:.1} of {:.1} µs",
            figure(|round| round.many.measured.cpu),
            figure(|round| round.few_with_as_many_calls.measured.cpu)
        )),
        row("failed", "calls", |round| {
            let failed =
                |outcome: &Outcome| outcome.lanes.iter().map(|lane| lane.failed).sum::<u32>();
            f64::from(failed(&round.few) + failed(&round.few_with_as_many_calls))
                + f64::from(failed(&round.many))
        })
        .goal(Goal::AtMost(0.0)),
        row("fewest in time", "of those due", |round| round.few.fewest().min(round.many.fewest()))
            .goal(Goal::AtLeast(0.95))
            .room(1.0)
            .note(format!(
                "latency at worst {:.1} and {:.1} ms",
                figure(|round| round.few.worst()),
                figure(|round| round.many.worst())
            )),
    ]
}

/// Makes so many calls a second on each of so many connections.
async fn run(server: &Ready, count: u32, each: u32, seconds: u32) -> Outcome {
    let pause = SECOND / each;
    let logins = stream::iter(0..count).map(|_| ours::connect(server));
    let agents: Vec<Agent> = logins.buffer_unordered(LOGINS).collect().await;
    let watch = Watch::of_this_thread();
    let begin = Instant::now() + SECOND / 10;
    let mut running = JoinSet::new();
    for (agent, number) in agents.iter().cloned().zip(0..) {
        // Spread over the time between two calls.
        running.spawn(lane(agent, begin + pause * number / count, pause, each * seconds));
    }
    let lanes = running.join_all().await;
    let calls = count as usize * (each * seconds) as usize;
    let measured = watch.measured(calls);
    join_all(agents.iter().map(Agent::close)).await;
    Outcome { measured, due: each * seconds, lanes }
}

async fn lane(agent: Agent, first: Instant, pause: Duration, calls: u32) -> Lane {
    let mut lane = Lane::default();
    for number in 0..calls {
        let due = first + pause * number;
        sleep_until(due).await;
        let reply = ours::call(&agent).await;
        let latency = due.elapsed();
        lane.worst = lane.worst.max(latency);
        match reply {
            Ok(metrics) => {
                metrics.check();
                lane.in_time += u32::from(latency < pause);
            }
            Err(_) => lane.failed += 1,
        }
    }
    lane
}
