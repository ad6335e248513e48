//! What people know and the catalogue does not say.

use std::path::Path;

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Report, Source};

/// The overlay of a snapshot; [`Overlay::default`] says nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// What the generated code says of itself at its top.
    #[serde(default)]
    pub(crate) note: String,
    /// Required parameters that come first among the arguments of `new`, in this order.
    #[serde(default)]
    pub(crate) first: Vec<String>,
}

impl Overlay {
    /// Reads an overlay from a file.
    ///
    /// What is wrong stands in the report; `None` means that the file cannot be used.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_text(&name, &text, report),
            Err(error) => {
                let message = format!("`{name}` cannot be read: {error}");
                report.push(Diagnostic::error("unreadable", message));
                None
            }
        }
    }

    /// Reads an overlay from memory; `name` is what the report calls it.
    pub fn from_text(name: &str, text: &str, report: &mut Report) -> Option<Self> {
        let source = Source::new(name, text);
        match toml::from_str(text) {
            Ok(overlay) => Some(overlay),
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                let message = format!("this is not an overlay: {}", error.message());
                report.push(Diagnostic::error("overlay", message).at(&source, at));
                None
            }
        }
    }
}
