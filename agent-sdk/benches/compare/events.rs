//! The row about events that nobody reads.

use crate::{
    Plan,
    measure::Measured,
    ours,
    process::{Server, on_core, one_thread},
    report::{Goal, Row, spread},
    server::Service,
    work,
};

/// Calls in flight at a time.
const IN_FLIGHT: usize = 256;
/// Events a second.
const RATE: u32 = 100_000;

/// The calls, and the events that arrived a second: without events, and with them.
type Round = [(Measured, f64); 2];

/// Calls beside events, against calls without; the stream of events is held and never read.
pub fn events(plan: &Plan) -> Vec<Row> {
    let [without, with] =
        [None, Some(RATE)].map(|events| Server::start(&Service { events, ..work::agent() }));
    let rounds = on_core(0, || {
        let runtime = one_thread();
        let run = |server| runtime.block_on(ours::run_beside_events(server, IN_FLIGHT, plan.time));
        plan.rounds([&|| run(&without), &|| run(&with)])
    });
    let median =
        |figure: fn(&Round) -> f64| spread(&rounds.iter().map(figure).collect::<Vec<_>>()).1;
    let note = format!(
        "{:.0}k of {:.0}k; {:.1}k events arrived",
        median(|[_, (with, _)]| with.rate / 1e3),
        median(|[(without, _), _]| without.rate / 1e3),
        median(|[_, (_, events)]| events / 1e3),
    );
    vec![Row {
        name: "100,000 events a second: calls per second".to_owned(),
        unit: "of those without",
        values: rounds.iter().map(|[(without, _), (with, _)]| with.rate / without.rate).collect(),
        goal: Some(Goal::AtLeast(0.8)),
        note,
    }]
}
