//! What the SDK costs, as ratios to a floor measured in the same run.
//!
//! ```text
//! cargo bench -p agent-sdk-benches --bench compare
//! ```
//!
//! The floor is a plain loop on tokio-tungstenite that serialises each request, matches each token
//! and decodes each reply: no futures, no timeouts, no errors. Client and server are processes of
//! their own, on a processor each; rounds of all clients alternate, since machines are noisy and
//! ratios less so.

mod calls;
mod chart;
mod client;
mod events;
mod floor;
mod idle;
mod job;
mod jsonrpsee;
mod large;
mod many;
mod measure;
mod memory;
mod naive;
mod ours;
mod process;
mod readme;
mod report;
mod server;
mod work;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, builder::PossibleValuesParser};
use job::{Job, Service};
use report::Row;

/// Measures the SDK against the floor.
#[derive(Parser)]
#[command(bin_name = "cargo bench -p agent-sdk-benches --bench compare --")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Arguments {
    /// Only this group of rows.
    #[arg(value_parser = PossibleValuesParser::new(GROUPS.map(|(name, _)| name)))]
    group: Option<String>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Fail where a figure is far worse than its goal, twice in a row.
    #[arg(long)]
    check: bool,
    /// Write the table into agent-sdk/benches/README.md, and the chart to speed.svg beside it.
    #[arg(long, conflicts_with_all = ["group", "quick"])]
    write: bool,
    /// Only the SDK, with 256 calls in flight, to be watched by a profiler.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    #[arg(conflicts_with_all = ["group", "quick", "check", "write"])]
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
    if let Some(service) = Service::asked_for() {
        server::serve(service);
        return ExitCode::SUCCESS;
    }
    if let Some(job) = Job::asked_for() {
        client::run(&job);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if !process::are_enough() {
        eprintln!("this needs two processors: one for the client, one for the server");
        return ExitCode::FAILURE;
    }
    if let Some(seconds) = arguments.profile {
        calls::profile(Duration::from_secs(seconds));
        return ExitCode::SUCCESS;
    }
    match table(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, writes and checks, as it was asked for.
fn table(arguments: &Arguments) -> Result<(), String> {
    let plan = if arguments.quick { Plan::QUICK } else { Plan::WHOLE };
    let is_wanted = |name: &str| arguments.group.as_ref().is_none_or(|group| name == group);
    let mut rows = Vec::new();
    report::print_head();
    for (_, measure) in GROUPS.into_iter().filter(|(name, _)| is_wanted(name)) {
        rows.extend(measured(&plan, measure, arguments.check));
    }
    if arguments.write {
        if let Some(row) = rows.iter().find(|row| !row.is_good()) {
            return Err(format!("nothing is written: no good figure for `{}`", row.title()));
        }
        readme::write(&rows).map_err(|error| format!("the README cannot be written: {error}"))?;
        println!("written: README.md and speed.svg in agent-sdk/benches");
    }
    match rows.iter().find(|row| arguments.check && row.is_missed_by_far()) {
        Some(row) => Err(format!("far from its goal, twice: {}", row.title())),
        None => Ok(()),
    }
}

/// The rows of a group, printed. A check measures those once more that look bad: it may have been
/// the machine.
fn measured(plan: &Plan, measure: fn(&Plan) -> Vec<Row>, check: bool) -> Vec<Row> {
    let mut rows = measure(plan);
    rows.iter().for_each(report::print);
    if check && rows.iter().any(Row::is_missed_by_far) {
        println!("once more:");
        let again = measure(plan);
        again.iter().for_each(report::print);
        for (row, again) in rows.iter_mut().zip(again) {
            if row.is_missed_by_far() {
                *row = again;
            }
        }
    }
    rows
}
