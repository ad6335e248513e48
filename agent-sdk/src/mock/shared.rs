//! What all connections of one mock share.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::{
    catalogue::Catalogue, certificate::Identity, expectation::Expectations, fault::Faults,
    files::Files, handler::Handler, lasting::LastingFaults, login::LoginLimiter, options::Options,
    peer::Peers, script::Script, servers::Servers, upgrade::Refusal, user::User,
};

/// Requests that are remembered, the newest of them.
const MAX_SEEN: usize = 65_536;
/// Actions whose requests are counted one by one.
const MAX_ACTIONS: usize = 4096;
/// Calls that are remembered with their parameters, the newest of them.
const MAX_RECORDED: usize = 4096;
/// The longest name and token that are remembered, in characters.
const MAX_NAME: usize = 1024;
/// The most that the parameters of one of them take, in bytes.
const MAX_RECORDED_SIZE: usize = 64 * 1024;

/// The state of one mock agent.
pub(super) struct Shared {
    pub(super) options: Options,
    /// The root user, then all others.
    pub(super) users: Vec<Arc<User>>,
    pub(super) catalogue: Mutex<Arc<Catalogue>>,
    pub(super) handlers: HashMap<String, Handler>,
    pub(super) files: Mutex<Files>,
    pub(super) servers: Mutex<Servers>,
    /// Events that a test has planned.
    pub(super) script: Mutex<Script>,
    /// Notified when the servers or a test may have planned something.
    pub(super) planned: Notify,
    pub(super) peers: Peers,
    pub(super) limiter: LoginLimiter,
    pub(super) faults: Faults,
    pub(super) lasting: LastingFaults,
    /// Notified when a fault restarts the agent.
    pub(super) restart_wanted: Notify,
    /// How every login is refused, the good ones too; `None`: they are let in.
    pub(super) refuse_all: Mutex<Option<Refusal>>,
    pub(super) counts: Counts,
    /// The certificate in use; `None` without TLS.
    pub(super) identity: Mutex<Option<Identity>>,
    pub(super) seen: Mutex<VecDeque<SeenRequest>>,
    pub(super) expectations: Expectations,
    /// The last calls, with their parameters.
    pub(super) recorded: Mutex<VecDeque<(String, Map<String, Value>)>>,
}

/// What has happened since the start.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) logins: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) ignored: AtomicU64,
    /// Requests by action.
    actions: Mutex<BTreeMap<String, u64>>,
}

/// A request that the mock has received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The action's name.
    pub action: String,
    /// The token; as JSON, if it was not a string.
    pub token: String,
    /// The number of the session that sent it.
    pub session: u64,
}

impl Shared {
    /// The user who may do everything.
    pub(super) fn root(&self) -> &User {
        // The builder puts the root user there.
        &self.users[0]
    }

    /// Plans an event for the time after so long.
    pub(super) fn plan_event(&self, after: Duration, event: Value) {
        lock(&self.script).plan(after, event);
        self.planned.notify_one();
    }

    /// All counts as JSON, for `GET /_stats`.
    pub(super) fn stats(&self) -> Value {
        let counts = &self.counts;
        json!({
            "connections": *self.peers.count().borrow(),
            "logins": counts.logins.load(Relaxed),
            "refused_logins": counts.refused.load(Relaxed),
            "requests": counts.requests.load(Relaxed),
            "ignored_frames": counts.ignored.load(Relaxed),
            "actions": *lock(&counts.actions),
        })
    }

    /// Remembers a call with its parameters, unless it is large.
    pub(super) fn record(&self, action: &str, parameters: &Map<String, Value>) {
        let size = parameters.values().try_fold(0, |size, value| Some(size + small_size(value)?));
        if size.is_none_or(|size| size > MAX_RECORDED_SIZE) {
            return;
        }
        let mut recorded = lock(&self.recorded);
        if recorded.len() >= MAX_RECORDED {
            recorded.pop_front();
        }
        recorded.push_back((action.to_owned(), parameters.clone()));
    }

    /// Remembers a request.
    pub(super) fn saw(&self, action: &str, token: &Value, session: u64) {
        self.counts.requests.fetch_add(1, Relaxed);
        let action = shortened(action.to_owned());
        let token = shortened(token.as_str().map_or_else(|| token.to_string(), str::to_owned));
        {
            let mut actions = lock(&self.counts.actions);
            if actions.len() < MAX_ACTIONS || actions.contains_key(&action) {
                *actions.entry(action.clone()).or_default() += 1;
            }
        }
        let mut seen = lock(&self.seen);
        if seen.len() >= MAX_SEEN {
            seen.pop_front();
        }
        seen.push_back(SeenRequest { action, token, session });
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// How much a value takes, roughly; `None` if it is much.
fn small_size(value: &Value) -> Option<usize> {
    const EACH: usize = 64;
    let size = match value {
        Value::String(text) => text.len(),
        Value::Array(list) => {
            list.iter().try_fold(0, |size, value| Some(size + small_size(value)?))?
        }
        Value::Object(map) => map
            .iter()
            .try_fold(0, |size, (key, value)| Some(size + key.len() + small_size(value)?))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    Some(size + EACH).filter(|size| *size <= MAX_RECORDED_SIZE)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A handler's panic cannot happen inside: no foreign code runs while one is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
