//! Being asked to stop.

use std::io;

use crate::failure::Failure;

/// Waits for Ctrl-C or, on Unix, a request to terminate. From its making on, neither ends the
/// process by itself.
pub struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupt {
    #[cfg(unix)]
    pub fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| trouble(&error));
        Ok(Self { signals: [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?] })
    }

    #[cfg(not(unix))]
    pub fn new() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Waits. Dropping the future loses nothing.
    #[cfg(unix)]
    pub async fn wait(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub async fn wait(&mut self) {
        // Without a handler, Ctrl-C ends the process, which is what is wanted.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg_attr(not(unix), expect(dead_code, reason = "nothing is registered there"))]
fn trouble(error: &io::Error) -> Failure {
    Failure::failed(format!("signals cannot be listened for: {error}"))
}
