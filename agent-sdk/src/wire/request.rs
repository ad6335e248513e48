//! The request of a call, as it travels.

use std::{borrow::Cow, fmt};

use serde::Serialize;

use super::Token;
use crate::action::{Parameters, json};

/// A request that is written except for its token.
#[derive(Clone)]
pub(crate) struct Request(Vec<u8>);

impl fmt::Debug for Request {
    /// Shows the size only: parameters may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} bytes)", self.0.len())
    }
}

const BEFORE_TOKEN: &[u8] = br#"{"idempotence":""#;
const BLANK_TOKEN: [u8; Token::DIGITS] = [b'0'; Token::DIGITS];
const BEFORE_ACTION: &[u8] = br#"","action":"#;

/// Why a request cannot be written.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The parameters refuse to be serialised.
    Json(serde_json::Error),
    /// The parameters are neither an object nor nothing.
    NotAnObject,
}

impl Request {
    /// Writes a request. Parameters that serialise as `null`, such as `()` and a struct without
    /// fields, become an empty object.
    pub(crate) fn new(
        action: &str,
        parameters: &(impl Serialize + ?Sized),
    ) -> Result<Self, RequestError> {
        let mut text = Self::head(action).map_err(RequestError::Json)?;
        let start = text.len();
        json::write(&mut text, parameters).map_err(RequestError::Json)?;
        Self::finish(text, start)
    }

    /// Writes the request of an action. Not generic, so that it is compiled once for all of them.
    pub(crate) fn of_action(
        action: &str,
        write: &dyn Fn(&mut Parameters),
    ) -> Result<Self, RequestError> {
        let head = Self::head(action).map_err(RequestError::Json)?;
        let mut parameters = Parameters::begin(head);
        write(&mut parameters);
        let mut text = parameters.end().map_err(RequestError::Json)?;
        text.push(b'}');
        Ok(Self(text))
    }

    /// Writes all that comes before the parameters. Not generic, so that it is compiled once.
    fn head(action: &str) -> serde_json::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(256);
        text.extend_from_slice(BEFORE_TOKEN);
        text.extend_from_slice(&BLANK_TOKEN);
        text.extend_from_slice(BEFORE_ACTION);
        serde_json::to_writer(&mut text, action)?;
        text.extend_from_slice(br#","parameters":"#);
        Ok(text)
    }

    fn finish(mut text: Vec<u8>, parameters: usize) -> Result<Self, RequestError> {
        match &text[parameters..] {
            [b'{', ..] => {}
            b"null" => {
                text.truncate(parameters);
                text.extend_from_slice(b"{}");
            }
            _ => return Err(RequestError::NotAnObject),
        }
        text.push(b'}');
        Ok(Self(text))
    }

    /// Puts the token in.
    pub(crate) fn set_token(&mut self, token: Token) {
        // `head` wrote a blank token there, so this is never none.
        if let Some(place) = self.0[BEFORE_TOKEN.len()..].first_chunk_mut() {
            token.write(place);
        }
    }

    /// Returns the action's name on the wire, as [`Request::new`] has written it.
    pub(crate) fn action(&self) -> Option<Cow<'_, str>> {
        const START: usize = BEFORE_TOKEN.len() + Token::DIGITS + BEFORE_ACTION.len();
        let rest = self.0.get(START..)?;
        serde_json::Deserializer::from_slice(rest).into_iter().next()?.ok()
    }

    /// The buffer of the message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The message as it travels.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Tokens;

    #[test]
    fn a_request_has_the_three_fields() {
        let token = Tokens::new().next(7);
        let mut request = Request::new("server \"x\"", &serde_json::json!({"a": 1})).unwrap();
        request.set_token(token);
        assert_eq!(request.action().as_deref(), Some("server \"x\""));
        let value: serde_json::Value = serde_json::from_slice(request.as_bytes()).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "action": "server \"x\"",
                "parameters": {"a": 1},
                "idempotence": token.to_string(),
            })
        );
    }

    #[test]
    fn parameters_must_be_an_object_or_nothing() {
        let nothing = Request::new("a", &()).unwrap();
        assert!(nothing.as_bytes().ends_with(br#""parameters":{}}"#));
        assert!(matches!(Request::new("a", &[1]), Err(RequestError::NotAnObject)));
        assert!(matches!(Request::new("a", "text"), Err(RequestError::NotAnObject)));
    }
}
