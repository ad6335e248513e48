//! What the SDK costs, as ratios to a floor measured in the same run.
//!
//! ```text
//! cargo bench -p agent-sdk-benches
//! ```
//!
//! The floor is a hand-written loop on tokio-tungstenite that serialises each request and matches
//! each token: no futures, no timeouts, no errors. Client and server are processes of their own,
//! on a processor each where there are two; rounds of all clients alternate, since machines are
//! noisy and ratios less so.

mod calls;
mod floor;
mod jsonrpsee;
mod measure;
mod ours;
mod process;
mod report;
mod server;
mod work;

use std::time::Duration;

use clap::Parser;
use measure::Measured;
use report::Row;

/// Measures the SDK against the floor.
#[derive(Parser)]
struct Arguments {
    /// Only the groups with this in their names.
    filter: Option<String>,
    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long and how often to measure.
pub struct Plan {
    /// How long each client runs in a round.
    time: Duration,
    rounds: usize,
}

impl Plan {
    const WHOLE: Self = Self { time: Duration::from_millis(300), rounds: 11 };
    const QUICK: Self = Self { time: Duration::from_millis(150), rounds: 5 };

    /// Runs each client once a round, beginning with another one each time.
    fn rounds<const N: usize>(&self, clients: [&dyn Fn() -> Measured; N]) -> Vec<[Measured; N]> {
        let mut rounds = Vec::new();
        for round in 0..=self.rounds {
            let mut measured = [Measured::default(); N];
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

const GROUPS: [Group; 5] = [
    ("in-flight", calls::in_flight),
    ("wss", calls::tls),
    ("orders", calls::orders),
    ("alternately", calls::alternately),
    ("two-threads", calls::two_threads),
];

fn main() {
    if let Some(service) = server::asked_for() {
        server::serve(&service);
        return;
    }
    let arguments = Arguments::parse();
    let plan = if arguments.quick { Plan::QUICK } else { Plan::WHOLE };
    for (name, measure) in GROUPS {
        if arguments.filter.as_ref().is_none_or(|filter| name.contains(filter)) {
            measure(&plan).iter().for_each(report::print);
        }
    }
}
