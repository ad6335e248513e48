//! The calls that have not ended yet: one table for all, without any input or output.
//!
//! A call has a slot from when the connection takes it over until its end. The number of the slot
//! is part of the call's token, so that the reply finds it without hashing. One scan finds all calls
//! that have timed out, so that no call needs a timer. Scans keep a distance that grows with the table,
//! so that they take a few hundredths of the time at most, however the deadlines are staggered.
//!
//! Only the task that owns the socket works with the table, and callers that drop a call. The wakers
//! that it returns are woken after the lock is released.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use tokio::time::Instant;

use super::{
    call_state::{CallState, Completion, NewCall},
    catalogue_gate::CatalogueGate,
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
    goes_first: bool,
    /// Until it is sent.
    request: Option<Request>,
    /// The size of the last message with its token that was not one whole JSON object.
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

/// What becomes of the call whose turn it is.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It is sent.
    Send(Request),
    /// It has ended unsent, and its caller is to be woken.
    Refused(Option<Waker>),
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
        let Some(call) = state.take(token) else { return };
        let NewCall { mut request, timeout, fail_fast, goes_first, effect } = call;
        request.set_token(token);
        let request = Some(request);
        let call = Call {
            state,
            request,
            began: now,
            timeout,
            fail_fast,
            goes_first,
            effect,
            unreadable: None,
        };
        let deadline = call.deadline();
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        self.free.pop();
        let slot = Slot { token, call: Some(call) };
        match self.slots.get_mut(index as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        if goes_first {
            self.queue.push_front(token);
        } else {
            self.queue.push_back(token);
        }
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

    /// Takes the call whose turn it is, as long as no more than the limit are in flight. Once it is
    /// sent, the agent may have executed it. What is too late is not sent any more.
    pub(crate) fn take(&mut self, now: Instant, gate: &CatalogueGate) -> Option<Turn> {
        while self.in_flight < self.limit {
            let token = self.queue.pop_front()?;
            let Some(call) = self.call(token).filter(|call| now < call.deadline()) else {
                self.skipped = self.skipped.saturating_sub(1);
                continue;
            };
            let refusal = call.request.as_ref().and_then(|request| gate.refuses(request)).cloned();
            if let Some(refusal) = refusal {
                let call = self.remove_if(token, |_| true);
                self.skipped = self.skipped.saturating_sub(1);
                let ending = Completion::Refused(refusal);
                return Some(Turn::Refused(call.and_then(|call| call.state.end(ending))));
            }
            if let Some(request) = call.request.take() {
                self.in_flight += 1;
                return Some(Turn::Send(request));
            }
        }
        None
    }

    /// Takes the call that goes before all others, while these have to wait.
    pub(crate) fn take_first(&mut self, now: Instant, gate: &CatalogueGate) -> Option<Turn> {
        let token = *self.queue.front()?;
        self.call(token).filter(|call| call.goes_first)?;
        self.take(now, gate)
    }

    /// Returns whether no call waits to be sent or answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.len() == 0
    }

    /// Takes out the call that was sent with this token and waits for its answer.
    pub(crate) fn answered(&mut self, token: Token) -> Option<Call> {
        self.remove_if(token, Call::was_sent)
    }

    /// Notes that a message with this token was not one whole JSON object: its call goes on waiting.
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
mod tests;
