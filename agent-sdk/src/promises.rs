//! The promises of the front page as a state machine: calls, answers, cancelling, time, losses, pauses,
//! reconnects and the close in any order, and after each step every promise holds.
//!
//! The whole client runs, from login to close, on a paused clock against an agent in memory. That agent
//! keeps every byte that was sent, so that "not sent" is compared with the wire.
//!
//! ```sh
//! PROPTEST_CASES=20000 cargo test -p agent-sdk --all-features --lib promises   # minutes; default: 64
//! ```

mod agent;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::json;
use tokio::{
    runtime::Builder as Runtime,
    task::{AbortHandle, yield_now},
    time::{Instant, advance, sleep},
};

use self::agent::{Answer, Order, Sent, Welcome};
use crate::{
    Agent, CloseReason, Error, Outcome, ReconnectPolicy, State,
    connection::{self, Shared},
    dial::{Connector, Credentials, Door, Endpoint},
    options::Options,
};

/// Few, so that calls wait for their turn.
const MAX_IN_FLIGHT: usize = 3;
/// How much later than its timeout a call may end: the turn of the socket, and a scan.
const LATE: Duration = Duration::from_millis(3);
/// Longer than any wait for the next login, unless logins are rejected.
const BACK_WITHIN: Duration = Duration::from_secs(130);
/// Longer than the close timeout and the echo of the close frame.
const CLOSED_WITHIN: Duration = Duration::from_secs(7);

#[derive(Clone, Debug)]
enum Step {
    Call {
        timeout: u64,
        fail_fast: bool,
    },
    Subscribe,
    /// A call is answered, and for so many milliseconds the process is stopped meanwhile.
    Answer(Index, Answer, u64),
    Cancel(Index),
    Noise,
    /// So many milliseconds pass.
    Pass(u64),
    /// So many milliseconds pass in which the process is stopped.
    Stop(u64),
    Read(bool),
    Cut,
    CloseFrame(u16),
    Logins(Welcome),
    Reconnect,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answer = prop_oneof![
        6 => Just(Answer::Success), 1 => Just(Answer::Rejection), 1 => Just(Answer::Twice)
    ];
    let pause = prop_oneof![4 => Just(0), 1 => 1..20_000_u64];
    let logins = prop_oneof![
        4 => Just(Welcome::LetIn),
        1 => Just(Welcome::Unreachable),
        1 => Just(Welcome::HangUp),
        1 => Just(Welcome::Status(503)),
        1 => Just(Welcome::Status(401)),
    ];
    let time = prop_oneof![8 => 1..2_000_u64, 1 => 30_000..130_000_u64];
    let step = prop_oneof![
        12 => (10..4_000_u64, prop::bool::weighted(0.2))
            .prop_map(|(timeout, fail_fast)| Step::Call { timeout, fail_fast }),
        1 => Just(Step::Subscribe),
        8 => (any::<Index>(), answer, pause)
            .prop_map(|(which, answer, pause)| Step::Answer(which, answer, pause)),
        2 => any::<Index>().prop_map(Step::Cancel),
        1 => Just(Step::Noise),
        4 => time.prop_map(Step::Pass),
        1 => (1..20_000_u64).prop_map(Step::Stop),
        2 => any::<bool>().prop_map(Step::Read),
        2 => Just(Step::Cut),
        1 => prop_oneof![Just(1001), Just(4400)].prop_map(Step::CloseFrame),
        2 => logins.prop_map(Step::Logins),
        1 => Just(Step::Reconnect),
    ];
    // The close comes late, if at all before the end: little can happen after it.
    let close = prop_oneof![4 => Just(vec![]), 1 => vec(Just(Step::Close), 1)];
    (vec(step.clone(), 0..60), close, vec(step, 0..6)).prop_map(|(mut steps, close, rest)| {
        if !close.is_empty() {
            steps.extend(close);
            steps.extend(rest);
        }
        steps
    })
}

fn policies() -> impl Strategy<Value = ReconnectPolicy> {
    let default = ReconnectPolicy::default;
    prop_oneof![
        6 => Just(default()),
        1 => Just(ReconnectPolicy::never()),
        1 => Just(default().max_attempts(2)),
        1 => Just(default().final_close_codes([4400])),
    ]
}

/// How a call ended for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// With the number in the answer.
    Answered(u64),
    Rejected,
    NotSent,
    Unknown,
}

/// A call, as its caller knows it.
struct Known {
    deadline: Instant,
    fail_fast: bool,
    end: Arc<Mutex<Option<End>>>,
    task: AbortHandle,
    cancelled: bool,
}

impl Known {
    fn end(&self) -> Option<End> {
        self.end.lock().unwrap().clone()
    }

    fn is_live(&self) -> bool {
        !self.cancelled && self.end().is_none()
    }
}

/// The client, its agent, and all that is known of its calls.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that has happened or has not")]
struct Model {
    client: Agent,
    agent: Arc<agent::Agent>,
    calls: Vec<Known>,
    /// Whether a session ever did not read: what was about to be written is as unknown as what was.
    was_held_up: bool,
    closing: bool,
    was_rejected: bool,
    may_give_up: bool,
}

impl Model {
    async fn new(window: usize, policy: ReconnectPolicy) -> Self {
        let may_give_up = policy != ReconnectPolicy::default();
        let agent = agent::Agent::new(window);
        let client = connect(Arc::clone(&agent), policy).await;
        Self {
            client,
            agent,
            calls: Vec::new(),
            was_held_up: false,
            closing: false,
            was_rejected: false,
            may_give_up,
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Call { timeout, fail_fast } => {
                self.call("work", Duration::from_millis(*timeout), *fail_fast);
            }
            Step::Subscribe => self.call("subscribe", Duration::from_secs(10), false),
            Step::Answer(which, answer, pause) => {
                return self.answer(*which, *answer, Duration::from_millis(*pause)).await;
            }
            Step::Cancel(which) => {
                let live: Vec<_> = self.calls.iter_mut().filter(|call| call.is_live()).collect();
                if !live.is_empty() {
                    let index = which.index(live.len());
                    if let Some(call) = live.into_iter().nth(index) {
                        call.cancelled = true;
                        call.task.abort();
                    }
                }
            }
            Step::Noise => self.agent.session().order(Order::Noise),
            Step::Pass(time) => sleep(Duration::from_millis(*time)).await,
            Step::Stop(time) => advance(Duration::from_millis(*time)).await,
            Step::Read(whether) => {
                self.was_held_up |= !whether;
                self.agent.session().order(Order::Read(*whether));
            }
            Step::Cut => return self.lose(Order::Cut).await,
            Step::CloseFrame(code) => return self.lose(Order::Close(*code)).await,
            Step::Logins(welcome) => {
                self.was_rejected |= *welcome == Welcome::Status(401);
                self.agent.receive_logins(*welcome);
            }
            Step::Reconnect => self.client.reconnect(),
            Step::Close => {
                self.closing = true;
                self.client.shared().request_close(Duration::from_secs(5));
            }
        }
        settle().await;
    }

    fn call(&mut self, action: &'static str, timeout: Duration, fail_fast: bool) {
        let (id, end) = (self.calls.len() as u64, Arc::default());
        let call = self.client.call_raw(action, json!({ "id": id, "topic": id.to_string() }));
        let call = call.timeout(timeout).fail_fast(fail_fast).owned();
        let told: Arc<Mutex<Option<End>>> = Arc::clone(&end);
        let task = tokio::spawn(async move {
            let ended = match call.await {
                Ok(reply) => End::Answered(reply.parameters().unwrap()["id"].as_u64().unwrap()),
                Err(Error::Rejected(_)) => End::Rejected,
                Err(error) if error.outcome() == Outcome::NotExecuted => End::NotSent,
                Err(_) => End::Unknown,
            };
            assert_eq!(told.lock().unwrap().replace(ended), None, "a call ended twice");
        });
        let deadline = Instant::now() + timeout;
        let task = task.abort_handle();
        self.calls.push(Known { deadline, fail_fast, end, task, cancelled: false });
    }

    /// Answers a call; one that waits for it ends with that, also where its time is over when the process
    /// goes on.
    async fn answer(&mut self, which: Index, answer: Answer, pause: Duration) {
        let session = self.agent.session();
        let Some(asked) = session.take(|count| which.index(count)) else { return };
        let id = asked.id;
        let call = &self.calls[usize::try_from(id).unwrap()];
        let waits = call.is_live() && session.is_open() && Instant::now() < call.deadline;
        session.order(Order::Answer(asked, answer));
        if !pause.is_zero() {
            advance(pause).await;
        }
        settle().await;
        if waits {
            let expected =
                if answer == Answer::Rejection { End::Rejected } else { End::Answered(id) };
            assert_eq!(call.end(), Some(expected), "what arrives in time counts");
        }
    }

    /// Ends the connection from the agent's side: what was sent is unknown, what was not is kept.
    async fn lose(&mut self, order: Order) {
        let session = self.agent.session();
        let was_open = session.is_open();
        let sent: HashSet<u64> = self.agent.sent().iter().flatten().map(|sent| sent.id).collect();
        session.order(order);
        settle().await;
        for (call, id) in self.calls.iter().zip(0..).filter(|(call, _)| call.is_live()) {
            let was_sent = was_open && sent.contains(&id);
            assert!(!was_sent, "call {id} was sent on a connection that is no more, and waits");
            assert!(call.deadline + LATE >= Instant::now());
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let sent = self.agent.sent();
        let live: Vec<u64> =
            self.calls.iter().zip(0..).filter(|(call, _)| call.is_live()).map(|it| it.1).collect();
        let stats = self.client.statistics();
        assert_eq!(stats.pending, live.len() as u64, "what has ended or was dropped is freed");
        self.check_subscriptions(&sent);
        let sent: Vec<&Sent> = sent.iter().flatten().collect();
        let once: HashSet<u64> = sent.iter().map(|sent| sent.id).collect();
        let calls = || sent.iter().filter(|sent| !sent.subscribes).map(|sent| sent.id);
        assert_eq!(calls().collect::<HashSet<_>>().len(), calls().count(), "nothing is sent twice");
        let tokens: HashSet<&String> = sent.iter().map(|sent| &sent.token).collect();
        assert_eq!(tokens.len(), sent.len(), "no token is used twice");
        let in_flight = live.iter().filter(|id| once.contains(id)).count();
        assert!(in_flight <= MAX_IN_FLIGHT, "{in_flight} calls in flight");
        for (call, id) in self.calls.iter().zip(0..) {
            match call.end() {
                None => assert!(
                    call.cancelled || call.deadline + LATE >= Instant::now(),
                    "call {id} has no end"
                ),
                Some(End::NotSent) => assert!(!once.contains(&id), "call {id} was sent"),
                Some(End::Answered(of)) => assert_eq!(of, id, "another call's answer"),
                Some(End::Rejected) => assert!(once.contains(&id), "call {id} was not sent"),
                Some(End::Unknown) => {
                    assert!(once.contains(&id) || self.was_held_up, "call {id} was not sent");
                }
            }
        }
        match &*self.client.state().borrow() {
            State::Closed { why } => self.check_closed(why, live.len()),
            State::Reconnecting { .. } => {
                let waits = self.calls.iter().any(|call| call.fail_fast && call.is_live());
                assert!(!waits, "what fails fast waits for the next connection");
            }
            State::Connected if !self.closing && self.agent.session().is_reading() => {
                let waiting = live.len() - in_flight;
                let has_room = in_flight < MAX_IN_FLIGHT;
                assert!(waiting == 0 || !has_room, "{waiting} calls wait for nothing");
            }
            _ => {}
        }
    }

    /// What was subscribed to on one connection is subscribed to again on each that follows, before any
    /// call is sent there.
    fn check_subscriptions(&self, sent: &[Vec<Sent>]) {
        let mut made: HashSet<u64> = HashSet::new();
        for session in sent {
            let first_call = session.iter().position(|sent| !sent.subscribes);
            let before = session.iter().take(first_call.unwrap_or(session.len()));
            let again: HashSet<u64> = before.map(|sent| sent.id).collect();
            assert!(first_call.is_none() || made.is_subset(&again), "{made:?} is not made again");
            let subscribed = session.iter().filter(|sent| sent.subscribes).map(|sent| sent.id);
            let holds = |id: &u64| {
                let call = usize::try_from(*id).ok().and_then(|id| self.calls.get(id));
                call.is_some_and(|call| call.end() == Some(End::Answered(*id)))
            };
            made.extend(subscribed.filter(holds));
        }
    }

    fn check_closed(&self, why: &CloseReason, live: usize) {
        assert_eq!(live, 0, "it is closed before its calls have ended");
        match why {
            CloseReason::Requested => assert!(self.closing),
            CloseReason::Refused(_) => assert!(self.was_rejected, "{why}"),
            _ => assert!(self.may_give_up, "{why}"),
        }
    }

    /// Once the agent is well again, so is the client; then it closes.
    async fn end(mut self) {
        self.take(&Step::Logins(Welcome::LetIn)).await;
        self.take(&Step::Read(true)).await;
        sleep(BACK_WITHIN).await;
        self.check();
        let state = self.client.state().borrow().clone();
        if !self.closing && !self.was_rejected && !self.may_give_up {
            assert!(matches!(state, State::Connected), "it does not come back: {state:?}");
        }
        self.take(&Step::Close).await;
        sleep(CLOSED_WITHIN).await;
        self.check();
        let state = self.client.state().borrow().clone();
        assert!(matches!(state, State::Closed { .. }), "it does not close: {state:?}");
        let counts = self.client.statistics();
        let ended = counts.succeeded
            + counts.rejected
            + counts.timed_out
            + counts.lost
            + counts.closed
            + counts.failed_fast
            + counts.cancelled;
        assert_eq!((counts.calls, counts.pending), (ended, 0), "each call ends once");
    }
}

/// Connects to an agent in memory; without the watchdog, whose thread has a clock of its own.
async fn connect(agent: Arc<agent::Agent>, reconnect: ReconnectPolicy) -> Agent {
    let options = Options { max_in_flight: MAX_IN_FLIGHT, reconnect, ..Options::default() };
    let connector = Connector {
        endpoint: Endpoint::parse("ws://127.0.0.1:1").unwrap(),
        #[cfg(feature = "tls")]
        trust: None,
        loopback_only: true,
        timeout: options.connect_timeout,
        memory: Some(Box::new(move || agent.dial())),
    };
    let url = connector.endpoint.to_string();
    let door = Arc::new(Door { connector, credentials: Credentials::new("root", "a password") });
    let first = door.enter().await.unwrap();
    let shared = Arc::new(Shared::new(options));
    tokio::spawn(connection::run(Arc::clone(&shared), Arc::clone(&door), first));
    settle().await;
    Agent::new(shared, url, door)
}

/// Lets every task do what it can do at this time.
async fn settle() {
    for _ in 0..3 {
        for _ in 0..60 {
            yield_now().await;
        }
        // The turn of the socket before a deadline is judged.
        sleep(Duration::from_millis(1)).await;
    }
}

/// A second or two; the variable asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(64), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn every_promise_is_kept_in_every_order(
        steps in steps(),
        policy in policies(),
        window in prop_oneof![Just(64_usize), Just(4096)],
    ) {
        let runtime = Runtime::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut model = Model::new(window, policy).await;
            for step in &steps {
                model.take(step).await;
                model.check();
            }
            model.end().await;
        });
    }
}

/// They waited as long as the agent took for its answer, or not at all.
#[tokio::test(start_paused = true)]
async fn calls_wait_for_repeated_subscriptions_for_two_seconds_at_most() {
    let mut model = Model::new(4096, ReconnectPolicy::default()).await;
    for step in [Step::Subscribe, Step::Logins(Welcome::Ignore), Step::Cut] {
        model.take(&step).await;
    }
    let sent = |subscribes: bool| {
        let sent = model.agent.sent();
        sent.iter().flatten().filter(|sent| sent.subscribes == subscribes).count()
    };
    let call = model.client.call_raw("work", json!({ "id": 1 }));
    let calling = tokio::spawn(call.owned());
    while sent(true) < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(1_900)).await;
    assert_eq!(sent(false), 0, "the call did not wait");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(sent(false), 1, "the call is locked out");
    calling.abort();
}
