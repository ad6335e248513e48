//! The calls that have not ended yet: one table for all, without any input or output.
//!
//! A call has a slot from when the connection takes it over until its end. The number of the slot
//! is part of the call's token, so that the reply finds it without hashing, and one scan finds what
//! has timed out, so that no call needs a timer. Scans keep a distance that grows with the table, so
//! that they take a few hundredths of the time at most, however the deadlines are staggered. Only the task that owns the socket works with the
//! table, and callers that drop a call; wakers that it returns are woken after the lock is released.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use tokio::time::Instant;

use super::{
    call_state::{CallState, Completion, NewCall},
    subscriptions::SubscriptionChange,
};
use crate::{
    error::{CloseReason, Unanswered},
    options::FOREVER,
    wire::{Request, Token, Tokens},
};

/// The table.
pub(crate) struct PendingCalls {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Calls to be sent, in order. One that has ended leaves its token behind; `skipped` counts
    /// those, so that they do not pile up while there is no connection.
    queue: VecDeque<Token>,
    skipped: usize,
    /// Calls that were sent and have not ended.
    in_flight: usize,
    limit: usize,
    tokens: Tokens,
    /// No call has an earlier deadline.
    earliest: Option<Instant>,
    /// When the next scan may be.
    next_scan: Option<Instant>,
}

/// A place for a call; none is there while it is free.
struct Slot {
    token: Token,
    call: Option<Call>,
}

/// A call that the table has taken over.
pub(crate) struct Call {
    pub(crate) state: Arc<CallState>,
    /// When its time began.
    pub(crate) began: Instant,
    /// What a success changes.
    pub(crate) effect: Option<Box<SubscriptionChange>>,
    timeout: Duration,
    fail_fast: bool,
    /// Until it is sent.
    request: Option<Request>,
    /// The size of the last message with its token that was not whole JSON.
    unreadable: Option<usize>,
}

impl Call {
    fn deadline(&self) -> Instant {
        self.began + self.timeout
    }

    fn was_sent(&self) -> bool {
        self.request.is_none()
    }

    /// Returns how it ends once its time has passed.
    fn timed_out(&self) -> Completion {
        let Self { timeout, .. } = *self;
        if !self.was_sent() {
            return Completion::NotSent;
        }
        Completion::Unanswered(match self.unreadable {
            None => Unanswered::TimedOut(timeout),
            Some(bytes) => Unanswered::Unreadable { timeout, bytes },
        })
    }
}

/// The distance of two scans for each slot of the table; looking at one takes a few nanoseconds. A
/// call among 50,000 times out 5 ms late at most.
const SCAN_DISTANCE: Duration = Duration::from_nanos(100);

/// Above this many slots the table gives its memory back as soon as no call is left.
const SLOTS_KEPT: usize = 64;

impl PendingCalls {
    /// An empty table that lets `limit` calls be in flight at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            skipped: 0,
            in_flight: 0,
            limit,
            tokens: Tokens::new(),
            earliest: None,
            next_scan: None,
        }
    }

    /// Makes room for so many calls at once.
    pub(crate) fn reserve(&mut self, calls: usize) {
        self.slots.reserve(calls.saturating_sub(self.free.len()));
        self.free.reserve(self.slots.capacity() - self.free.len());
        self.queue.reserve(calls);
    }

    /// How many calls wait to be sent, with those that have ended meanwhile.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes a call over and puts it into the queue, unless its caller has left. Its time begins.
    pub(crate) fn insert(&mut self, state: Arc<CallState>, now: Instant) {
        let index = self.free.last().copied().unwrap_or_else(|| {
            // Memory ends long before the numbers do.
            u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
        });
        let token = self.tokens.next(index);
        let Some(NewCall { mut request, timeout, fail_fast, effect }) = state.take(token) else {
            return;
        };
        request.set_token(token);
        let request = Some(request);
        let call =
            Call { state, request, began: now, timeout, fail_fast, effect, unreadable: None };
        let deadline = call.deadline();
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        self.free.pop();
        let slot = Slot { token, call: Some(call) };
        match self.slots.get_mut(index as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.queue.push_back(token);
    }

    fn call(&mut self, token: Token) -> Option<&mut Call> {
        let slot = self.slots.get_mut(token.slot() as usize)?;
        slot.call.as_mut().filter(|_| slot.token == token)
    }

    /// Removes the call with this token if `which` accepts it.
    fn remove_if(&mut self, token: Token, which: impl Fn(&Call) -> bool) -> Option<Call> {
        let slot = self.slots.get_mut(token.slot() as usize).filter(|slot| slot.token == token)?;
        let call = slot.call.take_if(|call| which(call))?;
        self.free.push(token.slot());
        if call.was_sent() {
            self.in_flight -= 1;
        } else {
            self.skipped += 1;
        }
        if self.free.len() == self.slots.len() {
            self.reset();
        }
        Some(call)
    }

    /// No call is left: no deadline, no stale token, and after a burst no memory.
    fn reset(&mut self) {
        self.earliest = None;
        self.queue.clear();
        self.skipped = 0;
        if self.slots.len() > SLOTS_KEPT {
            self.slots = Vec::new();
            self.free = Vec::new();
            self.queue = VecDeque::new();
        }
    }

    /// Forgets a call whose future was dropped; what has not been sent never is.
    pub(crate) fn remove(&mut self, token: Token) {
        self.remove_if(token, |_| true);
        self.tidy();
    }

    /// Lets no more tokens without a call be in the queue than those with one.
    fn tidy(&mut self) {
        if self.skipped > SLOTS_KEPT && self.skipped > self.queue.len() / 2 {
            let slots = &self.slots;
            self.queue.retain(|token| {
                let slot = slots.get(token.slot() as usize).filter(|slot| slot.token == *token);
                slot.is_some_and(|slot| slot.call.is_some())
            });
            self.skipped = 0;
        }
    }

    /// Takes the next request to be sent, as long as no more than the limit are in flight. From
    /// here on the agent may have executed it. What is too late is not sent any more.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Request> {
        while self.in_flight < self.limit {
            let token = self.queue.pop_front()?;
            let call = self.call(token).filter(|call| now < call.deadline());
            if let Some(request) = call.and_then(|call| call.request.take()) {
                self.in_flight += 1;
                return Some(request);
            }
            self.skipped = self.skipped.saturating_sub(1);
        }
        None
    }

    /// Whether no call waits to be sent or answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.len() == 0
    }

    /// Takes out the call that was sent with this token and waits for its answer.
    pub(crate) fn answered(&mut self, token: Token) -> Option<Call> {
        self.remove_if(token, Call::was_sent)
    }

    /// Notes that a message with this token was not whole JSON: its call goes on waiting.
    pub(crate) fn note_unreadable(&mut self, token: Token, bytes: usize) {
        if let Some(call) = self.call(token).filter(|call| call.was_sent()) {
            call.unreadable = Some(bytes);
        }
    }

    /// Returns whether this token was given to a call, now or earlier.
    pub(crate) fn issued(&self, token: Token) -> bool {
        self.tokens.issued(token)
    }

    /// A token for a request of the connection itself.
    pub(crate) fn internal_token(&mut self) -> Token {
        self.tokens.next_internal()
    }

    /// Returns when `expire` is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.earliest.max(self.next_scan.filter(|_| self.earliest.is_some()))
    }

    /// Expires overdue calls, collects their wakers, and returns the count.
    pub(crate) fn expire(&mut self, now: Instant, wakers: &mut Vec<Waker>) -> u64 {
        if self.next_deadline().is_none_or(|next| now < next) {
            return 0;
        }
        let distance =
            u32::try_from(self.slots.len()).map_or(FOREVER, |slots| SCAN_DISTANCE * slots);
        let ended = self.end_where(|call| call.deadline() <= now, Call::timed_out, wakers);
        let calls = self.slots.iter().filter_map(|slot| slot.call.as_ref());
        self.earliest = calls.map(Call::deadline).min();
        self.next_scan = Some(now + distance);
        ended
    }

    /// Ends every call that was sent, after a lost connection; collects their wakers, and returns the
    /// count.
    pub(crate) fn lose(&mut self, why: &Unanswered, wakers: &mut Vec<Waker>) -> u64 {
        self.end_where(Call::was_sent, |_| Completion::Unanswered(why.clone()), wakers)
    }

    /// Ends every call that was not sent and fails fast, after a lost connection; collects their
    /// wakers, and returns the count.
    pub(crate) fn fail_fast(&mut self, wakers: &mut Vec<Waker>) -> u64 {
        let which = |call: &Call| call.fail_fast && !call.was_sent();
        self.end_where(which, |_| Completion::Disconnected, wakers)
    }

    /// Ends every call, since the connection has ended for good. Collects their wakers, and returns how
    /// many had been sent and how many had not.
    pub(crate) fn close(
        &mut self,
        why: &Arc<CloseReason>,
        sent: &Unanswered,
        wakers: &mut Vec<Waker>,
    ) -> (u64, u64) {
        let lost = self.lose(sent, wakers);
        let unsent = self.end_where(|_| true, |_| Completion::Closed(Arc::clone(why)), wakers);
        (lost, unsent)
    }

    /// Ends the calls that `which` accepts, collects their wakers, and returns the count.
    fn end_where(
        &mut self,
        which: impl Fn(&Call) -> bool,
        how: impl Fn(&Call) -> Completion,
        wakers: &mut Vec<Waker>,
    ) -> u64 {
        let mut ended = 0;
        // The last one may leave no slots at all.
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else { break };
            let token = slot.token;
            if let Some(call) = self.remove_if(token, &which) {
                wakers.extend(call.state.end(how(&call)));
                ended += 1;
            }
        }
        self.tidy();
        ended
    }

    /// How many calls have a slot.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;

    fn state(seconds: u64) -> Arc<CallState> {
        let request = Request::new("echo", &()).unwrap();
        let call = NewCall {
            request,
            timeout: Duration::from_secs(seconds),
            fail_fast: false,
            effect: None,
        };
        Arc::new(CallState::new(call, Waker::noop().clone()))
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

    /// Whether a caller still waits for the answer.
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
        assert!(pending.take(Instant::now()).is_some());
        assert!(pending.take(Instant::now()).is_none());
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
        pending.take(Instant::now());
        pending.remove(first);
        let second = insert(&mut pending, 1);
        pending.take(Instant::now());
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
        assert!(pending.is_idle() && pending.take(Instant::now()).is_none());
        assert_eq!(state.token(), None);
        let next = insert(&mut pending, 1);
        assert!(pending.take(Instant::now()).is_some() && answer(&mut pending, token(&next)));
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
        assert!(pending.take(Instant::now()).is_some() && pending.take(Instant::now()).is_none());
        assert!(answer(&mut pending, token(&kept)));
    }

    #[test]
    fn deadlines_end_what_is_queued_and_what_was_sent_differently() {
        let mut pending = PendingCalls::new(1);
        let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 2));
        let last = insert(&mut pending, 60);
        pending.take(Instant::now());
        let mut wakers = Vec::new();
        assert_eq!(pending.expire(Instant::now(), &mut wakers), 0);
        assert_eq!(pending.expire(later(3), &mut wakers), 2);
        assert_eq!(wakers.len(), 2);
        assert!(matches!(end(&sent), Some(Completion::Unanswered(Unanswered::TimedOut(_)))));
        assert!(matches!(end(&queued), Some(Completion::NotSent)));
        assert!(pending.next_deadline().is_some_and(|next| next > later(30)));
        assert!(
            pending.take(Instant::now()).is_some(),
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
            let call = NewCall { request, timeout, fail_fast: false, effect: None };
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
        assert!(pending.take(later(2)).is_some() && pending.take(later(2)).is_none());
        assert_eq!(pending.expire(later(2), &mut Vec::new()), 1);
        assert!(matches!(end(&late), Some(Completion::NotSent)));
        assert!(answer(&mut pending, token(&good)));
    }

    #[test]
    fn a_loss_ends_what_was_sent_and_keeps_what_was_not() {
        let mut pending = PendingCalls::new(1);
        let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 1));
        pending.take(Instant::now());
        let mut wakers = Vec::new();
        assert_eq!(pending.lose(&Unanswered::Closed, &mut wakers), 1);
        assert!(matches!(end(&sent), Some(Completion::Unanswered(_))));
        assert!(end(&queued).is_none());
        assert!(pending.take(Instant::now()).is_some());
    }

    #[test]
    fn after_a_close_nothing_waits() {
        let mut pending = PendingCalls::new(1);
        let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 1));
        pending.take(Instant::now());
        let why = Arc::new(CloseReason::Requested);
        assert_eq!(pending.close(&why, &Unanswered::Closed, &mut Vec::new()), (1, 1));
        assert!(matches!(end(&sent), Some(Completion::Unanswered(Unanswered::Closed))));
        assert!(matches!(end(&queued), Some(Completion::Closed(_))));
        assert!(pending.take(Instant::now()).is_none() && pending.is_idle());
    }

    #[test]
    fn many_that_time_out_at_once_do_not_confuse_the_count() {
        let mut pending = PendingCalls::new(10_000);
        let expired: Vec<_> = (0..200).map(|_| insert(&mut pending, 1)).collect();
        let alive: Vec<_> = (0..50).map(|_| insert(&mut pending, 60)).collect();
        assert_eq!(pending.expire(later(2), &mut Vec::new()), 200);
        assert!(!pending.is_idle());
        for state in alive {
            assert!(pending.take(Instant::now()).is_some());
            assert!(!pending.is_idle());
            assert!(answer(&mut pending, token(&state)));
        }
        assert!(pending.take(Instant::now()).is_none() && pending.is_idle());
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
    }
}
