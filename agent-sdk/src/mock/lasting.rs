//! Faults that a mock has from its start, for a process of its own and for scripts.

mod spelling;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tungstenite::Message;

use super::{
    fault::{MessageBatch, fragments, padded},
    wire::{Reply, ReplyKey},
};

/// A fault that a mock has from its start, for [`Builder::lasting_fault`](super::Builder::lasting_fault)
/// and for `mock-agent --fault NAME[=ARG]`.
///
/// Several at once work together. Its text is the name with its argument.
///
/// # Examples
///
/// ```
/// use agent_sdk::mock::{LastingFault, MockAgent};
/// use serde_json::json;
///
/// let fault: LastingFault = "drop-after=3:once".parse()?;
/// assert_eq!(fault, LastingFault::DropAfter { requests: 3, reset: false, once: true });
/// let builder = MockAgent::builder(json!({ "actions": {} })).lasting_fault(fault);
/// # Ok::<(), agent_sdk::mock::UnknownFault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastingFault {
    /// `delay=MS`: each reply comes so much later.
    Delay(Duration),
    /// `reorder`: replies come in pairs, the later one first.
    Reorder,
    /// `drop-after=N`: a session is dropped at the request after the Nth.
    DropAfter {
        /// How many requests are answered before.
        requests: u64,
        /// `:rst`: by a reset.
        reset: bool,
        /// `:once`: only the first session that comes so far.
        once: bool,
    },
    /// `half-open-after=N`: at the request after the Nth a session neither reads nor writes any more.
    HalfOpenAfter(u64),
    /// `restart-after=N,SECONDS`: at the request after the Nth of all sessions the agent restarts,
    /// once, and is down for so long.
    RestartAfter {
        /// How many requests are answered before.
        requests: u64,
        /// How long the agent is down.
        down: Duration,
    },
    /// `wrong-token`: each reply has a token that belongs to no request.
    WrongToken,
    /// `duplicate-reply`: each reply comes twice.
    DuplicateReply,
    /// `garbage`: a frame that is not JSON comes before each reply.
    Garbage,
    /// `error-status`: each action is rejected after it was executed.
    ErrorStatus,
    /// `no-status`: replies have no `status`.
    NoStatus,
    /// `huge=BYTES`: each reply has so many bytes of padding, up to 1 GiB.
    Huge(usize),
    /// `fragment=FRAMES`: each reply comes in so many frames (3 without an argument).
    Fragment(usize),
    /// `slow-handshake=MS`: each login is answered so much later.
    SlowHandshake(Duration),
    /// `refuse-upgrade=CODE`: each login is answered with this HTTP status.
    RefuseUpgrade(u16),
    /// `close-code=CODE`: each session is closed with this code after its first reply.
    CloseCode(u16),
    /// `event-flood=N`: each session begins with so many events.
    EventFlood(u64),
    /// `ban`: this host is banned from the start.
    Ban,
    /// `gateway=CODE`: something in front answers with this HTTP status while the agent restarts. It
    /// restarts after the first request for 5 s unless `restart-after` says otherwise.
    Gateway(u16),
    /// `freeze=SECONDS`: at its first request the agent does nothing for so long, once: it neither reads
    /// nor writes in any session, and answers no login.
    Freeze(Duration),
    /// `forget-subscriptions`: subscriptions are accepted and forgotten.
    ForgetSubscriptions,
    /// `reject-resubscribe`: what one session has subscribed to is rejected in later ones.
    RejectResubscribe,
}

/// A name of a [`LastingFault`] that is none, or an argument that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownFault(String);

impl LastingFault {
    /// How each fault is written, in the order of the documentation.
    pub const FORMS: [&'static str; 21] = [
        "delay=MS",
        "reorder",
        "drop-after=N[:rst][:once]",
        "half-open-after=N",
        "restart-after=N,SECONDS",
        "wrong-token",
        "duplicate-reply",
        "garbage",
        "error-status",
        "no-status",
        "huge=BYTES",
        "fragment[=FRAMES]",
        "slow-handshake=MS",
        "refuse-upgrade=CODE",
        "close-code=CODE",
        "event-flood=N",
        "ban",
        "gateway=CODE",
        "freeze=SECONDS",
        "forget-subscriptions",
        "reject-resubscribe",
    ];
}

impl fmt::Display for LastingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(time) => write!(f, "delay={}", time.as_millis()),
            Self::Reorder => f.write_str("reorder"),
            Self::DropAfter { requests, reset, once } => {
                let reset = if *reset { ":rst" } else { "" };
                let once = if *once { ":once" } else { "" };
                write!(f, "drop-after={requests}{reset}{once}")
            }
            Self::HalfOpenAfter(requests) => write!(f, "half-open-after={requests}"),
            Self::RestartAfter { requests, down } => {
                write!(f, "restart-after={requests},{}", down.as_secs_f64())
            }
            Self::WrongToken => f.write_str("wrong-token"),
            Self::DuplicateReply => f.write_str("duplicate-reply"),
            Self::Garbage => f.write_str("garbage"),
            Self::ErrorStatus => f.write_str("error-status"),
            Self::NoStatus => f.write_str("no-status"),
            Self::Huge(bytes) => write!(f, "huge={bytes}"),
            Self::Fragment(frames) => write!(f, "fragment={frames}"),
            Self::SlowHandshake(time) => write!(f, "slow-handshake={}", time.as_millis()),
            Self::RefuseUpgrade(code) => write!(f, "refuse-upgrade={code}"),
            Self::CloseCode(code) => write!(f, "close-code={code}"),
            Self::EventFlood(events) => write!(f, "event-flood={events}"),
            Self::Ban => f.write_str("ban"),
            Self::Gateway(code) => write!(f, "gateway={code}"),
            Self::Freeze(time) => write!(f, "freeze={}", time.as_secs_f64()),
            Self::ForgetSubscriptions => f.write_str("forget-subscriptions"),
            Self::RejectResubscribe => f.write_str("reject-resubscribe"),
        }
    }
}

/// The longest that something takes.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a restart takes where only the gateway is named.
const GATEWAY_DOWN: Duration = Duration::from_secs(5);

/// The faults that a mock has from its start, as it looks at them.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fault, and any of them may be there")]
pub(super) struct LastingFaults {
    pub(super) delay: Option<Duration>,
    pub(super) reorder: bool,
    drop_after: Option<DropAfter>,
    half_open_after: Option<u64>,
    restart: Option<Restart>,
    wrong_token: bool,
    duplicate: bool,
    garbage: bool,
    error_status: bool,
    no_status: bool,
    huge: Option<usize>,
    fragment: Option<usize>,
    pub(super) slow_handshake: Duration,
    pub(super) refuse_upgrade: Option<u16>,
    pub(super) close_code: Option<u16>,
    pub(super) event_flood: u64,
    pub(super) ban: bool,
    gateway: Option<u16>,
    is_restarting: AtomicBool,
    freeze: Option<Freeze>,
    pub(super) forget_subscriptions: bool,
    /// What was subscribed to, and by which session.
    subscribed: Option<Mutex<HashMap<String, u64>>>,
    requests: AtomicU64,
}

struct DropAfter {
    requests: u64,
    reset: bool,
    /// Set once it has happened, if it is to happen once.
    happened: Option<AtomicBool>,
}

struct Restart {
    requests: u64,
    down: Duration,
    happened: AtomicBool,
}

struct Freeze {
    time: Duration,
    /// Set by the first request.
    until: OnceLock<Instant>,
}

/// What happens to a session at a request, in place of an answer.
pub(super) enum Strike {
    Drop { reset: bool },
    HalfOpen,
    Restart,
}

impl LastingFaults {
    pub(super) fn add(&mut self, fault: LastingFault) {
        match fault {
            LastingFault::Delay(time) => self.delay = Some(time),
            LastingFault::Reorder => self.reorder = true,
            LastingFault::DropAfter { requests, reset, once } => {
                let happened = once.then(AtomicBool::default);
                self.drop_after = Some(DropAfter { requests, reset, happened });
            }
            LastingFault::HalfOpenAfter(requests) => self.half_open_after = Some(requests),
            LastingFault::RestartAfter { requests, down } => {
                self.restart = Some(Restart { requests, down, happened: AtomicBool::default() });
            }
            LastingFault::WrongToken => self.wrong_token = true,
            LastingFault::DuplicateReply => self.duplicate = true,
            LastingFault::Garbage => self.garbage = true,
            LastingFault::ErrorStatus => self.error_status = true,
            LastingFault::NoStatus => self.no_status = true,
            LastingFault::Huge(bytes) => self.huge = Some(bytes),
            LastingFault::Fragment(frames) => self.fragment = Some(frames),
            LastingFault::SlowHandshake(time) => self.slow_handshake = time,
            LastingFault::RefuseUpgrade(code) => self.refuse_upgrade = Some(code),
            LastingFault::CloseCode(code) => self.close_code = Some(code),
            LastingFault::EventFlood(events) => self.event_flood = events,
            LastingFault::Ban => self.ban = true,
            LastingFault::Gateway(code) => {
                self.gateway = Some(code);
                self.restart.get_or_insert_with(|| Restart {
                    requests: 1,
                    down: GATEWAY_DOWN,
                    happened: AtomicBool::default(),
                });
            }
            LastingFault::Freeze(time) => {
                self.freeze = Some(Freeze { time: time.min(MAX_TIME), until: OnceLock::new() });
            }
            LastingFault::ForgetSubscriptions => self.forget_subscriptions = true,
            LastingFault::RejectResubscribe => self.subscribed = Some(Mutex::default()),
        }
    }

    /// How long a restart takes, and whether something in front answers meanwhile.
    pub(super) fn restart(&self) -> (Duration, bool) {
        let down = self.restart.as_ref().map_or(Duration::ZERO, |restart| restart.down);
        (down, self.gateway.is_some())
    }

    /// Lets the gateway answer in place of the agent, or ends that.
    pub(super) fn set_restarting(&self, is_restarting: bool) {
        self.is_restarting.store(is_restarting, Relaxed);
    }

    /// Returns the status with which a gateway answers just now.
    pub(super) fn gateway(&self) -> Option<u16> {
        self.gateway.filter(|_| self.is_restarting.load(Relaxed))
    }

    /// Waits until the agent is not frozen.
    pub(super) async fn thawed(&self) {
        if let Some(until) = self.freeze.as_ref().and_then(|freeze| freeze.until.get()) {
            sleep_until(*until).await;
        }
    }

    /// What happens at a session's request, the first of which has the number 1, in place of an answer.
    pub(super) fn strike(&self, number: u64) -> Option<Strike> {
        if let Some(Freeze { time, until }) = &self.freeze {
            until.get_or_init(|| Instant::now() + *time);
        }
        let all = self.requests.fetch_add(1, Relaxed) + 1;
        if let Some(restart) = &self.restart
            && all > restart.requests
            && !restart.happened.swap(true, Relaxed)
        {
            return Some(Strike::Restart);
        }
        if let Some(DropAfter { requests, reset, happened }) = &self.drop_after
            && number > *requests
            && happened.as_ref().is_none_or(|happened| !happened.swap(true, Relaxed))
        {
            return Some(Strike::Drop { reset: *reset });
        }
        self.half_open_after.is_some_and(|requests| number > requests).then_some(Strike::HalfOpen)
    }

    /// Returns whether a session may subscribe to something.
    pub(super) fn admits_subscription(&self, what: &str, session: u64) -> bool {
        /// More are not remembered.
        const MAX: usize = 10_000;
        let Some(subscribed) = &self.subscribed else { return true };
        // Nothing can panic while it is held.
        let mut subscribed = subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        if subscribed.len() >= MAX {
            return true;
        }
        *subscribed.entry(what.to_owned()).or_insert(session) == session
    }

    /// Writes a reply with all that is wrong with it.
    pub(super) fn write(&self, mut reply: Reply, keys: &[ReplyKey]) -> MessageBatch {
        if self.error_status {
            reply.answer = Err(json!({ "error": "rejected by the fault error-status" }));
        }
        if self.wrong_token {
            reply.token = json!("00000000000000000000000000000000");
        }
        if let Some(bytes) = self.huge {
            reply = padded(reply, bytes);
        }
        let wanted = |key: &&ReplyKey| !(self.no_status && **key == ReplyKey::Status);
        let keys: Vec<_> = keys.iter().filter(wanted).copied().collect();
        let text = reply.write(&keys);
        let mut batch = match self.fragment {
            None => vec![Message::text(text)],
            Some(frames) => fragments(text.as_bytes(), frames),
        };
        if self.duplicate {
            batch.extend(batch.clone());
        }
        if self.garbage {
            batch.insert(0, Message::text("this is not JSON"));
        }
        batch
    }
}
