//! The catalogue of an agent as it was captured: every form it comes in, one form it is kept in.
//!
//! Accepted are the whole reply to `list_actions`, its `{"actions": …}`, and the bare map of
//! actions. The canonical form is `{"actions": …}` with everything that the agent said, pretty
//! printed, keys sorted, LF, with a final newline: equal catalogues are equal files.

mod availability;
mod canonical;
mod carry;
mod decode;
mod described;
mod files;
mod history;
pub(crate) mod json;
mod parameters;
mod range;
mod shape;
mod type_word;
mod union;

use std::{collections::BTreeMap, path::Path, sync::Arc};

pub(crate) use availability::Availability;
pub use files::{Version, files, version};
pub use history::History;
pub use range::{VersionRange, VersionRangeError};

use crate::{
    diagnostic::{Diagnostic, Place, Report, Source},
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
    /// The files of which it is the union; none of one alone.
    united: Vec<String>,
    /// The oldest and the newest version with which its actions were compared.
    compared: Option<(String, String)>,
}

/// What the catalogue says of one action.
#[derive(Clone, Debug)]
pub struct Action {
    description: String,
    parameters: Vec<Parameter>,
    cloud_controller_only: bool,
    /// In which of the versions that it was compared with clients may call it.
    pub(crate) availability: Availability,
    pub(crate) place: Place,
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
    /// Which of the versions that have the action have it.
    pub(crate) availability: Availability,
    /// Which of those require it, where it need not be given.
    pub(crate) requiring: Availability,
    pub(crate) place: Place,
}

/// Why a parameter takes any JSON value as far as the catalogue is concerned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// It has no type; with what is in its place, if that can never be one.
    NoType(Option<&'static str>),
    /// This word, which is the type or a part of it, is not known.
    UnknownWord(String),
    /// The versions of a union have different types, which are listed here.
    Differs(String),
}

impl Snapshot {
    /// Reads a snapshot from a file.
    ///
    /// The report has what is wrong. `None` means that nothing could be made of the file; an
    /// action that could not be read is left out, and the others are there.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match decode::read(path) {
            Ok(bytes) => Self::from_bytes(&name, &bytes, report),
            Err(error) => {
                report.push(
                    Diagnostic::error("unreadable", format!("`{name}` cannot be read: {error}"))
                        .help("name another file, or fetch the catalogue of a running agent"),
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
        Some(Self { source, marked, document, actions, united: Vec::new(), compared: None })
    }

    /// The canonical text.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical::write(&self.document)
    }

    /// Returns whether it was read from its canonical text, byte for byte.
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
        let text = self.file_name().strip_prefix("agent-")?.strip_suffix(".json")?;
        Version::read(text).map(|_| text)
    }

    /// The agent's version without the `v` that may stand before it.
    fn plain_version(&self) -> Option<&str> {
        self.version().map(|text| text.strip_prefix(['v', 'V']).unwrap_or(text))
    }

    fn parsed_version(&self) -> Option<Version> {
        self.version().and_then(Version::read)
    }

    /// The name of its file without the folder.
    pub(crate) fn file_name(&self) -> &str {
        self.name().rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// The names of the files that it is made of.
    pub(crate) fn files(&self) -> Vec<&str> {
        if self.united.is_empty() {
            return vec![self.file_name()];
        }
        self.united.iter().map(String::as_str).collect()
    }

    /// The oldest and the newest version of those for which it says which of them have an action.
    pub(crate) fn compared(&self) -> Option<(&str, &str)> {
        self.compared.as_ref().map(|(oldest, newest)| (oldest.as_str(), newest.as_str()))
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

    fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Returns whether only the vendor's cloud may call it.
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

    /// Returns whether the agent demands it.
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
