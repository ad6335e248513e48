//! From a reply to a value or a type: above the errors that this can end with, which keep the reply.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    error::{DecodeError, Error},
    reply::Reply,
};

impl Reply {
    /// Returns the result as a JSON value, `Null` if the reply has none.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if the result is not JSON.
    pub fn parameters(&self) -> Result<Value, Error> {
        self.decode()
    }

    /// Decodes the result as a type of your own.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] with the JSON path at which the result is not what `T` expects.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(agent: agent_sdk::Agent) -> Result<(), agent_sdk::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Version {
    ///     version: String,
    /// }
    /// let version: Version = agent.call_raw("version", ()).await?.decode()?;
    /// # Ok(()) }
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // The rest of the envelope follows the value, so its end is not looked at.
        let json = || serde_json::Deserializer::from_slice(self.parameters_and_rest());
        // Keeping track of the path costs time, so it is done only once something is wrong.
        T::deserialize(&mut json()).or_else(|_| {
            serde_path_to_error::deserialize(&mut json()).map_err(|error| {
                let path = error.path().to_string();
                Error::Decode(Box::new(DecodeError::new(path, self.clone(), error.inner())))
            })
        })
    }
}

/// What a [`Reply`] can be turned into.
///
/// Implemented by [`Reply`] itself and by each reply type that the generator makes; implement it
/// for a type of your own with [`Reply::decode`].
pub trait FromReply: Sized {
    /// Turns the reply into `Self`.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if the reply is not what `Self` expects.
    fn from_reply(reply: Reply) -> Result<Self, Error>;
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self, Error> {
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Payload;

    /// It used to be ignored like noise, and the call timed out.
    #[test]
    fn an_answer_that_is_broken_inside_is_an_error_of_its_call() {
        for message in [&b"{\"parameters\":{\"x\":\"\xff\"}}"[..], b"{\"parameters\":{\"x\":"] {
            let message = Payload::Copied(message.to_vec());
            let reply = Reply::new("echo".into(), message.clone(), Some(14));
            assert!(matches!(reply.parameters(), Err(Error::Decode(_))), "{message:?}");
        }
    }
}
