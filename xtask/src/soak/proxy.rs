//! A TCP proxy on loopback that cuts, delays and freezes what passes through it.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// The answer while the agent is away.
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
    cut: watch::Sender<Cut>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of a port on 127.0.0.1.
    pub async fn start(upstream: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (flow, cut) = (watch::Sender::new(Flow::Free), watch::Sender::new(Cut::Close));
        let task = tokio::spawn(accept(listener, upstream, flow.subscribe(), cut.subscribe()));
        Ok(Self { port, flow, cut, task })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set_flow(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Cuts the connections that are open.
    pub fn cut(&self, how: Cut) {
        self.cut.send_replace(how);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    upstream: u16,
    flow: watch::Receiver<Flow>,
    cut: watch::Receiver<Cut>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let mut cut = cut.clone();
                // Only cuts from here on count.
                cut.mark_unchanged();
                connections.spawn(relay(client, upstream, flow.clone(), cut));
            },
        }
    }
}

/// Connects the two sides until one of them ends or the connection is cut.
async fn relay(
    mut client: TcpStream,
    upstream: u16,
    flow: watch::Receiver<Flow>,
    cut: watch::Receiver<Cut>,
) {
    let Ok(mut agent) = TcpStream::connect(("127.0.0.1", upstream)).await else {
        // Like a gateway whose agent is away; a client that has gone needs no answer.
        let _ = client.write_all(AWAY).await;
        return;
    };
    let answered = AtomicBool::new(false);
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_agent, to_agent) = agent.split();
        tokio::select! {
            () = pump(from_client, to_agent, flow.clone(), || {}) => false,
            () = pump(from_agent, to_client, flow, || answered.store(true, Relaxed)) => false,
            how = cut_once_answered(cut, &answered) => how == Cut::Reset,
        }
    };
    if reset {
        // A socket that is gone already needs no reset.
        let _ = client.set_zero_linger();
        let _ = agent.set_zero_linger();
    }
}

/// Waits for a cut. A login is left alone: one that ends without an answer counts as refused, and
/// the client would rightly wait for longer than this runs.
async fn cut_once_answered(mut cut: watch::Receiver<Cut>, answered: &AtomicBool) -> Cut {
    loop {
        if cut.changed().await.is_err() {
            return Cut::Close;
        }
        let how = *cut.borrow_and_update();
        if answered.load(Relaxed) {
            return how;
        }
    }
}

/// Passes bytes on in one direction, as the flow allows, to the end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flow: watch::Receiver<Flow>,
    passed: impl Fn(),
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
        passed();
    }
}
