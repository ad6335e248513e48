//! What this process takes.

use std::time::Duration;

use tokio::runtime::Handle;

/// What the process holds.
pub struct Resources {
    /// Resident memory, in bytes; 0 where the system does not tell.
    pub memory: u64,
    pub tasks: usize,
    /// Open file descriptors; 0 where the system does not tell.
    pub descriptors: usize,
    /// CPU time so far; none where the system does not tell.
    cpu: Duration,
}

impl Resources {
    pub fn now() -> Self {
        Self {
            memory: resident_memory().unwrap_or_default(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            cpu: cpu_time().unwrap_or_default(),
        }
    }

    /// The CPU time since then.
    pub fn cpu_since(&self) -> Duration {
        cpu_time().unwrap_or_default().saturating_sub(self.cpu)
    }
}

fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// User and system time, in the hundredths of a second that Linux counts.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name before the bracket may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis(10 * (user + system)))
}
