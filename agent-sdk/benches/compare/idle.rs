//! The rows about the memory of connections that do nothing.

use std::time::Duration;

use agent_sdk::Agent;
use futures_util::{SinkExt, StreamExt, future::join_all};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    Plan,
    floor::{self, Socket},
    job::{Client, Job, Ready, Service},
    memory, ours,
    process::{Server, allow_connections},
    report::{Goal, Row, median},
    work,
};

const CONNECTIONS: u32 = 1000;
/// Calls at once on each connection.
const BURST: usize = 100;
/// How long to wait until a connection is idle.
const SETTLE: Duration = Duration::from_millis(300);

/// The memory that a connection takes, in bytes.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Idle {
    /// When it has only been made.
    made: f64,
    /// After a burst of calls on one connection after the other.
    after_each: f64,
    /// After a burst of calls on all connections at once.
    after_all: f64,
}

/// A process of its own for each figure; the server sleeps, and has a thread for each connection.
///
/// What is resident is more than what is in use. After bursts on all connections at once the heap is
/// free but for what it was before, and yet glibc keeps it: it gives back what is free above the last
/// block in use, counts those in its threads' caches as used, and rustls keeps 4 KiB of each
/// connection's. With `GLIBC_TUNABLES=glibc.malloc.tcache_count=0` it is all given back, without TLS.
pub fn idle(plan: &Plan) -> Vec<Row> {
    if memory::resident().is_none() {
        return vec![Row::left_out("idle", memory::UNKNOWN)];
    }
    if let Err(why) = allow_connections(CONNECTIONS) {
        return vec![Row::left_out("idle", &why)];
    }
    let mut list = rows(plan, "idle", 10.0, false);
    list.extend(rows(plan, "idle, wss", 28.0, true));
    list
}

fn rows(plan: &Plan, name: &str, limit: f64, tls: bool) -> Vec<Row> {
    let server = Server::start(&Service { tls, sleep: true, ..work::agent() });
    let measure = |client| -> Vec<Idle> {
        let job = Job::Idle { client, server: server.ready.clone() };
        (0..plan.long_rounds).map(|_| job.by_process()).collect()
    };
    let (floor, ours) = (measure(Client::Floor), measure(Client::Ours));
    let row = |what, figure: fn(&Idle) -> f64, goal| {
        let of = |all: &[Idle]| all.iter().map(|each| figure(each) / 1024.0).collect::<Vec<_>>();
        Row::new(name, what, "KiB", of(&ours))
            .goal(goal)
            .room(1.1)
            .note(format!("floor {:.1}", median(of(&floor).into_iter())))
    };
    vec![
        row("resident memory", |idle| idle.made, Goal::AtMost(limit)),
        row("after a burst", |idle| idle.after_each, Goal::AtMost(2.0 * limit)),
        row("after bursts on all at once", |idle| idle.after_all, Goal::Wish(2.0 * limit)),
    ]
}

/// What the connections take in this process.
pub async fn run(client: Client, server: &Ready) -> Idle {
    match (client, &server.certificate) {
        (Client::Floor, None) => {
            measure(async || floor::connect(server, None).await, floor_burst).await
        }
        (Client::Floor, Some(_)) => {
            measure(async || floor::connect_securely(server).await, floor_burst).await
        }
        (Client::Ours, _) => measure(async || ours::connect(server).await, our_burst).await,
    }
}

async fn measure<C>(connect: impl AsyncFn() -> C, burst: impl AsyncFn(&mut C)) -> Idle {
    // What is only needed once, such as the code, must not count.
    let mut first = connect().await;
    burst(&mut first).await;
    drop(first);
    let base = resident().await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(connect().await);
    }
    let each = |now: f64| (now - base) / f64::from(CONNECTIONS);
    let made = each(resident().await);
    for connection in &mut connections {
        burst(connection).await;
    }
    let after_each = each(resident().await);
    join_all(connections.iter_mut().map(|connection| burst(connection))).await;
    Idle { made, after_each, after_all: each(resident().await) }
}

/// What this process has in memory once everything is quiet.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
async fn resident() -> f64 {
    sleep(SETTLE).await;
    memory::resident().expect("the kernel has told it before") as f64
}

async fn floor_burst(socket: &mut impl Socket) {
    for number in 0..BURST {
        socket.feed(floor::request(number)).await.expect("the server reads");
    }
    socket.flush().await.expect("the server reads");
    for number in 0..BURST {
        assert_eq!(floor::number(socket.next().await), number);
    }
}

async fn our_burst(agent: &mut Agent) {
    let calls = join_all((0..BURST).map(|_| ours::call(agent))).await;
    for call in calls {
        call.expect("a good reply").check();
    }
}
