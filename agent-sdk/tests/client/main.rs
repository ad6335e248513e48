//! The client against the mock agent, over real sockets.
#![cfg(feature = "mock")]

mod calls;
mod common;
mod events;
mod frames;
mod login;
mod reconnect;
mod tls;
