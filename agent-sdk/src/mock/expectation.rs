//! What a test expects to be called, and what is answered then.

use std::{
    fmt::Write as _,
    panic::Location,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    fault::{Fault, FaultKind},
    mismatch::{diff, likeness, shown},
};
use crate::action::Action;

/// Unexpected calls that are described in full; more are counted.
const MAX_DESCRIBED: usize = 20;

/// An action whose parameters can be read back from a call. The generator implements it for every
/// action with the feature `mock`; nothing of it is compiled without.
///
/// # Examples
///
/// ```
/// use agent_sdk::{
///     Action, Parameters, Reply,
///     mock::{FromParameters, ParameterError, ParameterReader},
/// };
///
/// struct BrandNew {
///     server: String,
///     limit: Option<u64>,
/// }
///
/// impl Action for BrandNew {
///     const NAME: &'static str = "brand_new";
///     type Output = Reply;
///
///     fn write_parameters(&self, parameters: &mut Parameters) {
///         parameters.add("server", &self.server);
///         parameters.add_optional("limit", self.limit.as_ref());
///     }
/// }
///
/// impl FromParameters for BrandNew {
///     fn from_parameters(parameters: &ParameterReader<'_>) -> Result<Self, ParameterError> {
///         Ok(Self { server: parameters.required("server")?, limit: parameters.optional("limit")? })
///     }
/// }
/// ```
pub trait FromParameters: Action + Sized {
    /// Reads the parameters of a call.
    ///
    /// # Errors
    ///
    /// One of them is missing, or not of its type.
    fn from_parameters(parameters: &ParameterReader<'_>) -> Result<Self, ParameterError>;
}

/// The parameters of a call that a mock has received, by their names on the wire.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a parameter may be a password")]
pub struct ParameterReader<'a>(pub(super) &'a Map<String, Value>);

/// A parameter that is missing or not of its type. Its value is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {problem}")]
pub struct ParameterError {
    name: String,
    problem: &'static str,
}

impl ParameterReader<'_> {
    /// Reads a parameter that has to be there.
    ///
    /// # Errors
    ///
    /// It is missing, or not of the type.
    pub fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, ParameterError> {
        let missing = || ParameterError { name: name.to_owned(), problem: "it is missing" };
        self.optional(name)?.ok_or_else(missing)
    }

    /// Reads a parameter that may be left out.
    ///
    /// # Errors
    ///
    /// It is not of the type.
    pub fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ParameterError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let wrong = |_| ParameterError { name: name.to_owned(), problem: "it has another type" };
        T::deserialize(value).map(Some).map_err(wrong)
    }
}

/// What an expected call is answered with.
#[derive(Clone, Debug)]
#[must_use = "a response does nothing by itself"]
pub struct Response {
    pub(super) answered: Answered,
    /// What is sent so long after the answer.
    pub(super) events: Vec<(Duration, Value)>,
}

#[derive(Clone, Debug)]
pub(super) enum Answered {
    Reply(Value),
    Reject(Value),
    /// The mock's own answer, with something wrong.
    Fault(FaultKind),
    /// The mock's own answer.
    Own,
}

impl Response {
    /// A success with this result. What cannot be written as JSON becomes `null`.
    pub fn reply(result: impl Serialize) -> Self {
        Answered::Reply(serde_json::to_value(result).unwrap_or_default()).into()
    }

    /// A rejection with these words.
    pub fn reject(words: &str) -> Self {
        Answered::Reject(serde_json::json!({ "error": words })).into()
    }

    /// The mock's own answer, with this fault; for which action and how often it says is ignored.
    pub fn fault(fault: Fault) -> Self {
        Answered::Fault(fault.into_kind()).into()
    }

    /// The mock's own answer, as if nothing were expected.
    pub fn own() -> Self {
        Answered::Own.into()
    }

    /// Sends an event so long after the answer, on tokio's clock, to the sessions that have
    /// subscribed to its `topic`, or to all if it has none. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use agent_sdk::mock::Response;
    /// use serde_json::json;
    ///
    /// let state = |word| json!({ "action": "server_state", "topic": "survival", "parameters": { "state": word } });
    /// let response = Response::reply(json!({ "state": "starting" }))
    ///     .event_after(Duration::from_secs(5), state("starting"))
    ///     .event_after(Duration::from_secs(8), state("crashed"));
    /// ```
    pub fn event_after(mut self, time: Duration, event: Value) -> Self {
        self.events.push((time, event));
        self
    }
}

impl From<Answered> for Response {
    fn from(answered: Answered) -> Self {
        Self { answered, events: Vec::new() }
    }
}

/// Whether a call is the expected one.
pub(super) type Matches = Arc<dyn Fn(&Map<String, Value>) -> bool + Send + Sync>;

/// A call that is expected.
pub(super) struct Expected {
    pub(super) action: &'static str,
    pub(super) matches: Matches,
    /// The parameters, where they are expected as a whole.
    pub(super) parameters: Option<Map<String, Value>>,
    /// `None`: at least once for each response.
    pub(super) times: Option<u64>,
    /// The last one is given again and again.
    pub(super) responses: Vec<Response>,
    pub(super) calls: u64,
    pub(super) place: &'static Location<'static>,
}

impl Expected {
    /// How often the call has to come, in words; `None` if it has come so often.
    fn missing(&self) -> Option<String> {
        let least = self.times.unwrap_or(self.responses.len() as u64);
        (self.calls < least).then(|| match self.times {
            Some(times) => format!("{times} time(s)"),
            None if least == 1 => "at least once".to_owned(),
            None => format!("at least {least} times, once for each answer"),
        })
    }

    /// The parameters, as a failure shows them.
    fn shown(&self) -> String {
        let Self { parameters, place, .. } = self;
        match parameters {
            Some(parameters) => shown(parameters, None),
            None => format!("what `matching` accepts at {place}"),
        }
    }
}

/// All that a test expects.
pub(super) struct Expectations {
    /// Whether calls are unexpected of whose action nothing is expected.
    strict: bool,
    list: Mutex<Vec<Expected>>,
    unexpected: Mutex<Unexpected>,
    /// Whether the test has failed for them already.
    is_reported: AtomicBool,
}

/// Calls that were not expected.
#[derive(Default)]
struct Unexpected {
    described: Vec<String>,
    more: usize,
}

impl Unexpected {
    fn add(&mut self, description: String) {
        if self.described.len() < MAX_DESCRIBED {
            self.described.push(description);
        } else {
            self.more += 1;
        }
    }
}

impl Expectations {
    pub(super) fn new(strict: bool) -> Self {
        Self {
            strict,
            list: Mutex::default(),
            unexpected: Mutex::default(),
            is_reported: AtomicBool::default(),
        }
    }

    /// Adds a call; its number.
    pub(super) fn add(&self, expected: Expected) -> usize {
        let mut list = lock(&self.list);
        list.push(expected);
        list.len() - 1
    }

    /// Adds one more answer to an expected call.
    pub(super) fn add_response(&self, number: usize, response: Response) {
        if let Some(expected) = lock(&self.list).get_mut(number) {
            expected.responses.push(response);
        }
    }

    /// Returns whether anything is expected of an action.
    pub(super) fn has(&self, action: &str) -> bool {
        lock(&self.list).iter().any(|expected| expected.action == action)
    }

    /// What a call is answered with; `None` if nothing is expected of the action, and an error if
    /// something else is.
    pub(super) fn answer(
        &self,
        action: &str,
        parameters: &Map<String, Value>,
    ) -> Option<Result<Response, Value>> {
        let matchers: Vec<(usize, Matches)> = lock(&self.list)
            .iter()
            .enumerate()
            .filter(|(_, expected)| expected.action == action)
            .map(|(index, expected)| (index, Arc::clone(&expected.matches)))
            .collect();
        if matchers.is_empty() && !self.strict {
            return None;
        }
        // A test's own code, so that no lock is held.
        let matching = matchers.into_iter().filter(|(_, matches)| matches(parameters));
        let matching: Vec<_> = matching.map(|(index, _)| index).collect();
        let mut list = lock(&self.list);
        for index in &matching {
            let expected = &mut list[*index];
            if expected.times.is_none_or(|times| expected.calls < times) {
                expected.calls += 1;
                let place = usize::try_from(expected.calls - 1).ok();
                let response = place.and_then(|place| expected.responses.get(place));
                let response = response.or(expected.responses.last()).cloned();
                return Some(Ok(response.unwrap_or_else(Response::own)));
            }
        }
        let used_up = matching.first().map(|index| &list[*index]);
        let description = match used_up {
            Some(expected) => describe_one_more(parameters, expected),
            None => describe(action, parameters, &list),
        };
        drop(list);
        lock(&self.unexpected).add(description);
        Some(Err(serde_json::json!({ "error": format!("unexpected call of `{action}`") })))
    }

    /// What was expected and did not happen, and what happened unexpectedly; empty if all is well.
    pub(super) fn report(&self) -> String {
        let mut report = String::new();
        for expected in lock(&self.list).iter() {
            let Some(wanted) = expected.missing() else { continue };
            let Expected { action, calls, place, .. } = expected;
            // Writing to a string cannot fail.
            let _ = writeln!(
                report,
                "expected at {place}: `{action}`, {wanted}; got it {calls} time(s)"
            );
            if expected.parameters.is_some() {
                report.push_str(&diff(&expected.shown(), ""));
            }
        }
        let unexpected = lock(&self.unexpected);
        report.extend(unexpected.described.iter().map(String::as_str));
        if unexpected.more > 0 {
            let _ = writeln!(report, "and {} more unexpected calls", unexpected.more);
        }
        report
    }

    /// Notes that the test fails for the report; returns whether it is the first time.
    pub(super) fn note_reported(&self) -> bool {
        !self.is_reported.swap(true, Relaxed)
    }
}

/// Describes a call that was not expected beside the one that is most like it.
fn describe(action: &str, parameters: &Map<String, Value>, list: &[Expected]) -> String {
    let got = |wanted: Option<&Expected>| {
        shown(parameters, wanted.and_then(|wanted| wanted.parameters.as_ref()))
    };
    let wanted = list.iter().filter(|expected| expected.action == action);
    let likeness = |expected: &&Expected| likeness(&expected.shown(), &got(Some(expected)));
    match wanted.max_by(|one, other| likeness(one).total_cmp(&likeness(other))) {
        None => format!("unexpected call of `{action}`, got (+):\n{}", diff("", &got(None))),
        Some(wanted) => format!(
            "unexpected call of `{action}`, expected (-) against got (+):\n{}",
            diff(&wanted.shown(), &got(Some(wanted)))
        ),
    }
}

/// Describes a call that was expected less often.
fn describe_one_more(parameters: &Map<String, Value>, expected: &Expected) -> String {
    let Expected { action, place, times, .. } = expected;
    let times = times.unwrap_or_default();
    let got = diff("", &shown(parameters, expected.parameters.as_ref()));
    format!(
        "unexpected call of `{action}`: expected at {place} {times} time(s), and got (+):\n{got}"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing can panic while one of them is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
