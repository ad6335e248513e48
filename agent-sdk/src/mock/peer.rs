//! The sessions that are open, and the events that go to them.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tungstenite::{Message, Utf8Bytes};

use super::{fault::MessageBatch, user::User, wire::Answer};

/// Parcels that wait for a session to write them.
pub(super) const QUEUE: usize = 1024;
/// Topics of one session; more are refused.
const MAX_TOPICS: usize = 1024;

/// An order to a session from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    /// Neither read nor write, but keep the socket.
    Freeze,
    /// Say goodbye and end.
    Close,
    /// Drop the socket.
    Cut,
}

/// One session, as the others see it.
pub(super) struct Peer {
    pub(super) id: u64,
    pub(super) user: Arc<User>,
    topics: Mutex<HashSet<String>>,
    stdout: AtomicBool,
    queue: mpsc::Sender<MessageBatch>,
    control: watch::Sender<Control>,
}

/// The session's own ends of its [`Peer`].
pub(super) struct SessionHandle {
    pub(super) peer: Arc<Peer>,
    pub(super) queue: mpsc::Receiver<MessageBatch>,
    pub(super) control: watch::Receiver<Control>,
}

/// All open sessions.
pub(super) struct Peers {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Peer>>>,
    count: watch::Sender<usize>,
}

/// Whom an event is for.
#[derive(Clone, Copy)]
pub(super) enum Audience<'a> {
    All,
    /// Those that have subscribed to a topic.
    Topic(&'a str),
    /// Those that have asked for the console, and whose users see this server.
    Console(&'a str),
}

impl Peer {
    pub(super) fn subscribe(&self, topic: &str) -> Answer {
        let mut topics = lock(&self.topics);
        if topics.len() >= MAX_TOPICS {
            return Err(json!({ "error": format!("more than {MAX_TOPICS} subscriptions") }));
        }
        topics.insert(topic.to_owned());
        Ok(json!({}))
    }

    pub(super) fn unsubscribe(&self, topic: &str) {
        lock(&self.topics).remove(topic);
    }

    pub(super) fn enable_stdout(&self) {
        self.stdout.store(true, Relaxed);
    }

    pub(super) fn belongs_to(&self, audience: Audience<'_>) -> bool {
        match audience {
            Audience::All => true,
            Audience::Topic(topic) => lock(&self.topics).contains(topic),
            Audience::Console(server) => self.stdout.load(Relaxed) && self.user.sees(server),
        }
    }

    /// Queues messages; waits while the queue is full. A session that has ended takes anything.
    pub(super) async fn push(&self, batch: MessageBatch) {
        // Sending fails once the session has ended, and then it does not matter.
        let _ = self.queue.send(batch).await;
    }

    /// Queues an event unless the queue is full.
    fn offer(&self, event: &Utf8Bytes) {
        // A session that does not keep up misses news, as with any agent; it must not stop others.
        let _ = self.queue.try_send(vec![Message::Text(event.clone())]);
    }

    pub(super) fn control(&self, control: Control) {
        self.control.send_replace(control);
    }
}

impl Peers {
    pub(super) fn new() -> Self {
        Self { next: AtomicU64::new(1), open: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Adds a session.
    pub(super) fn open(&self, user: Arc<User>) -> SessionHandle {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let control = watch::Sender::new(Control::Run);
        let controlled = control.subscribe();
        let peer = Arc::new(Peer {
            id: self.next.fetch_add(1, Relaxed),
            user,
            topics: Mutex::default(),
            stdout: AtomicBool::new(false),
            queue,
            control,
        });
        let mut open = lock(&self.open);
        open.insert(peer.id, Arc::clone(&peer));
        self.count.send_replace(open.len());
        SessionHandle { peer, queue: receiver, control: controlled }
    }

    pub(super) fn close(&self, id: u64) {
        let mut open = lock(&self.open);
        open.remove(&id);
        self.count.send_replace(open.len());
    }

    /// How many are open, to be read and to be waited for.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(super) fn control_all(&self, control: Control) {
        for peer in self.audience(Audience::All) {
            peer.control(control);
        }
    }

    /// Sends to all of an audience; waits for those whose queue is full.
    pub(super) async fn push(&self, audience: Audience<'_>, batch: &MessageBatch) {
        for peer in self.audience(audience) {
            peer.push(batch.clone()).await;
        }
    }

    /// Sends to all of an audience but one; who does not keep up misses it.
    pub(super) fn offer(&self, audience: Audience<'_>, event: &Utf8Bytes, but: Option<u64>) {
        for peer in self.audience(audience).iter().filter(|peer| Some(peer.id) != but) {
            peer.offer(event);
        }
    }

    fn audience(&self, audience: Audience<'_>) -> Vec<Arc<Peer>> {
        let open = lock(&self.open);
        open.values().filter(|peer| peer.belongs_to(audience)).cloned().collect()
    }
}

/// An event as the frame that every session shares.
pub(super) fn text(event: &Value) -> Utf8Bytes {
    event.to_string().into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing can panic while one of them is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
