//! A call on its way.

use std::{marker::PhantomData, time::Duration};

use crate::{Agent, FromReply};

/// A call that is sent when it is awaited.
#[must_use = "a call is sent when it is awaited"]
#[derive(Debug)]
pub struct Call<'a, T> {
    agent: &'a Agent,
    output: PhantomData<fn() -> T>,
}

impl<'a, T: FromReply> Call<'a, T> {
    pub(crate) fn new(
        agent: &'a Agent,
        _action: &'static str,
        _timeout: Option<Duration>,
        _parameters: serde_json::Result<Vec<u8>>,
    ) -> Self {
        Self { agent, output: PhantomData }
    }
}
