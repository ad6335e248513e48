//! Being asked to stop.

use std::io;

use crate::failure::Failure;

/// Waits for Ctrl-C or, on Unix, a request to terminate. Once created, neither signal ends the
/// process.
pub struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Interrupt {
    #[cfg(unix)]
    pub fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| not_registered(&error));
        Ok(Self { signals: [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?] })
    }

    #[cfg(windows)]
    pub fn new() -> Result<Self, Failure> {
        let ctrl_c = tokio::signal::windows::ctrl_c().map_err(|error| not_registered(&error))?;
        Ok(Self { ctrl_c })
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

    /// Waits. Dropping the future loses nothing.
    #[cfg(windows)]
    pub async fn wait(&mut self) {
        self.ctrl_c.recv().await;
    }
}

fn not_registered(error: &io::Error) -> Failure {
    Failure::failed(format!("signals cannot be listened for: {error}"))
}
