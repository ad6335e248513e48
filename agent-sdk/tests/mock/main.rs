//! The mock agent, seen by a client that is none of ours, over real sockets.
#![cfg(feature = "mock")]

mod calls;
mod events;
#[cfg(feature = "actions")]
mod expectations;
mod faults;
mod foreign;
mod lasting;
mod limits;
mod login;
mod tls;
