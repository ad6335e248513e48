//! Faults that a mock has from its start, for a process of its own and for scripts.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
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
    /// `huge=BYTES`: each reply has so many bytes of padding.
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
    /// `freeze=SECONDS`: at its first request the agent does nothing for so long, once.
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

impl FromStr for LastingFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        read(name, argument).ok_or_else(|| unknown(text, name))
    }
}

fn read(name: &str, argument: Option<&str>) -> Option<LastingFault> {
    match (name, argument) {
        ("delay", Some(time)) => Some(LastingFault::Delay(milliseconds(time)?)),
        ("reorder", None) => Some(LastingFault::Reorder),
        ("drop-after", Some(argument)) => drop_after(argument),
        ("half-open-after", Some(requests)) => {
            Some(LastingFault::HalfOpenAfter(requests.parse().ok()?))
        }
        ("restart-after", Some(argument)) => {
            let (requests, down) = argument.split_once(',')?;
            let (requests, down) = (requests.parse().ok()?, seconds(down)?);
            Some(LastingFault::RestartAfter { requests, down })
        }
        ("wrong-token", None) => Some(LastingFault::WrongToken),
        ("duplicate-reply", None) => Some(LastingFault::DuplicateReply),
        ("garbage", None) => Some(LastingFault::Garbage),
        ("error-status", None) => Some(LastingFault::ErrorStatus),
        ("no-status", None) => Some(LastingFault::NoStatus),
        ("huge", Some(bytes)) => {
            Some(LastingFault::Huge(bytes.parse().ok().filter(|bytes| *bytes <= MAX_HUGE)?))
        }
        ("fragment", None) => Some(LastingFault::Fragment(3)),
        ("fragment", Some(frames)) => {
            Some(LastingFault::Fragment(frames.parse().ok().filter(|frames| *frames > 0)?))
        }
        ("slow-handshake", Some(time)) => Some(LastingFault::SlowHandshake(milliseconds(time)?)),
        ("refuse-upgrade", Some(code)) => Some(LastingFault::RefuseUpgrade(http_status(code)?)),
        ("close-code", Some(code)) => Some(LastingFault::CloseCode(close_code(code)?)),
        ("event-flood", Some(events)) => Some(LastingFault::EventFlood(events.parse().ok()?)),
        ("ban", None) => Some(LastingFault::Ban),
        ("gateway", Some(code)) => Some(LastingFault::Gateway(http_status(code)?)),
        ("freeze", Some(time)) => Some(LastingFault::Freeze(seconds(time)?)),
        ("forget-subscriptions", None) => Some(LastingFault::ForgetSubscriptions),
        ("reject-resubscribe", None) => Some(LastingFault::RejectResubscribe),
        _ => None,
    }
}

/// The largest padding of a reply, in bytes.
const MAX_HUGE: usize = 1 << 30;
/// The longest that something takes.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a restart takes where only the gateway is named.
const GATEWAY_DOWN: Duration = Duration::from_secs(5);

fn drop_after(argument: &str) -> Option<LastingFault> {
    let mut parts = argument.split(':');
    let requests = parts.next()?.parse().ok()?;
    let (mut reset, mut once) = (false, false);
    for part in parts {
        match part {
            "rst" => reset = true,
            "once" => once = true,
            _ => return None,
        }
    }
    Some(LastingFault::DropAfter { requests, reset, once })
}

fn milliseconds(text: &str) -> Option<Duration> {
    Some(Duration::from_millis(text.parse().ok()?)).filter(|time| *time <= MAX_TIME)
}

fn seconds(text: &str) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    Some(time).filter(|time| *time <= MAX_TIME)
}

fn http_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (200..600).contains(code))
}

fn close_code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (1000..5000).contains(code))
}

/// Says what would have been right.
fn unknown(text: &str, name: &str) -> UnknownFault {
    let name_of = |form: &&&str| form.split(['=', '[']).next() == Some(name);
    UnknownFault(match LastingFault::FORMS.iter().find(name_of) {
        Some(form) => format!("`{text}` is not a fault: it is written `{form}`"),
        None => {
            format!("`{text}` is not a fault: there are `{}`", LastingFault::FORMS.join("`, `"))
        }
    })
}

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
    freeze: Option<(Duration, AtomicBool)>,
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

/// What happens to a session at a request, in place of an answer.
pub(super) enum Strike {
    Drop {
        reset: bool,
    },
    HalfOpen,
    Restart,
    /// The request is answered after that.
    Freeze(Duration),
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
            LastingFault::Freeze(time) => self.freeze = Some((time, AtomicBool::default())),
            LastingFault::ForgetSubscriptions => self.forget_subscriptions = true,
            LastingFault::RejectResubscribe => self.subscribed = Some(Mutex::default()),
        }
    }

    /// How long a restart takes, and what answers meanwhile.
    pub(super) fn restart(&self) -> (Duration, Option<u16>) {
        (self.restart.as_ref().map_or(Duration::ZERO, |restart| restart.down), self.gateway)
    }

    /// What happens at a session's request, the first of which has the number 1.
    pub(super) fn strike(&self, number: u64) -> Option<Strike> {
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
        if self.half_open_after.is_some_and(|requests| number > requests) {
            return Some(Strike::HalfOpen);
        }
        let (time, happened) = self.freeze.as_ref()?;
        (!happened.swap(true, Relaxed)).then_some(Strike::Freeze(*time))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An argument in place of each that a form names.
    fn example(form: &str) -> String {
        let example = form.replace("[=FRAMES]", "=7").replace("[:rst][:once]", ":rst:once");
        let example = example.replace("N,SECONDS", "3,0.5").replace("SECONDS", "0.5");
        example.replace("BYTES", "9").replace("CODE", "1001").replace("MS", "20").replace('N', "3")
    }

    #[test]
    fn each_form_is_understood_and_written_alike() {
        for form in LastingFault::FORMS {
            let text = example(form);
            let text = if text.contains("upgrade") || text.contains("gateway") {
                text.replace("1001", "503")
            } else {
                text
            };
            let fault: LastingFault = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fault.to_string(), text);
        }
        let mut names: Vec<_> = LastingFault::FORMS.iter().map(|form| example(form)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), LastingFault::FORMS.len());
    }

    #[test]
    fn a_wrong_argument_says_how_the_fault_is_written() {
        for text in [
            "delay",
            "delay=",
            "delay=-1",
            "delay=1e9",
            "reorder=1",
            "drop-after=x",
            "drop-after=1:soon",
            "restart-after=1",
            "restart-after=1,-1",
            "refuse-upgrade=99",
            "close-code=70000",
            "fragment=0",
            "freeze=inf",
            "huge=99999999999999",
        ] {
            let error = text.parse::<LastingFault>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}` is not a fault: it is written `")),
                "{error}"
            );
        }
        let error = "nonsense".parse::<LastingFault>().unwrap_err().to_string();
        assert!(error.contains("`half-open-after=N`"), "{error}");
    }
}
