//! The memory of this process as the kernel counts it.

use std::fs;

/// Returns the resident memory, in bytes; nothing where the kernel does not tell.
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// The most that ever stood in memory.
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

/// Why the rows about memory may be missing.
pub const UNKNOWN: &str = "this system does not tell what a process has in memory";

/// A line of `/proc/self/status`, such as `VmRSS:     1234 kB`.
fn field(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
