//! What people know and the catalogue does not say.
//!
//! A TOML file beside the snapshots; `schemas/overlay.schema.json` describes it for editors. It may
//! say anything about what is in the catalogue, and nothing about what is not: an entry that
//! matches nothing is an error that names the nearest match.
//!
//! ```toml
//! # Stands at the top of the generated code.
//! note = "The snapshot is a reconstruction."
//! # The parameter that `new` takes by position where an action requires it.
//! subject = "server"
//!
//! # A type of its own, so that a server's id and a mod's cannot be mixed up …
//! [types.ServerId]
//! is = "str"
//! description = "The id of a server."
//! # … or a text of which some values are known.
//! [types.WipeTarget]
//! values = ["persistence", "players"]
//!
//! # Every parameter of this name.
//! [parameters.server]
//! type = "ServerId"
//!
//! # Actions that belong together: one `impl` with this documentation.
//! [groups.servers]
//! description = "Servers: what runs, and how it is started and stopped."
//! actions = ["server_start", "server_stop"]
//!
//! [actions.server_export]
//! related = ["server_import"]
//! name = "export_server"
//! timeout = 600
//! description = "Exports a server; takes minutes."
//! deprecated = "use `create_backup`"
//! reply = "responses/server_export.schema.json"
//!
//! # It changes nothing, so that repeating it does no harm.
//! [actions.servers]
//! reads = true
//!
//! [actions.server_export.parameters.compress]
//! optional = true
//! type = "bool"
//! description = "Whether to compress the archive."
//! ```

mod check;
mod declare;
mod effect;
mod files;

use std::{
    collections::BTreeMap,
    fmt,
    fmt::Write,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use toml::Spanned;

use crate::{
    diagnostic::{Diagnostic, Place, Report, Source},
    naming,
    snapshot::json::{self, Json},
    text::{Quoted, Visible, is_unseen, prose},
    types::ParamType,
};

/// The overlay of a snapshot; [`Overlay::default`] says nothing.
#[derive(Clone, Debug)]
pub struct Overlay {
    source: Arc<Source>,
    /// Where the files of replies are looked for.
    folder: PathBuf,
    pub(crate) content: Content,
    /// The types that are declared, by their names.
    declared: BTreeMap<String, ParamType>,
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            source: Source::new("no overlay", ""),
            folder: PathBuf::new(),
            content: Content::default(),
            declared: BTreeMap::new(),
        }
    }
}

/// The file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Content {
    #[serde(deserialize_with = "text")]
    pub note: String,
    pub subject: Option<Spanned<Subject>>,
    pub types: BTreeMap<Spanned<String>, TypeEntry>,
    pub parameters: BTreeMap<Spanned<String>, NameEntry>,
    pub actions: BTreeMap<Spanned<String>, ActionEntry>,
    pub groups: BTreeMap<Spanned<String>, GroupEntry>,
}

/// Actions that belong together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GroupEntry {
    #[serde(deserialize_with = "text")]
    pub description: String,
    pub actions: Vec<Spanned<String>>,
}

/// The one parameter that has a position: with two of them, a new catalogue could swap what an old
/// call says.
#[derive(Clone, Debug)]
pub(crate) struct Subject(pub String);

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneName;

        impl Visitor<'_> for OneName {
            type Value = Subject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "one name, as in `subject = \"server\"`: only one parameter has a position, every \
                     other is set by its name",
                )
            }

            fn visit_str<E>(self, name: &str) -> Result<Subject, E> {
                Ok(Subject(name.to_owned()))
            }
        }

        deserializer.deserialize_str(OneName)
    }
}

/// A text that says something: a blank one would have no effect.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if prose(&text).is_empty() {
        return Err(D::Error::custom("a text that says nothing; write one, or take the line out"));
    }
    Ok(text)
}

/// A time limit that leaves time.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(D::Error::custom("a timeout of 0 seconds would end every call before it is sent")),
        seconds => Ok(Some(seconds)),
    }
}

/// A type that is declared: one of `is` and `values`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TypeEntry {
    pub is: Option<Spanned<String>>,
    pub values: Vec<ValueEntry>,
    #[serde(deserialize_with = "text")]
    pub description: String,
}

/// One known value of a text, and perhaps the name that was chosen for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a value is a text, or `{ value = \"a text\", name = \"LikeThis\" }`"
)]
pub(crate) enum ValueEntry {
    Text(String),
    Named(NamedValue),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedValue {
    value: String,
    name: String,
}

impl ValueEntry {
    /// The value on the wire.
    pub fn value(&self) -> &str {
        match self {
            Self::Text(value) | Self::Named(NamedValue { value, .. }) => value,
        }
    }

    /// The chosen variant.
    fn chosen(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Named(NamedValue { name, .. }) => Some(name),
        }
    }

    /// The variant; `None` if the value has no letter or digit to be named by.
    pub fn variant(&self) -> Option<String> {
        self.chosen().map(ToOwned::to_owned).or_else(|| naming::variant(self.value()))
    }
}

/// What is known of every parameter of a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NameEntry {
    #[serde(rename = "type")]
    pub word: Option<Spanned<String>>,
    #[serde(deserialize_with = "text")]
    pub description: String,
    pub secret: Option<bool>,
}

/// What is known of an action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActionEntry {
    pub name: Option<Spanned<String>>,
    #[serde(deserialize_with = "text")]
    pub description: String,
    #[serde(deserialize_with = "text")]
    pub deprecated: String,
    /// In seconds.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Option<u64>,
    pub reads: bool,
    /// Actions that a reader of this one may look for.
    pub related: Vec<Spanned<String>>,
    pub reply: Option<Spanned<String>>,
    pub parameters: BTreeMap<Spanned<String>, ParameterEntry>,
}

/// What is known of one parameter of one action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ParameterEntry {
    pub name: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub word: Option<Spanned<String>>,
    #[serde(deserialize_with = "text")]
    pub description: String,
    pub optional: bool,
    pub secret: Option<bool>,
}

impl Overlay {
    /// Reads an overlay from a file.
    ///
    /// The report has what is wrong; `None` means that the file cannot be used.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match files::read(path) {
            Ok(text) => {
                let overlay = Self::from_text(&name, &text, report)?;
                Some(overlay.in_folder(path.parent().unwrap_or(Path::new(""))))
            }
            Err(error) => {
                let message = format!("{} cannot be read: {error}", Quoted(&name));
                report.push(
                    Diagnostic::error("unreadable", message)
                        .help("name another overlay, or none at all"),
                );
                None
            }
        }
    }

    /// Looks for the files of replies in this folder. The default is the overlay's own, and the
    /// current one for an overlay from memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{Overlay, Report};
    ///
    /// let text = "[actions.whoami]\nreply = 'whoami.schema.json'";
    /// let overlay = Overlay::from_text("overlay", text, &mut Report::new()).unwrap();
    /// let overlay = overlay.in_folder("schemas/responses");
    /// assert!(overlay.files()[0].starts_with("schemas/responses"));
    /// ```
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Reads an overlay from memory; `name` is what the report calls it. Files of replies are
    /// looked for in the current folder.
    pub fn from_text(name: &str, text: &str, report: &mut Report) -> Option<Self> {
        let source = Source::new(name, text);
        let content = toml::from_str(text)
            .map_err(|error| {
                let at = error.span().unwrap_or(0..0);
                let message = format!("this is no overlay: {}", Visible(error.message()));
                report.push(
                    Diagnostic::error("overlay", message)
                        .at(&source, at)
                        .help("`schemas/overlay.schema.json` tells all that may stand in it"),
                );
            })
            .ok()?;
        let mut overlay = Self { source, content, ..Self::default() };
        overlay.declare(report);
        Some(overlay)
    }

    /// Returns whether it declares a type of this name.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// The parameter that `new` takes by position, by its name on the wire.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.content.subject.as_ref().map(|subject| subject.get_ref().0.as_str())
    }

    /// Returns whether it says what a parameter holds.
    pub(crate) fn types(&self, action: &str, parameter: &str) -> bool {
        let here = self.content.actions.get(action).and_then(|it| it.parameters.get(parameter));
        let everywhere = self.content.parameters.get(parameter);
        here.is_some_and(|entry| entry.word.is_some())
            || everywhere.is_some_and(|entry| entry.word.is_some())
    }

    /// The declared type of every parameter of a name, where the overlay says one.
    pub(crate) fn declared_by_name(&self, parameter: &str) -> Option<ParamType> {
        let word = self.content.parameters.get(parameter)?.word.as_ref()?;
        let declared = self.read_word(word.get_ref()).param_type;
        declared.name().is_some().then_some(declared)
    }

    /// The schema of an action's reply, if it can be read.
    pub(crate) fn reply_schema(&self, action: &str) -> Option<Json> {
        let file = self.content.actions.get(action)?.reply.as_ref()?;
        let (path, text) = self.read_file(file).ok()?;
        json::read_schema(&Source::new(path.to_string_lossy(), text), &mut Report::new())
    }

    /// Where a type is declared.
    pub(crate) fn place_of_type(&self, name: &str) -> Option<Place> {
        let (key, _) = self.content.types.get_key_value(name)?;
        Some(Place::new(&self.source, key.span()))
    }

    /// Where the files of replies are looked for.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A finding about a place in the overlay.
    pub(crate) fn error(&self, message: String, place: Range<usize>) -> Diagnostic {
        Diagnostic::error("overlay", message).at(&self.source, place)
    }
}

/// A name as a key of a TOML table.
pub(crate) fn toml_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    let mut key = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => key.extend(['\\', character]),
            // A string cannot fail to be written.
            _ if is_unseen(character) => _ = write!(key, "\\U{:08x}", u32::from(character)),
            _ => key.push(character),
        }
    }
    key + "\""
}
