//! The SDK as a user has it: typed calls, default timeouts, typed replies.

use std::time::{Duration, Instant};

use agent_sdk::{Action, Agent, Error, FromReply, Parameters, Reply};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{Measured, process::cpu_time};

struct ServerStart {
    server: String,
}

#[derive(Deserialize)]
struct Started {
    players: u32,
}

impl Action for ServerStart {
    const NAME: &'static str = "server_start";
    type Output = Started;

    fn write(&self, parameters: &mut Parameters) {
        parameters.add("server", &self.server);
    }
}

impl FromReply for Started {
    fn from_reply(reply: Reply) -> Result<Self, Error> {
        reply.decode()
    }
}

/// Keeps so many calls in flight until the time is over.
pub async fn run(port: u16, in_flight: usize, time: Duration) -> Measured {
    let builder = Agent::builder(format!("ws://127.0.0.1:{port}")).credentials("root", "secret");
    let agent = builder.connect().await.expect("the server accepts");
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut lanes = JoinSet::new();
    for _ in 0..in_flight {
        let agent = agent.clone();
        lanes.spawn(async move {
            let mut calls = 0_u32;
            while began.elapsed() < time {
                let action = ServerStart { server: "AxiomMain".to_owned() };
                let started = agent.call(action).await.expect("a good reply");
                assert_eq!(started.players, 42);
                calls += 1;
            }
            calls
        });
    }
    let calls: u32 = lanes.join_all().await.into_iter().sum();
    let (elapsed, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
    agent.close().await;
    Measured {
        rate: f64::from(calls) / elapsed.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e6 / f64::from(calls),
    }
}
