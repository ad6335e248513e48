//! A text file that two editors do not overwrite for each other.

use serde_json::{Value, json};

use super::TransferError;
use crate::agent::Agent;

/// A text file as it was read; [`Agent::read_text`] returns one.
#[derive(Clone, Debug)]
pub struct TextFile {
    agent: Agent,
    path: String,
    content: String,
}

impl TextFile {
    pub(super) async fn read(agent: Agent, path: String) -> Result<Self, TransferError> {
        let content = fetch(&agent, &path).await?;
        Ok(Self { agent, path, content })
    }

    /// The path on the agent's machine.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text, as it was read or written last.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Writes a new text, unless the file was changed since this was read.
    ///
    /// The file is read once more before, and once after: the agent has no write that compares, so
    /// that a change between the first of these and the write is not noticed. A text that is there
    /// already is not written again.
    ///
    /// # Errors
    ///
    /// [`TransferError::Changed`] if another text was there, and nothing was written;
    /// [`TransferError::NotWritten`] if the agent accepted the text, and another one is there
    /// afterwards; [`TransferError::Call`] otherwise.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the text may or may not have been written.
    pub async fn write(&mut self, content: impl Into<String>) -> Result<(), TransferError> {
        let content = content.into();
        let now = fetch(&self.agent, &self.path).await?;
        if now != self.content {
            return Err(TransferError::Changed { path: self.path.clone() });
        }
        if now == content {
            return Ok(());
        }
        let parameters = json!({ "path": self.path, "content": content });
        self.agent.call_raw("write_file", parameters).await?;
        if fetch(&self.agent, &self.path).await? != content {
            return Err(TransferError::NotWritten { path: self.path.clone() });
        }
        self.content = content;
        Ok(())
    }
}

async fn fetch(agent: &Agent, path: &str) -> Result<String, TransferError> {
    let reply = agent.call_raw("read_file", json!({ "path": path })).await?;
    let answer = reply.parameters()?;
    text(&answer).map(str::to_owned).ok_or_else(|| TransferError::NoText { path: path.to_owned() })
}

/// The text in an answer of an unknown shape: the answer itself, or a field that is called so.
fn text(answer: &Value) -> Option<&str> {
    answer.as_str().or_else(|| {
        let fields = answer.as_object()?;
        ["content", "contents", "text", "data", "file"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .find_map(|value| value.as_str().or_else(|| text(value)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn a_text_is_found_in_every_likely_shape() {
        for answer in [
            json!("x"),
            json!({ "content": "x", "path": "/a" }),
            json!({ "data": "x" }),
            json!({ "file": { "content": "x" } }),
        ] {
            assert_eq!(text(&answer), Some("x"), "{answer}");
        }
        assert_eq!(text(&json!({ "path": "/a" })), None);
        assert_eq!(text(&json!({ "content": "" })), Some(""), "an empty file has a text");
    }
}
