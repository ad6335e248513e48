//! One logged-in connection.

use std::{
    future::pending,
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::WebSocketStream;
use tungstenite::{
    Error, Message,
    protocol::{
        CloseFrame, Role, WebSocketConfig,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

use super::{
    dispatch::Dispatched,
    fault::{FaultKind, MessageBatch},
    http::Transport,
    lasting::Strike,
    peer::{Control, QUEUE, SessionHandle, text},
    shared::Shared,
    upgrade::{self, UpgradeQuirk},
    wire::{Reply, Request},
};

/// Handlers at work for one session; at this many the session stops reading.
const MAX_RUNNING: usize = 1024;
/// The largest request.
const MAX_REQUEST: usize = 64 << 20;
/// Enough for a batch of common requests; thousands of sessions must fit into a test.
const READ_BUFFER: usize = 8 * 1024;
/// Enough for a batch of common replies.
const WRITE_BUFFER: usize = 16 * 1024;
/// How long replies that are to be reversed wait for one more.
const MORE_TO_REVERSE: Duration = Duration::from_millis(100);
/// How long the peer may take to answer a goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection after its login.
pub(super) struct Session<S> {
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
    handle: SessionHandle,
    /// Handlers at work, and replies that are delayed.
    running: FuturesUnordered<BoxFuture<'static, Step>>,
    /// Replies that wait to be written in reverse, and until when.
    held: Vec<MessageBatch>,
    release: Instant,
    /// How many there were.
    requests: u64,
}

/// What a session has to do next.
enum Step {
    Received(Message),
    Finished(Reply),
    Write(MessageBatch),
    /// A reply that was delayed is written, or held until there are so many.
    Deliver(MessageBatch, Option<usize>),
    Release,
    /// The peer has left, or has broken the protocol.
    Gone,
}

impl<S: Transport> Session<S> {
    /// Takes over a stream after the upgrade; `rest` is what came with the request's head.
    pub(super) async fn new(
        shared: Arc<Shared>,
        stream: S,
        rest: Vec<u8>,
        handle: SessionHandle,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(MAX_REQUEST))
            .max_frame_size(Some(MAX_REQUEST));
        let socket =
            WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await;
        Self {
            shared,
            socket,
            handle,
            running: FuturesUnordered::new(),
            held: Vec::new(),
            release: Instant::now(),
            requests: 0,
        }
    }

    /// Sends the head that accepts the login, and the greeting.
    pub(super) async fn begin(&mut self, head: String) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut head = head.into_bytes();
        let mut greeting = shared.options.greeting.iter().map(text);
        let quirks = &shared.options.quirks;
        while quirks.contains(&UpgradeQuirk::FramesInHead)
            && let Some(event) = greeting.next()
        {
            let frame = Frame::message(event, OpCode::Data(Data::Text), true);
            frame.format(&mut head).map_err(io::Error::other)?;
        }
        upgrade::send(self.socket.get_mut(), &head, quirks).await?;
        for event in greeting {
            self.socket.feed(Message::Text(event)).await.map_err(io::Error::other)?;
        }
        for number in 0..shared.lasting.event_flood {
            let event = text(&json!({ "action": "flood", "number": number }));
            self.socket.feed(Message::Text(event)).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Serves until the peer leaves or an order ends the session.
    pub(super) async fn run(mut self) {
        let mut control = self.handle.control.clone();
        let order = tokio::select! {
            biased;
            order = order(&mut control) => order,
            // Why it ended is the peer's own affair: it has left, or broke the protocol.
            _ = self.serve() => return self.hang_up().await,
        };
        match order {
            Control::Close => self.say_goodbye().await,
            Control::Freeze => self.freeze(control).await,
            Control::Cut | Control::Run => {}
        }
    }

    async fn serve(&mut self) -> Result<(), Error> {
        loop {
            // Written bytes are flushed when there is nothing else to do, once for many replies.
            let step = if let Some(step) = self.next().now_or_never() {
                step
            } else {
                self.socket.flush().await?;
                self.next().await
            };
            self.shared.lasting.thawed().await;
            match step {
                // After a goodbye only its echo may be written, which reading to the end does.
                Step::Received(Message::Close(_)) => {
                    while self.socket.next().await.transpose()?.is_some() {}
                    return Ok(());
                }
                Step::Received(message) => self.receive(message).await?,
                Step::Finished(reply) => {
                    // What a handler has sent before it answered comes before the answer.
                    for _ in 0..QUEUE {
                        let Ok(batch) = self.handle.queue.try_recv() else { break };
                        self.write(batch).await?;
                    }
                    self.reply(reply, None).await?;
                }
                Step::Write(batch) => self.write(batch).await?,
                Step::Deliver(batch, hold) => self.deliver(batch, hold).await?,
                Step::Release => self.release().await?,
                Step::Gone => return Ok(()),
            }
        }
    }

    /// Waits for something to do. The choice is random, so that neither requests, replies nor
    /// events can starve the others.
    ///
    /// Cancel safe: nothing is taken unless it is returned.
    async fn next(&mut self) -> Step {
        let busy = self.running.len() >= MAX_RUNNING;
        tokio::select! {
            received = self.socket.next(), if !busy => match received {
                Some(Ok(message)) => Step::Received(message),
                Some(Err(_)) | None => Step::Gone,
            },
            Some(step) = self.running.next() => step,
            Some(batch) = self.handle.queue.recv() => Step::Write(batch),
            () = sleep_until(self.release), if !self.held.is_empty() => Step::Release,
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), Error> {
        let request = match &message {
            Message::Text(text) => Request::read(text.as_bytes()),
            Message::Binary(bytes) => Request::read(bytes),
            // The socket answers pings by itself.
            _ => return Ok(()),
        };
        let Some(request) = request else {
            self.shared.counts.ignored.fetch_add(1, Relaxed);
            return Ok(());
        };
        self.requests += 1;
        if let Some(strike) = self.shared.lasting.strike(self.requests) {
            self.suffer(strike).await;
        }
        self.shared.lasting.thawed().await;
        match self.shared.dispatch(request, &self.handle.peer) {
            Dispatched::Later(reply) => self.running.push(reply.map(Step::Finished).boxed()),
            Dispatched::Now { reply, events, fault } => {
                self.reply(reply, fault).await?;
                for event in events {
                    self.socket.feed(Message::Text(event)).await?;
                }
            }
        }
        Ok(())
    }

    /// Does what a fault demands in place of an answer, and never returns: the session ends from outside.
    async fn suffer(&mut self, strike: Strike) {
        match strike {
            Strike::HalfOpen => self.handle.peer.control(Control::Freeze),
            Strike::Restart => self.shared.restart_wanted.notify_one(),
            Strike::Drop { reset } => {
                if reset {
                    // If the peer has left already, there is nothing to reset.
                    let _ = self.socket.get_ref().tcp().set_zero_linger();
                }
                self.handle.peer.control(Control::Cut);
            }
        }
        pending::<()>().await;
    }

    /// Writes a reply with all that faults do to it: with the one that was injected, if there is one,
    /// and with the lasting ones.
    async fn reply(&mut self, reply: Reply, fault: Option<FaultKind>) -> Result<(), Error> {
        let Shared { lasting, faults, options, .. } = &*self.shared;
        let (mut delay, mut hold, mut form) = (lasting.delay, lasting.reorder.then_some(2), None);
        match fault.or_else(|| faults.take_for(&reply.action)) {
            None => {}
            Some(FaultKind::Lose) => return Ok(()),
            Some(FaultKind::Cut) => {
                self.suffer(Strike::Drop { reset: false }).await;
                return Ok(());
            }
            Some(FaultKind::Delay(by)) => {
                delay = Some(by.saturating_add(delay.unwrap_or_default()));
            }
            Some(FaultKind::Reverse(replies)) => hold = Some(replies),
            Some(FaultKind::Form(odd)) => form = Some(odd),
        }
        let batch = match form {
            Some(form) => form.write(reply, &options.reply_keys),
            None => lasting.write(reply, &options.reply_keys),
        };
        let Some(delay) = delay else { return self.deliver(batch, hold).await };
        self.running.push(sleep(delay).map(move |()| Step::Deliver(batch, hold)).boxed());
        Ok(())
    }

    /// Writes a reply, or holds it back until there are so many.
    async fn deliver(&mut self, batch: MessageBatch, hold: Option<usize>) -> Result<(), Error> {
        let Some(replies) = hold else {
            self.write(batch).await?;
            return self.close_after_reply().await;
        };
        self.held.push(batch);
        self.release = Instant::now() + MORE_TO_REVERSE;
        if self.held.len() >= replies { self.release().await } else { Ok(()) }
    }

    /// Closes with the code that a fault demands.
    async fn close_after_reply(&mut self) -> Result<(), Error> {
        let Some(code) = self.shared.lasting.close_code else { return Ok(()) };
        let frame = CloseFrame { code: code.into(), reason: "a fault".into() };
        self.socket.close(Some(frame)).await?;
        while self.socket.next().await.transpose()?.is_some() {}
        Err(Error::ConnectionClosed)
    }

    /// Writes what has been held back, last to first.
    async fn release(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.held.pop() {
            self.write(batch).await?;
        }
        self.close_after_reply().await
    }

    async fn write(&mut self, batch: MessageBatch) -> Result<(), Error> {
        for message in batch {
            self.socket.feed(message).await?;
        }
        Ok(())
    }

    /// Closes from this side, and waits for the peer to agree.
    async fn say_goodbye(mut self) {
        let frame = CloseFrame { code: CloseCode::Away, reason: "the agent stops".into() };
        let goodbye = async {
            self.socket.close(Some(frame)).await?;
            while self.socket.next().await.transpose()?.is_some() {}
            Ok::<_, Error>(())
        };
        // The peer has gone already, or does not answer: either way it is over.
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        self.hang_up().await;
    }

    /// Shuts TLS and TCP down in order.
    async fn hang_up(mut self) {
        // A failure changes nothing: the connection ends in any case.
        let _ = timeout(CLOSE_TIMEOUT, self.socket.get_mut().shutdown()).await;
    }

    /// Holds the socket and does nothing with it.
    async fn freeze(mut self, mut control: watch::Receiver<Control>) {
        // Senders of events must not wait for a session that takes none.
        self.handle.queue.close();
        let ended = |control: &Control| matches!(control, Control::Close | Control::Cut);
        // The sender lives as long as the session does.
        let _ = control.wait_for(ended).await;
    }
}

impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        self.shared.peers.close(self.handle.peer.id);
    }
}

/// Waits for an order other than to run.
async fn order(control: &mut watch::Receiver<Control>) -> Control {
    match control.wait_for(|control| *control != Control::Run).await {
        Ok(control) => *control,
        Err(_) => Control::Cut,
    }
}
