//! One connection of a storm.

use std::{io, time::Duration};

use agent_sdk::{Agent, ReconnectPolicy, State};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::{super::BAN_DELAY, BACK_WITHIN, server::Server};
use crate::failure::Failure;

/// A connection that is made, lost, and made again.
pub trait Peer: Sized + Send + 'static {
    /// Connects and logs in; tries again if the agent cannot take so many at once.
    async fn connect(server: &Server) -> Result<Self, Failure>;
    /// Waits until the connection is lost.
    fn is_lost(&mut self) -> impl Future<Output = ()> + Send;
    /// Waits until it is made again.
    fn is_back(&mut self) -> impl Future<Output = ()> + Send;
}

/// A connection of the SDK, with its default options but for [`BAN_DELAY`]: on a machine that is too
/// slow for a storm, the agent drops logins that take more than 10 s.
pub struct Sdk(Agent);

impl Peer for Sdk {
    async fn connect(server: &Server) -> Result<Self, Failure> {
        let policy = ReconnectPolicy::default().ban_delay(BAN_DELAY);
        let client = server.client().reconnect(policy).wait_for_agent(BACK_WITHIN);
        Ok(Self(client.connect().await?))
    }

    async fn is_lost(&mut self) {
        // The state lasts as long as the agent.
        let _ = self.0.state().wait_for(|state| !matches!(state, State::Connected)).await;
    }

    async fn is_back(&mut self) {
        let _ = self.0.state().wait_for(|state| matches!(state, State::Connected)).await;
    }
}

/// A socket that logs in and does nothing else.
pub struct Bare {
    socket: TcpStream,
    address: String,
    login: String,
}

/// The longest wait before the next attempt: half of the SDK's longest, which comes after some others.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

impl Bare {
    async fn log_in(address: &str, login: &str) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        socket.write_all(login.as_bytes()).await?;
        let mut head = [0; 512];
        let mut size = 0;
        while !head[..size].ends_with(b"\r\n\r\n") {
            match socket.read(&mut head[size..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => size += read,
            }
        }
        Ok(socket)
    }

    async fn until_logged_in(address: &str, login: &str, longest_wait: Duration) -> TcpStream {
        loop {
            if let Ok(socket) = Self::log_in(address, login).await {
                return socket;
            }
            sleep(longest_wait.mul_f64(rand::random())).await;
        }
    }
}

impl Peer for Bare {
    async fn connect(server: &Server) -> Result<Self, Failure> {
        let (address, login) = (server.address().to_owned(), server.login());
        let socket = Self::until_logged_in(&address, &login, Duration::from_millis(250)).await;
        Ok(Self { socket, address, login })
    }

    async fn is_lost(&mut self) {
        let mut rest = [0; 64];
        while let Ok(1..) = self.socket.read(&mut rest).await {}
    }

    async fn is_back(&mut self) {
        self.socket = Self::until_logged_in(&self.address, &self.login, LONGEST_WAIT).await;
    }
}
