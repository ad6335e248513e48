//! Calls in the table, without a connection.

use std::task::{Context, Poll};

use super::*;

fn state(seconds: u64) -> Arc<CallState> {
    let request = Request::new("echo", &()).unwrap();
    let call = NewCall {
        request,
        timeout: Duration::from_secs(seconds),
        fail_fast: false,
        goes_first: false,
        effect: None,
    };
    Arc::new(CallState::new(call, Waker::noop().clone()))
}

/// Takes the next call, if it is to be sent.
fn take(pending: &mut PendingCalls, now: Instant) -> Option<Request> {
    match pending.take(now, &CatalogueGate::default())? {
        Turn::Send(request) => Some(request),
        Turn::Refused(_) => None,
    }
}

fn later(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// A call that times out after so many seconds from now.
fn insert(pending: &mut PendingCalls, seconds: u64) -> Arc<CallState> {
    let state = state(seconds);
    pending.insert(Arc::clone(&state), Instant::now());
    state
}

fn token(state: &CallState) -> Token {
    state.token().unwrap()
}

fn end(state: &CallState) -> Option<Completion> {
    match state.poll(&Context::from_waker(Waker::noop())) {
        Poll::Ready(ending) => Some(ending),
        Poll::Pending => None,
    }
}

/// Returns whether a caller still waits for the answer.
fn answer(pending: &mut PendingCalls, token: Token) -> bool {
    let Some(call) = pending.answered(token) else {
        assert!(pending.issued(token));
        return false;
    };
    assert!(call.state.end(Completion::TooLarge { size: 0 }).is_some());
    true
}

#[test]
fn a_call_is_queued_taken_answered_and_gone() {
    let mut pending = PendingCalls::new(10);
    let state = insert(&mut pending, 1);
    let token = token(&state);
    assert!(!answer(&mut pending, token), "it was not sent yet");
    assert!(take(&mut pending, Instant::now()).is_some());
    assert!(take(&mut pending, Instant::now()).is_none());
    assert!(end(&state).is_none());
    assert!(answer(&mut pending, token));
    assert!(!answer(&mut pending, token), "a second answer is late");
    assert!(matches!(end(&state), Some(Completion::TooLarge { .. })));
    assert_eq!(pending.len(), 0);
    assert!(pending.is_idle());
}

#[test]
fn an_answer_never_reaches_the_next_call_of_the_slot() {
    let mut pending = PendingCalls::new(10);
    let first = token(&insert(&mut pending, 1));
    take(&mut pending, Instant::now());
    pending.remove(first);
    let second = insert(&mut pending, 1);
    take(&mut pending, Instant::now());
    assert_eq!(first.slot(), token(&second).slot());
    assert!(!answer(&mut pending, first));
    assert!(end(&second).is_none());
}

#[test]
fn a_call_whose_caller_has_left_is_not_taken_over() {
    let mut pending = PendingCalls::new(10);
    let state = state(1);
    assert!(state.leave().0);
    pending.insert(Arc::clone(&state), Instant::now());
    assert!(pending.is_idle() && take(&mut pending, Instant::now()).is_none());
    assert_eq!(state.token(), None);
    let next = insert(&mut pending, 1);
    assert!(take(&mut pending, Instant::now()).is_some() && answer(&mut pending, token(&next)));
}

#[test]
fn dropped_calls_do_not_pile_up_while_nothing_is_sent() {
    let mut pending = PendingCalls::new(10);
    let kept = insert(&mut pending, 1);
    for _ in 0..10_000 {
        let token = token(&insert(&mut pending, 1));
        pending.remove(token);
        assert!(pending.queue.len() <= 2 * SLOTS_KEPT + 2, "{}", pending.queue.len());
    }
    assert_eq!(pending.len(), 1);
    assert!(!pending.is_idle());
    assert!(
        take(&mut pending, Instant::now()).is_some()
            && take(&mut pending, Instant::now()).is_none()
    );
    assert!(answer(&mut pending, token(&kept)));
}

/// Tokens of ended calls are dropped as soon as they are the majority, and more than a few.
#[test]
fn the_queue_holds_no_more_ended_calls_than_live_ones() {
    for kept in [1, 1000] {
        let mut pending = PendingCalls::new(10);
        for _ in 0..kept {
            insert(&mut pending, 1);
        }
        let most = kept.max(SLOTS_KEPT);
        for dropped in 1..=most {
            let token = token(&insert(&mut pending, 1));
            pending.remove(token);
            assert_eq!(pending.queued(), kept + dropped);
        }
        let token = token(&insert(&mut pending, 1));
        pending.remove(token);
        assert_eq!((pending.queued(), pending.len()), (kept, kept));
    }
}

#[test]
fn room_is_made_once_for_a_batch_of_calls() {
    let mut pending = PendingCalls::new(10);
    pending.reserve(100);
    assert!(pending.slots.capacity() >= 100 && pending.queue.capacity() >= 100);
    assert!(pending.free.capacity() >= pending.slots.capacity(), "an ending call allocates");
    let mut pending = PendingCalls::new(10);
    let states: Vec<_> = (0..10).map(|_| insert(&mut pending, 1)).collect();
    for state in states {
        pending.remove(token(&state));
    }
    let before = pending.slots.capacity();
    pending.reserve(10);
    assert_eq!(pending.slots.capacity(), before, "the free ones are enough");
    assert!(pending.free.capacity() <= 2 * before, "{} of {before}", pending.free.capacity());
}

#[test]
fn deadlines_end_what_is_queued_and_what_was_sent_differently() {
    let mut pending = PendingCalls::new(1);
    let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 2));
    let last = insert(&mut pending, 60);
    take(&mut pending, Instant::now());
    let mut wakers = Vec::new();
    assert_eq!(pending.expire(Instant::now(), &mut wakers), 0);
    assert_eq!(pending.expire(later(3), &mut wakers), 2);
    assert_eq!(wakers.len(), 2);
    assert!(matches!(end(&sent), Some(Completion::Unanswered(Unanswered::TimedOut(_)))));
    assert!(matches!(end(&queued), Some(Completion::NotSent)));
    assert!(pending.next_deadline().is_some_and(|next| next > later(30)));
    assert!(
        take(&mut pending, Instant::now()).is_some(),
        "the one that timed out in the queue is passed over"
    );
    assert!(answer(&mut pending, token(&last)));
    assert_eq!(pending.next_deadline(), None);
}

/// 50,000 staggered deadlines meant as many scans of the whole table: 3.9 s of CPU.
#[test]
fn staggered_deadlines_take_few_scans() {
    const CALLS: u64 = 10_000;
    let began = Instant::now();
    let mut pending = PendingCalls::new(10);
    for number in 0..CALLS {
        let request = Request::new("echo", &()).unwrap();
        let timeout = Duration::from_secs(1) + Duration::from_micros(200 * number);
        let (fail_fast, goes_first) = (false, false);
        let call = NewCall { request, timeout, fail_fast, goes_first, effect: None };
        let state = CallState::new(call, Waker::noop().clone());
        pending.insert(Arc::new(state), began);
    }
    let (mut scans, mut ended, mut latest) = (0, 0, Duration::ZERO);
    while let Some(next) = pending.next_deadline() {
        let first = pending.earliest.unwrap();
        ended += pending.expire(next, &mut Vec::new());
        scans += 1;
        latest = latest.max(next - first);
    }
    assert_eq!(ended, CALLS);
    assert!(scans < CALLS / 4, "{scans} scans");
    assert!(latest <= Duration::from_millis(1), "a call ended {latest:?} late");
}

#[test]
fn what_is_too_late_is_not_sent_any_more() {
    let mut pending = PendingCalls::new(10);
    let (late, good) = (insert(&mut pending, 1), insert(&mut pending, 60));
    assert!(take(&mut pending, later(2)).is_some() && take(&mut pending, later(2)).is_none());
    assert_eq!(pending.expire(later(2), &mut Vec::new()), 1);
    assert!(matches!(end(&late), Some(Completion::NotSent)));
    assert!(answer(&mut pending, token(&good)));
}

#[test]
fn at_its_deadline_a_call_is_not_sent_any_more() {
    let mut pending = PendingCalls::new(10);
    let now = Instant::now();
    pending.insert(state(1), now);
    assert!(take(&mut pending, now + Duration::from_secs(1)).is_none());
}

#[test]
fn only_the_call_that_goes_first_passes_those_that_wait() {
    let mut pending = PendingCalls::new(10);
    let (now, gate) = (Instant::now(), CatalogueGate::default());
    let waiting = insert(&mut pending, 60);
    assert!(pending.take_first(now, &gate).is_none());
    let (request, timeout) = (Request::new("first", &()).unwrap(), Duration::from_secs(60));
    let call = NewCall { request, timeout, fail_fast: false, goes_first: true, effect: None };
    pending.insert(Arc::new(CallState::new(call, Waker::noop().clone())), now);
    let Some(Turn::Send(request)) = pending.take_first(now, &gate) else { panic!("it is sent") };
    assert_eq!(request.action().as_deref(), Some("first"));
    assert!(pending.take_first(now, &gate).is_none());
    assert!(take(&mut pending, now).is_some() && answer(&mut pending, token(&waiting)));
}

#[test]
fn what_fails_fast_ends_with_the_connection_and_nothing_else_that_was_not_sent() {
    let mut pending = PendingCalls::new(1);
    let now = Instant::now();
    let states = [false, true, false].map(|fail_fast| {
        let (request, timeout) = (Request::new("echo", &()).unwrap(), Duration::from_secs(60));
        let call = NewCall { request, timeout, fail_fast, goes_first: false, effect: None };
        let state = Arc::new(CallState::new(call, Waker::noop().clone()));
        pending.insert(Arc::clone(&state), now);
        state
    });
    assert!(take(&mut pending, now).is_some());
    assert_eq!(pending.fail_fast(&mut Vec::new()), 1);
    let [sent, fast, waiting] = states.map(|state| end(&state));
    assert!(sent.is_none() && waiting.is_none());
    assert!(matches!(fast, Some(Completion::Disconnected)), "{fast:?}");
}

#[test]
fn a_loss_ends_what_was_sent_and_keeps_what_was_not() {
    let mut pending = PendingCalls::new(1);
    let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 1));
    take(&mut pending, Instant::now());
    let mut wakers = Vec::new();
    assert_eq!(pending.lose(&Unanswered::Closed, &mut wakers), 1);
    assert!(matches!(end(&sent), Some(Completion::Unanswered(_))));
    assert!(end(&queued).is_none());
    assert!(take(&mut pending, Instant::now()).is_some());
}

#[test]
fn after_a_close_nothing_waits() {
    let mut pending = PendingCalls::new(1);
    let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 1));
    take(&mut pending, Instant::now());
    let why = Arc::new(CloseReason::Requested);
    assert_eq!(pending.close(&why, &Unanswered::Closed, &mut Vec::new()), (1, 1));
    assert!(matches!(end(&sent), Some(Completion::Unanswered(Unanswered::Closed))));
    assert!(matches!(end(&queued), Some(Completion::Closed(_))));
    assert!(take(&mut pending, Instant::now()).is_none() && pending.is_idle());
}

#[test]
fn many_that_time_out_at_once_do_not_confuse_the_count() {
    let mut pending = PendingCalls::new(10_000);
    let expired: Vec<_> = (0..200).map(|_| insert(&mut pending, 1)).collect();
    let alive: Vec<_> = (0..50).map(|_| insert(&mut pending, 60)).collect();
    assert_eq!(pending.expire(later(2), &mut Vec::new()), 200);
    assert!(!pending.is_idle());
    for state in alive {
        assert!(take(&mut pending, Instant::now()).is_some());
        assert!(!pending.is_idle());
        assert!(answer(&mut pending, token(&state)));
    }
    assert!(take(&mut pending, Instant::now()).is_none() && pending.is_idle());
    for state in expired {
        assert!(!state.leave().0, "it had ended");
    }
}

#[test]
fn a_burst_leaves_no_memory() {
    let mut pending = PendingCalls::new(10_000);
    let states: Vec<_> = (0..5_000).map(|_| insert(&mut pending, 1)).collect();
    for state in states {
        pending.remove(token(&state));
    }
    assert_eq!((pending.slots.capacity(), pending.queue.capacity()), (0, 0));
    assert_eq!(pending.next_deadline(), None);
    // A few are kept, so that calls one after the other allocate nothing.
    let states: Vec<_> = (0..SLOTS_KEPT).map(|_| insert(&mut pending, 1)).collect();
    for state in states {
        pending.remove(token(&state));
    }
    assert_eq!((pending.len(), pending.slots.len()), (0, SLOTS_KEPT));
}
