//! Problems with their place, their cause and what to do about them.
//!
//! Everything that reads or lowers writes its findings into a [`Report`] and goes on as far as it
//! can, so that one run tells all that is wrong.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde::{Serialize, Serializer, ser::SerializeStruct};

mod draw;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Something worth knowing, such as a name that had to be changed.
    Note,
    /// The result is usable, and less than it could be.
    Warning,
    /// Something could not be done; what it concerns is left out.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A text that was read, and the name to call it by.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// How many characters come before each step of bytes; counted when first asked for.
    characters: OnceLock<Vec<usize>>,
}

/// How many bytes lie between two counts of characters: what a column costs at most. Without them,
/// many findings on one long line would cost the square of its length.
const STEP: usize = 1024;

impl Source {
    /// Keeps a text for pointing into it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let begins = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(begins.map(|(at, _)| at + 1)).collect();
        Arc::new(Self { name: name.into(), text, lines, characters: OnceLock::new() })
    }

    /// What the text is called: a file's path as it was given, or a word for where it came from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and the column, both from 1, of a place; the column counts characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|begin| *begin <= offset).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or_default();
        let offset = offset.min(self.text.len());
        (line, self.characters(offset).saturating_sub(self.characters(begin)) + 1)
    }

    /// How many characters begin before a place.
    fn characters(&self, offset: usize) -> usize {
        // Every byte of a character but its first begins with the bits 10.
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let bytes = self.text.as_bytes();
        let counts = self.characters.get_or_init(|| {
            let steps = bytes.chunks(STEP).scan(0, |sum, step| {
                let before = *sum;
                *sum += count(step);
                Some(before)
            });
            steps.collect()
        });
        let step = offset / STEP;
        let before = counts.get(step).copied().unwrap_or_else(|| count(bytes));
        before + count(bytes.get(step * STEP..offset).unwrap_or_default())
    }

    /// The line in which a range begins: its number, its text, and what of the range is in it.
    fn line(&self, range: &Range<usize>) -> (usize, &str, Range<usize>) {
        let (number, _) = self.position(range.start);
        let begin = self.lines.get(number - 1).copied().unwrap_or_default();
        let end = self.lines.get(number).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(begin..end).unwrap_or_default().trim_end_matches('\r');
        let within = |offset: usize| offset.saturating_sub(begin).min(text.len());
        (number, text, within(range.start)..within(range.end))
    }

    /// The place of a line and a byte column, both from 1, as JSON and TOML readers tell them.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let begin = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.floor(begin + column.saturating_sub(1))
    }

    /// The nearest place at or before `offset` at which a character begins, or the end.
    pub(crate) fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    source: Arc<Source>,
    range: Range<usize>,
}

impl Place {
    pub fn new(source: &Arc<Source>, range: Range<usize>) -> Self {
        Self { source: Arc::clone(source), range }
    }

    /// The name of the text.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The line and the column, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.range.start)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.position();
        let mut fields = serializer.serialize_struct("Place", 3)?;
        fields.serialize_field("file", self.file())?;
        fields.serialize_field("line", &line)?;
        fields.serialize_field("column", &column)?;
        fields.end()
    }
}

/// One finding: what, where, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    code: &'static str,
    message: String,
    place: Option<Place>,
    path: Option<String>,
    help: Option<String>,
    /// The actions that it concerns, each with its place; empty if it concerns only one place.
    actions: Vec<(String, Place)>,
}

impl Diagnostic {
    /// A finding that stops what it concerns.
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A finding that makes the result less than it could be.
    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A finding that is worth knowing.
    pub(crate) fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity, code, message, place: None, path: None, help: None, actions: Vec::new() }
    }

    /// Points into a text.
    pub(crate) fn at(self, source: &Arc<Source>, range: Range<usize>) -> Self {
        self.at_place(&Place::new(source, range))
    }

    /// Points to a place.
    pub(crate) fn at_place(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Names the path inside the document.
    pub(crate) fn path(mut self, path: impl fmt::Display) -> Self {
        self.path = Some(path.to_string());
        self
    }

    /// Names the actions that it concerns, each with its place; the first one is the finding's.
    pub(crate) fn in_actions<'a>(
        mut self,
        actions: impl IntoIterator<Item = (&'a str, Place)>,
    ) -> Self {
        let actions = actions.into_iter().map(|(name, place)| (name.to_owned(), place));
        self.actions = actions.take(MOST_ACTIONS).collect();
        self.place = self.actions.first().map(|(_, place)| place.clone());
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// A short constant word for this kind of finding, to match on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was found.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The name of the text it was found in.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(Place::file)
    }

    /// The line and the column, both from 1; the column counts characters.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(Place::position)
    }

    /// The path inside the document, such as `actions.server_start.description`.
    #[must_use]
    pub fn document_path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

/// As [`Diagnostic::draw`] without colours.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(false))
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.position();
        let mut fields = serializer.serialize_struct("Diagnostic", 9)?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("file", &self.file())?;
        fields.serialize_field("line", &position.map(|(line, _)| line))?;
        fields.serialize_field("column", &position.map(|(_, column)| column))?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("help", &self.help)?;
        match self.actions.as_slice() {
            [] => fields.skip_field("actions")?,
            actions => {
                let places = actions.iter().map(|(action, place)| {
                    let (line, column) = place.position();
                    InAction { action, line, column }
                });
                fields.serialize_field("actions", &places.collect::<Vec<_>>())?;
            }
        }
        fields.end()
    }
}

/// One of the actions that a finding concerns, for a machine.
#[derive(Serialize)]
struct InAction<'a> {
    action: &'a str,
    line: usize,
    column: usize,
}

/// So many findings are kept; a hostile catalogue could have millions.
const MOST_FINDINGS: usize = 1000;

/// So many actions of one finding are kept.
const MOST_ACTIONS: usize = 1000;

/// All findings of a run, in a stable order: the first thousand, and how many more there were.
///
/// `Display` shows them for a human, one under the other; `Serialize` is the list of them for a
/// machine, each with `severity`, `code`, `message`, `file`, `line`, `column`, `path` and `help`. One
/// that concerns several actions has these as `actions`, each with `action`, `line` and `column`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    strict: bool,
    /// How many there were beyond those that are kept.
    omitted: usize,
    /// Whether an error was among those.
    omitted_error: bool,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty report that takes every warning for an error.
    #[must_use]
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        if self.strict && diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
        if self.diagnostics.len() < MOST_FINDINGS {
            self.diagnostics.push(diagnostic);
        } else {
            self.omitted += 1;
            self.omitted_error |= diagnostic.severity == Severity::Error;
        }
    }

    /// Adds the findings of another report; where this one is strict, its warnings become errors.
    pub fn extend(&mut self, other: &Self) {
        other.iter().for_each(|found| self.push(found.clone()));
        self.omitted += other.omitted;
        self.omitted_error |= other.omitted_error;
    }

    /// Returns whether anything could not be done.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.omitted_error || self.iter().any(|found| found.severity == Severity::Error)
    }

    /// How many findings there were beyond those that are kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// The findings that are at least as bad as this.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> Self {
        let mut report = self.clone();
        report.diagnostics.retain(|found| found.severity >= severity);
        report
    }

    /// Returns whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The findings, in the order in which they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.diagnostics.iter()
    }
}

impl<'a> IntoIterator for &'a Report {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// As [`Report::draw`] without colours.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(false))
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let more = (self.omitted > 0).then(|| {
            let severity = if self.omitted_error { Severity::Error } else { Severity::Note };
            Diagnostic::new(severity, "more", format!("… and {} more", self.omitted))
        });
        serializer.collect_seq(self.diagnostics.iter().chain(&more))
    }
}
