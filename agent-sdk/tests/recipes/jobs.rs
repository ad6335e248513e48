//! The recipes themselves.
#![allow(dead_code, clippy::duplicate_mod, reason = "each is a program of its own")]

#[path = "../../examples/backup.rs"]
pub mod backup;
#[path = "../../examples/chat.rs"]
pub mod chat;
#[path = "../../examples/console.rs"]
pub mod console;
#[path = "../../examples/metrics.rs"]
pub mod metrics;
#[path = "../../examples/players.rs"]
pub mod players;
#[path = "../../examples/restart.rs"]
pub mod restart;
#[path = "../../examples/restart_when_empty.rs"]
pub mod restart_when_empty;
#[path = "../../examples/rolling_restart.rs"]
pub mod rolling_restart;
#[path = "../../examples/update_mods.rs"]
pub mod update_mods;
#[path = "../../examples/watchdog.rs"]
pub mod watchdog;
#[path = "../../examples/wipe.rs"]
pub mod wipe;
