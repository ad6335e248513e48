//! The port of a mock: it can be closed and opened again.

use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{net::TcpListener, time::sleep};

use super::{
    listener::{Listener, Shutdown},
    peer::Control,
    shared::{Shared, lock},
    upgrade::Refusal,
};

/// The port on 127.0.0.1, and who listens there.
pub(super) struct Port {
    pub(super) number: u16,
    shared: Arc<Shared>,
    /// `None` while it is down.
    listener: Mutex<Option<Listener>>,
}

impl Port {
    /// Opens a port; 0 is any that is free.
    pub(super) async fn open(number: u16, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).await?;
        let number = socket.local_addr()?.port();
        let listener = Listener::spawn(socket, Arc::clone(&shared));
        Ok(Self { number, shared, listener: Mutex::new(Some(listener)) })
    }

    /// Closes the port and ends every connection.
    pub(super) async fn close(&self, how: Shutdown) {
        let listener = lock(&self.listener).take();
        if let Some(listener) = listener {
            listener.stop(how).await;
        }
    }

    /// Opens the same port again.
    pub(super) async fn reopen(&self) -> io::Result<()> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, self.number)).await?;
        *lock(&self.listener) = Some(Listener::spawn(socket, Arc::clone(&self.shared)));
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
            port.close(Shutdown::Cut).await;
            sleep(down).await;
            // Somebody else may have taken the port: then the agent stays down.
            let _ = port.reopen().await;
        }
    }
}
