//! The rows about calls: each client against the floor, all of them in each round.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::{
    Plan, floor, jsonrpsee,
    measure::{Load, Measured},
    ours,
    process::{Server, on_core, one_thread},
    report::{Goal, OF_FLOOR, RATE, Row, spread},
    server::Service,
    work,
};

/// Calls in flight at a time.
const IN_FLIGHT: usize = 256;

/// The floor and ours, in one round.
type Pair = (Measured, Measured);

/// The client is alone on its processor, and the server never sleeps: so the client is measured.
pub fn in_flight(plan: &Plan) -> Vec<Row> {
    let [agent, other] = [work::agent(), work::json_rpc()].map(|service| Server::start(&service));
    let load = Load::InFlight(IN_FLIGHT, plan.time);
    let rounds = on_core(0, || {
        let runtime = one_thread();
        plan.rounds([
            &|| runtime.block_on(floor::run(&agent, load)),
            &|| runtime.block_on(ours::run(&agent, load)),
            &|| runtime.block_on(jsonrpsee::run(&other, IN_FLIGHT, plan.time)),
        ])
    });
    let pairs: Vec<Pair> = rounds.iter().map(|[floor, ours, _]| (*floor, *ours)).collect();
    let other: Vec<Pair> = rounds.iter().map(|[floor, _, other]| (*floor, *other)).collect();
    vec![
        rate("256 in flight", &pairs, Goal::AtLeast(0.85)),
        cpu("256 in flight", &pairs, Some(Goal::AtMost(1.2))),
        Row {
            name: format!("256 in flight: {RATE}"),
            unit: "times jsonrpsee",
            values: rounds.iter().map(|[_, ours, other]| ours.rate / other.rate).collect(),
            goal: Some(Goal::AtLeast(10.0)),
            note: rates(&other),
        },
        Row { goal: None, ..rate("256 in flight, jsonrpsee", &other, Goal::AtLeast(0.0)) },
    ]
}

/// Only ours, for somebody who watches.
pub fn profile(time: Duration) {
    let server = Server::start(&work::agent());
    let load = Load::InFlight(IN_FLIGHT, time);
    let ours = on_core(0, || one_thread().block_on(ours::run(&server, load)));
    println!("{:.0} calls per second, {:.2} µs of CPU each", ours.rate, ours.cpu);
}

/// The same over TLS.
pub fn tls(plan: &Plan) -> Vec<Row> {
    let name = "256 in flight, wss";
    let pairs = loaded(plan, &Service { tls: true, ..work::agent() });
    vec![rate(name, &pairs, Goal::AtLeast(0.85)), cpu(name, &pairs, None)]
}

/// The same with the fields of the replies in other orders: the worst of them.
pub fn orders(plan: &Plan) -> Vec<Row> {
    let rows = work::OTHER_ORDERS.map(|order| {
        let pairs = loaded(plan, &work::agent_with(order));
        let mut row = rate("256 in flight, any order", &pairs, Goal::AtLeast(0.75));
        row.note = format!("{}; {}", work::names(order), row.note);
        row
    });
    let worst = rows.into_iter().min_by(|a, b| a.spread().1.total_cmp(&b.spread().1));
    worst.into_iter().collect()
}

/// One call after the other.
///
/// Client and server share a processor, and both sleep: waking another processor takes several times
/// as long as a call, at least where it is a virtual one, and would hide every difference.
pub fn alternately(plan: &Plan) -> Vec<Row> {
    let name = "one after the other";
    let server = Server::start(&Service { sleep: true, core: Some(0), ..work::agent() });
    let pairs = pairs(plan, &server, Load::Alternately(plan.time));
    let latency = |which: &str, value: fn(&Measured) -> f64| Row {
        name: format!("{name}: {which} latency"),
        unit: OF_FLOOR,
        values: pairs.iter().map(|(floor, ours)| value(ours) / value(floor)).collect(),
        goal: Some(Goal::AtMost(1.1)),
        note: format!("{:.1} of {:.1} µs", ours(&pairs, value), theirs(&pairs, value)),
    };
    vec![
        rate(name, &pairs, Goal::AtLeast(0.95)),
        latency("median", |measured| measured.median),
        latency("99th percentile", |measured| measured.slow),
    ]
}

/// One connection shared by tasks on two threads, against the floor on one thread as ever.
///
/// Three threads share two processors here. The server sleeps and goes where there is room: one
/// that never slept would take a processor from the client for whole slices of time, with the work of
/// the other in its hands (a sixth of the rate). The client is not pinned either.
pub fn two_threads(plan: &Plan) -> Vec<Row> {
    let name = "two threads";
    let load = Load::InFlight(IN_FLIGHT, plan.time);
    let for_floor = Server::start(&work::agent());
    let for_ours = Server::start(&Service { sleep: true, core: None, ..work::agent() });
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rounds = plan
        .rounds([&|| on_core(0, || one_thread().block_on(floor::run(&for_floor, load))), &|| {
            runtime.block_on(ours::run_on_all_threads(&for_ours, load))
        }]);
    let pairs: Vec<Pair> = rounds.into_iter().map(|[floor, ours]| (floor, ours)).collect();
    vec![rate(name, &pairs, Goal::AtLeast(0.6)), cpu(name, &pairs, None)]
}

/// The floor and ours with calls in flight, against such a server.
fn loaded(plan: &Plan, service: &Service) -> Vec<Pair> {
    pairs(plan, &Server::start(service), Load::InFlight(IN_FLIGHT, plan.time))
}

/// The floor and ours, each on one thread.
fn pairs(plan: &Plan, server: &Server, load: Load) -> Vec<Pair> {
    let rounds = on_core(0, || {
        let runtime = one_thread();
        plan.rounds([&|| runtime.block_on(floor::run(server, load)), &|| {
            runtime.block_on(ours::run(server, load))
        }])
    });
    rounds.into_iter().map(|[floor, ours]| (floor, ours)).collect()
}

fn rate(name: &str, pairs: &[Pair], goal: Goal) -> Row {
    Row {
        name: format!("{name}: {RATE}"),
        unit: OF_FLOOR,
        values: pairs.iter().map(|(floor, ours)| ours.rate / floor.rate).collect(),
        goal: Some(goal),
        note: rates(pairs),
    }
}

fn rates(pairs: &[Pair]) -> String {
    let thousands = |measured: &Measured| measured.rate / 1e3;
    format!(
        "{:.0}k of {:.0}k, floor busy {:.2}",
        ours(pairs, thousands),
        theirs(pairs, thousands),
        theirs(pairs, Measured::busy)
    )
}

fn cpu(name: &str, pairs: &[Pair], goal: Option<Goal>) -> Row {
    let cpu = |measured: &Measured| measured.cpu;
    Row {
        name: format!("{name}: CPU per call"),
        unit: OF_FLOOR,
        values: pairs.iter().map(|(floor, ours)| ours.cpu / floor.cpu).collect(),
        goal,
        note: format!("{:.2} of {:.2} µs", ours(pairs, cpu), theirs(pairs, cpu)),
    }
}

/// The median of the floor's figures.
fn theirs(pairs: &[Pair], figure: fn(&Measured) -> f64) -> f64 {
    spread(&pairs.iter().map(|(floor, _)| figure(floor)).collect::<Vec<_>>()).1
}

/// The median of our figures.
fn ours(pairs: &[Pair], figure: fn(&Measured) -> f64) -> f64 {
    spread(&pairs.iter().map(|(_, ours)| figure(ours)).collect::<Vec<_>>()).1
}
