//! A TCP proxy on loopback that cuts, delays and freezes what passes through it.

use std::{io, time::Duration};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// The answer of a gateway whose agent is away.
const AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Free,
    /// Each piece is held up for this long.
    Slow(Duration),
    /// Nothing passes, and nothing is closed: a link that is dead and open.
    Frozen,
}

/// What meets a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The agent.
    Open,
    /// HTTP 503.
    Unavailable,
    /// An end of stream, or a reset, in place of an answer.
    Cut(Cut),
    /// Nothing, for as long as the client waits.
    Silent,
}

impl Gate {
    /// One that refuses every login.
    pub fn closed(random: &mut impl Rng) -> Self {
        match random.random_range(0..4) {
            0 => Self::Unavailable,
            1 => Self::Cut(Cut::Close),
            2 => Self::Cut(Cut::Reset),
            _ => Self::Silent,
        }
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// With an end of stream, as when a process exits.
    Close,
    /// With a reset.
    Reset,
}

/// A proxy; dropping it cuts every connection and closes its port.
pub struct Proxy {
    port: u16,
    flow: watch::Sender<Flow>,
    gate: watch::Sender<Gate>,
    cut: watch::Sender<Cut>,
    task: JoinHandle<()>,
}

/// What a connection through a proxy has to heed.
#[derive(Clone)]
struct Orders {
    flow: watch::Receiver<Flow>,
    gate: watch::Receiver<Gate>,
    cut: watch::Receiver<Cut>,
}

impl Proxy {
    /// Starts one in front of a port on 127.0.0.1. What it answers while nothing listens there is drawn
    /// from the seed.
    pub async fn start(upstream: u16, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let flow = watch::Sender::new(Flow::Free);
        let gate = watch::Sender::new(Gate::Open);
        let cut = watch::Sender::new(Cut::Close);
        let orders =
            Orders { flow: flow.subscribe(), gate: gate.subscribe(), cut: cut.subscribe() };
        let task = tokio::spawn(accept(listener, upstream, orders, StdRng::seed_from_u64(seed)));
        Ok(Self { port, flow, gate, cut, task })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set_flow(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Decides about the logins from now on.
    pub fn set_gate(&self, gate: Gate) {
        self.gate.send_replace(gate);
    }

    /// Cuts the connections that are open, also those that are logging in.
    pub fn cut(&self, how: Cut) {
        self.cut.send_replace(how);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, upstream: u16, orders: Orders, mut random: StdRng) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let mut orders = orders.clone();
                // Only cuts from here on count.
                orders.cut.mark_unchanged();
                let while_away = Gate::closed(&mut random);
                connections.spawn(relay(client, upstream, orders, while_away));
            },
        }
    }
}

/// Connects the two sides until one of them ends or the connection is cut.
async fn relay(mut client: TcpStream, upstream: u16, mut orders: Orders, while_away: Gate) {
    let gate = *orders.gate.borrow();
    let agent = match gate {
        Gate::Open => TcpStream::connect(("127.0.0.1", upstream)).await.map_err(|_| while_away),
        closed => Err(closed),
    };
    let mut agent = match agent {
        Ok(agent) => agent,
        Err(gate) => return turn_away(client, gate).await,
    };
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_agent, to_agent) = agent.split();
        tokio::select! {
            () = pump(from_client, to_agent, orders.flow.clone()) => false,
            () = pump(from_agent, to_client, orders.flow) => false,
            changed = orders.cut.changed() => {
                changed.is_ok() && *orders.cut.borrow() == Cut::Reset
            }
        }
    };
    if reset {
        // A socket that is gone already needs no reset.
        let _ = client.set_zero_linger();
        let _ = agent.set_zero_linger();
    }
}

/// Meets a login that is not to reach the agent. What the client makes of its end is its own affair.
async fn turn_away(mut client: TcpStream, gate: Gate) {
    let mut login = [0; 4096];
    let _ = client.read(&mut login).await;
    match gate {
        Gate::Unavailable => _ = client.write_all(AWAY).await,
        Gate::Cut(Cut::Reset) => _ = client.set_zero_linger(),
        Gate::Cut(Cut::Close) | Gate::Open => {}
        Gate::Silent => while let Ok(1..) = client.read(&mut login).await {},
    }
}

/// Passes bytes on in one direction, as the flow allows, to the end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flow: watch::Receiver<Flow>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(size @ 1..) = from.read(&mut buffer).await {
        // The proxy is gone if there is no flow any more.
        let Ok(now) = flow.wait_for(|flow| *flow != Flow::Frozen).await.map(|flow| *flow) else {
            return;
        };
        if let Flow::Slow(time) = now {
            sleep(time).await;
        }
        if to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}
