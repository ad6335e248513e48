//! What changed between two catalogues, and what breaks by it.
//!
//! Each [`Change`] follows a [`Rule`] and has two verdicts, since they differ: [`Wire`] is what an SDK
//! made from the old catalogue meets at an agent that has the new one, and [`Rust`] is whether source
//! that uses the old code still compiles against the new one, with the items that do not.
//!
//! The order in which a catalogue tells its actions and parameters is no change: nothing depends on
//! it. `diff(a, b)` and `diff(b, a)` mirror each other, change by change.
//!
//! # Examples
//!
//! ```
//! use agent_codegen::{Overlay, Report, Snapshot, diff::{Diff, Rule, Side, Verdict}};
//!
//! let mut report = Report::new();
//! let mut read = |text: &str| {
//!     Snapshot::from_bytes("catalogue", text.as_bytes(), &mut report).unwrap()
//! };
//! let old = read(r#"{"actions": {"lift": {"required_parameters": {"height": "int"}}}}"#);
//! let new = read(r#"{"actions": {"lift": {"required_parameters": {"height": "int", "by": "str"}}}}"#);
//! let overlay = Overlay::default();
//! let diff = Diff::between(&Side::new(&old, &overlay), &Side::new(&new, &overlay));
//! assert_eq!(diff.verdict(), Verdict::Breaking);
//! assert_eq!(diff.changes()[0].rule(), Rule::RequiredParameterAdded);
//! assert_eq!(diff.changes()[0].items(), ["setter `Lift::by`"]);
//! ```
#![doc = "\n# Rules\n"]
#![doc = include_str!("diff/rules.md")]

mod compare;
mod draw;
mod lowered;
mod parameters;
mod relation;
mod rename;
mod replies;
mod rule;
mod schema;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

pub use rule::Rule;

use crate::{Overlay, Snapshot, diagnostic::Place, text::hash};

/// A catalogue and what people know about it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    snapshot: &'a Snapshot,
    overlay: &'a Overlay,
}

impl<'a> Side<'a> {
    /// A snapshot with its overlay.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, overlay: &'a Overlay) -> Self {
        Self { snapshot, overlay }
    }
}

/// What an SDK made from the old catalogue meets at an agent that has the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Everything that worked works.
    Works,
    /// Some of what worked may be rejected or ignored.
    Partly,
    /// What worked is rejected.
    Breaks,
}

/// Whether source that uses the old code compiles against the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rust {
    /// It does.
    Works,
    /// It does not where it uses the items of the change.
    Breaks,
}

/// How grave a change or a whole difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is no change.
    None,
    /// Only words for people changed.
    Documentation,
    /// Whatever worked and compiled still does.
    Compatible,
    /// Something breaks, on the wire or in Rust.
    Breaking,
}

impl Verdict {
    /// The step of the version that an SDK owes its users.
    #[must_use]
    pub fn version_step(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Documentation => "patch",
            Self::Compatible => "minor",
            Self::Breaking => "major",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    rule: Rule,
    action: Option<String>,
    parameter: Option<String>,
    wire: Wire,
    rust: Rust,
    before: Option<String>,
    after: Option<String>,
    items: Vec<String>,
    evidence: Option<String>,
    old: Option<Place>,
    new: Option<Place>,
}

impl Change {
    /// What kind of change it is.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The action on the wire, by its old name if it has two; `None` for the catalogue as a whole.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// The parameter on the wire, by its old name if it has two.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        self.parameter.as_deref()
    }

    /// The verdict on the wire.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// The verdict in Rust.
    #[must_use]
    pub fn rust(&self) -> Rust {
        self.rust
    }

    /// What was there before; `None` if there was nothing.
    #[must_use]
    pub fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// What is there now; `None` if there is nothing.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The Rust items that the change is about: those that no longer compile where it breaks, and
    /// those that are new where it does not.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// Why it is taken for this change and no other, where that is a conclusion.
    #[must_use]
    pub fn evidence(&self) -> Option<&str> {
        self.evidence.as_deref()
    }

    /// How grave it is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.wire != Wire::Works || self.rust == Rust::Breaks {
            Verdict::Breaking
        } else if self.rule.is_documentation() {
            Verdict::Documentation
        } else {
            Verdict::Compatible
        }
    }

    /// A number that is the same for the same change tomorrow, on any machine: 16 hexadecimal digits.
    /// It depends on what changed and not on its place.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let fields = [&self.action, &self.parameter, &self.before, &self.after];
        let fields = fields.into_iter().map(Option::as_deref);
        // A byte that no text has keeps the fields apart, and nothing from an empty text.
        let bytes = std::iter::once(Some(self.rule.id())).chain(fields).flat_map(|field| {
            let marks = if field.is_some() { [0xff, 1] } else { [0xff, 0] };
            marks.into_iter().chain(field.unwrap_or_default().bytes())
        });
        format!("{:016x}", hash(bytes))
    }

    /// A change of the whole catalogue that breaks nothing in Rust.
    fn new(rule: Rule, wire: Wire) -> Self {
        Self {
            rule,
            action: None,
            parameter: None,
            wire,
            rust: Rust::Works,
            before: None,
            after: None,
            items: Vec::new(),
            evidence: None,
            old: None,
            new: None,
        }
    }

    fn of(mut self, action: &str) -> Self {
        self.action = Some(action.to_owned());
        self
    }

    fn between(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    /// Names items that it concerns and that compile as before.
    fn with(mut self, items: Vec<String>) -> Self {
        self.items = items;
        self
    }

    /// Names the items that no longer compile; where there is none, nothing breaks.
    fn breaking(mut self, items: Vec<String>) -> Self {
        self.rust = if items.is_empty() { Rust::Works } else { Rust::Breaks };
        self.items = items;
        self
    }

    /// Returns whether it is about one of these actions, by the old name or the new one.
    fn concerns(&self, actions: &BTreeSet<String>) -> bool {
        let renamed = (self.rule == Rule::ActionRenamed).then_some(self.after.as_ref()).flatten();
        let mut names = self.action.iter().chain(renamed).peekable();
        names.peek().is_none() || names.any(|name| actions.contains(name))
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            rule: &'static str,
            severity: Verdict,
            action: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            parameter: Option<&'a str>,
            wire: Wire,
            rust: Rust,
            before: Option<&'a str>,
            after: Option<&'a str>,
            items: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            evidence: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            old: Option<&'a Place>,
            #[serde(skip_serializing_if = "Option::is_none")]
            new: Option<&'a Place>,
            fingerprint: String,
        }
        Shown {
            rule: self.rule.id(),
            severity: self.verdict(),
            action: self.action(),
            parameter: self.parameter(),
            wire: self.wire,
            rust: self.rust,
            before: self.before(),
            after: self.after(),
            items: &self.items,
            evidence: self.evidence(),
            old: self.old.as_ref(),
            new: self.new.as_ref(),
            fingerprint: self.fingerprint(),
        }
        .serialize(serializer)
    }
}

/// All changes between two catalogues.
///
/// `Serialize` is the form for machines, which `schemas/diff.schema.json` describes: a JSON Schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Breaking ones first, then by action and parameter.
    changes: Vec<Change>,
    /// How many concern actions outside of the selection.
    elsewhere: usize,
}

impl Diff {
    /// Compares two catalogues.
    ///
    /// Types that the new one no longer tells are those of the old one in Rust, as
    /// [`Snapshot::carry_types`] has it.
    #[must_use]
    pub fn between(old: &Side<'_>, new: &Side<'_>) -> Self {
        let mut changes = compare::changes(old, new);
        changes.sort_by(|one, other| {
            let key = |it: &Change| (std::cmp::Reverse(it.verdict()), it.action.is_some());
            let place = |it: &Change| (it.action.clone(), it.parameter.clone(), it.rule);
            (key(one), place(one)).cmp(&(key(other), place(other)))
        });
        Self { changes, elsewhere: 0 }
    }

    /// The changes, breaking ones first.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How grave the gravest change is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.changes.iter().map(Change::verdict).max().unwrap_or(Verdict::None)
    }

    /// Keeps the changes that concern these actions or the whole catalogue, and counts the others.
    ///
    /// # Examples
    ///
    /// ```
    /// # use agent_codegen::{Overlay, Report, Snapshot, diff::{Diff, Side, Verdict}};
    /// # let mut report = Report::new();
    /// # let mut read = |text: &str| {
    /// #     Snapshot::from_bytes("catalogue", text.as_bytes(), &mut report).unwrap()
    /// # };
    /// # let old = read(r#"{"actions": {"lift": {"description": ""}, "lower": {}}}"#);
    /// # let new = read(r#"{"actions": {"lift": {"description": ""}}}"#);
    /// # let overlay = Overlay::default();
    /// let diff = Diff::between(&Side::new(&old, &overlay), &Side::new(&new, &overlay));
    /// assert_eq!(diff.verdict(), Verdict::Breaking);
    /// assert_eq!(diff.only(&["lift".to_owned()].into()).verdict(), Verdict::None);
    /// ```
    #[must_use]
    pub fn only(mut self, actions: &BTreeSet<String>) -> Self {
        let before = self.changes.len();
        self.changes.retain(|change| change.concerns(actions));
        self.elsewhere += before - self.changes.len();
        self
    }

    /// How many changes [`Diff::only`] left out.
    #[must_use]
    pub fn elsewhere(&self) -> usize {
        self.elsewhere
    }
}

impl Serialize for Diff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            verdict: Verdict,
            version_step: &'static str,
            changes: &'a [Change],
            elsewhere: usize,
        }
        let verdict = self.verdict();
        let version_step = verdict.version_step();
        let (changes, elsewhere) = (self.changes(), self.elsewhere);
        Shown { verdict, version_step, changes, elsewhere }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
