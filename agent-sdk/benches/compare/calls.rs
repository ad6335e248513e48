//! The rows about calls: each client against the floor, all of them in each round.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::{
    Plan, floor,
    job::Service,
    jsonrpsee,
    measure::{Load, Measured},
    naive, ours,
    process::{Server, on_core, one_thread},
    report::{CPU, Goal, OF_FLOOR, RATE, Row, median},
    work::{self, IN_FLIGHT},
};

/// Two clients in one round: the floor, mostly, and ours.
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
            &|| runtime.block_on(naive::run(&agent, IN_FLIGHT, plan.time)),
            &|| runtime.block_on(jsonrpsee::run(&other, IN_FLIGHT, plan.time)),
        ])
    });
    let pairs = |first: usize, second: usize| -> Vec<Pair> {
        rounds.iter().map(|round| (round[first], round[second])).collect()
    };
    let (of_floor, naive) = (pairs(0, 1), pairs(0, 2));
    let (of_other, other) = (pairs(3, 1), pairs(0, 3));
    let times_other = of_other.iter().map(|(other, ours)| ours.rate / other.rate).collect();
    vec![
        loaded_rate("256 in flight", &of_floor).goal(Goal::AtLeast(0.85)).chart("this SDK"),
        cpu("256 in flight", &of_floor).goal(Goal::AtMost(1.2)),
        Row::new("256 in flight", RATE, "times jsonrpsee", times_other)
            .goal(Goal::AtLeast(10.0))
            .note(rates(&of_other))
            .disturbed_unless(busy(&of_floor)),
        loaded_rate("256 in flight, a first client of one's own", &naive)
            .chart("a first client of one's own"),
        loaded_rate("256 in flight, jsonrpsee", &other).chart("jsonrpsee, a general client"),
    ]
}

/// Runs only ours, to be watched by a profiler.
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
    vec![loaded_rate(name, &pairs).goal(Goal::AtLeast(0.85)), cpu(name, &pairs)]
}

/// The same with the fields of the replies in other orders: the worst of them.
pub fn orders(plan: &Plan) -> Vec<Row> {
    let rows = work::OTHER_ORDERS.map(|order| {
        let pairs = loaded(plan, &work::agent_with(order));
        let row = loaded_rate("256 in flight, any order", &pairs).goal(Goal::AtLeast(0.75));
        let note = format!("{}; {}", work::names(order), row.note);
        row.note(note)
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
    let latency =
        |what, value: fn(&Measured) -> f64| {
            Row::new(name, what, OF_FLOOR, ratios(&pairs, value))
                .goal(Goal::AtMost(1.1))
                .note(format!("{:.1} of {:.1} µs", second(&pairs, value), first(&pairs, value)))
        };
    vec![
        rate(name, &pairs).goal(Goal::AtLeast(0.95)),
        latency("median latency", |measured| measured.median),
        latency("99th percentile latency", |measured| measured.slow),
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
    // Twice as slow from one minute to the next, by where the host runs the two processors.
    let rate = loaded_rate(name, &pairs).goal(Goal::AtLeast(0.6)).room(1.5);
    vec![rate, cpu(name, &pairs)]
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

/// The rate of a client that is to be busy all the time.
fn loaded_rate(name: &str, pairs: &[Pair]) -> Row {
    let busy = busy(pairs);
    let row = rate(name, pairs);
    let note = format!("{}, floor busy {busy:.2}", row.note);
    row.note(note).disturbed_unless(busy)
}

fn rate(name: &str, pairs: &[Pair]) -> Row {
    let values = ratios(pairs, |measured| measured.rate);
    Row::new(name, RATE, OF_FLOOR, values).note(rates(pairs))
}

fn rates(pairs: &[Pair]) -> String {
    let thousands = |measured: &Measured| measured.rate / 1e3;
    format!("{:.0}k of {:.0}k", second(pairs, thousands), first(pairs, thousands))
}

fn cpu(name: &str, pairs: &[Pair]) -> Row {
    let cpu = |measured: &Measured| measured.cpu;
    Row::new(name, CPU, OF_FLOOR, ratios(pairs, cpu)).room(1.1).note(format!(
        "{:.2} of {:.2} µs",
        second(pairs, cpu),
        first(pairs, cpu)
    ))
}

/// The figures of the second in terms of the first.
fn ratios(pairs: &[Pair], figure: fn(&Measured) -> f64) -> Vec<f64> {
    pairs.iter().map(|(first, second)| figure(second) / figure(first)).collect()
}

/// The median of the figures of the first.
fn first(pairs: &[Pair], figure: fn(&Measured) -> f64) -> f64 {
    median(pairs.iter().map(|(first, _)| figure(first)))
}

/// The median of the figures of the second.
fn second(pairs: &[Pair], figure: fn(&Measured) -> f64) -> f64 {
    median(pairs.iter().map(|(_, second)| figure(second)))
}

/// Of each second, how much the first was at work.
fn busy(pairs: &[Pair]) -> f64 {
    first(pairs, Measured::busy)
}
