//! Load and faults, and the account of every call.
//!
//! `proxy` what lies between client and agent · `faults` what goes wrong and when · `ledger` what
//! became of each call · `storm` many connections at once · `resources` what the process takes

pub mod storm;

mod faults;
mod ledger;
mod proxy;
mod resources;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use agent_sdk::{Agent, Builder, Error, Outcome, Pace, ReconnectPolicy, State, mock::MockAgent};
use futures_util::future::join_all;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use self::{
    faults::{Counts, Faults},
    ledger::{Fate, Ledger, Totals},
    proxy::Proxy,
    resources::Resources,
};
use crate::failure::Failure;

/// What is to be put on the client.
pub struct Load {
    pub lasting: Duration,
    pub connections: usize,
    pub in_flight: usize,
    /// What every random choice is drawn from.
    pub seed: u64,
}

/// Far longer than the longest timeout of a call here: one that takes this long hangs.
const HUNG_AFTER: Duration = Duration::from_secs(20);
/// How long a client may take to log in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a client waits where its login may have been counted as a bad one. By default it is 75 s;
/// then little would happen on connections whose logins are cut.
const BAN_DELAY: Duration = Duration::from_secs(1);
/// How long connections may take to be back once everything works again: longer than a login that gets
/// no answer, and the wait after it.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// What memory may grow by in the second half: an allocator's noise, and no leak.
const MEMORY_NOISE: u64 = 32 << 20;

/// Makes calls for a while, and tells what became of them.
pub async fn soak(load: &Load) -> Result<Report, Failure> {
    let before = Resources::now();
    let ledger = Arc::new(Ledger::default());
    let mock = Arc::new(agent(&ledger, load.seed).await?);
    let mut proxies = Vec::with_capacity(load.connections);
    for number in 0..load.connections {
        let proxy = Proxy::start(mock.port(), load.seed ^ number as u64).await;
        proxies.push(proxy.map_err(|error| cannot("a proxy be started", &error))?);
    }
    let agents = connect(&mock, &proxies).await?;

    let end = Instant::now() + load.lasting;
    let mut callers = JoinSet::new();
    for (number, agent) in agents.iter().enumerate() {
        for caller in 0..load.in_flight {
            let seed = load.seed ^ (number * load.in_flight + caller) as u64;
            callers.spawn(call_until(agent.clone(), Arc::clone(&ledger), end, seed));
        }
    }
    let slow_waits = Arc::new(AtomicU64::new(0));
    let mut watchers = JoinSet::new();
    for agent in &agents {
        watchers.spawn(count_slow_waits(agent.clone(), Arc::clone(&slow_waits)));
    }
    let mut faults = Faults::new(load.seed, Arc::clone(&mock));
    let middle = async {
        sleep(load.lasting / 2).await;
        Resources::now()
    };
    let (middle, ()) = tokio::join!(middle, faults.until(end, &proxies));
    while callers.join_next().await.is_some() {}
    // What was sent and not answered may arrive late.
    let memory_growth = Resources::now().memory.saturating_sub(middle.memory);

    let not_back = count_not_back(&agents).await;
    join_all(agents.iter().map(Agent::close)).await;
    while watchers.join_next().await.is_some() {}
    let reconnects = agents.iter().map(|agent| agent.statistics().reconnects).sum();
    let fault_counts = faults.counts();
    drop((agents, proxies, faults));
    if let Some(mock) = Arc::into_inner(mock) {
        mock.stop().await;
    }
    // Tasks that were told to end have their turn.
    sleep(Duration::from_millis(200)).await;
    let after = Resources::now();
    Ok(Report {
        seed: load.seed,
        calls: ledger.totals(),
        faults: fault_counts,
        reconnects,
        slow_waits: slow_waits.load(Relaxed),
        not_back,
        memory_growth_bytes: memory_growth,
        tasks_left: after.tasks.saturating_sub(before.tasks),
        descriptors_left: after.descriptors.saturating_sub(before.descriptors),
    })
}

fn cannot(what: &str, error: &dyn fmt::Display) -> Failure {
    Failure::failed(format!("on loopback {what} cannot be: {error}"))
}

/// An agent that counts what it executes.
async fn agent(ledger: &Arc<Ledger>, seed: u64) -> Result<MockAgent, Failure> {
    let ledger = Arc::clone(ledger);
    let catalogue = json!({ "actions": { "work": { "required_parameters": { "id": "int" } } } });
    let mock = MockAgent::builder(catalogue).tls(false).handler("work", move |parameters, _| {
        let id = parameters["id"].as_u64().unwrap_or_default();
        ledger.executed(id);
        let mut random = StdRng::seed_from_u64(seed ^ id.rotate_left(32));
        async move {
            match random.random_range(0..100) {
                // Never answered in time.
                0 => sleep(HUNG_AFTER).await,
                1..5 => sleep(Duration::from_millis(random.random_range(1..300))).await,
                5 => return Err(json!({ "error": "as drawn" })),
                _ => {}
            }
            Ok(json!({ "id": id }))
        }
    });
    mock.start().await.map_err(|error| cannot("the agent be started", &error))
}

async fn connect(mock: &MockAgent, proxies: &[Proxy]) -> Result<Vec<Agent>, Failure> {
    let policy = ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(10))
        .max_backoff(Duration::from_millis(300))
        .ban_delay(BAN_DELAY);
    let client = |proxy: &Proxy| -> Builder {
        Agent::builder(format!("ws://127.0.0.1:{}", proxy.port()))
            .credentials(mock.username(), mock.password())
            .connect_timeout(LOGIN_TIMEOUT)
            .keepalive(Duration::from_secs(1))
            .reconnect(policy.clone())
    };
    let agents = join_all(proxies.iter().map(|proxy| client(proxy).connect())).await;
    Ok(agents.into_iter().collect::<Result<_, _>>()?)
}

/// One caller: a call after the other, some of them dropped, until the end.
async fn call_until(agent: Agent, ledger: Arc<Ledger>, end: Instant, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    while Instant::now() < end {
        let id = ledger.begin();
        let fate = call(&agent, id, &mut random).await;
        ledger.end(id, fate);
        sleep(Duration::from_millis(random.random_range(0..10))).await;
    }
}

async fn call(agent: &Agent, id: u64, random: &mut impl Rng) -> Fate {
    let limit = Duration::from_millis(random.random_range(50..3_000));
    let call = agent.call_raw("work", json!({ "id": id })).timeout(limit).into_future();
    if random.random_range(0..50) == 0 {
        let patience = Duration::from_millis(random.random_range(0..20));
        return match timeout(patience, call).await {
            Ok(result) => fate(id, &result),
            Err(_) => Fate::Dropped,
        };
    }
    match timeout(HUNG_AFTER, call).await {
        Ok(result) => fate(id, &result),
        Err(_) => Fate::Hung,
    }
}

fn fate(id: u64, result: &Result<agent_sdk::Reply, Error>) -> Fate {
    match result {
        Ok(reply) => match reply.parameters() {
            Ok(parameters) if parameters["id"] == id => Fate::Answered,
            _ => Fate::WrongAnswer,
        },
        Err(Error::Rejected(_)) => Fate::Rejected,
        Err(error) => match error.outcome() {
            Outcome::NotExecuted => Fate::NotSent,
            _ => Fate::Unknown,
        },
    }
}

/// Counts the waits after doubtful logins until the connection is closed.
async fn count_slow_waits(agent: Agent, count: Arc<AtomicU64>) {
    let mut states = agent.state();
    drop(agent);
    while states.changed().await.is_ok() {
        match &*states.borrow_and_update() {
            State::Closed { .. } => return,
            State::Reconnecting { pace: Pace::Slow, .. } => _ = count.fetch_add(1, Relaxed),
            _ => {}
        }
    }
}

/// How many connections do not come back once nothing is in their way.
async fn count_not_back(agents: &[Agent]) -> usize {
    let deadline = Instant::now() + BACK_WITHIN;
    let back = agents.iter().map(|agent| async move {
        let mut states = agent.state();
        let connected = states.wait_for(|state| matches!(state, State::Connected));
        tokio::select! {
            _ = connected => true,
            () = sleep_until(deadline) => false,
        }
    });
    join_all(back).await.into_iter().filter(|back| !back).count()
}

/// What became of everything.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    calls: Totals,
    /// What was put in the way.
    faults: Counts,
    reconnects: u64,
    /// How often a client waited longer, because its logins may have been counted as bad ones.
    slow_waits: u64,
    /// Connections that had not come back when everything worked again.
    not_back: usize,
    /// By how much resident memory grew in the second half.
    memory_growth_bytes: u64,
    tasks_left: usize,
    descriptors_left: usize,
}

impl Report {
    /// The promises that were broken, in words.
    pub fn broken(&self) -> Vec<String> {
        let Totals { executed_twice, executed_though_not_sent, answered_unexecuted, .. } =
            self.calls;
        [
            (executed_twice, "calls were executed twice"),
            (executed_though_not_sent, "calls were executed and told `not sent`"),
            (answered_unexecuted, "calls were answered and not executed"),
            (self.calls.wrong_answers, "calls got another call's answer"),
            (self.calls.hung, "calls hung"),
            (self.calls.unfinished, "calls have no end"),
            (self.not_back as u64, "connections did not come back"),
            (self.tasks_left as u64, "tasks were left"),
            (self.descriptors_left as u64, "descriptors were left"),
            (self.memory_growth_bytes.saturating_sub(MEMORY_NOISE), "bytes too much were kept"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = &self.calls;
        writeln!(f, "{}", self.faults)?;
        writeln!(f, "{} calls, {} executed by the agent", calls.made, calls.executed)?;
        writeln!(f, "  {} answered, {} rejected", calls.answered, calls.rejected)?;
        writeln!(
            f,
            "  {} not sent, {} of them executed",
            calls.not_sent, calls.executed_though_not_sent
        )?;
        writeln!(f, "  {} unknown, {} dropped by the caller", calls.unknown, calls.dropped)?;
        writeln!(
            f,
            "  {} executed twice, {} wrong answers, {} hung",
            calls.executed_twice, calls.wrong_answers, calls.hung
        )?;
        writeln!(
            f,
            "{} reconnects, {} waits after doubtful logins, {} connections not back",
            self.reconnects, self.slow_waits, self.not_back
        )?;
        let growth = self.memory_growth_bytes >> 10;
        write!(
            f,
            "memory grew by {growth} KiB in the second half; {} tasks and {} descriptors left",
            self.tasks_left, self.descriptors_left
        )
    }
}
