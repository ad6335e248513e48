//! The client against the mock agent, over real sockets.
#![cfg(feature = "mock")]

mod bare;
mod calls;
mod cancelling;
#[path = "../capture/mod.rs"]
mod capture;
mod certificates;
mod closing;
mod common;
mod compatibility;
mod defaults;
mod events;
mod figures;
mod first_login;
mod frames;
#[cfg(target_os = "linux")]
mod freezes;
mod futures;
mod gateway;
mod hostile_words;
mod known;
mod login;
mod reconnect;
mod refusals;
mod refused;
mod regressions;
mod restarts;
mod retry;
mod runtimes;
mod states;
mod subscriptions;
mod time_limit;
mod tls;
mod turmoil;
mod unreadable;
mod waiting;
mod watchdogs;
