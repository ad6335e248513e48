//! The calls that have not ended yet: one table for all, without any input or output.
//!
//! A call has a slot from its first poll to its end. The number of the slot stands in the call's
//! token, so that the reply finds it without hashing, and one scan finds what has timed out, so
//! that no call needs a timer. The table is shared behind a short lock; what it returns for waking
//! is woken after the lock is released.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{state::CloseReason, subscriptions::Effect};
use crate::{
    error::Unanswered,
    wire::{Envelope, Request, Token, Tokens},
};

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The agent answered.
    Reply { message: Bytes, envelope: Envelope },
    /// The agent answered with more than is accepted.
    TooLarge { size: u64 },
    /// It timed out before it was sent.
    NotSent,
    /// It was sent, and no answer will come.
    Unanswered(Unanswered),
    /// The connection was closed before it was sent.
    Closed(Arc<CloseReason>),
}

/// A call's place in the table: its token, which no other call ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(Token);

impl Key {
    pub(crate) fn token(self) -> Token {
        self.0
    }
}

/// A call that wants to be sent.
pub(crate) struct NewCall {
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
    pub(crate) effect: Option<Effect>,
}

/// The table.
pub(crate) struct Pending {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Calls to be sent, in order. One that was dropped leaves its key behind; `skipped` counts
    /// those, so that they do not pile up while there is no connection.
    queue: VecDeque<Key>,
    skipped: usize,
    /// So many at the end of the queue are new since the last `expire`.
    fresh: usize,
    /// Calls that were sent and have not ended.
    in_flight: usize,
    limit: usize,
    tokens: Tokens,
    /// No call has an earlier deadline.
    earliest: Option<Instant>,
    /// Once set, nothing is accepted.
    closed: Option<Arc<CloseReason>>,
}

struct Slot {
    token: Token,
    state: SlotState,
    waker: Option<Waker>,
    /// When its time began; `None` as long as it is fresh.
    began: Option<Instant>,
    timeout: Duration,
    effect: Option<Effect>,
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        self.began.map(|began| began + self.timeout)
    }
}

enum SlotState {
    Free,
    Queued(Request),
    Sent,
    Ended(Ending),
}

/// Who has a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A call that was sent and waits for its answer.
    Waiting,
    /// A call that has ended before: timed out, dropped, or answered already.
    Late,
    /// No call of ours.
    Nobody,
}

/// What follows from an answer.
#[derive(Default)]
pub(crate) struct Answered {
    /// When the call's time began.
    pub(crate) began: Option<Instant>,
    pub(crate) waker: Option<Waker>,
    pub(crate) effect: Option<Effect>,
}

/// Above this many slots the table gives its memory back as soon as no call is left.
const SLOTS_KEPT: usize = 64;

impl Pending {
    /// An empty table that lets `limit` calls be in flight at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            skipped: 0,
            fresh: 0,
            in_flight: 0,
            limit,
            tokens: Tokens::new(),
            earliest: None,
            closed: None,
        }
    }

    /// Puts a call into the queue.
    pub(crate) fn insert(&mut self, call: NewCall, waker: Waker) -> Result<Key, Arc<CloseReason>> {
        if let Some(why) = &self.closed {
            return Err(Arc::clone(why));
        }
        let index = self.free.pop().unwrap_or_else(|| {
            // Memory ends long before the numbers do.
            u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
        });
        let token = self.tokens.next(index);
        let mut request = call.request;
        request.set_token(token);
        let slot = Slot {
            token,
            state: SlotState::Queued(request),
            waker: Some(waker),
            began: None,
            timeout: call.timeout,
            effect: call.effect,
        };
        match self.slots.get_mut(index as usize) {
            Some(vacant) => *vacant = slot,
            None => self.slots.push(slot),
        }
        self.queue.push_back(Key(token));
        self.fresh += 1;
        Ok(Key(token))
    }

    /// The end of a call, if it has come; otherwise `waker` is woken when it comes.
    pub(crate) fn poll(&mut self, key: Key, waker: &Waker) -> Option<Ending> {
        let slot = self.slot(key.0)?;
        if !matches!(slot.state, SlotState::Ended(_)) {
            match &mut slot.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return None;
        }
        match self.vacate(key)? {
            SlotState::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// Forgets a call whose future was dropped; what has not been sent never is. Whether it had not
    /// ended yet.
    pub(crate) fn remove(&mut self, key: Key) -> bool {
        let state = self.vacate(key);
        let alive = matches!(state, Some(SlotState::Sent | SlotState::Queued(_)));
        match state {
            Some(SlotState::Sent) => self.in_flight -= 1,
            Some(SlotState::Queued(_)) => self.skip_queued(1),
            _ => {}
        }
        alive
    }

    fn vacate(&mut self, key: Key) -> Option<SlotState> {
        let slot = self.slot(key.0)?;
        let state = std::mem::replace(&mut slot.state, SlotState::Free);
        slot.waker = None;
        slot.effect = None;
        self.free.push(key.0.slot());
        if self.free.len() == self.slots.len() {
            self.reset();
        }
        Some(state)
    }

    /// No call is left: no deadline, no stale key, and after a burst no memory.
    fn reset(&mut self) {
        self.earliest = None;
        self.queue.clear();
        self.fresh = 0;
        self.skipped = 0;
        if self.slots.len() > SLOTS_KEPT {
            self.slots = Vec::new();
            self.free = Vec::new();
            self.queue = VecDeque::new();
        }
    }

    /// Notes that so many keys in the queue have lost their calls.
    fn skip_queued(&mut self, keys: usize) {
        if self.queue.is_empty() {
            return;
        }
        self.skipped += keys;
        if self.skipped > SLOTS_KEPT && self.skipped > self.queue.len() / 2 {
            let slots = &self.slots;
            self.queue.retain(|key| {
                slots.get(key.0.slot() as usize).is_some_and(|slot| {
                    slot.token == key.0 && matches!(slot.state, SlotState::Queued(_))
                })
            });
            self.skipped = 0;
        }
    }

    fn slot(&mut self, token: Token) -> Option<&mut Slot> {
        self.slots
            .get_mut(token.slot() as usize)
            .filter(|slot| slot.token == token && !matches!(slot.state, SlotState::Free))
    }

    /// Takes the next request to be sent, as long as no more than the limit are in flight. From
    /// here on the agent may have executed it.
    pub(crate) fn take(&mut self) -> Option<Request> {
        while self.in_flight < self.limit {
            let Key(token) = self.queue.pop_front()?;
            let Some(slot) = self.slot(token) else {
                self.skipped = self.skipped.saturating_sub(1);
                continue;
            };
            match std::mem::replace(&mut slot.state, SlotState::Sent) {
                SlotState::Queued(request) => {
                    self.in_flight += 1;
                    return Some(request);
                }
                // It timed out in the queue, and its future has not looked yet.
                ended => {
                    slot.state = ended;
                    self.skipped = self.skipped.saturating_sub(1);
                }
            }
        }
        None
    }

    /// Whether no call waits to be sent or answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.queue.len() == self.skipped
    }

    /// Who has this token.
    pub(crate) fn whose(&self, token: Token) -> Whose {
        match self.slots.get(token.slot() as usize) {
            Some(Slot { token: known, state: SlotState::Sent, .. }) if *known == token => {
                Whose::Waiting
            }
            _ if self.tokens.made(token) => Whose::Late,
            _ => Whose::Nobody,
        }
    }

    /// Ends the call that waits with this token; nothing if there is none.
    pub(crate) fn answer(&mut self, token: Token, ending: Ending) -> Answered {
        let Some(slot) = self.slot(token).filter(|slot| matches!(slot.state, SlotState::Sent))
        else {
            return Answered::default();
        };
        slot.state = SlotState::Ended(ending);
        let answered =
            Answered { began: slot.began, waker: slot.waker.take(), effect: slot.effect.take() };
        self.in_flight -= 1;
        answered
    }

    /// A token for a request of the connection itself.
    pub(crate) fn internal_token(&mut self) -> Token {
        self.tokens.next_internal()
    }

    /// When `expire` is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.earliest
    }

    /// Ends every call whose deadline has passed; how many, and whom to wake.
    ///
    /// The time of calls that are new since the last `expire` begins at `now`: a new call wakes the
    /// task that calls this, so that one look at the clock serves all calls of a round.
    pub(crate) fn expire(&mut self, now: Instant, wakers: &mut Vec<Waker>) -> u64 {
        self.begin(now);
        if self.earliest.is_none_or(|earliest| now < earliest) {
            return 0;
        }
        let mut expired = 0;
        let mut earliest: Option<Instant> = None;
        let mut skipped = 0;
        for slot in &mut self.slots {
            let Some(deadline) = slot.deadline() else { continue };
            let ending = match &slot.state {
                SlotState::Free | SlotState::Ended(_) => continue,
                _ if now < deadline => {
                    earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
                    continue;
                }
                SlotState::Queued(_) => {
                    skipped += 1;
                    Ending::NotSent
                }
                SlotState::Sent => {
                    self.in_flight -= 1;
                    Ending::Unanswered(Unanswered::TimedOut(slot.timeout))
                }
            };
            slot.state = SlotState::Ended(ending);
            wakers.extend(slot.waker.take());
            expired += 1;
        }
        self.earliest = earliest;
        self.skip_queued(skipped);
        expired
    }

    /// Begins the time of the fresh calls.
    fn begin(&mut self, now: Instant) {
        // Keys that were skipped are gone from the queue, which may be shorter by now.
        let known = self.queue.len().saturating_sub(std::mem::take(&mut self.fresh));
        for key in self.queue.range(known..) {
            if let Some(slot) = self.slots.get_mut(key.0.slot() as usize) {
                let deadline = *slot.began.get_or_insert(now) + slot.timeout;
                self.earliest = Some(self.earliest.map_or(deadline, |e| e.min(deadline)));
            }
        }
    }

    /// The connection was lost: ends every call that was sent; how many, and whom to wake.
    pub(crate) fn lose(&mut self, why: &Unanswered, wakers: &mut Vec<Waker>) -> u64 {
        let mut lost = 0;
        for slot in &mut self.slots {
            if matches!(slot.state, SlotState::Sent) {
                slot.state = SlotState::Ended(Ending::Unanswered(why.clone()));
                wakers.extend(slot.waker.take());
                lost += 1;
            }
        }
        self.in_flight = 0;
        lost
    }

    /// From here on new calls are refused; those that are there go on.
    pub(crate) fn refuse(&mut self, why: Arc<CloseReason>) {
        self.closed.get_or_insert(why);
    }

    /// The connection ended for good: ends every call and refuses new ones; how many had been
    /// sent and how many had not, and whom to wake.
    pub(crate) fn close(
        &mut self,
        why: &Arc<CloseReason>,
        sent: &Unanswered,
        wakers: &mut Vec<Waker>,
    ) -> (u64, u64) {
        self.closed = Some(Arc::clone(why));
        let lost = self.lose(sent, wakers);
        let mut unsent = 0;
        for slot in &mut self.slots {
            if matches!(slot.state, SlotState::Queued(_)) {
                slot.state = SlotState::Ended(Ending::Closed(Arc::clone(why)));
                wakers.extend(slot.waker.take());
                unsent += 1;
            }
        }
        self.queue = VecDeque::new();
        self.fresh = 0;
        self.skipped = 0;
        self.earliest = None;
        (lost, unsent)
    }

    /// How many calls have a slot.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(seconds: u64) -> NewCall {
        let request = Request::new("echo", &()).unwrap();
        NewCall { request, timeout: Duration::from_secs(seconds), effect: None }
    }

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    /// A call that times out after so many seconds from now.
    fn insert(pending: &mut Pending, seconds: u64) -> Key {
        let key = pending.insert(call(seconds), Waker::noop().clone()).unwrap();
        pending.expire(Instant::now(), &mut Vec::new());
        key
    }

    fn answer(pending: &mut Pending, key: Key) -> Whose {
        let whose = pending.whose(key.token());
        let answered = pending.answer(key.token(), Ending::TooLarge { size: 0 });
        assert_eq!(answered.waker.is_some(), whose == Whose::Waiting);
        whose
    }

    #[test]
    fn a_call_is_queued_taken_answered_and_gone() {
        let mut pending = Pending::new(10);
        let key = insert(&mut pending, 1);
        assert_eq!(answer(&mut pending, key), Whose::Late, "it was not sent yet");
        assert!(pending.take().is_some());
        assert!(pending.take().is_none());
        assert!(pending.poll(key, Waker::noop()).is_none());
        assert_eq!(answer(&mut pending, key), Whose::Waiting);
        assert_eq!(answer(&mut pending, key), Whose::Late, "a second answer is late");
        assert!(matches!(pending.poll(key, Waker::noop()), Some(Ending::TooLarge { .. })));
        assert_eq!(answer(&mut pending, key), Whose::Late);
        assert_eq!(pending.len(), 0);
        assert!(pending.is_idle());
    }

    #[test]
    fn an_answer_never_reaches_the_next_call_of_the_slot() {
        let mut pending = Pending::new(10);
        let first = insert(&mut pending, 1);
        pending.take();
        pending.remove(first);
        let second = insert(&mut pending, 1);
        pending.take();
        assert_eq!(first.token().slot(), second.token().slot());
        assert_eq!(answer(&mut pending, first), Whose::Late);
        assert!(pending.poll(second, Waker::noop()).is_none());
    }

    #[test]
    fn dropped_calls_do_not_pile_up_while_nothing_is_sent() {
        let mut pending = Pending::new(10);
        let kept = insert(&mut pending, 1);
        for _ in 0..10_000 {
            let key = insert(&mut pending, 1);
            pending.remove(key);
            assert!(pending.queue.len() <= 2 * SLOTS_KEPT + 2, "{}", pending.queue.len());
        }
        assert_eq!(pending.len(), 1);
        assert!(!pending.is_idle());
        assert!(pending.take().is_some() && pending.take().is_none());
        assert_eq!(answer(&mut pending, kept), Whose::Waiting);
    }

    #[test]
    fn deadlines_end_what_is_queued_and_what_was_sent_differently() {
        let mut pending = Pending::new(1);
        let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 2));
        let last = insert(&mut pending, 60);
        pending.take();
        let mut wakers = Vec::new();
        assert_eq!(pending.expire(Instant::now(), &mut wakers), 0);
        assert_eq!(pending.expire(later(3), &mut wakers), 2);
        assert_eq!(wakers.len(), 2);
        assert!(matches!(
            pending.poll(sent, Waker::noop()),
            Some(Ending::Unanswered(Unanswered::TimedOut(_)))
        ));
        assert!(matches!(pending.poll(queued, Waker::noop()), Some(Ending::NotSent)));
        assert!(pending.next_deadline().is_some_and(|next| next > later(30)));
        assert!(pending.take().is_some(), "the one that timed out in the queue is passed over");
        assert_eq!(answer(&mut pending, last), Whose::Waiting);
    }

    #[test]
    fn a_loss_ends_what_was_sent_and_keeps_what_was_not() {
        let mut pending = Pending::new(1);
        let (sent, queued) = (insert(&mut pending, 1), insert(&mut pending, 1));
        pending.take();
        let mut wakers = Vec::new();
        assert_eq!(pending.lose(&Unanswered::Closed, &mut wakers), 1);
        assert!(matches!(pending.poll(sent, Waker::noop()), Some(Ending::Unanswered(_))));
        assert!(pending.poll(queued, Waker::noop()).is_none());
        assert!(pending.take().is_some());
    }

    #[test]
    fn after_a_close_nothing_waits_and_nothing_is_accepted() {
        let mut pending = Pending::new(10);
        let key = insert(&mut pending, 1);
        let why = Arc::new(CloseReason::Requested);
        pending.close(&why, &Unanswered::Closed, &mut Vec::new());
        assert!(matches!(pending.poll(key, Waker::noop()), Some(Ending::Closed(_))));
        assert!(pending.insert(call(1), Waker::noop().clone()).is_err());
        assert!(pending.take().is_none() && pending.is_idle());
    }

    #[test]
    fn many_that_time_out_at_once_do_not_confuse_the_count() {
        let mut pending = Pending::new(10_000);
        let expired: Vec<_> = (0..200).map(|_| insert(&mut pending, 1)).collect();
        let alive: Vec<_> = (0..50).map(|_| insert(&mut pending, 60)).collect();
        assert_eq!(pending.expire(later(2), &mut Vec::new()), 200);
        assert!(!pending.is_idle());
        for key in alive {
            assert!(pending.take().is_some());
            assert!(!pending.is_idle());
            assert_eq!(answer(&mut pending, key), Whose::Waiting);
        }
        assert!(pending.take().is_none() && pending.is_idle());
        for key in expired {
            assert!(!pending.remove(key), "it had ended");
        }
    }

    #[test]
    fn a_burst_leaves_no_memory() {
        let mut pending = Pending::new(10_000);
        let keys: Vec<_> = (0..5_000).map(|_| insert(&mut pending, 1)).collect();
        for key in keys {
            pending.remove(key);
        }
        assert_eq!((pending.slots.capacity(), pending.queue.capacity()), (0, 0));
        assert_eq!(pending.next_deadline(), None);
    }
}
