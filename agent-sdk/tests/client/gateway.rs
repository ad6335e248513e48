//! A gateway between client and agent: it forwards, or answers in its own words.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_sdk::{Agent, Builder, ReconnectPolicy, Tls, mock::MockAgent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::common::{holds, mock};

/// What the gateway does with those who come.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Passes everything on to the agent.
    Forward,
    /// Reads the request and answers so.
    Answer(String),
    /// Reads the request and closes.
    Close,
    /// Reads the request and resets.
    Reset,
    /// Answers before anything is read, as a server does that expects no TLS.
    AnswerAtOnce(String),
    /// Closes before anything is read, as a tunnel to a port without a listener does.
    CloseAtOnce,
    /// Reads the request, answers nothing, and stays.
    Silence,
}

/// A gateway before a mock agent. It stops when it is dropped.
pub struct Gateway {
    address: String,
    mode: watch::Sender<Mode>,
    visits: Arc<AtomicUsize>,
    pub mock: MockAgent,
    _tasks: JoinSet<()>,
}

impl Gateway {
    pub async fn new() -> Self {
        Self::before(mock().start().await.unwrap()).await
    }

    pub async fn before(mock: MockAgent) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mode = watch::Sender::new(Mode::Forward);
        let visits = Arc::<AtomicUsize>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, mock.port(), mode.subscribe(), Arc::clone(&visits)));
        Self { address, mode, visits, mock, _tasks: tasks }
    }

    /// A client behind the gateway.
    pub fn client(&self, policy: ReconnectPolicy) -> Builder {
        let scheme = if self.mock.fingerprint().is_some() { "wss" } else { "ws" };
        let client = Agent::builder(format!("{scheme}://{}", self.address))
            .credentials(self.mock.username(), self.mock.password())
            .reconnect(policy);
        match self.mock.fingerprint() {
            Some(fingerprint) => client.tls(Tls::pinned(fingerprint).unwrap()),
            None => client,
        }
    }

    /// A client whose credentials have worked.
    pub async fn connect(&self, policy: ReconnectPolicy) -> Agent {
        self.client(policy).connect().await.unwrap()
    }

    /// Cuts all connections, and does this from now on.
    pub fn switch(&self, mode: Mode) {
        self.visits.store(0, Ordering::Relaxed);
        self.mode.send_replace(mode);
    }

    /// How many connections came since the last switch.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }

    pub async fn wait_for_visits(&self, visits: usize) {
        holds(|| self.visits() >= visits).await;
    }
}

async fn serve(
    listener: TcpListener,
    agent: u16,
    mode: watch::Receiver<Mode>,
    visits: Arc<AtomicUsize>,
) {
    let mut visitors = JoinSet::new();
    loop {
        tokio::select! {
            visitor = listener.accept() => {
                visits.fetch_add(1, Ordering::Relaxed);
                visitors.spawn(receive(visitor.unwrap().0, agent, mode.clone()));
            }
            Some(_) = visitors.join_next() => {}
        }
    }
}

/// Serves one connection until the mode is switched.
async fn receive(stream: TcpStream, agent: u16, mut mode: watch::Receiver<Mode>) {
    let now = mode.borrow_and_update().clone();
    tokio::select! {
        () = answer(stream, agent, now) => {}
        _ = mode.changed() => {}
    }
}

async fn answer(mut stream: TcpStream, agent: u16, mode: Mode) {
    match mode {
        Mode::Forward => {
            let mut upstream = TcpStream::connect(("127.0.0.1", agent)).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut upstream).await;
        }
        Mode::Answer(answer) => {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Mode::Close => read_request(&mut stream).await,
        Mode::Reset => {
            read_request(&mut stream).await;
            stream.set_zero_linger().unwrap();
        }
        Mode::AnswerAtOnce(answer) => {
            let _ = stream.write_all(answer.as_bytes()).await;
            // Until the client goes: to close at once could take the answer back.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
        Mode::CloseAtOnce => {}
        Mode::Silence => {
            read_request(&mut stream).await;
            std::future::pending::<()>().await;
        }
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
}
