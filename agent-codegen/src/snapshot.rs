//! The catalogue of an agent as it was captured: every form it comes in, one form it is kept in.
//!
//! Accepted are the whole reply to `list_actions`, its `{"actions": …}`, and the bare map of
//! actions. The canonical form is `{"actions": …}` with everything that the agent said, pretty
//! printed, keys sorted, LF, with a final newline: equal catalogues are equal files.

mod canonical;
mod carry;
mod decode;
mod files;
pub(crate) mod json;
mod parameters;
mod shape;
mod type_word;

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

pub use files::{Version, files, version};

use crate::{
    diagnostic::{Diagnostic, Report, Source},
    text::nearest,
    types::ParamType,
};
use json::Json;

/// A catalogue of actions.
#[derive(Clone, Debug)]
pub struct Snapshot {
    source: Arc<Source>,
    /// Whether a byte-order mark stood before the text.
    marked: bool,
    /// The object that holds `actions`, with whatever else the agent put there.
    document: Json,
    actions: BTreeMap<String, Action>,
}

/// What the catalogue says of one action.
#[derive(Clone, Debug)]
pub struct Action {
    description: String,
    parameters: Vec<Parameter>,
    cloud_controller_only: bool,
    pub(crate) place: Range<usize>,
}

/// What the catalogue says of one parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub(crate) name: String,
    pub(crate) word: String,
    pub(crate) param_type: ParamType,
    /// Why the type is not all that it could be.
    pub(crate) doubt: Option<Doubt>,
    pub(crate) required: bool,
    pub(crate) description: String,
    pub(crate) values: Vec<String>,
    /// What is said of it beside all this, as JSON.
    pub(crate) metadata: String,
    pub(crate) place: Range<usize>,
}

/// Why a parameter takes any JSON value as far as the catalogue is concerned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// It has no type; with what stands there in its place, if it can never be one.
    NoType(Option<&'static str>),
    /// This word, which is the type or a part of it, is not known.
    UnknownWord(String),
}

impl Snapshot {
    /// Reads a snapshot from a file.
    ///
    /// What is wrong stands in the report. `None` means that nothing could be made of the file; an
    /// action that could not be read is left out, and the others are there.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match decode::read(path) {
            Ok(bytes) => Self::from_bytes(&name, &bytes, report),
            Err(error) => {
                report.push(
                    Diagnostic::error("unreadable", format!("`{name}` cannot be read: {error}"))
                        .help("`cargo xtask fetch` writes a snapshot of a running agent"),
                );
                None
            }
        }
    }

    /// Reads a snapshot from memory; `name` is what the report calls it.
    ///
    /// As [`Snapshot::read`].
    pub fn from_bytes(name: &str, bytes: &[u8], report: &mut Report) -> Option<Self> {
        let text = decode::decode(name, bytes, report)?;
        let source = Source::new(name, text);
        let document = shape::catalogue(&source, json::read(&source, report)?, report)?;
        let actions = parameters::actions(&source, &document, report)?;
        let marked = source.text().len() != bytes.len();
        Some(Self { source, marked, document, actions })
    }

    /// The canonical text.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical::write(&self.document)
    }

    /// Whether it was read from its canonical text, byte for byte.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        !self.marked && self.source.text() == self.canonical()
    }

    /// The text that it was read from, without a byte-order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// The agent's version, where the file's name tells it, as in `agent-1.1.34.json`.
    pub(crate) fn version(&self) -> Option<&str> {
        let file = Path::new(self.name()).file_name()?.to_str()?;
        let text = file.strip_prefix("agent-")?.strip_suffix(".json")?;
        Version::read(text).map(|_| text)
    }

    /// The name that it was read by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// All actions, by name; those that only the vendor's cloud may call too.
    #[must_use]
    pub fn actions(&self) -> &BTreeMap<String, Action> {
        &self.actions
    }

    /// The action whose name is most like this one, if any is much like it.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{Report, Snapshot};
    ///
    /// let catalogue = br#"{ "actions": { "server_start": {}, "whoami": {} } }"#;
    /// let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut Report::new()).unwrap();
    /// assert_eq!(snapshot.nearest_action("sever_start"), Some("server_start"));
    /// assert_eq!(snapshot.nearest_action("x"), None);
    /// ```
    #[must_use]
    pub fn nearest_action(&self, name: &str) -> Option<&str> {
        nearest(name, self.actions.keys().map(String::as_str))
    }

    /// The type of a parameter as the catalogue says it.
    #[must_use]
    pub fn parameter_type(&self, action: &str, parameter: &str) -> Option<&ParamType> {
        let parameters = self.actions.get(action)?.parameters();
        parameters.iter().find(|known| known.name == parameter).map(|known| &known.param_type)
    }

    /// What it says of an action, or beside the actions, whose meaning is not known; as JSON.
    pub(crate) fn metadata(&self, action: Option<&str>) -> Option<String> {
        let known: &[&str] = match action {
            Some(_) => &["description", "required_parameters", "cloud_controller_only"],
            None => &["actions"],
        };
        let object = match action {
            Some(action) => self.document.get("actions")?.get(action)?,
            None => &self.document,
        };
        let unknown = object.as_map()?.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        let unknown = unknown.map(|(key, member)| format!("{key}: {}", written(&member.value)));
        let text = unknown.collect::<Vec<_>>().join(", ");
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

/// A value as JSON on one line.
pub(crate) fn written(json: &Json) -> String {
    // No string holds a line break that is not escaped.
    canonical::write(json).lines().map(str::trim_start).collect()
}

impl Action {
    /// The agent's own words; empty where it has none.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The parameters: in the agent's order if it gave a list, by name if it gave a map.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Whether only the vendor's cloud may call it.
    #[must_use]
    pub fn cloud_controller_only(&self) -> bool {
        self.cloud_controller_only
    }
}

impl Parameter {
    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The catalogue's word for the type; empty where it has none.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// What the word means.
    #[must_use]
    pub fn param_type(&self) -> &ParamType {
        &self.param_type
    }

    /// The texts that the agent takes, if it says which.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether the agent demands it.
    #[must_use]
    pub fn required(&self) -> bool {
        self.required
    }

    /// The agent's own words; empty where it has none.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
}
