//! How a test says what it expects of a running mock.

use std::{marker::PhantomData, panic::Location, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    agent::MockAgent,
    expectation::{Expected, FromParameters, Matches, ParameterReader, Response},
    shared::lock,
};

/// A call that is about to be expected; [`MockAgent::on`] begins it, and an answer ends it.
#[must_use = "nothing is expected until it has an answer"]
#[allow(missing_debug_implementations, reason = "a parameter may be a password")]
pub struct Expectation<'a, A> {
    mock: &'a MockAgent,
    matches: Matches,
    parameters: Option<Map<String, Value>>,
    times: Option<u64>,
    place: &'static Location<'static>,
    action: PhantomData<fn() -> A>,
}

impl<'a, A: FromParameters + 'static> Expectation<'a, A> {
    fn new(mock: &'a MockAgent, place: &'static Location<'static>) -> Self {
        let matches = Arc::new(|_: &Map<String, Value>| true);
        Self { mock, matches, parameters: None, times: None, place, action: PhantomData }
    }

    /// Expects only calls for which this is true, as well as all that was demanded before. One whose
    /// parameters cannot be read is none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use agent_sdk::actions::ServerStart;
    ///
    /// mock.on::<ServerStart>().matching(|call| call.server.as_ref() == "survival").reject("no");
    /// # }
    /// ```
    pub fn matching(self, test: impl Fn(&A) -> bool + Send + Sync + 'static) -> Self {
        self.and(move |parameters| {
            A::from_parameters(&ParameterReader(parameters)).is_ok_and(|action| test(&action))
        })
    }

    /// Expects only calls with exactly these parameters. A call with others shows the difference.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use agent_sdk::actions::ServerStart;
    ///
    /// mock.on::<ServerStart>().with(&ServerStart::new("survival")).reject("no");
    /// # }
    /// ```
    pub fn with(mut self, action: &A) -> Self {
        let written = action.to_json().ok();
        let wanted: Option<Map<String, Value>> =
            written.and_then(|text: String| serde_json::from_str(&text).ok());
        self.parameters.clone_from(&wanted);
        self.and(move |parameters| wanted.as_ref() == Some(parameters))
    }

    fn and(mut self, test: impl Fn(&Map<String, Value>) -> bool + Send + Sync + 'static) -> Self {
        let before = self.matches;
        self.matches = Arc::new(move |parameters| before(parameters) && test(parameters));
        self
    }

    /// Expects exactly so many calls; a further one is unexpected. Default: at least one for each
    /// answer.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use agent_sdk::actions::ServerStart;
    ///
    /// mock.on::<ServerStart>().times(2).reject("no");
    /// # }
    /// ```
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Expects no such call at all.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use agent_sdk::actions::ServerStart;
    ///
    /// mock.on::<ServerStart>().never();
    /// # }
    /// ```
    pub fn never(self) {
        self.times(0).reject("it was not to be called");
    }

    /// Answers with a success.
    pub fn reply(self, result: impl Serialize) -> Responses<'a> {
        self.answer(Response::reply(result))
    }

    /// Answers with a rejection in these words.
    #[allow(clippy::must_use_candidate, reason = "it may be the last of a chain")]
    pub fn reject(self, words: &str) -> Responses<'a> {
        self.answer(Response::reject(words))
    }

    /// Answers in any way.
    #[allow(clippy::must_use_candidate, reason = "it may be the last of a chain")]
    pub fn answer(self, response: Response) -> Responses<'a> {
        let index = self.mock.shared.expectations.add(Expected {
            action: A::NAME,
            matches: self.matches,
            parameters: self.parameters,
            times: self.times,
            responses: vec![response],
            calls: 0,
            place: self.place,
        });
        Responses { mock: self.mock, index }
    }
}

/// The answers to an expected call, one after the other; the last one is given again and again.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it has nothing to show")]
pub struct Responses<'a> {
    mock: &'a MockAgent,
    index: usize,
}

impl Responses<'_> {
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the last of a chain"
    )]
    /// Answers the next call in this way.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "actions")]
    /// # fn example(mock: &agent_sdk::mock::MockAgent) {
    /// use agent_sdk::{actions::ServerStart, mock::Response};
    ///
    /// mock.on::<ServerStart>().reject("not yet").then(Response::reply(()));
    /// # }
    /// ```
    pub fn then(self, response: Response) -> Self {
        self.mock.shared.expectations.add_response(self.index, response);
        self
    }
}

/// # Expectations
///
/// What a test expects to be called. When the mock is dropped, it fails the test unless every
/// expected call has come, and no other one of those actions.
///
/// A call that the agent itself refuses, for want of a permission or of a parameter, has come as well.
/// It is answered with that refusal.
impl MockAgent {
    /// Expects calls of an action, and answers them in the mock's place.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "actions")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use agent_sdk::{
    ///     Agent,
    ///     actions::ServerStart,
    ///     mock::{MockAgent, Response},
    /// };
    /// use serde_json::json;
    ///
    /// let mock = MockAgent::builder(json!({ "actions": {} })).tls(false).start().await?;
    /// mock.on::<ServerStart>()
    ///     .matching(|call| call.server.as_ref() == "survival")
    ///     .times(2)
    ///     .reject("the host is out of memory")
    ///     .then(Response::reply(json!({ "state": "server.starting" })));
    ///
    /// let agent = Agent::builder(mock.url())
    ///     .credentials(mock.username(), mock.password())
    ///     .connect()
    ///     .await?;
    /// assert!(agent.server_start(ServerStart::new("survival")).await.is_err());
    /// agent.server_start(ServerStart::new("survival")).await?;
    /// assert_eq!(mock.calls::<ServerStart>().len(), 2);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "actions"))]
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn on<A: FromParameters + 'static>(&self) -> Expectation<'_, A> {
        Expectation::new(self, Location::caller())
    }

    /// The last calls of an action, oldest first, up to 4,096 of all actions and 64 KiB each. One
    /// whose parameters cannot be read is left out.
    #[must_use]
    pub fn calls<A: FromParameters>(&self) -> Vec<A> {
        let recorded = lock(&self.shared.recorded);
        let calls = recorded.iter().filter(|(action, _)| action == A::NAME);
        calls.filter_map(|(_, call)| A::from_parameters(&ParameterReader(call)).ok()).collect()
    }

    /// Fails unless every expected call has come and no unexpected one. Dropping the mock does the
    /// same.
    ///
    /// # Panics
    ///
    /// That is how it fails; the message shows what was expected against what has come.
    #[track_caller]
    pub fn verify(&self) {
        if let Some(failure) = self.failure() {
            self.shared.expectations.note_reported();
            panic!("{failure}");
        }
    }

    /// What was not as expected, if anything.
    fn failure(&self) -> Option<String> {
        let report = self.shared.expectations.report();
        (!report.is_empty())
            .then(|| format!("the mock agent was not called as expected:\n{report}"))
    }
}

impl Drop for MockAgent {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.verify();
        } else if let Some(failure) = self.failure()
            && self.shared.expectations.note_reported()
        {
            // The test fails already, often because of this. A second panic would end the process.
            eprintln!("{failure}");
        }
    }
}
