//! What handles, calls and the task share, without a connection.

use std::task::Poll;

use super::*;
use crate::wire::Request;

fn call() -> NewCall {
    let request = Request::new("echo", &()).unwrap();
    NewCall {
        request,
        timeout: Duration::from_secs(1),
        fail_fast: false,
        goes_first: false,
        effect: None,
    }
}

fn submit(shared: &Shared) -> Arc<CallState> {
    shared.submit(call(), Waker::noop().clone()).unwrap()
}

#[test]
fn dropped_calls_do_not_pile_up_before_they_are_taken_over() {
    let shared = Shared::new(Options::default());
    let kept: Vec<_> = (0..10).map(|_| submit(&shared)).collect();
    for _ in 0..10_000 {
        shared.cancel(&submit(&shared));
        assert!(shared.queue().calls.len() <= 2 * QUEUE_KEPT + 2);
    }
    let stats = shared.statistics();
    assert_eq!((stats.calls, stats.cancelled, stats.pending), (10_010, 10_000, 10));
    assert!(kept.iter().all(|call| call.is_new()));
}

/// They are dropped as soon as they are the majority, and more than a few.
#[test]
fn no_more_dropped_calls_than_live_ones_wait_to_be_taken_over() {
    for kept in [1, 1000] {
        let shared = Shared::new(Options::default());
        let calls: Vec<_> = (0..kept).map(|_| submit(&shared)).collect();
        for dropped in 1..=kept.max(QUEUE_KEPT) {
            shared.cancel(&submit(&shared));
            assert_eq!(shared.queue().calls.len(), kept + dropped);
        }
        shared.cancel(&submit(&shared));
        assert_eq!(shared.queue().calls.len(), kept);
        assert!(calls.iter().all(|call| call.is_new()));
    }
}

#[test]
fn only_what_fails_fast_is_refused_while_there_is_no_connection() {
    let shared = Shared::new(Options::default());
    let submit = |fail_fast| {
        let waker = Waker::noop().clone();
        shared.submit(NewCall { fail_fast, ..call() }, waker).map(|_| ())
    };
    assert!(submit(true).is_ok() && submit(false).is_ok());
    shared.lost(&Unanswered::Closed);
    assert!(matches!(submit(true), Err(Refused::Disconnected)));
    assert!(submit(false).is_ok());
    shared.set_state(State::Connected);
    assert!(submit(true).is_ok());
}

#[test]
fn the_task_is_woken_by_the_first_call_since_it_looked() {
    let shared = Shared::new(Options::default());
    let look = || {
        let cx = Context::from_waker(Waker::noop());
        shared.admit(&mut shared.lock(), &cx, Instant::now());
    };
    assert!(shared.was_woken(), "it has not looked yet");
    look();
    assert!(!shared.was_woken());
    submit(&shared);
    assert!(shared.was_woken());
    look();
    shared.request_close(Duration::ZERO);
    assert!(shared.was_woken());
}

#[test]
fn the_watchdog_that_found_no_work_is_woken_by_the_next() {
    let shared = Shared::new(Options::default());
    let watchdog_waits = || shared.queue().watchdog.is_some();
    assert!(!shared.has_work(&shared.lock()) && watchdog_waits());
    submit(&shared);
    assert!(!watchdog_waits(), "it was woken");
    assert!(shared.has_work(&shared.lock()) && !watchdog_waits());
    // Taken over is not done.
    shared.take_over(&mut shared.lock(), Instant::now());
    assert!(shared.has_work(&shared.lock()));
    let shared = Shared::new(Options::default());
    assert!(!shared.has_work(&shared.lock()));
    shared.request_close(Duration::from_secs(60));
    assert!(shared.queue().watchdog.is_none() && shared.has_work(&shared.lock()));
}

#[test]
fn calls_wait_for_the_check_of_the_catalogue_behind_a_reconnect_alone() {
    let now = Instant::now();
    let waits = |check_before_calls, reconnects| {
        let shared = Shared::new(Options { check_before_calls, ..Options::default() });
        let table = &mut *shared.lock();
        table.stats.reconnects = reconnects;
        shared.begin_connection(table, now);
        table.gate.closed_until().is_some()
    };
    assert!(!waits(true, 0), "the first one is checked before there is an agent");
    assert!(waits(true, 1) && waits(true, 2) && !waits(false, 1));
}

#[test]
fn the_check_of_the_catalogue_is_told_each_login_with_its_number_and_the_end() {
    let shared = Shared::new(Options::default());
    let told = || {
        let login = std::pin::pin!(shared.logged_in());
        login.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    assert!(!told());
    for number in 0..3 {
        shared.lock().stats.reconnects = number;
        shared.begin_connection(&mut shared.lock(), Instant::now());
        assert!(told() && !told());
        assert_eq!(shared.connection_number(), Some(number));
    }
    shared.finish(CloseReason::Requested);
    assert!(told());
    assert_eq!(shared.connection_number(), None);
}

#[test]
fn the_end_reaches_calls_that_nobody_has_taken_over_yet() {
    let shared = Shared::new(Options::default());
    let calls: Vec<_> = (0..3).map(|_| submit(&shared)).collect();
    shared.cancel(&calls[0]);
    shared.finish(CloseReason::Requested);
    let counts = shared.statistics();
    assert_eq!((counts.calls, counts.cancelled, counts.closed), (3, 1, 2));
    assert_eq!(counts.pending, 0);
    for state in &calls[1..] {
        let ending = state.poll(&Context::from_waker(Waker::noop()));
        assert!(matches!(ending, Poll::Ready(Completion::Closed(_))), "{ending:?}");
    }
    // Only the first reason counts, and nothing is accepted any more.
    shared.finish(CloseReason::RuntimeEnded);
    let state = shared.watch_state();
    assert!(
        matches!(&*state.borrow(), State::Closed { why } if matches!(**why, CloseReason::Requested))
    );
    assert!(shared.submit(call(), Waker::noop().clone()).is_err());
}

#[test]
fn room_is_given_back_and_calls_are_not() {
    const CALLS: usize = 4 * QUEUE_KEPT;
    let shared = Shared::new(Options::default());
    let calls: Vec<_> = (0..CALLS).map(|_| submit(&shared)).collect();
    let mut table = shared.lock();
    shared.release(&mut table);
    assert_eq!(shared.queue().calls.len(), CALLS);
    shared.admit(&mut table, &Context::from_waker(Waker::noop()), Instant::now());
    assert_eq!(table.pending.len(), CALLS);
    assert!(calls.iter().all(|state| state.token().is_some()));
    assert!(table.admitted.capacity() >= CALLS);
    shared.release(&mut table);
    assert_eq!(table.admitted.capacity(), 0);
    table.admitted = Vec::with_capacity(QUEUE_KEPT);
    shared.release(&mut table);
    assert_eq!(table.admitted.capacity(), QUEUE_KEPT, "it is no more than is kept");
}
