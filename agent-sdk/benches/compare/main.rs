//! Calls per second and CPU time per call, as ratios to a floor measured in the same run.
//!
//! ```text
//! cargo bench -p agent-sdk --bench compare
//! ```
//!
//! The floor is a hand-written loop on tokio-tungstenite that serialises each request and matches
//! each token: no futures, no timeouts, no errors. Client and server are processes of their own,
//! on a processor each where there are two; rounds of both clients alternate, since machines are
//! noisy and ratios less so.

mod floor;
mod ours;
mod process;
mod server;

use std::time::Duration;

use process::Server;

/// Calls in flight at a time.
const IN_FLIGHT: usize = 256;
/// How long each client runs in a round.
const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 7;

/// What a client achieved in one round.
#[derive(Clone, Copy)]
pub struct Measured {
    /// Calls per second.
    pub rate: f64,
    /// CPU time of the client's thread per call, in microseconds.
    pub cpu: f64,
}

fn main() {
    if server::is_asked_for() {
        server::serve();
        return;
    }
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    println!("{:<34} {:>12} {:>10}   ratio to the floor: rate, CPU", "", "calls/s", "CPU µs");
    for (name, in_flight, order) in [
        ("256 in flight", IN_FLIGHT, server::Order::TokenFirst),
        ("256 in flight, token last", IN_FLIGHT, server::Order::TokenLast),
        ("one after the other", 1, server::Order::TokenFirst),
    ] {
        let server = Server::start(order);
        let mut rounds = Vec::new();
        for _ in 0..=ROUNDS {
            let floor = runtime.block_on(floor::run(server.port(), in_flight, ROUND));
            let ours = runtime.block_on(ours::run(server.port(), in_flight, ROUND));
            rounds.push((floor, ours));
        }
        // The first round warms up.
        print(name, &rounds[1..]);
    }
}

fn print(name: &str, rounds: &[(Measured, Measured)]) {
    let median = |value: &dyn Fn(&(Measured, Measured)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        (values[0], values[values.len() / 2], values[values.len() - 1])
    };
    let (_, floor, _) = median(&|round| round.0.rate);
    let (_, floor_cpu, _) = median(&|round| round.0.cpu);
    println!("{:<34} {floor:>12.0} {floor_cpu:>10.2}", format!("{name}: floor"));
    let (_, ours, _) = median(&|round| round.1.rate);
    let (_, cpu, _) = median(&|round| round.1.cpu);
    let rate = median(&|round| round.1.rate / round.0.rate);
    let cpus = median(&|round| round.1.cpu / round.0.cpu);
    println!(
        "{:<34} {ours:>12.0} {cpu:>10.2}   {:.2} ({:.2}–{:.2}), {:.2} ({:.2}–{:.2})",
        format!("{name}: agent-sdk"),
        rate.1,
        rate.0,
        rate.2,
        cpus.1,
        cpus.0,
        cpus.2
    );
}
