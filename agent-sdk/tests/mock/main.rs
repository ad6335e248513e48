//! The mock agent, seen by a client that is none of ours, over real sockets.
#![cfg(feature = "mock")]

mod calls;
mod events;
mod faults;
mod foreign;
mod lasting;
mod limits;
mod login;
mod tls;
