//! The port of a mock: it can be closed and opened again.

use std::{
    io, mem,
    sync::{Arc, Mutex},
};

use tokio::{net::TcpSocket, time::sleep};

use super::{
    listener::{Listener, Shutdown, reserve},
    peer::Control,
    shared::{Shared, lock},
    upgrade::Refusal,
};

/// The port on 127.0.0.1, and who listens there.
pub(super) struct Port {
    pub(super) number: u16,
    shared: Arc<Shared>,
    socket: Mutex<Socket>,
}

enum Socket {
    Open(Listener),
    /// While the agent is down, no other program may take its port.
    Reserved(TcpSocket),
    Closed,
}

impl Port {
    /// Opens a port; 0 is any that is free.
    pub(super) fn open(number: u16, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = reserve(number)?;
        let number = socket.local_addr()?.port();
        let listener = Listener::spawn(socket, Arc::clone(&shared))?;
        Ok(Self { number, shared, socket: Mutex::new(Socket::Open(listener)) })
    }

    /// Ends every connection, and refuses further ones until the port is reopened.
    pub(super) async fn close(&self) {
        if let Some(socket) = self.end(Shutdown::Cut).await {
            *lock(&self.socket) = Socket::Reserved(socket);
        }
    }

    /// Ends every connection and gives the port back.
    pub(super) async fn stop(&self) {
        drop(self.end(Shutdown::Graceful).await);
    }

    /// Returns what keeps the port.
    async fn end(&self, how: Shutdown) -> Option<TcpSocket> {
        let socket = mem::replace(&mut *lock(&self.socket), Socket::Closed);
        match socket {
            Socket::Open(listener) => listener.stop(how).await,
            Socket::Reserved(socket) => Some(socket),
            Socket::Closed => None,
        }
    }

    /// Opens the same port again.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let mut current = lock(&self.socket);
        let socket = match mem::replace(&mut *current, Socket::Closed) {
            Socket::Reserved(socket) => socket,
            Socket::Closed => reserve(self.number)?,
            open @ Socket::Open(_) => {
                *current = open;
                return Err(io::ErrorKind::AddrInUse.into());
            }
        };
        *current = Socket::Open(Listener::spawn(socket, Arc::clone(&self.shared))?);
        Ok(())
    }
}

/// Restarts the agent whenever a fault wants it, until the mock is dropped.
pub(super) async fn restart_when_wanted(port: Arc<Port>) {
    loop {
        port.shared.restart_wanted.notified().await;
        let (down, gateway) = port.shared.lasting.restart();
        if let Some(status) = gateway {
            *lock(&port.shared.refuse_all) = Some(Refusal::Status(status));
            port.shared.peers.control_all(Control::Cut);
            sleep(down).await;
            *lock(&port.shared.refuse_all) = None;
        } else {
            port.close().await;
            sleep(down).await;
            // The test may have opened it meanwhile.
            let _ = port.reopen();
        }
    }
}
