//! What the SDK costs, as ratios to a floor measured in the same run.
//!
//! ```text
//! cargo bench -p agent-sdk-benches --bench compare
//! ```
//!
//! The floor is a hand-written loop on tokio-tungstenite that serialises each request and matches
//! each token: no futures, no timeouts, no errors. Client and server are processes of their own,
//! on a processor each where there are two; rounds of all clients alternate, since machines are
//! noisy and ratios less so.

mod calls;
mod chart;
mod client;
mod events;
mod floor;
mod idle;
mod jsonrpsee;
mod large;
mod many;
mod measure;
mod memory;
mod ours;
mod process;
mod readme;
mod report;
mod server;
mod work;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use report::Row;

/// Measures the SDK against the floor.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Arguments {
    /// Only the groups with this in their names.
    filter: Option<String>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Fail where a median is worse than its goal by more than a quarter, twice in a row.
    #[arg(long)]
    check: bool,
    /// Write the table into the README, and the chart beside this program.
    #[arg(long, conflicts_with = "filter")]
    write: bool,
    /// Only the SDK, with 256 calls in flight for so many seconds, to be watched by a profiler.
    #[arg(long, value_name = "SECONDS")]
    profile: Option<u64>,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long and how often to measure.
pub struct Plan {
    /// How long each client runs in a round.
    time: Duration,
    rounds: usize,
    /// How many seconds each of many connections is used in a round.
    seconds: u32,
    /// Rounds where one takes seconds.
    long_rounds: usize,
}

impl Plan {
    const WHOLE: Self =
        Self { time: Duration::from_millis(300), rounds: 11, seconds: 5, long_rounds: 3 };
    const QUICK: Self =
        Self { time: Duration::from_millis(150), rounds: 5, seconds: 2, long_rounds: 1 };

    /// Runs each client once a round, beginning with another one each time.
    fn rounds<T: Copy + Default, const N: usize>(
        &self,
        clients: [&dyn Fn() -> T; N],
    ) -> Vec<[T; N]> {
        let mut rounds = Vec::new();
        for round in 0..=self.rounds {
            let mut measured = [T::default(); N];
            for turn in 0..N {
                let client = (round + turn) % N;
                measured[client] = clients[client]();
            }
            rounds.push(measured);
        }
        // The first round warms up.
        rounds.split_off(1)
    }
}

/// What is measured together.
type Group = (&'static str, fn(&Plan) -> Vec<Row>);

const GROUPS: [Group; 9] = [
    ("in-flight", calls::in_flight),
    ("wss", calls::tls),
    ("orders", calls::orders),
    ("alternately", calls::alternately),
    ("two-threads", calls::two_threads),
    ("events", events::events),
    ("large", large::large),
    ("idle", idle::idle),
    ("many", many::many),
];

fn main() -> ExitCode {
    if let Some(service) = server::asked_for() {
        server::serve(service);
        return ExitCode::SUCCESS;
    }
    if let Some(job) = client::asked_for() {
        client::run(&job);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if let Some(seconds) = arguments.profile {
        calls::profile(Duration::from_secs(seconds.min(60)));
        return ExitCode::SUCCESS;
    }
    let plan = if arguments.quick { Plan::QUICK } else { Plan::WHOLE };
    let wanted = |name: &str| arguments.filter.as_ref().is_none_or(|filter| name.contains(filter));
    let mut rows = Vec::new();
    for (name, measure) in GROUPS {
        if wanted(name) {
            rows.extend(measured(&plan, measure, arguments.check));
        }
    }
    if arguments.write
        && let Err(error) = readme::write(&rows)
    {
        eprintln!("the README cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if arguments.check && rows.iter().any(Row::is_missed_by_far) {
        eprintln!("at least one figure is worse than its goal by more than a quarter");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The rows of a group, printed. A check measures once more what looks bad: it may have been the
/// machine.
fn measured(plan: &Plan, measure: fn(&Plan) -> Vec<Row>, check: bool) -> Vec<Row> {
    let mut rows = measure(plan);
    rows.iter().for_each(report::print);
    if check && rows.iter().any(Row::is_missed_by_far) {
        println!("once more:");
        rows = measure(plan);
        rows.iter().for_each(report::print);
    }
    rows
}
