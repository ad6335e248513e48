//! The command line as a user meets it: the built program, against agents in other processes.

mod agentctl;
mod agents;
mod call;
#[cfg(unix)]
mod completions;
mod demo;
mod diff;
#[cfg(unix)]
mod drift;
mod failures;
mod faults;
mod fetch;
mod generate;
mod help;
mod hostile;
#[cfg(unix)]
mod installed;
mod man;
mod misuse;
mod mock_agent;
mod project;
mod readme;
mod secrets;
mod several;
mod soak;
#[cfg(unix)]
mod streams;
mod support;
mod transfer;
mod trust;
mod update;
mod upgrade;
mod versions;
mod wait;
mod watch;
