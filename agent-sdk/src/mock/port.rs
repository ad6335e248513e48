//! The port of a mock: it can be closed and opened again.

use std::{io, mem, sync::Arc};

use tokio::{net::TcpSocket, sync::Mutex, time::sleep};

use super::{
    listener::{Listener, Shutdown, reserve},
    peer::Control,
    shared::Shared,
};

/// The port on 127.0.0.1, and who listens there.
pub(super) struct Port {
    pub(super) number: u16,
    shared: Arc<Shared>,
    /// Locked for as long as it takes to open or close it.
    socket: Arc<Mutex<Socket>>,
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
        Ok(Self { number, shared, socket: Arc::new(Mutex::new(Socket::Open(listener))) })
    }

    /// Ends every connection, and refuses further ones until the port is reopened. If the future is
    /// dropped, it is closed all the same, and a reopening waits for that.
    pub(super) async fn close(&self) {
        let mut socket = Arc::clone(&self.socket).lock_owned().await;
        let closing = tokio::spawn(async move {
            if let Some(kept) = socket.end(Shutdown::Cut).await {
                *socket = Socket::Reserved(kept);
            }
        });
        // It neither panics nor is aborted.
        let _ = closing.await;
    }

    /// Ends every connection and gives the port back.
    pub(super) async fn stop(&self) {
        drop(self.socket.lock().await.end(Shutdown::Graceful).await);
    }

    /// Opens the same port again.
    pub(super) async fn reopen(&self) -> io::Result<()> {
        let mut current = self.socket.lock().await;
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

impl Socket {
    /// Ends every connection; returns what keeps the port.
    async fn end(&mut self, how: Shutdown) -> Option<TcpSocket> {
        match mem::replace(self, Self::Closed) {
            Self::Open(listener) => listener.stop(how).await,
            Self::Reserved(socket) => Some(socket),
            Self::Closed => None,
        }
    }
}

/// Restarts the agent whenever a fault wants it, until the mock is dropped.
pub(super) async fn restart_when_wanted(port: Arc<Port>) {
    loop {
        port.shared.restart_wanted.notified().await;
        let (down, has_gateway) = port.shared.lasting.restart();
        port.shared.limiter.clear_bans();
        if has_gateway {
            port.shared.lasting.set_restarting(true);
            port.shared.peers.control_all(Control::Cut);
            sleep(down).await;
            port.shared.lasting.set_restarting(false);
        } else {
            port.close().await;
            sleep(down).await;
            // The test may have opened it meanwhile.
            let _ = port.reopen().await;
        }
    }
}
