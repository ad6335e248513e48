//! What travels in a message: the request, the envelope of a reply, and the token that joins
//! them.

mod envelope;
pub(crate) mod json;
mod payload;
mod request;
mod token;

pub(crate) use self::{
    envelope::{Envelope, Status, tokens, tokens_at_ends},
    payload::{BufferPool, Payload},
    request::{Request, RequestError},
    token::{Token, Tokens},
};
