//! The row about events that are not read.

use crate::{
    Plan,
    job::Service,
    measure::Measured,
    ours,
    process::{Server, on_core, one_thread},
    report::{Goal, RATE, Row, median},
    work::{self, IN_FLIGHT},
};

/// Events a second.
const EVENTS: u32 = 100_000;

/// The calls, and the events that arrived a second: without events, and with them.
type Round = [(Measured, f64); 2];

/// Calls beside events, against calls without; the stream of events is held and never read.
pub fn events(plan: &Plan) -> Vec<Row> {
    let [without, with] =
        [None, Some(EVENTS)].map(|events| Server::start(&Service { events, ..work::agent() }));
    let rounds = on_core(0, || {
        let runtime = one_thread();
        let run = |server| runtime.block_on(ours::run_beside_events(server, IN_FLIGHT, plan.time));
        plan.rounds([&|| run(&without), &|| run(&with)])
    });
    let figure = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let note = format!(
        "{:.0}k of {:.0}k; {:.1}k events arrived",
        figure(|[_, (with, _)]| with.rate / 1e3),
        figure(|[(without, _), _]| without.rate / 1e3),
        figure(|[_, (_, events)]| events / 1e3),
    );
    let values = rounds.iter().map(|[(without, _), (with, _)]| with.rate / without.rate).collect();
    vec![
        Row::new("100,000 events a second", RATE, "of those without", values)
            .goal(Goal::AtLeast(0.8))
            .note(note)
            .disturbed_unless(figure(|[(without, _), _]| without.busy())),
    ]
}
