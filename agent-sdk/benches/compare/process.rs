//! The server as a process of its own, processors, and CPU time as the kernel counts it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use core_affinity::CoreId;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::job::{Ready, Service};

/// A running server, killed when it is dropped.
pub struct Server {
    child: Child,
    pub ready: Ready,
}

impl Server {
    pub fn start(service: &Service) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args(service.arguments())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server tells that it is ready");
        let ready = serde_json::from_str(&line).expect("the server is ready");
        Self { child, ready }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself after a while if it cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process, and those that it starts, have so many connections; otherwise why they cannot.
pub fn allow_connections(count: u32) -> Result<(), String> {
    // Beside them there are a listener, the runtime's own, and the standard ones.
    let needed = u64::from(count) + 100;
    match rlimit::increase_nofile_limit(needed) {
        Ok(limit) if limit >= needed => Ok(()),
        Ok(limit) => Err(format!("it needs {needed} open files, and {limit} are allowed")),
        Err(error) => Err(format!("the number of open files cannot be raised: {error}")),
    }
}

/// Ends this process after a time, whatever happens.
pub fn end_after(time: Duration) {
    thread::spawn(move || {
        thread::sleep(time);
        std::process::exit(1);
    });
}

/// Returns whether there are two processors: one for the client, one for the server.
pub fn are_enough() -> bool {
    cores().len() > 1
}

fn cores() -> Vec<CoreId> {
    core_affinity::get_core_ids().unwrap_or_default()
}

/// Keeps this thread, and the threads and processes that it starts, on one processor.
pub fn pin(core: usize) {
    let pinned = cores().get(core).is_some_and(|core| core_affinity::set_for_current(*core));
    assert!(pinned, "this thread cannot be kept on processor {core}");
}

/// Does something on one processor; this thread stays where it is.
pub fn on_core<T: Send>(core: usize, work: impl FnOnce() -> T + Send) -> T {
    let pinned = || {
        pin(core);
        work()
    };
    thread::scope(|scope| match scope.spawn(pinned).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// A runtime on this thread alone.
pub fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The CPU time of this thread so far.
pub fn thread_time() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

/// The CPU time of all threads of this process so far.
pub fn process_time() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap_or_default()
}
