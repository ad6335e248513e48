//! Everything goes wrong at once, and each promise is kept all the same.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use agent_sdk::{
    Agent, Outcome,
    mock::{Fault, MockAgent, RawFrames, ReplyForm},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{client, mock, soon};

const ROUNDS: u32 = 200;
const TASKS: u64 = 50;
/// Any number does; the same one makes the same faults in the same order.
const SEED: u64 = 4;
/// How many calls end in a round before the next fault.
const CALLS_PER_ROUND: u64 = 30;
/// How much later than its timeout a call may end, on a machine that has much else to do.
const MARGIN: Duration = Duration::from_secs(20);

/// What the tasks have in common.
#[derive(Default)]
struct Notes {
    next: AtomicU64,
    ended: AtomicU64,
    over: AtomicBool,
    /// Calls of which the caller was told that the agent has not executed them.
    not_executed: Mutex<Vec<u64>>,
}

/// Calls until it is over; now and then it loses patience and drops the call.
async fn call_on(agent: Agent, notes: Arc<Notes>, mut random: StdRng) {
    while !notes.over.load(Relaxed) {
        let number = notes.next.fetch_add(1, Relaxed);
        let timeout = Duration::from_millis(random.random_range(1..150));
        let began = Instant::now();
        let call = agent.call_raw("count", json!({"number": number})).timeout(timeout);
        let patience = if random.random_ratio(1, 8) { timeout / 2 } else { Duration::MAX };
        if let Ok(result) = tokio::time::timeout(patience, call).await {
            match result {
                Ok(reply) => assert_eq!(reply.parameters().unwrap()["number"], number),
                Err(error) => match error.outcome() {
                    Outcome::Unknown => {}
                    Outcome::NotExecuted => notes.not_executed.lock().unwrap().push(number),
                    _ => panic!("{error}"),
                },
            }
        }
        let took = began.elapsed();
        assert!(took <= timeout + MARGIN, "a call of {timeout:?} took {took:?}");
        notes.ended.fetch_add(1, Relaxed);
    }
}

/// Lets something go wrong, of whatever kind.
async fn strike(mock: &MockAgent, agent: &Agent, random: &mut StdRng) {
    let times = random.random_range(1..20);
    let millis = Duration::from_millis(random.random_range(1..200));
    match random.random_range(0..12) {
        0 => mock.inject(Fault::delay(millis).times(times)),
        1 => mock.inject(Fault::lose().times(times)),
        2 => mock.inject(Fault::reverse(random.random_range(2..20)).times(times)),
        3 => mock.inject(Fault::form(ReplyForm::NotJson).times(times)),
        4 => mock.inject(Fault::form(ReplyForm::UnknownToken).times(times)),
        5 => mock.inject(Fault::form(ReplyForm::Twice).times(times)),
        6 => mock.inject(Fault::form(ReplyForm::Fragmented(3)).times(times)),
        7 => mock.push_frames(RawFrames::Text(b"garbage \xff".to_vec())).await,
        8 => mock.push_frames(RawFrames::Ping(b"well?".to_vec())).await,
        9 => {
            let lost = agent.statistics().reconnects;
            mock.cut_connections();
            recovered(agent, lost).await;
        }
        10 => {
            let lost = agent.statistics().reconnects;
            mock.restart().await.unwrap();
            recovered(agent, lost).await;
        }
        _ => mock.clear_faults(),
    }
}

/// Waits until the agent has answered on a new connection. One that is lost before it has said
/// anything looks like a refusal, and after some of those the client rightly takes its time.
async fn recovered(agent: &Agent, lost: u64) {
    until(|| agent.statistics().reconnects > lost).await;
    let answered = agent.statistics().succeeded;
    until(|| agent.statistics().succeeded > answered).await;
}

/// Waits for a counter. To look at it without a pause would take a processor from the other tasks.
async fn until(reached: impl Fn() -> bool) {
    soon(async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_keeps_its_promise_whatever_goes_wrong() {
    let executed: Arc<Mutex<Vec<u64>>> = Arc::default();
    let executing = Arc::clone(&executed);
    let mock = mock()
        .handler("count", move |parameters, _| {
            executing.lock().unwrap().push(parameters["number"].as_u64().unwrap());
            async move { Ok(parameters) }
        })
        .start()
        .await
        .unwrap();
    // Few places, so that calls wait for their turn as well.
    let agent = client(&mock).max_in_flight(30).connect().await.unwrap();
    let notes: Arc<Notes> = Arc::default();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let random = StdRng::seed_from_u64(SEED + 1 + task);
        tasks.spawn(call_on(agent.clone(), Arc::clone(&notes), random));
    }
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..ROUNDS {
        strike(&mock, &agent, &mut random).await;
        let enough = notes.ended.load(Relaxed) + CALLS_PER_ROUND;
        until(|| notes.ended.load(Relaxed) >= enough).await;
    }
    notes.over.store(true, Relaxed);
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }

    // After all that it is in good health.
    mock.clear_faults();
    soon(agent.call_raw("echo", ())).await.unwrap();
    let figures = agent.statistics();
    assert_eq!(figures.pending, 0);
    assert!(
        figures.reconnects > 0 && figures.succeeded > 0 && figures.timed_out > 0,
        "{figures:?}"
    );
    let executed = executed.lock().unwrap();
    let once: HashSet<u64> = executed.iter().copied().collect();
    assert_eq!(once.len(), executed.len(), "a request was executed twice");
    let not_executed = notes.not_executed.lock().unwrap();
    assert!(!not_executed.is_empty(), "the faults were too mild to show anything");
    for number in &*not_executed {
        assert!(
            !once.contains(number),
            "call {number} was executed, and its caller told otherwise"
        );
    }
    let requests = mock.requests();
    assert_eq!(requests.len() as u64, mock.request_count(), "the mock has forgotten requests");
    let tokens: HashSet<_> = requests.iter().map(|request| &request.token).collect();
    assert_eq!(tokens.len(), requests.len(), "a token was used twice");
}
