//! How often a call allocates, counted on the thread of the client; the agent has its own.
#![cfg(feature = "mock")]

use agent_sdk::{
    Action, Agent, Error, FromReply, Parameters, Reply, Tls,
    mock::{self, MockAgent},
};
use futures_util::poll;
use serde::Deserialize;
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinSet};

/// So few tasks let a connection be idle in between.
const FEW: usize = 16;

/// A call of the usual size.
struct ServerStart<'a> {
    server: &'a str,
}

/// A typed small reply.
#[derive(Deserialize)]
struct Started {
    state: String,
    players: u32,
}

impl Action for ServerStart<'_> {
    const NAME: &'static str = "server_start";
    type Output = Started;

    fn write_parameters(&self, parameters: &mut Parameters) {
        parameters.add("server", self.server);
    }
}

impl FromReply for Started {
    fn from_reply(reply: Reply) -> Result<Self, Error> {
        reply.decode()
    }
}

/// A mock on threads of its own, and a client on this one.
struct Pair {
    client: Runtime,
    agent: Agent,
    _mock: MockAgent,
    _server: Runtime,
}

impl Pair {
    fn new(builder: mock::Builder) -> Self {
        let server = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mock = server.block_on(builder.start()).unwrap();
        let tls = mock.fingerprint().map(|fingerprint| Tls::pinned(fingerprint).unwrap());
        let mut agent = Agent::builder(mock.url()).credentials(mock.username(), mock.password());
        if let Some(tls) = tls {
            agent = agent.tls(tls);
        }
        let agent = client.block_on(agent.connect()).unwrap();
        Self { client, agent, _mock: mock, _server: server }
    }

    /// Makes calls in so many tasks.
    fn calls(&self, tasks: usize, each: usize) {
        self.client.block_on(async {
            // Many tasks keep a connection busy in the long run; if all of their calls happened to be
            // answered at once, it would be idle in between and give back the room for them.
            let mut held = (tasks > FEW).then(|| Box::pin(self.agent.call_raw("held", ())));
            if let Some(held) = &mut held {
                assert!(poll!(held).is_pending());
            }
            let mut running = JoinSet::new();
            for _ in 0..tasks {
                let agent = self.agent.clone();
                running.spawn(async move {
                    for _ in 0..each {
                        call(&agent).await;
                    }
                });
            }
            running.join_all().await;
        });
    }
}

async fn call(agent: &Agent) {
    let started = agent.call(ServerStart { server: "survival" }).await.unwrap();
    assert_eq!((started.state.as_str(), started.players), ("running", 42));
}

fn mock() -> mock::Builder {
    MockAgent::builder(json!({ "server_start": { "required_parameters": ["server"] } }))
        .handler("held", |_, _| std::future::pending())
        .handler("server_start", |_, _| async { Ok(json!({ "state": "running", "players": 42 })) })
}

/// Allocations of each call in the long run, with so many in flight.
fn allocations(pair: &Pair, in_flight: usize) -> f64 {
    const CALLS: usize = 10_240;
    let each = CALLS / in_flight;
    // What is kept from then on is not counted, nor are the tasks themselves, which are the test's.
    pair.calls(in_flight, each);
    let [tasks, all] = [0, each]
        .map(|each| allocation_counter::measure(|| pair.calls(in_flight, each)).count_total);
    f64::from(u32::try_from(all - tasks).unwrap()) / f64::from(u32::try_from(CALLS).unwrap())
}

#[test]
fn a_call_allocates_at_most_three_times() {
    // The three are the request, what caller and connection share of the call, and the text in the
    // caller's own result. rustls makes a vector of each record, in both directions, which the calls
    // in the record have in common.
    for (tls, limits) in [(false, [3.0, 3.0, 3.0]), (true, [3.1, 3.2, 5.0])] {
        let pair = Pair::new(mock().tls(tls));
        for (in_flight, limit) in [256, 16, 1].into_iter().zip(limits) {
            let each = allocations(&pair, in_flight);
            println!("tls: {tls}, {in_flight} in flight: {each:.2} allocations a call");
            // A frame that arrives in two parts is put together elsewhere; that is one of sixty.
            assert!(each <= limit + 0.05, "tls: {tls}, {in_flight} in flight: {each}");
        }
    }
}
