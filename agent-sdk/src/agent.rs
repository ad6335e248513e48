//! The handle to an agent.

use crate::{Action, Call, Parameters};

/// A connection to one agent; clones share it.
#[derive(Clone, Debug)]
pub struct Agent {}

impl Agent {
    /// Calls an action.
    pub fn call<A: Action>(&self, parameters: A) -> Call<'_, A::Output> {
        let mut written = Parameters::begin(Vec::new());
        parameters.write(&mut written);
        Call::new(self, A::NAME, A::TIMEOUT, written.end())
    }
}

/// Why the connection ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it.
    #[error("it was closed from this side")]
    Requested,
}
