//! The server as a process of its own, and CPU time as the kernel counts it.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::server::{Order, SERVER};

/// A running server, killed when it is dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub fn start(order: Order) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args([SERVER, order.name()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server tells its port");
        let port = line.trim().parse().expect("the port is a number");
        Self { child, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself after a while if it cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps this thread on one processor, where there is more than one.
pub fn pin(index: usize) {
    if let Some(cores) = core_affinity::get_core_ids()
        && cores.len() > 1
        && let Some(core) = cores.get(index)
    {
        core_affinity::set_for_current(*core);
    }
}

/// The CPU time of this thread so far; nothing where the kernel does not tell.
pub fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
