//! One connection at work: the only code that reads from and writes to the socket.
//!
//! Each round reads what has arrived, wakes the callers whose replies were in it, takes what is
//! queued and writes it. Nothing is awaited in between: a writer that waited for the agent to read
//! while the agent waits for us to read would wait for ever.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    time::{Instant, timeout},
};
use tracing::warn;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{
    call_state::Completion,
    deferred_log::DeferredLog,
    dispatch::{self, Arrived, Unclaimed},
    frame::{self, FrameDecoder, Incoming, READ_SIZE, TooLarge},
    keepalive::{Keepalive, Silence},
    resubscribe::{Answer, Resubscribe},
    schedule::Schedule,
    shared::Shared,
    state::State,
    write_buffer::{self, WriteBuffer},
};
use crate::{
    dial::{Connection, Transport},
    error::{DisconnectReason, Rejected},
    event::{Event, Message, Subscription},
    reply::Reply,
    wire::{self, BufferPool, Envelope, Request, Status},
};

/// Reads in one round, so that a flood of events does not keep calls from being sent.
const READS_PER_ROUND: usize = 16;
/// Bytes that are read in one round before they are handed out, so that large messages do not pile up.
const BYTES_PER_ROUND: u64 = 1 << 20;
/// Rounds before other tasks of the runtime get their turn.
const ROUNDS: usize = 16;
/// The room for what passes through in one round that is kept for the next one.
struct Kept {
    /// For outgoing frames, in bytes.
    out: usize,
    /// For each of the lists, in items.
    items: usize,
}
/// As many items as a round usually has at most.
const BATCH: usize = 256;
/// While calls are in flight.
const KEPT_BUSY: Kept = Kept { out: 2 * write_buffer::FULL, items: 2 * BATCH };
/// While the connection is idle.
const KEPT_IDLE: Kept = Kept { out: 4 * 1024, items: 16 };
/// How long the agent may take to echo a close frame.
const CLOSE_ECHO: Duration = Duration::from_secs(1);
/// RFC 6455, 7.4.1: normal closure.
const CLOSE_NORMAL: u16 = 1000;
/// RFC 6455, 7.4.1: protocol error.
const CLOSE_PROTOCOL: u16 = 1002;

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Disconnect {
    /// As this side wanted.
    Closed,
    /// Otherwise.
    Lost(DisconnectReason),
}

/// A connection at work.
pub(crate) struct Driver<'a> {
    shared: &'a Shared,
    transport: Transport,
    reader: FrameDecoder,
    write_buffer: WriteBuffer,
    /// Whether the socket has kept something waiting.
    blocked: bool,
    /// Whether the agent has said anything: then it has accepted the login.
    heard: bool,
    /// The payload of the last ping that has not been answered; an earlier one needs no answer.
    ping: Option<Bytes>,
    keepalive: Keepalive,
    resubscribe: Resubscribe,
    closing: Closing,
    /// What has arrived in this round.
    inbox: Vec<Arrived>,
    /// Of requests that were written.
    buffers: BufferPool,
    /// Used again in each round, empty in between.
    taken: Vec<Request>,
    unclaimed: Vec<Unclaimed>,
    events: Vec<Message>,
    wakers: Vec<Waker>,
    /// Whether ready tasks had their turn since the last wake-up.
    turn: Turn,
    schedule: Schedule,
    /// When calls have to be ended next.
    calls_due: Option<Instant>,
    /// Whether another connection is wanted in place of this one.
    reconnect: bool,
    /// Not yet added to the statistics.
    bytes_sent: u64,
    bytes_received: u64,
}

/// How far this side is with its goodbye.
enum Closing {
    No,
    /// What is queued is sent, and calls in flight may be answered until then.
    Wanted {
        until: Instant,
    },
    /// That time is over.
    Due,
    /// The close frame was sent; its echo may come until then.
    Sent {
        echo_by: Instant,
    },
}

impl Closing {
    fn is_sent(&self) -> bool {
        matches!(self, Self::Sent { .. })
    }
}

/// Yields once to ready tasks, so that one write batches their calls.
#[derive(PartialEq)]
enum Turn {
    /// The tasks that are ready: they may make calls as well, and one write takes all.
    Others,
    /// The connection.
    Ours,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(shared: &'a Shared, connection: Connection) -> Self {
        let now = Instant::now();
        let mut out = Vec::new();
        let patience = shared.options.connect_timeout;
        let mut table = shared.lock();
        // A request for another connection is met by this one.
        table.reconnect_requested = false;
        let resubscribe = Resubscribe::begin(&mut table, &mut out, now, patience);
        drop(table);
        if !resubscribe.holds_calls() {
            shared.set_state(State::Connected);
        }
        Self {
            shared,
            bytes_received: connection.received.len() as u64,
            transport: connection.transport,
            reader: FrameDecoder::new(connection.received, shared.options.max_message_size),
            write_buffer: WriteBuffer::new(out),
            blocked: false,
            heard: false,
            ping: None,
            keepalive: Keepalive::new(shared.options.keepalive, now),
            resubscribe,
            closing: Closing::No,
            inbox: Vec::new(),
            taken: Vec::new(),
            buffers: BufferPool::default(),
            unclaimed: Vec::new(),
            events: Vec::new(),
            wakers: Vec::new(),
            turn: Turn::Ours,
            schedule: Schedule::new(now),
            calls_due: None,
            reconnect: false,
            bytes_sent: 0,
        }
    }

    /// Drives the connection to its end; returns how it ended, and whether the agent had said anything.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the socket without a close frame.
    pub(crate) async fn run(mut self) -> (Disconnect, bool) {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        if matches!(ended, Disconnect::Closed) {
            // For TLS, the goodbye of that layer; nothing depends on it.
            let _ = timeout(CLOSE_ECHO, self.transport.shutdown()).await;
        }
        (ended, self.heard)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        if self.turn == Turn::Ours && self.shared.was_woken() {
            self.turn = Turn::Others;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.turn = Turn::Ours;
        for _ in 0..ROUNDS {
            match self.round(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(ended) => {
                    self.deliver();
                    // A close frame may have to go out; if the socket does not take it, so be it.
                    let _ = self.write(cx);
                    self.count_bytes();
                    return Poll::Ready(ended);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Makes one round; returns whether there may be more to do at once.
    fn round(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        let more_to_read = self.read(cx)?;
        self.deliver();
        let more_to_send = self.fill(cx);
        if self.reconnect && !self.closing.is_sent() {
            frame::write_close(self.write_buffer.frames(), CLOSE_NORMAL);
            return Err(Disconnect::Lost(DisconnectReason::Requested));
        }
        let all_written = self.write(cx)?;
        if more_to_read || (more_to_send && all_written) {
            // Before an agent that never pauses keeps the timer from its turn.
            self.keep_time(!more_to_read, cx)?;
            return Ok(true);
        }
        self.rest();
        self.keep_time(true, cx)
    }

    /// Reads what has arrived; returns whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        // What came together with the answer to the upgrade is there already.
        self.sort(&[])?;
        let before = self.bytes_received;
        for _ in 0..READS_PER_ROUND {
            if !self.receive(cx)? {
                return Ok(false);
            }
            if self.bytes_received - before >= BYTES_PER_ROUND {
                break;
            }
        }
        Ok(true)
    }

    /// Reads once; returns whether there was anything.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        if let Some(buffer) = self.reader.large_frame() {
            let read = pin!(self.transport.read_buf(buffer)).poll(cx);
            let Poll::Ready(read) = read else { return Ok(false) };
            self.received(read)?;
            self.sort(&[])?;
            return Ok(true);
        }
        // On the stack, so that a connection that waits for something holds no buffer for it.
        let mut room = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut room);
        let read = Pin::new(&mut self.transport).poll_read(cx, &mut buffer);
        let Poll::Ready(read) = read else { return Ok(false) };
        let received = buffer.filled();
        self.received(read.map(|()| received.len()))?;
        self.sort(received)?;
        Ok(true)
    }

    /// Updates keepalive and byte counts after a read.
    fn received(&mut self, read: io::Result<usize>) -> Result<(), Disconnect> {
        match read {
            Ok(0) => Err(self.end_of_stream()),
            Ok(size) => {
                self.keepalive.received(Instant::now());
                self.bytes_received += size as u64;
                Ok(())
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Takes whole messages out of what was received.
    fn sort(&mut self, mut received: &[u8]) -> Result<(), Disconnect> {
        loop {
            match self.reader.next(&mut received) {
                Ok(None) => return Ok(()),
                Ok(Some(Incoming::Message(message))) => {
                    self.inbox.push(match Envelope::read(message) {
                        Some(envelope) => Arrived::Message {
                            message: self.buffers.hold(message, envelope.is_answer()),
                            envelope,
                        },
                        None => Arrived::unreadable(message),
                    });
                }
                Ok(Some(Incoming::Gathered(message))) => {
                    self.inbox.push(match Envelope::read(&message) {
                        Some(envelope) => Arrived::Message {
                            message: self.buffers.hold_or_keep(message, envelope.is_answer()),
                            envelope,
                        },
                        None => Arrived::unreadable(&message),
                    });
                }
                Ok(Some(Incoming::TooLarge(message))) => self.oversized(&message),
                Ok(Some(Incoming::Ping(payload))) => self.ping = Some(payload),
                Ok(Some(Incoming::Pong)) => {}
                Ok(Some(Incoming::Close(reason))) => return Err(self.closed_by_agent(reason)),
                Err(error) => {
                    frame::write_close(self.write_buffer.frames(), CLOSE_PROTOCOL);
                    let problem = error.to_string();
                    return Err(Disconnect::Lost(DisconnectReason::Protocol { problem }));
                }
            }
        }
    }

    /// Hands out what was read in this round: replies to their callers, the rest as events.
    fn deliver(&mut self) {
        if self.inbox.is_empty() && self.wakers.is_empty() {
            return;
        }
        let held_calls = self.resubscribe.holds_calls();
        let arrived = self.keepalive.last_received();
        let mut log = DeferredLog::default();
        let mut resubscribed = Vec::new();
        self.wakers.reserve(self.inbox.len());
        let mut table = self.shared.lock();
        let has_topics = table.subscriptions.has_topics();
        for arrived_now in self.inbox.drain(..) {
            let (message, envelope) = match arrived_now {
                Arrived::Message { message, envelope } => (message, envelope),
                Arrived::Unreadable { size, tokens } => {
                    dispatch::ignore(&mut table, size, &tokens, &mut log);
                    continue;
                }
            };
            self.heard = true;
            if let Some(token) = envelope.token
                && let Some(answer) =
                    self.resubscribe.answered(token, envelope.status, &mut table, arrived)
            {
                let reply = Reply::new("subscribe".into(), message, envelope.parameters);
                resubscribed.push((answer, reply));
                continue;
            }
            let wakers = &mut self.wakers;
            let unclaimed =
                dispatch::answer(&mut table, message, &envelope, arrived, wakers, &mut log);
            self.unclaimed.extend(unclaimed);
        }
        drop(table);
        log.log();
        self.tell_resubscribed(resubscribed);
        self.publish(has_topics.then_some(arrived));
        self.tell_connected(held_calls);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Hands events to their consumers, and notes when something was heard of a topic if that is asked
    /// for. Whether a message is an event is found out here and not under the lock: it may be large.
    fn publish(&mut self, topics_heard: Option<Instant>) {
        if self.unclaimed.is_empty() {
            return;
        }
        let limit = self.shared.options.max_message_size;
        let is_wanted = topics_heard.is_some() || self.shared.events.has_consumers();
        let mut count = 0;
        for message in self.unclaimed.drain(..) {
            if !is_wanted && message.is_event() {
                count += 1;
            } else if let Some(event) = message.into_event(limit) {
                count += 1;
                self.events.push(event);
            }
        }
        if let Some(heard) = topics_heard {
            self.note_topics(heard);
        }
        self.shared.events.publish(&mut self.events);
        self.shared.lock().stats.events += count;
    }

    fn note_topics(&self, heard: Instant) {
        let topics: Vec<&str> = self.events.iter().filter_map(Message::topic).collect();
        let mut table = self.shared.lock();
        for topic in topics {
            table.subscriptions.heard(topic, heard);
        }
    }

    /// Publishes what became of repeated subscriptions.
    fn tell_resubscribed(&self, resubscribed: Vec<(Answer, Reply)>) {
        for (answer, reply) in resubscribed {
            match answer {
                Answer::Holds | Answer::Rejected { is_news: false, .. } => {}
                Answer::Restored(subscription) => {
                    self.shared.events.announce(&Event::SubscriptionRestored { subscription });
                }
                Answer::Rejected { subscription, .. } => {
                    let rejected = Rejected::by(&reply, &self.shared.options);
                    let reason = rejected.message().to_owned();
                    self.tell_missing(subscription, reason);
                }
            }
        }
    }

    fn tell_missing(&self, subscription: Subscription, reason: String) {
        warn!(%subscription, %reason, "not subscribed again; it will be tried again");
        self.shared.events.announce(&Event::SubscriptionMissing { subscription, reason });
    }

    /// Publishes that the connection is ready, once calls no longer wait for subscriptions.
    fn tell_connected(&self, held_calls: bool) {
        if held_calls && !self.resubscribe.holds_calls() && !self.closing.is_sent() {
            self.shared.set_state(State::Connected);
        }
    }

    fn count_bytes(&mut self) {
        let mut table = self.shared.lock();
        table.stats.bytes_sent += std::mem::take(&mut self.bytes_sent);
        table.stats.bytes_received += std::mem::take(&mut self.bytes_received);
    }

    /// Fails the call to which a message over the limit belongs.
    fn oversized(&mut self, message: &TooLarge) {
        let mut table = self.shared.lock();
        table.stats.oversized_messages += 1;
        let is_first = table.stats.oversized_messages == 1;
        let held_calls = self.resubscribe.holds_calls();
        let now = self.keepalive.last_received();
        for token in [&message.head, &message.tail].into_iter().flat_map(|part| wire::tokens(part))
        {
            if self.resubscribe.answered(token, Status::Ok, &mut table, now).is_some() {
                break;
            }
            if let Some(call) = table.pending.answered(token) {
                table.stats.succeeded += 1;
                self.wakers.extend(call.state.end(Completion::TooLarge { size: message.size }));
                break;
            }
        }
        drop(table);
        if is_first {
            warn!(
                bytes = message.size,
                limit = self.shared.options.max_message_size,
                "a message over the limit was skipped; `Builder::max_message_size` raises it"
            );
        }
        self.tell_connected(held_calls);
    }

    /// Takes what is to be sent; returns whether there may be more once all is written.
    fn fill(&mut self, cx: &Context<'_>) -> bool {
        let mut room = write_buffer::FULL.saturating_sub(self.write_buffer.waiting());
        let full = room == 0;
        if room > 0
            && let Some(payload) = self.ping.take()
        {
            frame::write_pong(self.write_buffer.frames(), &payload);
        }
        let mut table = self.shared.lock();
        let now = Instant::now();
        self.shared.admit(&mut table, cx, now);
        table.stats.bytes_sent += std::mem::take(&mut self.bytes_sent);
        table.stats.bytes_received += std::mem::take(&mut self.bytes_received);
        table.last_heard = self.keepalive.last_received();
        self.reconnect = table.reconnect_requested;
        let may_send = !self.resubscribe.holds_calls() && !self.closing.is_sent();
        self.taken.reserve(table.pending.queued().min(BATCH));
        while may_send && room > 0 {
            let Some(request) = table.pending.take(now) else { break };
            room = room.saturating_sub(request.as_bytes().len());
            self.taken.push(request);
        }
        let is_idle = table.pending.is_idle();
        self.calls_due = table.pending.next_deadline();
        if let (Closing::No, Some(until)) = (&self.closing, table.close_by) {
            self.closing = Closing::Wanted { until };
        }
        drop(table);
        let close = self.taken.is_empty()
            && match self.closing {
                Closing::Wanted { .. } => is_idle,
                Closing::Due => true,
                Closing::No | Closing::Sent { .. } => false,
            };
        let anything = close || !self.taken.is_empty();
        let size = self.taken.iter().map(|request| frame::size(request.as_bytes())).sum();
        self.write_buffer.frames().reserve(size);
        for request in self.taken.drain(..) {
            frame::write_text(self.write_buffer.frames(), request.as_bytes());
            self.buffers.put(request.into_bytes());
        }
        if close {
            frame::write_close(self.write_buffer.frames(), CLOSE_NORMAL);
            self.closing = Closing::Sent { echo_by: Instant::now() + CLOSE_ECHO };
        }
        // If the socket takes all of it in this round, there is room for what could not be taken.
        anything || full
    }

    /// Writes as much as the socket takes; returns whether that was all.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        let (size, written) = self.write_buffer.poll_write(&mut self.transport, cx);
        self.bytes_sent += size as u64;
        if self.blocked && size > 0 {
            self.keepalive.unblocked(Instant::now());
        }
        self.blocked = self.write_buffer.waiting() > 0;
        written.map_err(|error| self.broken(error))
    }

    /// Gives back what is not needed for long.
    fn rest(&mut self) {
        let mut table = self.shared.lock();
        let idle = table.pending.is_idle();
        if idle {
            self.shared.release(&mut table);
        }
        drop(table);
        let kept = if idle { KEPT_IDLE } else { KEPT_BUSY };
        release(self.write_buffer.frames(), kept.out);
        release(&mut self.inbox, kept.items);
        release(&mut self.taken, kept.items);
        release(&mut self.unclaimed, kept.items);
        release(&mut self.events, kept.items);
        release(&mut self.wakers, kept.items);
        if idle {
            self.buffers.release(kept.items);
        }
    }

    /// Waits for what is due next and does it; returns whether something was due.
    fn keep_time(&mut self, is_drained: bool, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        let Poll::Ready(now) = self.schedule.poll(self.next_deadline(), is_drained, cx) else {
            return Ok(false);
        };
        self.on_time(now)?;
        Ok(true)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let close = match self.closing {
            Closing::Wanted { until } => Some(until),
            Closing::Sent { echo_by } => Some(echo_by),
            Closing::No | Closing::Due => None,
        };
        let resubscribe = self.resubscribe.next().filter(|_| !self.closing.is_sent());
        [self.calls_due, close, resubscribe, self.keepalive.next()].into_iter().flatten().min()
    }

    /// Does what is due at a time at which the socket had nothing more to read.
    fn on_time(&mut self, now: Instant) -> Result<(), Disconnect> {
        self.expire_calls(now);
        match self.closing {
            Closing::Sent { echo_by } if echo_by <= now => return Err(Disconnect::Closed),
            Closing::Wanted { until } if until <= now => self.closing = Closing::Due,
            _ => {}
        }
        self.resubscribe_on_time(now);
        match self.keepalive.look(now) {
            None => {}
            Some(Silence::Ping) => frame::write_ping(self.write_buffer.frames()),
            Some(Silence::Dead(time)) => {
                return Err(Disconnect::Lost(DisconnectReason::Silence { duration: time }));
            }
        }
        Ok(())
    }

    fn expire_calls(&mut self, now: Instant) {
        if self.calls_due.is_none_or(|due| now < due) {
            return;
        }
        let mut table = self.shared.lock();
        let expired = table.pending.expire(now, &mut self.wakers);
        table.stats.timed_out += expired;
        self.calls_due = table.pending.next_deadline();
        drop(table);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    /// Asks again for subscriptions that are missing, and waits no longer for those that are late.
    fn resubscribe_on_time(&mut self, now: Instant) {
        if self.closing.is_sent() || self.resubscribe.next().is_none_or(|next| now < next) {
            return;
        }
        let held_calls = self.resubscribe.holds_calls();
        let out = self.write_buffer.frames();
        let unanswered = self.resubscribe.on_time(&mut self.shared.lock(), out, now);
        for subscription in unanswered {
            self.tell_missing(subscription, "the agent did not answer".to_owned());
        }
        self.tell_connected(held_calls);
    }

    fn end_of_stream(&self) -> Disconnect {
        if self.closing.is_sent() {
            Disconnect::Closed
        } else {
            Disconnect::Lost(DisconnectReason::EndOfStream)
        }
    }

    fn broken(&self, error: io::Error) -> Disconnect {
        if self.closing.is_sent() {
            Disconnect::Closed
        } else {
            Disconnect::Lost(DisconnectReason::Broken { source: Arc::new(error) })
        }
    }

    /// Answers the agent's close frame, unless it is the answer to ours.
    fn closed_by_agent(&mut self, reason: Option<(u16, String)>) -> Disconnect {
        if self.closing.is_sent() {
            return Disconnect::Closed;
        }
        let (code, text) = reason.unzip();
        let echo = match code {
            None => CLOSE_NORMAL,
            // Some codes are for one's own use and must not travel: RFC 6455, 7.4.1.
            Some(code) if !CloseCode::from(code).is_allowed() => CLOSE_PROTOCOL,
            Some(code) => code,
        };
        frame::write_close(self.write_buffer.frames(), echo);
        let secrets = &self.shared.options.secrets;
        let reason = secrets.excerpt(text.unwrap_or_default().as_bytes());
        Disconnect::Lost(DisconnectReason::CloseFrame { code, reason })
    }
}

/// Gives back the memory of what is empty, if it is much.
fn release<T>(list: &mut Vec<T>, kept: usize) {
    if list.is_empty() && list.capacity() > kept {
        *list = Vec::new();
    }
}
