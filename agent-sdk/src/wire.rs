//! What travels in a message: the request, the envelope of a reply, and the token that joins
//! them.

mod envelope;
mod payload;
mod request;
mod token;

pub(crate) use self::{
    envelope::{Envelope, Status, is_object, tokens},
    payload::{BufferPool, Payload},
    request::{Request, RequestError},
    token::{Token, Tokens},
};
