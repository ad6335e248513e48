//! The recipes of `examples`, as they are copied, against the mock agent with the faults that matter.
//! Their time is tokio's, which is paused: minutes pass in milliseconds.
#![cfg(all(feature = "actions", feature = "mock", feature = "transfer"))]

mod backups;
mod chats;
mod common;
mod consoles;
mod exporter;
mod jobs;
mod mods;
mod page;
mod restarts;
mod watchdogs;
mod wipes;
